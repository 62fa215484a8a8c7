"""What is answered about a hall that is being sold, to everybody: nothing in it is secret."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple
from weakref import WeakValueDictionary

from api.endpoint import NO_STORE, Call
from api.live.audience import Audience
from api.live.hall import NO_VERSION, WatchedHall
from api.live.halls import Halls
from api.problems import TOO_MANY_WATCHERS, Refusal
from api.query import integer, required_integer
from api.reply import EVENTS, JSON, Reply, json_reply, reply, stream_reply
from api.seats import zone_plan
from api.service import Service

BITS = b"application/octet-stream"
# 19 digits may be too many for 64 bits; no version of ours has more than 16.
DIGITS_MAX = 18


class Since(NamedTuple):
    """Of which event, and since which version; None: the client named none."""

    event_id: int
    version: int | None


def since_query(values: Mapping[str, str]) -> Since:
    return Since(required_integer(values, "id"), integer(values, "since"))


def show_plan(call: Call[int]) -> Reply:
    """Rows, zones and prices; a zone in which no seat is ours to sell is left out."""
    engine = call.service.engine
    event = engine.event(call.input)
    ours = {zone.name for zone in engine.zones(call.input)}
    return json_reply(
        {
            "id": event.event_id,
            "rows": event.hall.rows,
            "seats_per_row": event.hall.seats_per_row,
            "zones": [zone_plan(zone) for zone in event.hall.zones if zone.name in ours],
            "hold_seconds": engine.rules.hold_ms // 1_000,
            "return_hours": engine.rules.return_until_ms // 3_600_000,
        }
    )


class Live:
    """The halls that are watched, and who watches them over a stream."""

    def __init__(self) -> None:
        self._halls = Halls()
        # By event, as long as anybody watches or is about to: his messages keep theirs.
        self._audiences: WeakValueDictionary[int, Audience] = WeakValueDictionary()

    def show_map(self, call: Call[Since]) -> Reply:
        """All seats as bits, or since a version what has changed."""
        event_id, version = call.input
        hall = self._hall(call.service, event_id)
        if version is None:
            return reply(200, BITS, hall.map())
        return reply(200, JSON, hall.news(version).body)

    def stream(self, call: Call[Since]) -> Reply:
        """What changes, as it changes. Whoever comes back says with Last-Event-ID what he knows."""
        event_id, version = call.input
        # Whoever comes in the same round of the loop isn't counted yet: a few too many do no harm.
        if self._watchers() >= call.service.watchers_max:
            raise Refusal(TOO_MANY_WATCHERS)
        since = _version(call.headers.get(b"last-event-id"), version)
        messages = self._audience(call.service, event_id).messages(since)
        # What only some may see is never stored; this is for everybody.
        return stream_reply(EVENTS, messages, NO_STORE)

    def _hall(self, service: Service, event_id: int) -> WatchedHall:
        return self._halls.seen(event_id, service.engine.statuses, service.clock_ms())

    def _watchers(self) -> int:
        return sum(one.watchers for one in self._audiences.values())

    def _audience(self, service: Service, event_id: int) -> Audience:
        audience = self._audiences.get(event_id)
        if audience is None:
            audience = Audience(partial(self._hall, service, event_id))
            self._audiences[event_id] = audience
        return audience


def _version(header: bytes | None, asked: int | None) -> int:
    """The one that the browser has seen last, or else the one in the address."""
    if header is not None and header.isdigit() and len(header) <= DIGITS_MAX:
        return int(header)
    return NO_VERSION if asked is None else asked
