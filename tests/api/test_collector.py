"""The garbage collector looks at what is young, and not while a crowd waits."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest

from api import collector

ENOUGH = 2_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A short interval, and this process's own collector as it was."""
    monkeypatch.setattr(collector, "INTERVAL_SECONDS", 0.005)
    yield
    gc.enable()
    gc.unfreeze()


class Loop:
    """A loop on which so many calls wait."""

    def __init__(self) -> None:
        self.calls_waiting = 0

    def live(self, story: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            looking = asyncio.create_task(
                collector.look_now_and_then(lambda: self.calls_waiting),
            )
            await until(lambda: not gc.isenabled())
            await story()
            looking.cancel()

        asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(ENOUGH):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never came to that")


def looks() -> int:
    return int(gc.get_stats()[1]["collections"])


def looks_at_all() -> int:
    return int(gc.get_stats()[2]["collections"])


def test_young_cycles_are_found() -> None:
    """Without a look at the whole state."""
    found: list[str] = []

    class Cycle:
        def __init__(self) -> None:
            self.self = self

        def __del__(self) -> None:
            found.append("a cycle")

    async def story() -> None:
        whole = looks_at_all()
        Cycle()
        await until(lambda: found == ["a cycle"])
        assert whole == looks_at_all()

    Loop().live(story)


def test_what_a_crowd_brings_is_passed_over() -> None:
    """As long as it waits; then what has come since is looked at again."""
    loop = Loop()

    async def story() -> None:
        loop.calls_waiting = collector.CROWD
        brought = [[one] for one in range(10_000)]
        passed_over, looked = gc.get_freeze_count(), looks()
        await until(lambda: gc.get_freeze_count() >= passed_over + len(brought))
        assert looked == looks()
        loop.calls_waiting = collector.CROWD - 1
        await until(lambda: looks() > looked)

    loop.live(story)
