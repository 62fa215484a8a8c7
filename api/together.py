"""The best seats side by side, for whoever comes in company."""

from typing import Annotated

import msgspec

from api.body import Int64
from api.endpoint import Call
from api.reply import Reply, json_reply
from api.seats import money
from engine import SeatStatus, event_of_booking, place_of_seat

TOGETHER_MAX = 20  # as many as a page of seats has


class SelectTogether(msgspec.Struct):
    """`zone` by its name; none: the best of the hall."""

    booking_id: Int64
    count: Annotated[int, msgspec.Meta(ge=1, le=TOGETHER_MAX)]
    zone: str | None = None


def select_together(call: Call[SelectTogether]) -> Reply:
    """Holds them all or none. A repeated request is told of the seats that were held for it."""
    engine, wanted, entrance = call.service.engine, call.input, call.service.entrance
    taking = None
    if entrance.is_guarded and not call.is_repeated:
        taking = entrance.begin(engine, call.user_id, wanted.booking_id, wanted.count, call.now_ms)
    seats = engine.select_together(
        user_id=call.user_id,
        booking_id=wanted.booking_id,
        count=wanted.count,
        zone=wanted.zone,
        now_ms=call.now_ms,
        key=call.key,
    )
    if taking is not None:
        entrance.end(taking, call.now_ms)
    hall = engine.event(event_of_booking(wanted.booking_id)).hall
    return json_reply(
        {
            "seats": [
                {
                    "id": seat_id,
                    "row": row,
                    "number": number,
                    "status": SeatStatus.RESERVED.name,
                    "price": money(hall.row_prices_minor[row - 1]),
                }
                for seat_id, (row, number) in ((one, place_of_seat(one)) for one in seats)
            ]
        }
    )
