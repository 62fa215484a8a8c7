"""Every payment and its status, which changes only along `TRANSITIONS`."""

from collections import Counter, deque
from dataclasses import dataclass, field
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
# A careless gateway may change a status for ever; what is older than this nobody asks about.
CHANGES_KEPT = 16
SECONDS_OF_A_DAY = 86_400


@dataclass(slots=True, kw_only=True)
class Payment:
    """One payment. Amounts are minor units (tiyn); times are Unix seconds."""

    payment_id: str
    team_slug: str
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
    confirms_refused: int = 0
    cancels_refused: int = 0
    changes: deque[tuple[float, Status]] = field(
        default_factory=lambda: deque(maxlen=CHANGES_KEPT), repr=False
    )

    def status_at(self, moment: float) -> Status:
        """Where the payment stood then: NEW before everything that is remembered."""
        for at, status in reversed(self.changes):
            if at <= moment:
                return status
        return Status.NEW

    def is_due(self, now: float) -> bool:
        """Whether its time is over and nobody has paid."""
        return self.expires_at <= now and self.status in UNPAID


class BookFull(Exception):
    """No room for another payment; none is forgotten for it, because the ledger must add up."""


class PaymentBook:
    """All payments, found by their id or by the merchant's order id.

    Invariants: an order id names one payment of its team for ever; `_active` holds exactly the
    payments whose status is in ACTIVE; no payment is captured or refunded twice.
    """

    def __init__(self, payments_max: int) -> None:
        self._payments_max = payments_max
        self._by_id: dict[str, Payment] = {}
        self._by_order: dict[tuple[str, str], Payment] = {}
        self._active: dict[str, Payment] = {}
        self._begun_on: Counter[int] = Counter()

    def __contains__(self, payment_id: str) -> bool:
        return payment_id in self._by_id

    def add(self, payment: Payment) -> None:
        """Keep a new payment; raises BookFull."""
        assert payment.payment_id not in self._by_id
        order = payment.team_slug, payment.order_id
        assert order not in self._by_order
        if len(self._by_id) >= self._payments_max:
            raise BookFull
        self._by_id[payment.payment_id] = payment
        self._by_order[order] = payment
        self._active[payment.payment_id] = payment
        self._begun_on[int(payment.created_at // SECONDS_OF_A_DAY)] += 1

    def find(self, payment_id: str) -> Payment | None:
        return self._by_id.get(payment_id)

    def find_order(self, team_slug: str, order_id: str) -> Payment | None:
        return self._by_order.get((team_slug, order_id))

    def forget_team(self, team_slug: str) -> int:
        """Drop the payments of one team; returns how many."""
        dropped = [one for one in self._by_id.values() if one.team_slug == team_slug]
        for payment in dropped:
            del self._by_id[payment.payment_id]
            del self._by_order[team_slug, payment.order_id]
            self._active.pop(payment.payment_id, None)
        return len(dropped)

    def move(self, payment: Payment, status: Status, *, now: float) -> None:
        """Change the status, and the money that goes with it."""
        assert status in TRANSITIONS[payment.status], f"{payment.status} to {status}"
        self._set(payment, status, now)
        if status is Status.CONFIRMED:
            self.capture(payment)
        elif status is Status.REFUNDED:
            payment.refunded = payment.captured

    def authorize_late(self, payment: Payment, *, now: float) -> bool:
        """A success against all transitions. False: the payment has its success already."""
        if payment.captured or payment.status is Status.AUTHORIZED:
            return False
        self._set(payment, Status.AUTHORIZED, now)
        return True

    def write_back(self, payment: Payment, *, now: float) -> None:
        """NEW against all transitions: a careless writer has kept an old copy of the payment."""
        self._set(payment, Status.NEW, now)

    def capture(self, payment: Payment) -> None:
        """The merchant was told that the money is taken, whatever the status says."""
        payment.captured = payment.amount

    def begun_on_the_day_of(self, now: float) -> int:
        """How many payments have begun on this UTC day."""
        return self._begun_on[int(now // SECONDS_OF_A_DAY)]

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
        payment.changes.append((now, status))
        if status in ACTIVE:
            self._active[payment.payment_id] = payment
        else:
            self._active.pop(payment.payment_id, None)
