"""Calls at equal distances."""

import asyncio

from sagas.pace import Pace
from tests.sagas.world import START_MS, FakeClock


def turns(per_second: float, *, callers: int) -> list[int]:
    """When each of so many callers, who come at once, has its turn: milliseconds from the start."""

    async def whole() -> list[int]:
        clock = FakeClock()
        pace = Pace(per_second, clock_ms=clock.ms, sleep=clock.sleep)
        had: list[int] = []

        async def call() -> None:
            await pace.turn()
            had.append(clock.ms() - START_MS)

        calls = [asyncio.create_task(call()) for _ in range(callers)]
        await clock.advance(10)
        await asyncio.gather(*calls)
        return had

    return asyncio.run(whole())


def test_a_crowd() -> None:
    """Whoever comes with others waits until it is his turn."""
    assert turns(80, callers=5) == [0, 12, 25, 38, 50]


def test_no_limit() -> None:
    """Without a limit nobody waits."""
    assert turns(0, callers=3) == [0, 0, 0]


def test_turns_are_not_saved_up() -> None:
    """After a quiet time the next two callers are as far apart as ever."""

    async def whole() -> None:
        clock = FakeClock()
        pace = Pace(10, clock_ms=clock.ms, sleep=clock.sleep)
        await pace.turn()
        await clock.advance(60)
        await pace.turn()
        late = asyncio.create_task(pace.turn())
        await clock.advance(0.09)
        assert not late.done()
        await clock.advance(0.02)
        assert late.done()

    asyncio.run(whole())
