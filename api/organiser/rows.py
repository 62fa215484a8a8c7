"""One booking with its seats and its money, as an organiser's books want it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from api.seats import money
from api.timeline import instant
from engine import Booking, Event, Hall, Payment, place_of_seat
from engine.mutations import PaymentCaptured, PaymentReturned, tag_of

_CAPTURED, _RETURNED = tag_of(PaymentCaptured), tag_of(PaymentReturned)


class BookingRow(NamedTuple):
    """The fields of an export, in its order; texts are empty and ids 0 where there is nothing."""

    booking_id: int
    user_id: int
    status: str
    created_at: str
    seats_count: int
    seats: Any
    amount: str
    order_id: int
    payment_id: str
    payment_status: str
    paid_at: str
    refunded_at: str


def booking_row(event: Event, booking: Booking, attempts: Sequence[Payment]) -> BookingRow:
    """With its last attempt to pay: after one that brought the money there is no other.

    A cancelled booking holds no seats; what was paid for it stands in its amount.
    """
    seats = [_seat(event.hall, seat_id) for seat_id in booking.seats]
    payment = attempts[-1] if attempts else None
    times = {tag: at_ms for at_ms, tag in payment.steps()} if payment else {}
    amount_minor = payment.amount_minor if payment else sum(price for price, _ in seats)
    return BookingRow(
        booking.booking_id,
        booking.user_id,
        booking.status,
        instant(booking.created_at_ms),
        len(seats),
        [told for _, told in seats],
        money(amount_minor),
        payment.order_id if payment else 0,
        payment.payment_id if payment else "",
        payment.status if payment else "",
        instant(times[_CAPTURED]) if _CAPTURED in times else "",
        instant(times[_RETURNED]) if _RETURNED in times else "",
    )


def _seat(hall: Hall, seat_id: int) -> tuple[int, dict[str, object]]:
    """Its price in tiyn, and what is told of it."""
    row, number = place_of_seat(seat_id)
    zone = hall.zone_of_row(row)
    price = money(zone.price_minor)
    told = {"id": seat_id, "row": row, "number": number, "zone": zone.name, "price": price}
    return zone.price_minor, told
