"""Watchers of one hall on a clock of their own: one message at a time each, and nobody waits."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest

from api.live.audience import (
    BEAT,
    BEAT_SECONDS,
    OPENING,
    REST_SECONDS_MAX,
    TOLD_PER_ROUND,
    Audience,
)
from api.live.hall import WatchedHall
from api.live.halls import LOOK_SECONDS

SEATS = 10


class Sale:
    """A hall that is looked at; time passes when the audience sleeps, as far as it is let."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rests: list[float] = []
        self.statuses = bytes(SEATS)
        self.hall = WatchedHall(self.statuses, 1)
        self.failure: Exception | None = None
        self._may_look = asyncio.Event()
        self.audience = Audience(self._look, clock=lambda: self.now, sleep=self._sleep)

    def _look(self) -> WatchedHall:
        if self.failure is not None:
            raise self.failure
        self.hall.look(self.statuses, self.hall.version + 1)
        return self.hall

    async def _sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        await self._may_look.wait()
        self._may_look.clear()
        self.now += seconds

    def sell(self, seat: int) -> None:
        self.statuses = self.statuses[:seat] + b"\2" + self.statuses[seat + 1 :]

    async def look(self) -> None:
        """Let the audience look once, and everybody who waits be told."""
        rests = len(self.rests)
        self._may_look.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(self.rests) == rests + 1


Messages = AsyncGenerator[bytes, None]


async def opened(sale: Sale, since: int = 1) -> Messages:
    messages = sale.audience.messages(since)
    assert OPENING == await anext(messages)
    return messages


async def waits(messages: Messages) -> asyncio.Task[bytes]:
    """The next message, asked for and not there yet."""
    asked = asyncio.ensure_future(anext(messages))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not asked.done()
    return asked


def sold(frame: bytes) -> tuple[int, list[int], bool]:
    """Version, seats, and whether the whole is to be fetched."""
    version, _, body = frame.decode().partition("\n")
    told = orjson.loads(body.removeprefix("data: "))
    assert f"id: {told['version']}" == version
    return told["version"], told["sold"], told["whole"]


def test_a_watcher_is_told_what_he_does_not_know() -> None:
    """At once where he comes with another version, else when something happens."""

    async def story() -> None:
        sale = Sale()
        stranger, knows = await opened(sale, since=0), await opened(sale)
        assert (1, [], True) == sold(await anext(stranger))
        asked = [await waits(stranger), await waits(knows)]
        sale.sell(4)
        await sale.look()
        first, second = await asyncio.gather(*asked)
        assert (2, [4], False) == sold(first)
        assert first is second  # encoded once
        await waits(knows)
        assert [LOOK_SECONDS] * 2 == sale.rests

    asyncio.run(story())


def test_who_does_not_read_is_told_everything_at_once_later() -> None:
    """One message is on its way to him; the looks meanwhile make one more, not three."""

    async def story() -> None:
        sale = Sale()
        slow, quick = await opened(sale), await opened(sale)
        for seat in (1, 2, 3, 4):
            asked = await waits(quick)
            sale.sell(seat)
            await sale.look()
            assert (seat + 1, [seat], False) == sold(await asked)
            if seat == 1:
                assert (2, [1], False) == sold(await anext(slow))
        assert (5, [2, 3, 4], False) == sold(await anext(slow))
        await waits(slow)

    asyncio.run(story())


def test_silence_is_broken_by_a_comment() -> None:
    """Every 15 seconds without news, for everybody who waits; news set it back."""

    async def story() -> None:
        sale = Sale()
        messages = await opened(sale)
        asked = await waits(messages)
        looks = round(BEAT_SECONDS / LOOK_SECONDS)
        for _ in range(looks - 1):
            await sale.look()
        assert not asked.done()
        sale.sell(1)
        await sale.look()
        assert (2, [1], False) == sold(await asked)
        asked = await waits(messages)
        for _ in range(looks - 1):
            await sale.look()
        assert not asked.done()
        await sale.look()
        assert BEAT == await asked
        await waits(messages)

    asyncio.run(story())


