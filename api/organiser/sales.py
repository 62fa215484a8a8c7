"""The sale over time: the figures of every event that sells, looked at once a second and kept.

A look costs the buyers nothing: no command knows of it. Only changes are kept, each second's for an
hour and each minute's for a day, as far as memory for them goes; a restart begins anew.
"""

import asyncio
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable
from operator import itemgetter
from struct import Struct
from typing import NamedTuple

from engine import Engine

LOOK_SECONDS = 1.0
# Some 5 ms of the loop in a second; of more events each is looked at less often.
EVENTS_PER_LOOK_MAX = 1_000
EVENTS_PER_ROUND = 100
SECONDS_KEPT_MS = 3_600_000
MINUTES_KEPT_MS = 86_400_000
MINUTE_MS = 60_000
# Some 75 bytes each; the event that has been quiet for the longest time gives up all of its own.
POINTS_KEPT_MAX = 500_000
# A chart has at most 360 points.
POINTS_TOLD_MAX = 360
STEPS_SECONDS = (1, 10, 60, 300)

_POINT = Struct("<5q")  # packed it takes a third of a tuple of integers


class Point(NamedTuple):
    """The figures from this moment on."""

    at_ms: int
    sold: int
    reserved: int
    free: int
    revenue_minor: int


class Series:
    """The changes of one event's figures: the last hour's by second, the last day's by minute."""

    def __init__(self) -> None:
        self._seconds: deque[bytes] = deque()
        self._minutes: deque[bytes] = deque()
        self._last: Point | None = None

    def __len__(self) -> int:
        return len(self._seconds) + len(self._minutes)

    def note(self, point: Point) -> bool:
        """Keep it, if the figures are others than the last ones."""
        last = self._last
        if last is not None and last[1:] == point[1:]:
            return False
        packed = _POINT.pack(*point)
        if last is not None and last.at_ms // MINUTE_MS == point.at_ms // MINUTE_MS:
            self._minutes[-1] = packed
        else:
            self._minutes.append(packed)
        self._seconds.append(packed)
        self._last = point
        _forget(self._seconds, point.at_ms - SECONDS_KEPT_MS)
        _forget(self._minutes, point.at_ms - MINUTES_KEPT_MS)
        return True

    def since(self, at_ms: int, *, by_second: bool) -> list[Point]:
        """The changes after that moment, and the one before it, whose figures were true then."""
        kept = self._seconds if by_second else self._minutes
        points = [Point._make(_POINT.unpack(one)) for one in kept]
        return points[max(0, bisect_right(points, at_ms, key=itemgetter(0)) - 1) :]


class Sales:
    """Those of one server."""

    def __init__(self) -> None:
        # The event that has changed last is last.
        self._series: OrderedDict[int, Series] = OrderedDict()
        self._kept = 0
        self._looked_at_lsn = -1
        self._next = 0

    async def watch(self, engine: Engine, clock_ms: Callable[[], int]) -> None:
        """Look once a second, for ever."""
        while True:
            await self.look(engine, clock_ms)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, engine: Engine, clock_ms: Callable[[], int]) -> None:
        """At every event that has ever been booked, or at the next of too many."""
        events = engine.events_booked()
        lsn = engine.appended_lsn
        if lsn == self._looked_at_lsn:
            return
        some = events[self._next :][:EVENTS_PER_LOOK_MAX]
        self._next = 0 if self._next + len(some) >= len(events) else self._next + len(some)
        if not self._next:
            self._looked_at_lsn = lsn
        for first in range(0, len(some), EVENTS_PER_ROUND):
            for event_id in some[first : first + EVENTS_PER_ROUND]:
                self._note(event_id, now(engine, event_id, clock_ms()))
            await asyncio.sleep(0)

    def over(
        self, engine: Engine, event_id: int, *, minutes: int, now_ms: int
    ) -> tuple[int, list[Point]]:
        """The step in seconds, and the figures at the end of each step until now.

        The first point is the first moment that is known, if that is later. Raises EventNotFound.
        """
        latest = now(engine, event_id, now_ms)
        step_seconds = next(one for one in STEPS_SECONDS if minutes * 60 <= POINTS_TOLD_MAX * one)
        first_ms = now_ms - minutes * MINUTE_MS
        series = self._series.get(event_id)
        by_second = minutes * MINUTE_MS <= SECONDS_KEPT_MS
        known = [] if series is None else series.since(first_ms, by_second=by_second)
        return step_seconds, [*_stepped(known, first_ms, now_ms, step_seconds * 1_000), latest]

    def _note(self, event_id: int, point: Point) -> None:
        series = self._series.get(event_id)
        if series is None:
            series = self._series[event_id] = Series()
        before = len(series)
        if series.note(point):
            self._series.move_to_end(event_id)
            self._kept += len(series) - before
            while self._kept > POINTS_KEPT_MAX and len(self._series) > 1:
                _, quiet = self._series.popitem(last=False)
                self._kept -= len(quiet)


def now(engine: Engine, event_id: int, now_ms: int) -> Point:
    """The figures of this moment; raises EventNotFound."""
    found = engine.analytics(event_id)
    counts = found.sold_seats, found.reserved_seats, found.free_seats
    return Point(now_ms, *counts, found.revenue_minor)


def _stepped(points: list[Point], first_ms: int, now_ms: int, step_ms: int) -> list[Point]:
    """What was true at the end of each step, before now."""
    if not points:
        return []
    begins_ms = max(first_ms, points[0].at_ms)
    found, at = [], 0
    for end_ms in range(begins_ms, now_ms, step_ms):
        while at + 1 < len(points) and points[at + 1].at_ms <= end_ms:
            at += 1
        found.append(points[at]._replace(at_ms=end_ms))
    return found


def _forget(points: deque[bytes], before_ms: int) -> None:
    """Those before that moment, but for the last of them: its figures were true then."""
    while len(points) > 1 and _POINT.unpack(points[1])[0] <= before_ms:
        points.popleft()
