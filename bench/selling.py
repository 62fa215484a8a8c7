"""The same calls for every store: many buyers book, hold the seats of one hall, let them go.

A generator makes one call for each `next`, so that the loop around it costs little beside the call.
"""

import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import NamedTuple, Protocol

from bench.tasks import Figures, spread
from engine import Event, Hall, Zone, seat_id_of

CONCERT = 1
ROWS, SEATS_PER_ROW = 100, 9_999
SEATS = ROWS * SEATS_PER_ROW
BUYERS = 10_000
NOW_MS = 1_800_000_000_000
PRICE_MINOR = 40_000_00


class Store(Protocol):
    """The engine, and whatever sells as it does; what was called lasts once `flush` returns."""

    def create_booking(self, *, user_id: int, event_id: int, now_ms: int) -> int: ...
    def select_seat(self, *, user_id: int, booking_id: int, seat_id: int, now_ms: int) -> None: ...
    def release_seat(self, *, user_id: int, seat_id: int, now_ms: int) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Pace(NamedTuple):
    """How many calls share a flush, and how long calls are made."""

    per_flush: int
    seconds: float


class Basket(NamedTuple):
    user_id: int
    booking_id: int


def concert() -> Event:
    zone = Zone("Зал", 1, ROWS, PRICE_MINOR)
    return Event(CONCERT, 2_000_000_000_000, Hall(ROWS, SEATS_PER_ROW, (zone,)))


def sold(store: Store, pace: Pace) -> Figures:
    """Book, then hold, then let go, each at that pace. A call that is refused ends it all."""
    users = range(1, BUYERS + 1)
    baskets = [Basket(one, _book(store, one)) for one in users]
    store.flush()
    figures = {
        "book": driven((_book(store, one) for one in cycle(users)), store, pace),
        "select": driven(_selects(store, baskets), store, pace),
    }
    held = figures["select"]["calls"]
    return {**figures, "release": driven(_releases(store, baskets, held), store, pace)}


def driven(calls: Iterator[object], store: Store, pace: Pace) -> Figures:
    """Calls a second, and how long a flush and the calls before it took: what a caller waits."""
    times: list[float] = []
    made = 0
    began = ended = time.perf_counter()
    while ended < began + pace.seconds and (taken := len(list(islice(calls, pace.per_flush)))):
        store.flush()
        before, ended = ended, time.perf_counter()
        times.append(ended - before)
        made += taken
    return {"calls": made, "per_s": round(made / (ended - began)), **spread(times)}


def _book(store: Store, user_id: int) -> int:
    return store.create_booking(user_id=user_id, event_id=CONCERT, now_ms=NOW_MS)


def _selects(store: Store, baskets: list[Basket]) -> Iterator[None]:
    for (user_id, booking_id), seat_id in zip(cycle(baskets), _seats(), strict=False):
        store.select_seat(user_id=user_id, booking_id=booking_id, seat_id=seat_id, now_ms=NOW_MS)
        yield


def _releases(store: Store, baskets: list[Basket], held: int) -> Iterator[None]:
    for (user_id, _), seat_id in zip(cycle(baskets), islice(_seats(), held), strict=False):
        store.release_seat(user_id=user_id, seat_id=seat_id, now_ms=NOW_MS)
        yield


def _seats() -> Iterator[int]:
    """The hall, row by row."""
    for row in range(1, ROWS + 1):
        first = seat_id_of(event_id=CONCERT, row=row, number=1)
        yield from range(first, first + SEATS_PER_ROW)
