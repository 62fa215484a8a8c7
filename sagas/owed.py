"""Which call does one payment owe the outside next? Pure: nothing here waits, calls or remembers.

The intent is the engine's durable state itself, so the same question after a crash gets the same
answer. Gateway and provider are owed apart: neither waits for the other's bad day, except where
the order of things is the point: capture only what the provider holds for us, and confirm there
last, because that can't be undone.
"""

from enum import StrEnum

from engine import Payment, PaymentStatus, ReservationStatus
from engine.mutations import PaymentAuthorized, PaymentCaptured, ReturnOwed, tag_of


class GatewayCall(StrEnum):
    """The calls that a payment may be owed at the gateway."""

    INIT = "init"
    CHECK = "check"
    CAPTURE = "capture"
    LOOK_UP = "look_up"  # of a payment that must be ended, but whose id we never got
    RETURN = "return"


class ProviderCall(StrEnum):
    """The calls that a reservation may be owed at the provider."""

    START = "start"
    FILL = "fill"  # select every place, wait until the order holds them, submit
    CONFIRM = "confirm"
    CANCEL = "cancel"


class Money(StrEnum):
    """What the gateway's word for a payment says about the money."""

    OPEN = "open"  # nothing has happened, or something is happening
    HELD = "held"
    TAKEN = "taken"
    NONE = "none"  # nothing was taken and nothing will be
    LAPSED = "lapsed"  # the same, because its time is over: what was held is free again
    BACK = "back"  # nothing was taken, or it went back in full


class Fact(StrEnum):
    """What the engine is told about the money."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    FAILED = "failed"
    RETURNED = "returned"


_MONEY = {
    **dict.fromkeys(("AUTHORIZED",), Money.HELD),
    **dict.fromkeys(("CONFIRMED", "CAPTURED", "COMPLETED"), Money.TAKEN),
    **dict.fromkeys(("REJECTED", "AUTH_FAIL", "FAILED"), Money.NONE),
    **dict.fromkeys(("EXPIRED", "DEADLINE_EXPIRED"), Money.LAPSED),
    **dict.fromkeys(("CANCELLED", "REVERSED", "REFUNDED"), Money.BACK),
}

# What happens to a payment only when there is money.
_HELD_TAGS = frozenset({tag_of(PaymentAuthorized), tag_of(ReturnOwed)})
_TAKEN_TAG = tag_of(PaymentCaptured)

# Without hints: soon after the page was made, then more and more rarely.
CHECKS_AFTER_MS = (5_000, 15_000, 45_000)
CHECK_EVERY_MS = 60_000

# A customer may pay on a page that was left open, long after the attempt is over: its reminders.
REMINDERS_AFTER_MS = tuple(
    minutes * 60_000 for minutes in (13, 15, 20, 30, 60, 2 * 60, 6 * 60, 12 * 60, 24 * 60)
)

# The attempt is over, but a customer may have paid for it all the same: worth asking when a hint
# says so.
OVER = frozenset({PaymentStatus.FAILED, PaymentStatus.RETURNED})


def to_gateway(payment: Payment) -> GatewayCall | None:
    """The gateway's next call; None: nothing, or not before the provider has answered."""
    match payment.status:
        case PaymentStatus.INITIATED:
            return GatewayCall.INIT
        case PaymentStatus.PENDING:
            return GatewayCall.CHECK
        case PaymentStatus.AUTHORIZED:
            return GatewayCall.CAPTURE if payment.holds_its_places() else None
        case PaymentStatus.RETURN_DUE:
            return GatewayCall.RETURN if payment.payment_id else GatewayCall.LOOK_UP
        case PaymentStatus.CAPTURED | PaymentStatus.FAILED | PaymentStatus.RETURNED:
            return None


def to_provider(payment: Payment) -> ProviderCall | None:
    """The provider's next call; it doesn't depend on the payment, the engine has seen to that."""
    if payment.reservation is None:
        return None
    match payment.reservation.status:
        case ReservationStatus.WANTED:
            return ProviderCall.START
        case ReservationStatus.STARTED:
            return ProviderCall.FILL
        case ReservationStatus.CONFIRM_DUE:
            return ProviderCall.CONFIRM
        case ReservationStatus.CANCEL_DUE | ReservationStatus.RENEW_DUE:
            return ProviderCall.CANCEL
        case (
            ReservationStatus.SUBMITTED | ReservationStatus.CONFIRMED | ReservationStatus.CANCELLED
        ):
            return None


def money_of(status: str) -> Money:
    """An unknown word, and a refund in part, say nothing that could be acted on."""
    return _MONEY.get(status, Money.OPEN)


def facts(payment: Payment, money: Money) -> tuple[Fact, ...]:
    """What is to be recorded, in this order, when the gateway says so of the money."""
    nothing_taken = money in (Money.NONE, Money.LAPSED, Money.BACK)
    match payment.status:
        case PaymentStatus.PENDING if money is Money.HELD:
            return (Fact.AUTHORIZED,)
        case PaymentStatus.PENDING if money is Money.TAKEN:
            return (
                (Fact.AUTHORIZED, Fact.CAPTURED)
                if payment.holds_its_places()
                else (Fact.AUTHORIZED,)
            )
        case PaymentStatus.AUTHORIZED if money is Money.TAKEN and payment.holds_its_places():
            return (Fact.CAPTURED,)
        case PaymentStatus.PENDING if nothing_taken:
            return (Fact.FAILED,)
        case PaymentStatus.AUTHORIZED if nothing_taken:
            # A capture may have been made whose answer got lost: then "nothing" isn't believed.
            is_believed = money is not Money.NONE or not payment.holds_its_places()
            return (Fact.FAILED,) if is_believed else ()
        case PaymentStatus.RETURN_DUE if money is Money.BACK:
            return (Fact.RETURNED,)
        case PaymentStatus.RETURN_DUE if money is Money.NONE and not was_held(payment):
            return (Fact.FAILED,)
        case PaymentStatus.RETURN_DUE if money is Money.LAPSED and not was_taken(payment):
            return (Fact.FAILED,)
        case PaymentStatus.FAILED | PaymentStatus.RETURNED if money in (Money.HELD, Money.TAKEN):
            return (Fact.AUTHORIZED,)
        case _:
            return ()


def was_held(payment: Payment) -> bool:
    """True once the gateway has said that it holds the customer's money.

    The real one forgets it, and says afterwards that nothing was paid. Only what goes back is
    believed from then on; money of which nothing is said any more is an operator's matter.
    """
    return any(tag in _HELD_TAGS for _, tag in payment.steps())


def was_taken(payment: Payment) -> bool:
    """True once the money was ours: it can't lapse any more."""
    return any(tag == _TAKEN_TAG for _, tag in payment.steps())


def next_check_ms(*, initiated_at_ms: int, now_ms: int) -> int:
    """When a payment that nobody gives hints about is checked next, always after `now_ms`."""
    age_ms = now_ms - initiated_at_ms
    for after_ms in CHECKS_AFTER_MS:
        if age_ms < after_ms:
            return initiated_at_ms + after_ms
    return now_ms + CHECK_EVERY_MS


def next_reminder_ms(payment: Payment, *, now_ms: int) -> int | None:
    """When to ask again about an attempt that is over; None: never, its page is long forgotten."""
    if payment.status not in OVER or not payment.payment_id:
        return None
    for after_ms in REMINDERS_AFTER_MS:
        if payment.initiated_at_ms + after_ms > now_ms:
            return payment.initiated_at_ms + after_ms
    return None
