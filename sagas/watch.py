"""What this process remembers of a payment beside its durable state: patience, hints, doubts.

All of it may be lost in a crash; then calls come a little earlier, and doubts are cleared up by
asking.
"""

import asyncio
import random

from engine import Payment
from sagas import backoff
from sagas.breaker import Breaker
from sagas.filling import Filling
from sagas.outcome import Trouble, Unknown

Stamp = tuple[object, ...]

# A customer waits: try sooner than patience alone would.
AWAITED_RETRY_MS = 1_000


def stamp_of(payment: Payment) -> Stamp:
    """Changes whenever another call may be owed."""
    reservation = payment.reservation
    place = None if reservation is None else reservation.status
    return payment.status, bool(payment.payment_id), place


class Patience:
    """How patiently one of the two services is asked about one payment."""

    __slots__ = (
        "_seen",
        "failed_at_ms",
        "failures",
        "not_before_ms",
        "own_failures",
        "wished_until_ms",
    )

    def __init__(self) -> None:
        self.failures = 0
        # Those of them that are this payment's own: the service has answered others meanwhile.
        self.own_failures = 0
        self.failed_at_ms = 0
        self.not_before_ms = 0
        # A part of it that is the service's wish and not our patience.
        self.wished_until_ms = 0
        self._seen: Stamp | None = None

    def notice(self, stamp: Stamp) -> None:
        """A new state owes a new call, and nothing is known against making it now."""
        if stamp != self._seen:
            self._seen = stamp
            self.succeed()
            self.not_before_ms = 0

    def has_seen(self, stamp: Stamp) -> bool:
        return stamp == self._seen

    def succeed(self) -> None:
        """The service has answered about this payment."""
        self.failures = 0
        self.own_failures = 0

    def fail(
        self, *, now_ms: int, retry_after_s: float, rng: random.Random, is_own: bool = False
    ) -> None:
        """The next call waits: longer after each failure, and at least as long as the service asks.

        `is_own`: the service has answered others since the failure before this one.
        """
        self.failures += 1
        self.own_failures += is_own
        self.failed_at_ms = now_ms
        self.wished_until_ms = now_ms + round(retry_after_s * 1000)
        patient_until_ms = now_ms + backoff.retry_ms(self.failures, rng)
        self.not_before_ms = max(patient_until_ms, self.wished_until_ms)

    def meet(self, trouble: Trouble, breaker: Breaker, *, now_ms: int, rng: random.Random) -> None:
        """A call has come to nothing; `breaker` knows whether others have had an answer."""
        self.fail(
            now_ms=now_ms,
            retry_after_s=trouble.retry_after_s if isinstance(trouble, Unknown) else 0.0,
            rng=rng,
            is_own=breaker.has_answered_since(self.failed_at_ms),
        )

    def hasten(self) -> None:
        """A customer waits for the next call: it isn't put off but for a moment, or a wish."""
        soon_ms = max(self.failed_at_ms + AWAITED_RETRY_MS, self.wished_until_ms)
        self.not_before_ms = min(self.not_before_ms, soon_ms)

    def is_worth_telling(self) -> bool:
        """True at the first failure, the second, the fourth: an outage must not flood the log."""
        return self.failures & (self.failures - 1) == 0


class Watch:
    """One payment's."""

    __slots__ = (
        "_waiters",
        "filling",
        "gateway",
        "hinted",
        "hints",
        "hints_answered",
        "hints_at_check",
        "last_check_ms",
        "provider",
        "variant",
    )

    def __init__(self, *, first_variant: int) -> None:
        self.gateway = Patience()
        self.provider = Patience()
        self.filling: Filling | None = None
        # Hints are counted, and a check answers those that came before it was sent.
        self.hinted = False
        self.hints = 0
        self.hints_at_check = 0
        self.hints_answered = 0
        self.last_check_ms = 0
        self.variant = first_variant
        # A dict for its order: a set would wake them in another one in every process.
        self._waiters: dict[asyncio.Future[None], None] = {}

    def next_variant(self, *, at_least: int) -> int:
        """Which variant the next check has: none that an earlier one had lately."""
        self.variant = max(self.variant + 1, at_least)
        return self.variant

    def is_awaited(self) -> bool:
        """True while a customer waits for the next change."""
        return bool(self._waiters)

    def listen(self) -> asyncio.Future[None]:
        """Done at the next change. One for each listener: cancelling it ends nobody else's wait."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        return waiter

    def unlisten(self, waiter: asyncio.Future[None]) -> None:
        """Owed by whoever has listened, however the wait ended; after a change it does nothing."""
        self._waiters.pop(waiter, None)

    def tell(self) -> None:
        """Everybody who listens should look again."""
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
