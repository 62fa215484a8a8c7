"""The figures as they change: over time for a chart, and from second to second for a dashboard."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import NamedTuple

import orjson

from api.endpoint import Call
from api.organiser.figures import figures_by_zone
from api.problems import BAD_REQUEST, BUSY, Refusal
from api.query import positive, required_integer
from api.reply import EVENTS, Reply, json_reply, stream_reply
from api.seats import money
from api.timeline import instant
from engine import Engine

MINUTES_DEFAULT = 60
MINUTES_MAX = 1_440
LOOK_SECONDS = 1.0
# So that whoever is between us knows that the connection lives.
LOOKS_OF_SILENCE_MAX = 15
# Each costs 20 us of the loop in a second.
DASHBOARDS_MAX = 64


class SalesQuery(NamedTuple):
    event_id: int
    minutes: int


def sales_query(values: Mapping[str, str]) -> SalesQuery:
    minutes = positive(values, "minutes") or MINUTES_DEFAULT
    if minutes > MINUTES_MAX:
        raise Refusal(BAD_REQUEST, f"Параметр minutes: нужно число от 1 до {MINUTES_MAX}.")
    return SalesQuery(required_integer(values, "id"), minutes)


def show_sales(call: Call[SalesQuery]) -> Reply:
    """The last minutes of a sale; `since` is the first moment that is known."""
    event_id, minutes = call.input
    service = call.service
    step_seconds, points = service.sales.over(
        service.engine, event_id, minutes=minutes, now_ms=call.now_ms
    )
    return json_reply(
        {
            "event_id": event_id,
            "step_seconds": step_seconds,
            "since": instant(points[0].at_ms),
            "points": [
                {
                    "at": instant(one.at_ms),
                    "sold": one.sold,
                    "reserved": one.reserved,
                    "free": one.free,
                    "revenue": money(one.revenue_minor),
                }
                for one in points
            ],
        }
    )


class Dashboards:
    """As many as the loop can bear."""

    def __init__(self) -> None:
        self._open = 0

    def show_dashboard(self, call: Call[int]) -> Reply:
        """Server-sent events: the figures by zone, now and in every second that changes them."""
        engine = call.service.engine
        engine.event(call.input)  # raises EventNotFound
        if self._open >= DASHBOARDS_MAX:
            raise Refusal(BUSY, "Открыто слишком много табло. Спрашивайте /x/analytics.")
        return stream_reply(EVENTS, self._changes(engine, call.input))

    async def _changes(self, engine: Engine, event_id: int) -> AsyncGenerator[bytes, None]:
        self._open += 1
        try:
            told, silence = b"", 0
            while True:
                found = orjson.dumps(figures_by_zone(engine, event_id))
                silence += 1
                if found != told:
                    yield b"data: %b\n\n" % found
                    told, silence = found, 0
                elif silence >= LOOKS_OF_SILENCE_MAX:
                    yield b": still there\n\n"
                    silence = 0
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._open -= 1
