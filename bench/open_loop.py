"""Calls at a fixed rate, however slow the answers are, and how long they took."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import count
from typing import Any, NamedTuple

from bench.caller import Answer


class Timed(NamedTuple):
    """Each call's answer, when it was due, and its seconds from then on, however late it went."""

    answers: list[Answer]
    dues: list[float]
    seconds: list[float]


async def open_loop(rate: int, asks: Sequence[Callable[[], Awaitable[Answer]]]) -> Timed:
    """A call each 1/rate seconds, whether those before are answered or not."""
    began = time.perf_counter()

    async def one(at: int, ask: Callable[[], Awaitable[Answer]]) -> tuple[Answer, float, float]:
        due = began + at / rate
        await until(due)
        since = min(due, time.perf_counter())  # a loop that counts in milliseconds wakes it early
        return await ask(), since, time.perf_counter() - since

    timed = await asyncio.gather(*(one(at, ask) for at, ask in enumerate(asks)))
    return Timed(*map(list, zip(*timed, strict=True)))


async def steady(
    rate: int, call: Callable[[float], Coroutine[Any, Any, None]], is_over: Callable[[], bool]
) -> None:
    """The same until it is over, for calls that are too many to be listed: each is told when it was
    due. Returns when all have returned."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for at in count():
            due = began + at / rate
            await until(due)
            if is_over():
                return
            group.create_task(call(due))


async def until(at: float) -> None:
    """Sleep until a moment of `perf_counter`; not at all where it is over."""
    await asyncio.sleep(max(at - time.perf_counter(), 0.0))
