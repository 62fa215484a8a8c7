"""Does a call cost more in a full hall, or after a million bookings?"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.selling import Pace, driven
from bench.stadium import NOW_MS, SEATS, fresh, held, seat_ids, sell, stadium
from bench.tasks import Figures, spread
from engine import Engine, SeatStatus

SEED = 7
SEATS_PER_BOOKING = 4
FILLS = (1, 25, 50, 75, 90, 99)  # percent of the seats that are SOLD
BATCH_RECORDS = 256
PAGE = 20
FEW_BOOKINGS = 10
FREE_SEATS = 500  # that are held and let go again, at every fill


class Size(NamedTuple):
    """Calls that are timed one by one, seconds for what is timed as a whole, bookings there are."""

    calls: int
    seconds: float
    bookings: int


def fill(directory: Path, size: Size) -> Figures:
    """Calls in a stadium that fills up at random; a `ratio` compares 99 % sold with 1 %."""
    engine = fresh(directory / "fill", [stadium()])
    seats = seat_ids()
    Random(SEED).shuffle(seats)
    figures: Figures = {}
    sold = 0
    for percent in FILLS:
        while sold < SEATS * percent // 100:
            sell(engine, user_id=sold + 1, seats=seats[sold : sold + SEATS_PER_BOOKING])
            sold += SEATS_PER_BOOKING
        engine.flush()
        figures[str(percent)] = _asked(engine, seats[sold : sold + FREE_SEATS], size)
    assert engine.analytics(1).sold_seats == sold
    engine.close()
    first, last = figures[str(FILLS[0])], figures[str(FILLS[-1])]
    ratios = {
        "free_page": last["free_page"]["p50_us"] / first["free_page"]["p50_us"],
        "select": last["select"]["p50_ms"] / first["select"]["p50_ms"],
    }
    return {**figures, **{f"{name}_flat": {"ratio": round(one, 2)} for name, one in ratios.items()}}


def _asked(engine: Engine, free: list[int], size: Size) -> Figures:
    """Pages anywhere, the seats that a crowd is dealt, and durable selects and releases.

    Fills can't be measured by turns, so the rate that is compared is that of the median flush.
    """
    pages = Random(SEED).choices(range(engine.analytics(1).free_seats // PAGE), k=size.calls)
    pace = Pace(BATCH_RECORDS, size.seconds)
    select = driven(_held_and_let_go(engine, free), engine, pace)
    deal = partial(engine.deal, event_id=1, row=None, limit=PAGE)
    return {
        "free_page": spread(_timed(partial(_page, engine, page) for page in pages), unit="us"),
        "deal": spread(_timed(deal for _ in range(size.calls)), unit="us"),
        "select": {**select, "per_s_p50": round(BATCH_RECORDS / select["p50_ms"] * 1e3)},
    }


def _page(engine: Engine, page: int) -> None:
    engine.seats(event_id=1, status=SeatStatus.FREE, row=None, offset=page * PAGE, limit=PAGE)


def _held_and_let_go(engine: Engine, seats: list[int]) -> Iterator[None]:
    booking_id = held(engine, user_id=1, seats=[])
    for seat_id in cycle(seats):
        engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat_id, now_ms=NOW_MS)
        yield
        engine.release_seat(user_id=1, seat_id=seat_id, now_ms=NOW_MS)
        yield


def flat(_: Path, size: Size) -> Figures:
    """Select with few bookings and with many, by turns, each of a booking and a seat at random.

    The seat is let go again, or the few would soon hold thousands each and the many one.
    """
    few, many = _with_bookings(FEW_BOOKINGS), _with_bookings(size.bookings)
    chance = Random(SEED)
    free = chance.sample(seat_ids(), size.calls)
    times: dict[str, list[float]] = {"few": [], "many": []}
    for seat_id in free:
        for name, (engine, bookings) in (("few", few), ("many", many)):
            user_id, booking_id = chance.choice(bookings)
            call = partial(
                engine.select_seat,
                user_id=user_id,
                booking_id=booking_id,
                seat_id=seat_id,
                now_ms=NOW_MS,
            )
            times[name] += _timed([call])
            engine.release_seat(user_id=user_id, seat_id=seat_id, now_ms=NOW_MS)
    figures = {name: spread(one, unit="us") for name, one in times.items()}
    ratio = figures["many"]["p50_us"] / figures["few"]["p50_us"]
    return {"bookings": size.bookings, **figures, "ratio": round(ratio, 2)}


def _with_bookings(count: int) -> tuple[Engine, list[tuple[int, int]]]:
    """An engine without a disk, and the user and id of each booking, all of one concert."""
    engine = Engine([stadium()])
    return engine, [(one, held(engine, user_id=one, seats=[])) for one in range(1, count + 1)]


def _timed(calls: Iterable[Callable[[], object]]) -> list[float]:
    times = []
    for call in calls:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return times
