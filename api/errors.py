"""What each refusal of the rooms below means in HTTP. One table; a test checks that it is whole."""

from collections.abc import Mapping

import structlog

from api import problems
from api.problems import Problem, Refusal
from api.reply import Reply
from engine import errors
from sagas import (
    GatewayUnavailable,
    NoGateway,
    PaymentEnded,
    PaymentRefusedByGateway,
    PlacesUnknown,
)

PROBLEM_OF: Mapping[type[Exception], Problem] = {
    errors.EventNotFound: problems.EVENT_NOT_FOUND,
    errors.BookingNotFound: problems.BOOKING_NOT_FOUND,
    errors.SeatNotFound: problems.SEAT_NOT_FOUND,
    errors.ZoneNotFound: problems.ZONE_NOT_FOUND,
    errors.NotOwner: problems.NOT_OWNER,
    errors.SeatTaken: problems.SEAT_TAKEN,
    errors.SeatElsewhere: problems.SEAT_ELSEWHERE,
    errors.SeatNotOurs: problems.SEAT_NOT_OURS,
    errors.SeatNotHeld: problems.SEAT_NOT_HELD,
    errors.NoSeatsTogether: problems.NO_SEATS_TOGETHER,
    errors.BookingClosed: problems.BOOKING_CLOSED,
    errors.BookingEmpty: problems.BOOKING_EMPTY,
    errors.AmountOutOfRange: problems.AMOUNT_OUT_OF_RANGE,
    errors.TooLate: problems.TOO_LATE,
    errors.SeatNotSold: problems.TICKET_VOID,
    errors.AlreadyAdmitted: problems.ALREADY_ADMITTED,
    errors.BookingAdmitted: problems.BOOKING_ADMITTED,
    errors.TooManySeats: problems.TOO_MANY_SEATS,
    errors.KeyReused: problems.KEY_REUSED,
    errors.TooManyKeys: problems.TOO_MANY_KEYS,
    errors.Busy: problems.BUSY,
    # The payment went away while its buyer waited for the gateway: a reset came between.
    errors.UnknownPayment: problems.BOOKING_NOT_FOUND,
    GatewayUnavailable: problems.GATEWAY_DOWN,
    PaymentRefusedByGateway: problems.PAYMENT_REFUSED,
    PaymentEnded: problems.PAYMENT_ENDED,
    NoGateway: problems.NO_GATEWAY,
    PlacesUnknown: problems.PLACES_UNKNOWN,
}

log = structlog.get_logger("api")


def problem_reply(error: Exception, request_id: bytes, where: str) -> Reply:
    """The reply to a request that ended with `error`; the log is told `where`."""
    if isinstance(error, Refusal):
        return error.problem.reply(request_id, error.detail, *error.headers)
    problem = PROBLEM_OF.get(type(error))
    if problem is None:
        log.error("request failed", request_id=request_id.decode(), where=where, exc_info=error)
        problem = problems.INTERNAL
    return problem.reply(request_id)
