"""Virtual time, and processes that end in the middle of it."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from torture.simulation.loop import Life, LifeOver, Stuck, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    one = VirtualLoop()
    yield one
    one.close()


def test_time_jumps(loop: VirtualLoop) -> None:
    """A day passes at once, and everybody wakes in the order of their moments."""
    woken: list[str] = []

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(f"{name} at {loop.time():g}")

    async def day() -> None:
        await asyncio.gather(sleep("late", 86_400), sleep("early", 1), sleep("soon", 0.5))

    loop.run_until_complete(day())
    assert ["soon at 0.5", "early at 1", "late at 86400"] == woken


def test_nobody_will_ever_wake_it(loop: VirtualLoop) -> None:
    """A wait without an end is an error, not a hanging test."""
    with pytest.raises(Stuck):
        loop.run_until_complete(loop.create_future())


def test_the_end_of_a_life(loop: VirtualLoop) -> None:
    """What runs in it stops where it is, with no `finally`; those outside are told, and go on."""
    said: list[str] = []

    async def work(seconds: float) -> str:
        said.append("begins")
        try:
            await asyncio.sleep(seconds)
        finally:
            said.append("ends")
        return "done"

    async def outside() -> None:
        first, second = Life(loop), Life(loop)
        assert "done" == await first.result(work(1))
        loop.call_later(1, first.end)
        with pytest.raises(LifeOver):
            await first.result(work(5))
        await asyncio.sleep(10)
        assert ["begins", "ends", "begins"] == said
        assert "done" == await second.result(work(1))
        first.bury()
        second.bury()

    loop.run_until_complete(outside())
    assert [] == loop.accidents


def test_the_dead_are_not_woken(loop: VirtualLoop) -> None:
    """An answer that arrives for a process that is gone wakes nobody in it."""
    said: list[str] = []

    async def wait_for(answer: asyncio.Future[str]) -> None:
        said.append(await answer)

    async def parent(answer: asyncio.Future[str]) -> None:
        await asyncio.gather(wait_for(answer), wait_for(answer))

    async def outside() -> None:
        life = Life(loop)
        answer: asyncio.Future[str] = loop.create_future()
        loop.call_later(1, life.end)
        with pytest.raises(LifeOver):
            await life.result(parent(answer))
        answer.set_result("too late")
        await asyncio.sleep(1)
        life.bury()

    run: Coroutine[Any, Any, None] = outside()
    loop.run_until_complete(run)
    assert [] == said
