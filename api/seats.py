"""The seats of a hall, and the sales figures of an event: what everybody may look at."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import orjson

from api.body import Int64
from api.endpoint import Call
from api.fairness.entrance import Taking
from api.query import choice, page_size, positive, required_integer
from api.reply import JSON, Reply, json_reply, message, reply
from engine import Analytics, Event, SeatPage, SeatStatus, Zone

_STATUSES = {status.name: status for status in SeatStatus}
_STATUS_NAMES = tuple(status.name for status in SeatStatus)
# With what finds them 31 MB: the stadium and many halls.
SEATS_KEPT_MAX = 131_072
# Seats by index and status; the oldest is first.
_Encoded = OrderedDict[int, bytes]

_SELECTED = message("Место успешно добавлено в бронь")
_RELEASED = message("Место успешно освобождено")


class SeatsQuery(NamedTuple):
    """`page` is None where the client named none, which means something: see `list_seats`."""

    event_id: int
    page: int | None
    page_size: int
    row: int | None
    status: SeatStatus | None


class SelectSeat(msgspec.Struct):
    booking_id: Int64
    seat_id: Int64


class ReleaseSeat(msgspec.Struct):
    seat_id: Int64


def seats_query(values: Mapping[str, str]) -> SeatsQuery:
    return SeatsQuery(
        required_integer(values, "event_id"),
        positive(values, "page"),
        page_size(values),
        positive(values, "row"),
        choice(values, "status", _STATUSES),
    )


def zone_plan(zone: Zone) -> dict[str, object]:
    """Which rows a zone has, and what each of its seats costs."""
    return {
        "name": zone.name,
        "first_row": zone.first_row,
        "last_row": zone.last_row,
        "price": money(zone.price_minor),
    }


def money(minor: int) -> str:
    """97500.00 for 9750000 tiyn."""
    return f"{minor // 100}.{minor % 100:02d}"


class SeatPages:
    """Pages of seats, put together from seats that are encoded once for each status.

    A crowd is dealt the same seats again and again, in ever other pages: one of twenty takes 5.0 us
    so, and 10.4 where all are encoded.
    """

    def __init__(self, *, seats_kept_max: int = SEATS_KEPT_MAX) -> None:
        self._kept_max = seats_kept_max
        # By event; the one that has had no new seat for the longest time is first. An event keeps
        # its hall, through a reset too: with another one it would be another object.
        self._kept: OrderedDict[int, tuple[Event, _Encoded]] = OrderedDict()
        self._count = 0

    def list_seats(self, call: Call[SeatsQuery]) -> Reply:
        """One page; free seats without a page number are dealt, so that a crowd spreads out."""
        event_id, page, size, row, status = call.input
        engine = call.service.engine
        if status is SeatStatus.FREE and page is None:
            return self._joined(engine.deal(event_id=event_id, row=row, limit=size))
        offset = ((page or 1) - 1) * size
        return self._joined(
            engine.seats(event_id=event_id, status=status, row=row, offset=offset, limit=size)
        )

    def _joined(self, page: SeatPage) -> Reply:
        encoded = self._encoded_of(page.event)
        keys = [
            index << 2 | status for index, status in zip(page.indexes, page.statuses, strict=True)
        ]
        try:
            seats = [encoded[key] for key in keys]
        except KeyError:
            # Copied, because what orjson gives takes a kilobyte for each.
            seats = [b"%b" % _encoded(fields) for fields in page.fields()]
            self._count -= len(encoded)
            encoded.update(zip(keys, seats, strict=True))
            self._count += len(encoded)
            self._kept.move_to_end(page.event.event_id)
            self._forget_the_oldest()
        return reply(200, JSON, b"[%b]" % b",".join(seats))

    def _encoded_of(self, event: Event) -> _Encoded:
        kept = self._kept.get(event.event_id)
        if kept is None or kept[0] is not event:
            self._count -= len(kept[1]) if kept else 0
            kept = self._kept[event.event_id] = event, OrderedDict()
        return kept[1]

    def _forget_the_oldest(self) -> None:
        """As many as are too many: a few at a time, because each takes a moment."""
        while self._count > self._kept_max:
            event_id, (_, encoded) = next(iter(self._kept.items()))
            if encoded:
                encoded.popitem(last=False)
                self._count -= 1
            else:
                del self._kept[event_id]


def _encoded(fields: tuple[int, int, int, int, int]) -> bytes:
    seat_id, row, number, status, price_minor = fields
    return orjson.dumps(
        {
            "id": seat_id,
            "row": row,
            "number": number,
            "status": _STATUS_NAMES[status],
            "price": money(price_minor),
        }
    )


def select_seat(call: Call[SelectSeat]) -> Reply:
    entrance = call.service.entrance
    taking = _begin(call) if entrance.is_guarded and not call.is_repeated else None
    call.service.engine.select_seat(
        user_id=call.user_id,
        booking_id=call.input.booking_id,
        seat_id=call.input.seat_id,
        now_ms=call.now_ms,
        key=call.key,
    )
    if taking is not None:
        entrance.end(taking, call.now_ms)
    return _SELECTED


def _begin(call: Call[SelectSeat]) -> Taking | None:
    """The seat that the booking holds already isn't taken again."""
    engine, wanted = call.service.engine, call.input
    holder = engine.holder(wanted.seat_id)
    is_held = holder is not None and holder.booking_id == wanted.booking_id
    count = 0 if is_held else 1
    return call.service.entrance.begin(engine, call.user_id, wanted.booking_id, count, call.now_ms)


async def release_seat(call: Call[ReleaseSeat]) -> Reply:
    """A payment that ends with it is taken up when the record is durable (I5)."""
    engine, seat_id = call.service.engine, call.input.seat_id
    holder = engine.holder(seat_id)
    # A payment under way ends with the release.
    order_id = holder.order_id if holder else 0
    engine.release_seat(user_id=call.user_id, seat_id=seat_id, now_ms=call.now_ms, key=call.key)
    if order_id:
        await call.durable()
        call.service.sagas.wake(order_id)
    return _RELEASED


def analytics(call: Call[int]) -> Reply:
    return json_reply(figures_row(call.service.engine.analytics(call.input)))


def figures_row(figures: Analytics) -> dict[str, object]:
    """The sales figures of an event, as they are told."""
    return {
        "event_id": figures.event_id,
        "total_seats": figures.total_seats,
        "sold_seats": figures.sold_seats,
        "reserved_seats": figures.reserved_seats,
        "free_seats": figures.free_seats,
        "total_revenue": money(figures.revenue_minor),
        "bookings_count": figures.bookings_count,
    }
