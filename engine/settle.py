"""May this fact about money or places be recorded? The sagas' side of `decide`.

A saga reports what the outside has answered. It may report it twice, late, or after a crash, so a
fact that the tables don't list for the present status is None: already so, or no longer of use.
"""

from engine import errors
from engine.decide import Rules
from engine.domain import Payment, PaymentStatus, ReservationStatus
from engine.mutations import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
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
)
from engine.state import State
from engine.transitions import PAYMENT, RESERVATION

MoneyFact = PaymentAuthorized | PaymentCaptured
PaymentFact = PaymentRefused | PaymentFailed | PaymentReturned
ReservationFact = (
    ReservationStarted
    | ReservationSubmitted
    | ReservationDoubted
    | ReservationConfirmed
    | ReservationCancelled
)
_NOT_HELD_YET = frozenset(
    {ReservationStatus.WANTED, ReservationStatus.STARTED, ReservationStatus.RENEW_DUE}
)
# What the outside says of itself is cut to a line.
REASON_CHARACTERS_MAX = 200
_SOLD = (PaymentStatus.CAPTURED, ReservationStatus.CONFIRM_DUE)
_MONEY_BACK = frozenset({PaymentStatus.FAILED, PaymentStatus.RETURNED})


def found_payment(state: State, order_id: int) -> Payment:
    """Raise UnknownPayment unless we made this attempt."""
    payment = state.payments.get(order_id)
    if payment is None:
        raise errors.UnknownPayment(order_id)
    return payment


def payment_fact(state: State, mutation: PaymentFact) -> PaymentFact | None:
    """None: in its status the payment has nothing to learn from it."""
    payment = found_payment(state, mutation.order_id)
    return mutation if type(mutation) in PAYMENT[payment.status] else None


def register_payment(
    state: State,
    rules: Rules,
    *,
    order_id: int,
    payment_id: str,
    url: str,
    opened_at_ms: int,
    at_ms: int,
) -> PaymentRegistered | None:
    """Once only, lest the name that the gateway gave first lead nowhere.

    However long the gateway has let us wait: the customer's time to pay begins with the page. Its
    own clock may say when that was, but not before we asked for it, and not later than now.
    """
    payment = found_payment(state, order_id)
    if payment.payment_id or PaymentRegistered not in PAYMENT[payment.status]:
        return None
    is_awaited = payment.status is PaymentStatus.INITIATED
    opened_at_ms = min(max(opened_at_ms, payment.initiated_at_ms), at_ms)
    expires_at_ms = opened_at_ms + rules.payment_ms if is_awaited else 0
    return PaymentRegistered(at_ms, order_id, payment_id, url, expires_at_ms)


def money_fact(state: State, mutation: MoneyFact) -> MoneyFact | ReturnOwed | None:
    """Money that arrives for an attempt that is over is owed back, before anything else happens."""
    payment = found_payment(state, mutation.order_id)
    if payment.status in _MONEY_BACK:
        return ReturnOwed(mutation.at_ms, mutation.order_id)
    return mutation if type(mutation) in PAYMENT[payment.status] else None


def reservation_fact(state: State, mutation: ReservationFact) -> ReservationFact | None:
    """An order that is paid for is never over: if it is lost, an operator must know of it."""
    payment = found_payment(state, mutation.order_id)
    reservation = payment.reservation
    if reservation is None or type(mutation) not in RESERVATION[reservation.status]:
        return None
    is_sold = (payment.status, reservation.status) == _SOLD
    if is_sold and type(mutation) is ReservationCancelled:
        return None
    return mutation


def park_payment(state: State, *, order_id: int, reason: str, at_ms: int) -> PaymentParked | None:
    """None: nothing is owed that could be parked, or it is parked already."""
    payment = found_payment(state, order_id)
    if payment.parked or PaymentParked not in PAYMENT[payment.status]:
        return None
    return PaymentParked(at_ms, order_id, reason[:REASON_CHARACTERS_MAX])


def park_reservation(
    state: State, *, order_id: int, reason: str, at_ms: int
) -> ReservationParked | None:
    """None: it is parked already, or owes the provider nothing that could be parked."""
    reservation = found_payment(state, order_id).reservation
    if reservation is None or reservation.parked:
        return None
    if ReservationParked not in RESERVATION[reservation.status]:
        return None
    return ReservationParked(at_ms, order_id, reason[:REASON_CHARACTERS_MAX])


def refuse_reservation(state: State, *, order_id: int, at_ms: int) -> ReservationRefused | None:
    """Possible until the provider holds all places; after that its confirm can't fail."""
    payment = found_payment(state, order_id)
    reservation = payment.reservation
    if reservation is None or payment.status is PaymentStatus.CAPTURED:
        return None
    if reservation.status not in _NOT_HELD_YET:
        return None
    return ReservationRefused(at_ms, order_id)
