"""The halls that somebody watches: each is looked at when it is asked for, at most so often.

The engine knows nothing of it: a look compares the bytes of a hall with those of the last one.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from api.live.hall import NO_VERSION, WatchedHall

LOOK_SECONDS = 0.25
# Whoever asks less often finds his version unknown, and fetches the whole map.
WATCHED_SECONDS = 60.0
# 16 MB of statuses, and a quarter of it of maps.
HALLS_KEPT_MAX = 4_096
SEATS_KEPT_MAX = 16_777_216
# Versions are milliseconds of the clock times this: no process gives those of the one before it,
# and JavaScript's numbers hold them until the year 2255.
VERSIONS_PER_MS = 1_000


@dataclass(slots=True)
class _Watched:
    hall: WatchedHall
    seats: int
    looked_at: float
    asked_at: float


class Halls:
    """By event; `clock` is in seconds and only counts."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        halls_kept_max: int = HALLS_KEPT_MAX,
        seats_kept_max: int = SEATS_KEPT_MAX,
    ) -> None:
        self._clock = clock
        self._halls_kept_max = halls_kept_max
        self._seats_kept_max = seats_kept_max
        # The one that was asked for the longest time ago is first.
        self._watched: OrderedDict[int, _Watched] = OrderedDict()
        self._seats = 0
        self._newest = NO_VERSION

    def __len__(self) -> int:
        return len(self._watched)

    def seen(self, event_id: int, statuses: Callable[[int], bytes], now_ms: int) -> WatchedHall:
        """The hall as it stands, or stood LOOK_SECONDS ago at most.

        `statuses` is only asked where a look is due; what it raises for an unknown event is passed
        on.
        """
        now = self._clock()
        watched = self._watched.get(event_id)
        if watched is None:
            watched = self._begun(event_id, statuses(event_id), now, now_ms)
        elif now - watched.looked_at >= LOOK_SECONDS:
            found = statuses(event_id)
            watched.hall.look(found, self._next_version(now_ms))
            self._seats += len(found) - watched.seats
            watched.seats, watched.looked_at = len(found), now
        watched.asked_at = now
        self._watched.move_to_end(event_id)
        self._forget(now)
        return watched.hall

    def _begun(self, event_id: int, statuses: bytes, now: float, now_ms: int) -> _Watched:
        hall = WatchedHall(statuses, self._next_version(now_ms))
        watched = self._watched[event_id] = _Watched(hall, len(statuses), now, now)
        self._seats += watched.seats
        return watched

    def _next_version(self, now_ms: int) -> int:
        self._newest = max(self._newest + 1, now_ms * VERSIONS_PER_MS)
        return self._newest

    def _forget(self, now: float) -> None:
        """Those that nobody has asked for lately, and the oldest of too many; never the last."""
        while len(self._watched) > 1:
            event_id, oldest = next(iter(self._watched.items()))
            is_watched = now - oldest.asked_at <= WATCHED_SECONDS
            too_many = len(self._watched) > self._halls_kept_max
            if is_watched and not too_many and self._seats <= self._seats_kept_max:
                return
            del self._watched[event_id]
            self._seats -= oldest.seats
