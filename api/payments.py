"""What the gateway and its customers tell us. All of it is hints: the gateway itself is asked."""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.endpoint import Call
from api.problems import BAD_SIGNATURE, Refusal
from api.query import required_integer
from api.reply import OK_TEXT, Reply
from engine import Payment, PaymentStatus
from sagas import verify_signature

# Somebody looks at the page: the money hasn't moved, so there is nothing to ask for. (It comes just
# before the news that counts, which must not have to wait for the end of a needless check.)
_NO_NEWS = frozenset({"NEW", "FORM_SHOWED"})
# The money has been taken. Nobody takes it but we, so while we do, the gateway may tell us of it
# before it answers, and wait for us.
_CAPTURE = frozenset({"COMPLETED", "CONFIRMED"})


class Notification(msgspec.Struct):
    """The gateway's words for what has happened to one of its payments."""

    payment_id: str = msgspec.field(name="paymentId")
    status: str
    team_slug: str = msgspec.field(name="teamSlug")
    timestamp: str
    data: dict[str, Any] | None = None


def order_query(values: Mapping[str, str]) -> int:
    return required_integer(values, "orderId")


async def customer_returned(call: Call[int]) -> Reply:
    """The customer's browser, back from the gateway's page; whether it says success or fail.

    It goes on to the page that tells what became of the order; programs read OK as ever.
    """
    service = call.service
    await service.sagas.verify(call.input, within_seconds=service.limits.verify_seconds)
    if b"text/html" not in call.headers.get(b"accept", b""):
        return OK_TEXT
    onwards = (b"refresh", b"0; url=/ticket?order=%d" % call.input)
    return OK_TEXT._replace(headers=(*OK_TEXT.headers, onwards))


async def notification(call: Call[Notification]) -> Reply:
    """Idempotent by nature, so it needs no key: however often it comes, the answer is the same."""
    service, told = call.service, call.input
    if service.webhook_secret:
        signature = call.headers.get(b"x-webhook-signature", b"").decode("latin-1")
        if not verify_signature(service.webhook_secret, call.raw, signature):
            raise Refusal(BAD_SIGNATURE)
    order_id = service.engine.order_of(told.payment_id)
    if order_id is None or told.team_slug != service.merchant_id:
        return OK_TEXT
    if not _is_no_news(told.status.upper(), service.engine.payment(order_id)):
        await service.sagas.verify(order_id, within_seconds=service.limits.notification_seconds)
    return OK_TEXT


def _is_no_news(status: str, payment: Payment | None) -> bool:
    is_being_captured = payment is not None and payment.status is PaymentStatus.AUTHORIZED
    return status in _NO_NEWS or (status in _CAPTURE and is_being_captured)
