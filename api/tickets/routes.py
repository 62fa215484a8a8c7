"""The calls of this room: a buyer's tickets, and the door."""

from typing import Any

from api import problems
from api.endpoint import Operation
from api.tickets import door, holder


def operations() -> tuple[Operation[Any], ...]:
    return (
        Operation(
            "GET",
            "/x/bookings/{id}/tickets",
            holder.show_tickets,
            query=holder.tickets_query,
            problems=(problems.NOT_OWNER, problems.BOOKING_NOT_FOUND, problems.NOT_PAID),
        ),
        Operation(
            "GET",
            "/x/tickets/{code}",
            door.show_ticket,
            query=door.code_query,
            for_staff=True,
            problems=(problems.TICKET_NOT_FOUND,),
        ),
        Operation(
            "POST",
            "/x/tickets/{code}/admit",
            door.admit,
            query=door.code_query,
            for_staff=True,
            keyed=True,
            problems=(
                problems.TICKET_NOT_FOUND,
                problems.TICKET_VOID,
                problems.ALREADY_ADMITTED,
            ),
        ),
    )
