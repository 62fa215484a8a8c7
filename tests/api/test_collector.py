"""The garbage collector looks at what is young, and not while a crowd waits."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator

import pytest

from api import collector
from tests.api.waiting import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A short interval, and this process's own collector as it was."""
    monkeypatch.setattr(collector, "INTERVAL_SECONDS", 0.005)
    yield
    gc.enable()
    gc.unfreeze()


def live(story: Callable[[], Awaitable[None]], calls_waiting: Callable[[], int]) -> None:
    """Tell a story on a loop on which so many calls wait."""

    async def whole() -> None:
        looking = asyncio.create_task(collector.look_now_and_then(calls_waiting))
        await until(lambda: not gc.isenabled())
        await story()
        looking.cancel()

    asyncio.run(whole())


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

    live(story, lambda: 0)


def test_what_a_crowd_brings_is_passed_over() -> None:
    """As long as it waits; then what has come since is looked at again."""
    calls_waiting = collector.CROWD

    async def story() -> None:
        nonlocal calls_waiting
        brought = [[one] for one in range(10_000)]
        passed_over, looked = gc.get_freeze_count(), looks()
        await until(lambda: gc.get_freeze_count() >= passed_over + len(brought))
        assert looked == looks()
        calls_waiting = collector.CROWD - 1
        await until(lambda: looks() > looked)

    live(story, lambda: calls_waiting)
