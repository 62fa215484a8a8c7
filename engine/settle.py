"""May this fact about money or places be recorded? The sagas' side of `decide`.

A saga reports what the outside has answered. It may report it twice, late, or after a crash, so a
fact that the tables don't list for the present status is None: already so, or no longer of use.
"""

from engine import errors
from engine.domain import Payment, PaymentStatus, ReservationStatus
from engine.mutations import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefused,
    PaymentRegistered,
    PaymentReturned,
    ReservationCancelled,
    ReservationConfirmed,
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
    ReservationStarted | ReservationSubmitted | ReservationConfirmed | ReservationCancelled
)
_MONEY_BACK = frozenset({PaymentStatus.FAILED, PaymentStatus.RETURNED})


def found_payment(state: State, order_id: int) -> Payment:
    """Raise UnknownPayment unless we made this attempt."""
    payment = state.payments.get(order_id)
    if payment is None:
        raise errors.UnknownPayment(order_id)
    return payment


def payment_fact(state: State, mutation: PaymentFact) -> PaymentFact | None:
    payment = found_payment(state, mutation.order_id)
    return mutation if type(mutation) in PAYMENT[payment.status] else None


def register_payment(state: State, mutation: PaymentRegistered) -> PaymentRegistered | None:
    """Once only, lest the name that the gateway gave first lead nowhere."""
    payment = found_payment(state, mutation.order_id)
    if payment.payment_id or PaymentRegistered not in PAYMENT[payment.status]:
        return None
    return mutation


def money_fact(state: State, mutation: MoneyFact) -> MoneyFact | ReturnOwed | None:
    """Money that arrives for an attempt that is over is owed back, before anything else happens."""
    payment = found_payment(state, mutation.order_id)
    if payment.status in _MONEY_BACK:
        return ReturnOwed(mutation.at_ms, mutation.order_id)
    return mutation if type(mutation) in PAYMENT[payment.status] else None


def reservation_fact(state: State, mutation: ReservationFact) -> ReservationFact | None:
    reservation = found_payment(state, mutation.order_id).reservation
    if reservation is None or type(mutation) not in RESERVATION[reservation.status]:
        return None
    return mutation


def refuse_reservation(state: State, *, order_id: int, at_ms: int) -> ReservationRefused | None:
    """Possible until the provider holds all places; after that its confirm can't fail."""
    payment = found_payment(state, order_id)
    reservation = payment.reservation
    if reservation is None or payment.status is PaymentStatus.CAPTURED:
        return None
    if reservation.status not in (ReservationStatus.WANTED, ReservationStatus.STARTED):
        return None
    return ReservationRefused(at_ms, order_id)
