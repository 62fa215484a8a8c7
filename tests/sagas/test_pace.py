"""Calls at equal distances."""

import asyncio
from itertools import pairwise

import httpx

from sagas.pace import Pace
from tests.sagas.world import PARTNER, START_MS, FakeClock, Tell, World


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


def test_every_change_has_its_turn(tell: Tell) -> None:
    """Whatever we change at the provider, the change before it was a turn ago or longer."""

    async def story(world: World) -> None:
        changes: list[tuple[str, int]] = []
        pass_on = world.provider_net.handle_async_request

        async def note(request: httpx.Request) -> httpx.Response:
            if request.method != "GET":
                changes.append((request.url.path.rsplit("/", 1)[-1], world.clock.ms()))
            return await pass_on(request)

        world.provider_net.handle_async_request = note  # type: ignore[method-assign]
        await world.set_pace(1)
        bookings = [world.book(PARTNER, number) for number in (1, 2, 3, 4)]
        orders = [world.initiate(booking_id) for booking_id in bookings]
        await world.clock.advance(20)
        assert {world.status(order_id) for order_id in orders} == {"PENDING SUBMITTED"}
        for order_id, booking_id in zip(orders[:2], bookings[2:], strict=True):
            await world.pay(order_id)
            await world.verify(order_id)
            world.cancel(booking_id)
        await world.clock.advance(10)
        made = [route for route, _ in changes]
        calls = ("orders", "select", "submit", "confirm", "cancel")
        assert [made.count(call) for call in calls] == [4, 4, 4, 2, 2]
        assert all(later - earlier >= 1_000 for (_, earlier), (_, later) in pairwise(changes))

    tell(story)
