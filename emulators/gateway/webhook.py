"""One webhook: its bytes, its signature, and how a fault spoils it."""

import hashlib
import hmac
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from emulators.gateway.knobs import WebhookFault

# What a forged webhook says instead.
FORGERIES: dict[str, dict[str, Any]] = {
    "wrong_team": {"teamSlug": "somebody-else"},
    "unknown_payment": {"paymentId": "10000000000000"},
}
CONTRADICTION = {
    "status": "failed",
    "data": {"event_type": "payment_failed", "failure_reason": "REJECTED"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """Ready to send, after `delay_s`. Its payment's later ones wait, unless it is `overtaken`."""

    payment_id: str
    status: str
    url: str
    body: bytes
    signature: str | None
    delay_s: float = 0.0
    overtaken: bool = False


def signature(body: bytes, secret: str) -> str:
    """The value of `X-Webhook-Signature` over exactly these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def written(content: dict[str, Any], *, url: str, secret: str | None) -> Webhook:
    """A webhook of this content, signed if there is a secret."""
    body = orjson.dumps(content)
    return Webhook(
        payment_id=content["paymentId"],
        status=content["status"],
        url=url,
        body=body,
        signature=None if secret is None else signature(body, secret),
    )


def spoiled(
    webhook: Webhook,
    fault: WebhookFault,
    *,
    secret: str | None,
    past: Sequence[Webhook],
    chance: random.Random,
) -> list[Webhook]:
    """What is sent in place of a webhook that a fault has struck. `past` are those sent before."""
    match fault.kind:
        case "drop":
            return []
        case "delay" | "reorder":
            overtaken = fault.kind == "reorder"
            return [replace(webhook, delay_s=fault.delay_s, overtaken=overtaken)]
        case "duplicate":
            return [webhook] * (1 + fault.copies)
        case "replay":
            return [webhook, chance.choice(past)] if past else [webhook]
        case "contradict":
            return [webhook, _changed(webhook, CONTRADICTION, secret)]
        case "bad_signature":
            return [replace(webhook, signature="sha256=" + "0" * 64)]
        case "wrong_team" | "unknown_payment":
            return [_changed(webhook, FORGERIES[fault.kind], secret)]


def _changed(webhook: Webhook, fields: dict[str, Any], secret: str | None) -> Webhook:
    """Another content with a good signature, still in the queue of its payment."""
    content = orjson.loads(webhook.body) | fields
    changed = written(content, url=webhook.url, secret=secret)
    return replace(changed, payment_id=webhook.payment_id)
