"""Every call on one screen: who may make it, what it reads, what it may be refused for."""

from operator import attrgetter
from typing import Any

from api import (
    bookings,
    openapi,
    pages,
    payments,
    problems,
    seats,
    system,
    timeline,
    together,
    web_files,
)
from api.body import decoder
from api.endpoint import Operation
from api.events import EventPages, events_query
from api.fairness import routes as fairness_routes
from api.live import routes as live_routes
from api.operator import routes as operator_routes
from api.organiser import routes as organiser_routes
from api.query import id_query
from api.tickets.routes import operations as ticket_operations
from engine import event_of_booking

_SEATS_419 = (
    problems.SEAT_TAKEN,
    problems.SEAT_ELSEWHERE,
    problems.SEAT_NOT_OURS,
    problems.BOOKING_CLOSED,
    problems.TOO_MANY_SEATS,
)
_ENTRANCE = (problems.TOO_MANY_HOLDS, problems.WAITING_ROOM)
_PAY_419 = (
    problems.BOOKING_NOT_PAYABLE,
    problems.BOOKING_EMPTY,
    problems.AMOUNT_OUT_OF_RANGE,
    problems.PAYMENT_REFUSED,
    problems.PAYMENT_ENDED,
)
_PAY_503 = (
    problems.GATEWAY_DOWN,
    problems.NO_GATEWAY,
    problems.NO_PROVIDER,
    problems.PLACES_UNKNOWN,
)


def operations() -> tuple[Operation[Any], ...]:
    """Everything there is; the hottest first."""
    events = EventPages()
    calls = (
        *_calls_of_the_crowd(events),
        *_other_calls(events),
        *live_routes.operations(),
        *_payment_calls(),
        *ticket_operations(),
        *_system_calls(),
        *operator_routes.operations(),
        *organiser_routes.operations(),
        *fairness_routes.operations(),
    )
    return (*calls, *pages.operations(openapi.document(calls)), *web_files.operations())


def _calls_of_the_crowd(events: EventPages) -> tuple[Operation[Any], ...]:
    return (
        Operation(
            "GET",
            "/api/seats",
            seats.SeatPages().list_seats,
            query=seats.seats_query,
            public=True,
            durable=False,
            event_of=attrgetter("event_id"),
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        Operation(
            "PATCH",
            "/api/seats/select",
            seats.select_seat,
            body=decoder(seats.SelectSeat),
            keyed=True,
            event_of=lambda selected: event_of_booking(selected.booking_id),
            problems=(
                problems.NOT_OWNER,
                problems.BOOKING_NOT_FOUND,
                problems.SEAT_NOT_FOUND,
                *_SEATS_419,
                *_ENTRANCE,
            ),
        ),
        Operation(
            "PATCH",
            "/x/seats/together",
            together.select_together,
            body=decoder(together.SelectTogether),
            keyed=True,
            event_of=lambda selected: event_of_booking(selected.booking_id),
            problems=(
                problems.NOT_OWNER,
                problems.BOOKING_NOT_FOUND,
                problems.ZONE_NOT_FOUND,
                problems.BOOKING_CLOSED,
                problems.TOO_MANY_SEATS,
                problems.NO_SEATS_TOGETHER,
                *_ENTRANCE,
            ),
        ),
        Operation(
            "POST",
            "/api/bookings",
            bookings.create_booking,
            body=decoder(bookings.CreateBooking),
            keyed=True,
            event_of=attrgetter("event_id"),
            problems=(problems.EVENT_NOT_FOUND, problems.WAITING_ROOM),
        ),
        Operation(
            "GET",
            "/api/events",
            events.find,
            query=events_query,
            public=True,
            durable=False,
            problems=(problems.BUSY,),
        ),
    )


def _other_calls(events: EventPages) -> tuple[Operation[Any], ...]:
    return (
        Operation("GET", "/api/bookings", bookings.BookingPages().find),
        Operation(
            "PATCH",
            "/api/seats/release",
            seats.release_seat,
            body=decoder(seats.ReleaseSeat),
            keyed=True,
            limited=False,
            problems=(problems.NOT_OWNER, problems.SEAT_NOT_FOUND, problems.SEAT_NOT_HELD),
        ),
        Operation(
            "PATCH",
            "/api/bookings/initiatePayment",
            bookings.initiate_payment,
            body=decoder(bookings.OneBooking),
            keyed=True,
            problems=(problems.NOT_OWNER, problems.BOOKING_NOT_FOUND, *_PAY_419, *_PAY_503),
        ),
        Operation(
            "PATCH",
            "/api/bookings/cancel",
            bookings.cancel_booking,
            body=decoder(bookings.OneBooking),
            keyed=True,
            limited=False,
            problems=(
                problems.NOT_OWNER,
                problems.BOOKING_NOT_FOUND,
                problems.TOO_LATE,
                problems.BOOKING_ADMITTED,
            ),
        ),
        Operation(
            "GET",
            "/api/analytics",
            seats.analytics,
            query=id_query,
            durable=False,
            event_of=int,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        Operation(
            "GET",
            "/x/events/{id}",
            events.show,
            query=id_query,
            public=True,
            durable=False,
            event_of=int,
            problems=(problems.EVENT_NOT_FOUND, problems.BUSY),
        ),
        Operation(
            "GET",
            "/x/bookings/{id}",
            timeline.show_booking,
            query=id_query,
            problems=(problems.NOT_OWNER, problems.BOOKING_NOT_FOUND),
        ),
        Operation(
            "POST",
            "/api/reset",
            system.reset,
            public=True,
            keyed=True,
            problems=(problems.RESET_FORBIDDEN,),
        ),
    )


def _payment_calls() -> tuple[Operation[Any], ...]:
    returned = payments.customer_returned
    return (
        Operation(
            "POST",
            "/api/payments/notifications",
            payments.notification,
            body=decoder(payments.Notification),
            public=True,
            limited=False,
            problems=(problems.BAD_SIGNATURE,),
        ),
        *(
            Operation(
                "GET",
                f"/api/payments/{how}",
                returned,
                query=payments.order_query,
                public=True,
                limited=False,
            )
            for how in ("success", "fail")
        ),
    )


def _system_calls() -> tuple[Operation[Any], ...]:
    return (
        *(
            Operation("GET", path, handler, public=True, durable=False, ungated=True, limited=False)
            for path, handler in (("/healthz", system.alive), ("/readyz", system.ready))
        ),
        Operation("GET", "/x/staff", system.tell_member, for_staff=True, durable=False),
        Operation("GET", "/x/version", system.tell_version, public=True, durable=False),
    )
