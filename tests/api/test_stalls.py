"""A loop that keeps people waiting is noticed, and an operator sees for how long."""

import asyncio
from contextlib import suppress

import pytest

from api.stalls import TICK_SECONDS, Stalls
from tests.api.rooms import Rooms


class Loop:
    """Wakes whoever sleeps as much too late as `late_s` says, one after the other."""

    def __init__(self, *late_s: float) -> None:
        self.now_s = 0.0
        self._late_s = list(late_s)

    async def sleep(self, seconds: float) -> None:
        if not self._late_s:
            raise asyncio.CancelledError
        self.now_s += seconds + self._late_s.pop(0)


def watched(loop: Loop) -> Stalls:
    """Stalls that have seen all of it."""
    stalls = Stalls(clock=lambda: loop.now_s, sleep=loop.sleep)
    with suppress(asyncio.CancelledError):
        asyncio.run(stalls.watch())
    return stalls


def test_the_longest_stall_is_told_once() -> None:
    """Of many, the longest; whoever asks again hears of later ones only."""
    stalls = watched(Loop(0.001, 0.25, 0.002))

    assert pytest.approx(0.25) == stalls.take()
    assert 0.0 == stalls.take()


def test_a_loop_that_is_in_time_has_no_stall() -> None:
    """Neither before anybody watches nor while nothing is late."""
    assert 0.0 == Stalls().take()
    assert pytest.approx(0.0, abs=TICK_SECONDS / 1_000) == watched(Loop(0, 0)).take()


def test_metrics_show_the_longest_stall(rooms: Rooms) -> None:
    """In seconds, since they were last read."""
    rooms.service.stalls = watched(Loop(0.125))

    told = [rooms.call("GET", "/metrics").body.decode() for _ in range(2)]

    assert "\nbilletter_loop_stall_seconds_max 0.125\n" in told[0]
    assert "\nbilletter_loop_stall_seconds_max 0.0\n" in told[1]


def test_every_look_is_counted() -> None:
    """By how late it was."""
    stalls = watched(Loop(0.0002, 0.004, 0.004, 2.0))

    assert 4 == sum(stalls.seconds.counts)
    assert pytest.approx(2.0082) == stalls.seconds.total
    assert 1 == stalls.seconds.counts[-1]


def test_a_stall_is_recent_for_a_minute_or_two() -> None:
    """However often it is asked for; then it is forgotten."""
    second = int(1 / TICK_SECONDS)
    quiet = [0.0] * second * 50
    assert pytest.approx(0.3) == watched(Loop(0.3, *quiet)).recent_seconds
    assert pytest.approx(0.3) == watched(Loop(0.3, *quiet, *quiet)).recent_seconds
    assert 0.3 > watched(Loop(0.3, *quiet, *quiet, *quiet)).recent_seconds
