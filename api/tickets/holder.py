"""The tickets of a paid booking, for its owner: codes, and their pictures for the door."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

import segno

from api.endpoint import Call
from api.problems import NOT_PAID, Refusal
from api.query import positive, required_integer
from api.reply import Reply, json_reply
from api.seats import money
from api.timeline import own_booking
from engine import BookingStatus, place_of_seat

# Large groups are rare, and a hall can't be drawn at once: a picture takes 0.7 ms.
TICKETS_A_PAGE = 100
PICTURES_KEPT_MAX = 4_096  # 5 MB
# Any of the eight is read as well; to look for the most even one takes three times as long.
_MASK = 3


class TicketsQuery(NamedTuple):
    booking_id: int
    page: int


def tickets_query(values: Mapping[str, str]) -> TicketsQuery:
    return TicketsQuery(required_integer(values, "id"), positive(values, "page") or 1)


async def show_tickets(call: Call[TicketsQuery]) -> Reply:
    """One ticket a seat, in the order of the booking."""
    engine, codes = call.service.engine, call.service.codes
    booking = own_booking(call, call.input.booking_id)
    if booking.status is not BookingStatus.CONFIRMED:
        raise Refusal(NOT_PAID)
    hall, order_id = engine.event(booking.event_id).hall, booking.order_id
    first = (call.input.page - 1) * TICKETS_A_PAGE
    tickets = []
    for seat_id in booking.seats[first : first + TICKETS_A_PAGE]:
        row, number = place_of_seat(seat_id)
        code = codes.code_of(booking_id=booking.booking_id, seat_id=seat_id, order_id=order_id)
        tickets.append(
            {
                "seat_id": seat_id,
                "row": row,
                "number": number,
                "zone": hall.zone_of_row(row).name,
                "price": money(hall.row_prices_minor[row - 1]),
                "code": code,
                "qr": picture_of(code),
            }
        )
        await asyncio.sleep(0)  # a group's tickets take as long as a hundred other calls
    return json_reply(tickets)


@lru_cache(PICTURES_KEPT_MAX)
def picture_of(code: str) -> str:
    """The code as a QR code in SVG, with the margin that scanners need; its size is the page's.

    It names its namespace, without which it is no picture anywhere but within HTML.
    """
    file = BytesIO()
    drawn = segno.make_qr(code, error="m", mask=_MASK)
    drawn.save(file, kind="svg", xmldecl=False, nl=False, omitsize=True)
    return file.getvalue().decode()
