"""At the door: is this ticket good, and let its holder in, once."""

from collections.abc import Mapping
from typing import NamedTuple

from api.endpoint import Call
from api.events import title_and_start
from api.problems import ALREADY_ADMITTED, TICKET_NOT_FOUND, TICKET_VOID, Refusal
from api.reply import Reply, json_reply
from api.service import Service
from api.tickets.codes import as_printed, named_by
from api.timeline import instant
from engine import BookingStatus, event_of_booking, place_of_seat
from engine.errors import AlreadyAdmitted

_VOID = "Бронь отменена, деньги возвращены или возвращаются."
_USED = "По этому билету уже вошли."


class Ticket(NamedTuple):
    """A ticket that is ours. `is_owned`: the booking still has the seat that it was made for."""

    booking_id: int
    seat_id: int
    is_owned: bool


def code_query(values: Mapping[str, str]) -> str:
    return values["code"]


async def show_ticket(call: Call[str]) -> Reply:
    """What a ticket is for, and whether it would let somebody in."""
    service = call.service
    ticket = _found(service, call.input)
    title, starts_at = await title_and_start(service.catalog, event_of_booking(ticket.booking_id))
    # Only now: it may have been used, or given back, while the title was looked up.
    ticket = _found(service, call.input)
    admitted_at_ms = service.engine.admitted_at_ms(ticket.seat_id) if ticket.is_owned else None
    reason = ""
    if not ticket.is_owned:
        reason = _VOID
    elif admitted_at_ms is not None:
        reason = _USED
    return json_reply(_shown(service, ticket, title, starts_at, admitted_at_ms, reason))


async def admit(call: Call[str]) -> Reply:
    """Let the holder in; the answer is durable, so no second door can say the same.

    With a key, a door that has lost the answer hears it again, and not that somebody is inside.
    """
    service, now_ms = call.service, call.now_ms
    ticket = _found(service, call.input)
    title, starts_at = await title_and_start(service.catalog, event_of_booking(ticket.booking_id))
    ticket = _found(service, call.input)
    if not ticket.is_owned:
        raise Refusal(TICKET_VOID)
    try:
        service.engine.admit_seat(
            booking_id=ticket.booking_id, seat_id=ticket.seat_id, now_ms=now_ms, key=call.key
        )
    except AlreadyAdmitted as earlier:
        [at_ms] = earlier.args
        raise Refusal(ALREADY_ADMITTED, f"По этому билету вошли {instant(at_ms)}.") from None
    at_ms = service.engine.admitted_at_ms(ticket.seat_id)
    return json_reply(_shown(service, ticket, title, starts_at, at_ms, ""))


def _found(service: Service, typed: str) -> Ticket:
    """The ticket with this code; raises Refusal where we have never made it."""
    code = as_printed(typed)
    if code is None:
        raise Refusal(TICKET_NOT_FOUND)
    booking_id, seat_id = named_by(code)
    booking = service.engine.booking(booking_id)
    if booking is None:
        raise Refusal(TICKET_NOT_FOUND)
    # The last attempt is the one that was paid, if any was; a returned booking has let go of it.
    for payment in reversed(service.engine.attempts_of(booking)):
        order_id = payment.order_id
        if service.codes.is_good(code, booking_id=booking_id, seat_id=seat_id, order_id=order_id):
            is_paid = booking.status is BookingStatus.CONFIRMED and booking.order_id == order_id
            return Ticket(booking_id, seat_id, is_paid and seat_id in booking.seats)
    raise Refusal(TICKET_NOT_FOUND)


def _shown(
    service: Service,
    ticket: Ticket,
    title: str,
    starts_at: str,
    admitted_at_ms: int | None,
    reason: str,
) -> dict[str, object]:
    event_id = event_of_booking(ticket.booking_id)
    row, number = place_of_seat(ticket.seat_id)
    return {
        "valid": not reason,
        "reason": reason,
        "booking_id": ticket.booking_id,
        "event_id": event_id,
        "title": title,
        "starts_at": starts_at,
        "row": row,
        "number": number,
        "zone": service.engine.event(event_id).hall.zone_of_row(row).name,
        "admitted_at": "" if admitted_at_ms is None else instant(admitted_at_ms),
    }
