"""What no retry will mend is parked: an operator sees it, and it is tried once an hour for ever.

A refusal by the gateway is read by its own code, because one HTTP status means many things there.
"""

import random

from sagas.outcome import Trouble, Unknown
from sagas.owed import GatewayCall

# Some nine minutes of tries with growing pauses. A try counts only if somebody has had an answer
# since the one before: what fails for all is the service, and no payment is parked because of it.
FAILURES_MAX = 30
RETRY_MS = 3_600_000

_PARKABLE = frozenset({GatewayCall.CAPTURE, GatewayCall.RETURN, GatewayCall.LOOK_UP})
# Not now, but perhaps in a while: the payment is in another status, or somebody else holds it.
_PASSING = frozenset({"2409", "3409", "3503"})
_CAPTURE_REFUSED = "2100"
# One code for "too old", "too many today", "wrong currency", and for these two, which pass: the
# payment is under a lock, or too many are active, each of which ends within minutes.
_BUSY_WORDS = ("lock", "active")


def is_beyond_retry(call: GatewayCall, trouble: Trouble, *, own_failures: int) -> bool:
    """True when only an operator, or the gateway's, can help: its next try may wait an hour."""
    if call not in _PARKABLE:
        return False
    if own_failures >= FAILURES_MAX:
        return True
    if isinstance(trouble, Unknown) or trouble.code in _PASSING:
        return False
    reason = trouble.reason.lower()
    return trouble.code != _CAPTURE_REFUSED or not any(word in reason for word in _BUSY_WORDS)


def reason_of(call: str, trouble: Trouble) -> str:
    """One line for people."""
    if isinstance(trouble, Unknown):
        return f"{call}: {trouble.reason}"
    words = (f"{call}: HTTP {trouble.status}", trouble.code, trouble.reason)
    return ", ".join(filter(None, words))


def retry_ms(rng: random.Random) -> int:
    """The pause before a parked call is tried again; half of it by chance, so they don't crowd."""
    return round(RETRY_MS * rng.uniform(0.5, 1.0))
