"""The seats of a hall, and the sales figures of an event: what everybody may look at."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from api.body import Int64
from api.endpoint import Call
from api.query import choice, page_size, positive, required_integer
from api.reply import Reply, json_reply, message
from engine import SeatPage, SeatStatus

_STATUSES = {status.name: status for status in SeatStatus}
_STATUS_NAMES = tuple(status.name for status in SeatStatus)
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


def analytics_query(values: Mapping[str, str]) -> int:
    return required_integer(values, "id")


def money(minor: int) -> str:
    """97500.00 for 9750000 tiyn."""
    return f"{minor // 100}.{minor % 100:02d}"


# Twenty to a page, and few different ones: 8 of 11 microseconds go into them otherwise.
_price = lru_cache(maxsize=1_024)(money)


async def list_seats(call: Call[SeatsQuery]) -> Reply:
    """One page; free seats without a page number are dealt, so that a crowd spreads out."""
    event_id, page, size, row, status = call.input
    engine = call.service.engine
    if status is SeatStatus.FREE and page is None:
        return _encoded(engine.deal(event_id=event_id, row=row, limit=size))
    offset = ((page or 1) - 1) * size
    return _encoded(
        engine.seats(event_id=event_id, status=status, row=row, offset=offset, limit=size)
    )


def _encoded(page: SeatPage) -> Reply:
    """Nothing is kept: seats that are taken move all that are dealt after them."""
    return json_reply(
        [
            {
                "id": seat_id,
                "row": row,
                "number": number,
                "status": _STATUS_NAMES[status],
                "price": _price(price_minor),
            }
            for seat_id, row, number, status, price_minor in page.fields()
        ]
    )


async def select_seat(call: Call[SelectSeat]) -> Reply:
    call.service.engine.select_seat(
        user_id=call.user_id,
        booking_id=call.input.booking_id,
        seat_id=call.input.seat_id,
        now_ms=call.now_ms,
        key=call.key,
    )
    return _SELECTED


async def release_seat(call: Call[ReleaseSeat]) -> Reply:
    engine, seat_id = call.service.engine, call.input.seat_id
    holder = engine.holder(seat_id)
    # A payment under way ends with the release.
    order_id = holder.order_id if holder else 0
    engine.release_seat(user_id=call.user_id, seat_id=seat_id, now_ms=call.now_ms, key=call.key)
    if order_id:
        await call.durable()
        call.service.sagas.wake(order_id)
    return _RELEASED


async def analytics(call: Call[int]) -> Reply:
    figures = call.service.engine.analytics(call.input)
    return json_reply(
        {
            "event_id": figures.event_id,
            "total_seats": figures.total_seats,
            "sold_seats": figures.sold_seats,
            "reserved_seats": figures.reserved_seats,
            "free_seats": figures.free_seats,
            "total_revenue": money(figures.revenue_minor),
            "bookings_count": figures.bookings_count,
        }
    )
