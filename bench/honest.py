"""Honest customers of fifty small events, at a fixed rate, in a process of their own.

They share the machine with the server and with whoever storms it, so the process asks the system
to be served first: else it would measure how long it has waited for a core itself.
"""

import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import orjson
import uvloop

from bench.caller import Answer, Caller
from bench.open_loop import open_loop
from bench.shop import CONCERT
from bench.tasks import Figures, be_served_first, spread
from catalog import demo
from engine import seat_id_of

USER = (demo.EMAIL, demo.PASSWORD)
EVENTS = range(CONCERT + 1, CONCERT + 51)
SEATS_PER_ROW = 50  # of the standard hall
CALLS = ("book", "seats", "select")


class Visit(NamedTuple):
    """Calls a second, for how long; `nth` of a server: a visit takes other seats than the last.

    `bookings` are of EVENTS, in this order.
    """

    url: str
    calls_per_s: int
    seconds: int
    nth: int
    bookings: list[int]


def booked(url: str) -> list[int]:
    """A booking of each of EVENTS."""
    return uvloop.run(_booked(url))


async def _booked(url: str) -> list[int]:
    caller = Caller(url, USER)
    booked = [await caller.ask("POST", "/api/bookings", {"event_id": one}) for one in EVENTS]
    await caller.close()
    return [orjson.loads(one.body)["id"] for one in booked]


class Visited(NamedTuple):
    """How long each call took from when it was due, by kind and at all, and what was answered."""

    figures: Figures
    dues: list[float]
    seconds: list[float]


def visited(visit: Visit) -> Visited:
    """Make the visit; run it in a child."""
    be_served_first()
    gc.disable()
    return uvloop.run(_visited(visit))


async def _visited(visit: Visit) -> Visited:
    caller = Caller(visit.url, USER)
    timed = await open_loop(visit.calls_per_s, _asks(caller, visit))
    await caller.close()
    statuses = Counter(str(answer.status) for answer in timed.answers)
    by_call = {name: spread(timed.seconds[at :: len(CALLS)]) for at, name in enumerate(CALLS)}
    figures = {"calls": spread(timed.seconds), **by_call, "answers": statuses}
    return Visited(figures, timed.dues, timed.seconds)


def _asks(caller: Caller, visit: Visit) -> list[Callable[[], Awaitable[Answer]]]:
    """Book, look at the hall, take a seat: each at the next event, and the next seat of a row."""
    asks: list[Callable[[], Awaitable[Answer]]] = []
    for at in range(visit.calls_per_s * visit.seconds // len(CALLS)):
        turn, which = divmod(at, len(EVENTS))
        event_id = EVENTS[which]
        taken = {
            "booking_id": visit.bookings[which],
            "seat_id": seat_id_of(event_id=event_id, row=visit.nth, number=turn + 1),
        }
        seats = f"/api/seats?event_id={event_id}&status=FREE"
        asks += [
            partial(caller.ask, "POST", "/api/bookings", {"event_id": event_id}),
            partial(caller.ask, "GET", seats),
            partial(caller.ask, "PATCH", "/api/seats/select", taken),
        ]
    assert len(asks) <= len(CALLS) * len(EVENTS) * SEATS_PER_ROW, "a row is too short for this"
    return asks
