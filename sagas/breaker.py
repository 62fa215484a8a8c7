"""Spares a service that is down, and ourselves the waiting for it.

After a few calls in a row that nobody answered, only one call in a while is let through to see
whether somebody is there; the first answer opens the way for all. A service that has asked for a
longer pause gets it: that wish isn't about one payment.
"""

from collections.abc import Callable

import structlog

from sagas.outcome import Unknown
from sagas.wire import Reply

FAILURES_MAX = 5
# A customer who comes back after an outage waits for the next probe at most.
PROBE_INTERVAL_MS = 1_000
# Of those who ask in one second when to call, so many come for the next probe, so many for the one
# after it, and whoever is left for the tenth: an answer wakes all.
ASKING_MAX = 100
PROBES_AHEAD_MAX = 10
# The service, or what stands before it, says that it can't. An error of its own (500) may be about
# one payment, so it says nothing of the others.
_DOWN = frozenset({429, 502, 503, 504})
_SAYS_NOTHING = 500

log = structlog.get_logger("sagas.breaker")


class Breaker:
    """Of one service. It is *open* while no calls are let through but probes."""

    def __init__(self, service: str, *, clock_ms: Callable[[], int]) -> None:
        self._service = service
        self._clock_ms = clock_ms
        self._failures = 0
        # Errors of its own too: in a row of calls of which none was answered.
        self._unanswered = 0
        # The last call ended in such an error.
        self._has_erred = False
        self._next_probe_ms = 0
        # How many have asked in vain since that moment.
        self._asked = 0
        self._asked_since_ms = 0
        self._answered_at_ms = 0
        self._recovered: Callable[[], None] = lambda: None

    def listen(self, recovered: Callable[[], None]) -> None:
        """It is called at the first answer after an outage; one listener a service."""
        self._recovered = recovered

    def is_open(self) -> bool:
        """True while nobody knows of an answer."""
        return self._failures >= FAILURES_MAX

    def is_silent(self) -> bool:
        """True while it is open and the last call met nobody; who errs can be asked another way."""
        return self.is_open() and not self._has_erred

    def is_answering(self) -> bool:
        """False when nobody has had an answer lately; if it only errs, calls go on all the same."""
        return self._unanswered < FAILURES_MAX

    def has_answered_since(self, moment_ms: int) -> bool:
        """Whether any call has had an answer after that moment."""
        return self._answered_at_ms > moment_ms

    def call_at_ms(self) -> int:
        """0: call now. Otherwise when to ask again; whoever is let through is the probe."""
        if not self.is_open():
            return 0
        now_ms = self._clock_ms()
        if now_ms < self._next_probe_ms:
            return self._ask_again_ms(now_ms)
        self._next_probe_ms = now_ms + PROBE_INTERVAL_MS
        return 0

    def _ask_again_ms(self, now_ms: int) -> int:
        if now_ms >= self._asked_since_ms + PROBE_INTERVAL_MS:
            self._asked, self._asked_since_ms = 0, now_ms
        probes = min(self._asked // ASKING_MAX, PROBES_AHEAD_MAX - 1)
        self._asked += 1
        # Not as late as a long pause ends: an earlier call's answer may end it at any moment.
        next_ms = min(self._next_probe_ms, now_ms + PROBE_INTERVAL_MS)
        return next_ms + probes * PROBE_INTERVAL_MS

    def note(self, reply: Reply | Unknown) -> None:
        """Every answer, or its absence, is told here."""
        self._has_erred = isinstance(reply, Reply) and reply.status == _SAYS_NOTHING
        if isinstance(reply, Unknown) or reply.status in _DOWN:
            self._fail(wish_ms=round(reply.retry_after_s * 1000))
        elif reply.status == _SAYS_NOTHING:
            self._unanswered += 1
        else:
            self._succeed()

    def _fail(self, *, wish_ms: int) -> None:
        self._failures += 1
        self._unanswered += 1
        if self._failures == FAILURES_MAX:
            log.error("no answer: calls wait until there is one again", service=self._service)
        probe_ms = self._clock_ms() + max(PROBE_INTERVAL_MS, wish_ms)
        self._next_probe_ms = max(self._next_probe_ms, probe_ms)

    def _succeed(self) -> None:
        was_open = self.is_open()
        self._failures = self._unanswered = 0
        self._next_probe_ms = 0
        self._answered_at_ms = self._clock_ms()
        if was_open:
            log.warning("answers again", service=self._service)
            self._recovered()
