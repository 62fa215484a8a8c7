"""Every payment and its status, which changes only along `TRANSITIONS`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a payment stands, in the gateway's words."""

    NEW = "NEW"
    FORM_SHOWED = "FORM_SHOWED"
    AUTHORIZED = "AUTHORIZED"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.FORM_SHOWED, Status.CANCELLED, Status.EXPIRED}),
    Status.FORM_SHOWED: frozenset({Status.AUTHORIZED, Status.REJECTED, Status.EXPIRED}),
    Status.AUTHORIZED: frozenset({Status.CONFIRMED, Status.CANCELLED}),
    Status.CONFIRMED: frozenset({Status.REFUNDED}),
    Status.CANCELLED: frozenset(),
    Status.REJECTED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.REFUNDED: frozenset(),
}
# Active in the gateway's sense: these count against its limit of payments in flight.
ACTIVE = frozenset({Status.NEW, Status.FORM_SHOWED, Status.AUTHORIZED})
# A payment page may still be open somewhere: only these expire.
UNPAID = (Status.NEW, Status.FORM_SHOWED)


@dataclass(slots=True, kw_only=True)
class Payment:
    """One payment. Amounts are minor units (tiyn); times are Unix seconds."""

    payment_id: str
    order_id: str
    amount: int
    currency: str
    created_at: float
    updated_at: float
    expires_at: float
    description: str | None = None
    language: str | None = None
    success_url: str | None = None
    fail_url: str | None = None
    notification_url: str | None = None
    status: Status = Status.NEW
    captured: int = 0
    refunded: int = 0

    def is_due(self, now: float) -> bool:
        """Whether its time is over and nobody has paid."""
        return self.expires_at <= now and self.status in UNPAID


class BookFull(Exception):
    """No room for another payment; none is forgotten for it, because the ledger must add up."""


class PaymentBook:
    """All payments, found by their id or by the merchant's order id.

    Invariants: an order id names one payment for ever; `_active` holds exactly the payments whose
    status is in ACTIVE; only a CONFIRMED or REFUNDED payment has captured money.
    """

    def __init__(self, payments_max: int) -> None:
        self._payments_max = payments_max
        self._by_id: dict[str, Payment] = {}
        self._by_order: dict[str, Payment] = {}
        self._active: dict[str, Payment] = {}

    def __contains__(self, payment_id: str) -> bool:
        return payment_id in self._by_id

    def add(self, payment: Payment) -> None:
        """Keep a new payment; raises BookFull."""
        assert payment.payment_id not in self._by_id
        assert payment.order_id not in self._by_order
        if len(self._by_id) >= self._payments_max:
            raise BookFull
        self._by_id[payment.payment_id] = payment
        self._by_order[payment.order_id] = payment
        self._active[payment.payment_id] = payment

    def find(self, payment_id: str) -> Payment | None:
        return self._by_id.get(payment_id)

    def find_order(self, order_id: str) -> Payment | None:
        return self._by_order.get(order_id)

    def move(self, payment: Payment, status: Status, *, now: float) -> None:
        """Change the status, and the money that goes with it."""
        assert status in TRANSITIONS[payment.status], f"{payment.status} to {status}"
        self._set(payment, status, now)
        if status is Status.CONFIRMED:
            payment.captured = payment.amount
        elif status is Status.REFUNDED:
            payment.refunded = payment.captured

    def authorize_late(self, payment: Payment, *, now: float) -> bool:
        """A success against all transitions. False: the payment has its success already."""
        if payment.captured or payment.status is Status.AUTHORIZED:
            return False
        self._set(payment, Status.AUTHORIZED, now)
        return True

    def active(self) -> list[Payment]:
        """The payments still in flight, oldest first."""
        return list(self._active.values())

    def active_count(self) -> int:
        return len(self._active)

    def ledger(self) -> dict[str, Any]:
        """Every payment and the two sums, in minor units."""
        rows = [
            {
                "payment_id": payment.payment_id,
                "order_id": payment.order_id,
                "amount": payment.amount,
                "status": payment.status,
                "captured": payment.captured,
                "refunded": payment.refunded,
            }
            for payment in self._by_id.values()
        ]
        return {
            "payments": rows,
            "captured": sum(payment.captured for payment in self._by_id.values()),
            "refunded": sum(payment.refunded for payment in self._by_id.values()),
        }

    def _set(self, payment: Payment, status: Status, now: float) -> None:
        payment.status = status
        payment.updated_at = now
        if status in ACTIVE:
            self._active[payment.payment_id] = payment
        else:
            self._active.pop(payment.payment_id, None)
