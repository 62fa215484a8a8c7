"""Idempotency keys: what came before under a key, and what is remembered of a command.

One record holds the effect of a command and the answer to it, so a crash can't come between them.
"""

import msgspec

from engine.decide import Rules
from engine.domain import Receipt
from engine.errors import KeyReused, TooManyKeys
from engine.mutations import AnswerRemembered, Effect
from engine.state import State

# A caller of the public endpoints has no user; ids of users begin at 1.
NOBODY = 0


class Key(msgspec.Struct, frozen=True):
    """An idempotency key and the fingerprint of the request it came with."""

    key: str
    fingerprint: bytes


def earlier_receipt(state: State, user_id: int, key: Key) -> Receipt | None:
    """The remembered answer to the same request; KeyReused if it was another one."""
    receipt = state.receipts.get(user_id, {}).get(key.key)
    if receipt is not None and receipt.fingerprint != key.fingerprint:
        raise KeyReused(key.key)
    return receipt


def earlier_result(receipt: Receipt) -> int:
    """What the command returned then."""
    assert receipt.result is not None
    return receipt.result


def remember(
    state: State,
    rules: Rules,
    effect: Effect | None,
    *,
    user_id: int,
    key: Key,
    at_ms: int,
    result: int | None,
) -> AnswerRemembered:
    """The effect, if any, with the answer that belongs to it; TooManyKeys at the user's limit."""
    if len(state.receipts.get(user_id, ())) >= rules.receipts_per_user_max:
        raise TooManyKeys(rules.receipts_per_user_max)
    expires_at_ms = at_ms + rules.receipt_ttl_ms
    receipt = Receipt(user_id, key.key, key.fingerprint, expires_at_ms, result)
    return AnswerRemembered(at_ms, receipt, effect)