def test_nobody_looks_where_nobody_watches() -> None:
    """The last one to leave ends it, and the next one to come begins it again, with a look."""

    async def story() -> None:
        sale = Sale()
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: failures.append(told))
        for sales in range(2):
            one, other = await opened(sale), await opened(sale)
            if sales:
                news = asyncio.ensure_future(anext(one))
                await asyncio.sleep(0)
                assert (2, [1], False) == sold(news.result())
            assert 2 == sale.audience.watchers
            before = len(asyncio.all_tasks())
            await one.aclose()
            await asyncio.sleep(0)
            assert before == len(asyncio.all_tasks())
            await other.aclose()
            await asyncio.sleep(0)
            assert (0, before - 1) == (sale.audience.watchers, len(asyncio.all_tasks()))
            sale.sell(1)
        assert [] == failures

    asyncio.run(story())


def test_who_leaves_while_he_waits_is_not_told() -> None:
    """His turn is passed over, the others have theirs."""

    async def story() -> None:
        sale = Sale()
        leaving, staying = await opened(sale), await opened(sale)
        gone, asked = await waits(leaving), await waits(staying)
        gone.cancel()
        await asyncio.sleep(0)
        assert 1 == sale.audience.watchers
        sale.sell(1)
        await sale.look()
        assert (2, [1], False) == sold(await asked)

    asyncio.run(story())


def test_who_comes_and_goes_while_nothing_happens_leaves_nothing_behind() -> None:
    """However often, and whether somebody else stays or not."""

    async def story() -> None:
        for others in range(2):
            sale = Sale()
            asked = [await waits(await opened(sale)) for _ in range(others)]
            for _ in range(3):
                gone = await waits(await opened(sale))
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)
            assert others == len(sale.audience._waiting)
            assert not any(one.done() for one in asked)

    asyncio.run(story())


def test_buyers_are_served_between_the_watchers() -> None:
    """So many are told in a round of the loop, and the others in the next rounds."""

    async def story() -> None:
        sale = Sale()
        watchers = [await opened(sale) for _ in range(2 * TOLD_PER_ROUND + 1)]
        asked = [asyncio.ensure_future(anext(one)) for one in watchers]
        await asyncio.sleep(0)
        sale.sell(1)
        sale._may_look.set()
        told: list[int] = []
        while len(told) < 4 and not all(one.done() for one in asked):
            await asyncio.sleep(0)
            done = sum(one.done() for one in asked)
            if done and done not in told:
                told.append(done)
        assert [TOLD_PER_ROUND, 2 * TOLD_PER_ROUND, 2 * TOLD_PER_ROUND + 1] == told

    asyncio.run(story())


def test_whoever_takes_long_to_tell_rests_longer() -> None:
    """So watchers take a fifth of the time, however many there are; but a second is enough."""

    async def story(seconds: float, rest: float) -> None:
        sale = Sale()
        messages = await opened(sale)
        asked = await waits(messages)
        sale.sell(1)
        slow_look = sale.audience._look

        def look() -> WatchedHall:
            sale.now += seconds
            return slow_look()

        sale.audience._look = look
        await sale.look()
        await asked
        assert [LOOK_SECONDS, rest] == sale.rests

    for seconds, rest in ((0.0, LOOK_SECONDS), (0.125, 0.5), (1.0, REST_SECONDS_MAX)):
        asyncio.run(story(seconds, rest))


def test_a_look_that_fails_ends_the_streams() -> None:
    """With its error; and whoever comes back is looked for again."""

    async def story() -> None:
        sale = Sale()
        asked = await waits(await opened(sale))
        sale.failure = RuntimeError("nothing to see")
        sale._may_look.set()
        with pytest.raises(RuntimeError, match="nothing to see"):
            await asked
        with pytest.raises(RuntimeError, match="nothing to see"):
            await opened(sale)
        assert 0 == sale.audience.watchers
        sale.failure = None
        again = await waits(await opened(sale))
        sale.sell(1)
        await sale.look()
        assert (2, [1], False) == sold(await again)

    asyncio.run(story())


def test_who_was_reading_when_a_look_failed_is_looked_for_again() -> None:
    """His turn comes later than the error: he is told of the next look, or that it fails, too."""

    async def story() -> None:
        sale = Sale()
        reading, asked = await opened(sale), await waits(await opened(sale))
        sale.failure = RuntimeError("nothing to see")
        sale._may_look.set()
        with pytest.raises(RuntimeError, match="nothing to see"):
            await asked
        sale.failure = None
        again = await waits(reading)
        sale.sell(1)
        await sale.look()
        assert (2, [1], False) == sold(await again)

    asyncio.run(story())
