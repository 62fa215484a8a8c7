"""Every change of a status in the system is one cell of these tables.

A mutation that a status doesn't list isn't allowed in it. A seat has no table of its own: it is
FREE when no booking holds it, SOLD when the booking that holds it is CONFIRMED, RESERVED otherwise.
"""

from collections.abc import Mapping

from engine.domain import BookingStatus, PaymentStatus, ReservationStatus
from engine.mutations import (
    BookingCancelled,
    BookingExpired,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentInitiated,
    PaymentParked,
    PaymentRefused,
    PaymentRegistered,
    PaymentReturned,
    ReservationCancelled,
    ReservationConfirmed,
    ReservationDoubted,
    ReservationParked,
    ReservationRefused,
    ReservationStarted,
    ReservationSubmitted,
    ReturnOwed,
    SeatAdmitted,
    SeatReleased,
    SeatSelected,
    SeatsSelected,
    StateReset,
)

BOOKING: Mapping[BookingStatus, Mapping[type, BookingStatus]] = {
    BookingStatus.CREATED: {
        SeatSelected: BookingStatus.CREATED,
        SeatsSelected: BookingStatus.CREATED,
        SeatReleased: BookingStatus.CREATED,
        PaymentInitiated: BookingStatus.PAYMENT_INITIATED,
        BookingCancelled: BookingStatus.CANCELLED,
        BookingExpired: BookingStatus.CANCELLED,
    },
    BookingStatus.PAYMENT_INITIATED: {
        SeatReleased: BookingStatus.CREATED,
        PaymentRefused: BookingStatus.CREATED,
        PaymentCaptured: BookingStatus.CONFIRMED,
        PaymentFailed: BookingStatus.CANCELLED,
        ReservationRefused: BookingStatus.CANCELLED,
        BookingCancelled: BookingStatus.CANCELLED,
        BookingExpired: BookingStatus.CANCELLED,
    },
    BookingStatus.CONFIRMED: {
        SeatAdmitted: BookingStatus.CONFIRMED,
        BookingCancelled: BookingStatus.CANCELLED,
    },
    BookingStatus.CANCELLED: {},
}

# The booking no longer waits for the money, which may be on its way all the same.
_MONEY_UNWANTED: Mapping[type, PaymentStatus] = dict.fromkeys(
    (SeatReleased, BookingCancelled, BookingExpired, ReservationRefused, StateReset),
    PaymentStatus.RETURN_DUE,
)

PAYMENT: Mapping[PaymentStatus, Mapping[type, PaymentStatus]] = {
    PaymentStatus.INITIATED: {
        PaymentRegistered: PaymentStatus.PENDING,
        PaymentRefused: PaymentStatus.FAILED,
        **_MONEY_UNWANTED,
    },
    PaymentStatus.PENDING: {
        PaymentAuthorized: PaymentStatus.AUTHORIZED,
        PaymentFailed: PaymentStatus.FAILED,
        **_MONEY_UNWANTED,
    },
    PaymentStatus.AUTHORIZED: {
        PaymentCaptured: PaymentStatus.CAPTURED,
        PaymentFailed: PaymentStatus.FAILED,
        PaymentParked: PaymentStatus.AUTHORIZED,
        **_MONEY_UNWANTED,
    },
    PaymentStatus.CAPTURED: {
        BookingCancelled: PaymentStatus.RETURN_DUE,
        StateReset: PaymentStatus.RETURN_DUE,
    },
    PaymentStatus.RETURN_DUE: {
        PaymentRegistered: PaymentStatus.RETURN_DUE,
        PaymentRefused: PaymentStatus.FAILED,
        PaymentFailed: PaymentStatus.FAILED,
        PaymentReturned: PaymentStatus.RETURNED,
        PaymentParked: PaymentStatus.RETURN_DUE,
        StateReset: PaymentStatus.RETURN_DUE,
    },
    PaymentStatus.FAILED: {ReturnOwed: PaymentStatus.RETURN_DUE},
    PaymentStatus.RETURNED: {ReturnOwed: PaymentStatus.RETURN_DUE},
}

_PLACES_UNWANTED: tuple[type, ...] = (
    SeatReleased,
    BookingCancelled,
    BookingExpired,
    PaymentRefused,
    PaymentFailed,
    ReservationRefused,
    StateReset,
)
_CANCEL: Mapping[type, ReservationStatus] = dict.fromkeys(
    _PLACES_UNWANTED, ReservationStatus.CANCEL_DUE
)

RESERVATION: Mapping[ReservationStatus, Mapping[type, ReservationStatus]] = {
    ReservationStatus.WANTED: {
        ReservationStarted: ReservationStatus.STARTED,
        # An order without places is harmless at the provider, so an orphan needs no cancel.
        **dict.fromkeys(_PLACES_UNWANTED, ReservationStatus.CANCELLED),
    },
    ReservationStatus.STARTED: {
        ReservationSubmitted: ReservationStatus.SUBMITTED,
        ReservationDoubted: ReservationStatus.RENEW_DUE,
        **_CANCEL,
    },
    ReservationStatus.RENEW_DUE: {
        ReservationCancelled: ReservationStatus.WANTED,
        **_CANCEL,
    },
    ReservationStatus.SUBMITTED: {
        PaymentCaptured: ReservationStatus.CONFIRM_DUE,
        **_CANCEL,
    },
    # The pivot: the confirm may have been sent, and a confirmed order can't be cancelled. But the
    # provider may have cancelled it before; once nobody has paid for it any more, it is over.
    ReservationStatus.CONFIRM_DUE: {
        ReservationConfirmed: ReservationStatus.CONFIRMED,
        ReservationCancelled: ReservationStatus.CANCELLED,
        ReservationParked: ReservationStatus.CONFIRM_DUE,
    },
    ReservationStatus.CANCEL_DUE: {
        ReservationCancelled: ReservationStatus.CANCELLED,
        ReservationParked: ReservationStatus.CANCEL_DUE,
    },
    ReservationStatus.CONFIRMED: {},
    ReservationStatus.CANCELLED: {},
}
