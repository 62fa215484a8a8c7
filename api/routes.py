"""Every call on one screen: who may make it, what it reads, what it may be refused for."""

from operator import attrgetter
from typing import Any

from api import (
    bookings,
    obligations,
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
from api.events import EventPages, event_query, events_query
from api.staff import Role
from api.tickets.routes import operations as ticket_operations
from engine import event_of_booking

_SEATS_419 = (
    problems.SEAT_TAKEN,
    problems.SEAT_ELSEWHERE,
    problems.SEAT_NOT_OURS,
    problems.BOOKING_CLOSED,
    problems.TOO_MANY_SEATS,
)
_PAY_419 = (
    problems.BOOKING_NOT_PAYABLE,
    problems.BOOKING_EMPTY,
    problems.AMOUNT_OUT_OF_RANGE,
    problems.PAYMENT_REFUSED,
)
_PAY_503 = (problems.GATEWAY_DOWN, problems.NO_GATEWAY, problems.PLACES_UNKNOWN)


def operations() -> tuple[Operation[Any], ...]:
    """Everything there is; the hottest first."""
    events = EventPages()
    calls = (
        *_calls_of_the_crowd(events),
        *_other_calls(events),
        *_payment_calls(),
        *ticket_operations(),
        *_system_calls(),
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
            ),
        ),
        Operation(
            "POST",
            "/api/bookings",
            bookings.create_booking,
            body=decoder(bookings.CreateBooking),
            keyed=True,
            event_of=attrgetter("event_id"),
            problems=(problems.EVENT_NOT_FOUND,),
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
            query=seats.analytics_query,
            durable=False,
            event_of=int,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        Operation(
            "GET",
            "/x/events/{id}",
            events.show,
            query=event_query,
            public=True,
            durable=False,
            event_of=int,
            problems=(problems.EVENT_NOT_FOUND, problems.BUSY),
        ),
        Operation(
            "GET",
            "/x/bookings/{id}",
            timeline.show_booking,
            query=timeline.booking_query,
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
            problems=(problems.BAD_SIGNATURE,),
        ),
        Operation(
            "GET", "/api/payments/success", returned, query=payments.order_query, public=True
        ),
        Operation("GET", "/api/payments/fail", returned, query=payments.order_query, public=True),
    )


def _system_calls() -> tuple[Operation[Any], ...]:
    return (
        Operation("GET", "/healthz", system.alive, public=True, durable=False, ungated=True),
        Operation("GET", "/readyz", system.ready, public=True, durable=False, ungated=True),
        Operation("GET", "/x/staff", system.tell_member, roles=tuple(Role), durable=False),
        Operation("GET", "/x/version", system.tell_version, public=True, durable=False),
        Operation(
            "GET",
            "/x/sagas",
            obligations.show_obligations,
            public=True,
            durable=False,
            problems=(problems.OPERATOR_ONLY,),
        ),
        Operation(
            "POST",
            "/x/sagas/retry",
            obligations.retry_parked,
            public=True,
            durable=False,
            problems=(problems.OPERATOR_ONLY,),
        ),
        Operation(
            "GET",
            "/metrics",
            system.metrics,
            public=True,
            durable=False,
            problems=(problems.OPERATOR_ONLY,),
        ),
    )
