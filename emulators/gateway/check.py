"""`POST /api/v1/PaymentCheck/check`: how a payment stands – or stood, because answers are cached.

A cached answer lives 30 seconds, or five minutes once the payment looks final. The key holds
the id asked for, the four `include` flags and the language, so a client that needs the truth
turns a flag; the flags change nothing else.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.answers import refused
from emulators.gateway.desk import desk_of
from emulators.gateway.moments import timestamp
from emulators.gateway.payments import Payment, Status
from emulators.gateway.requests import CheckRequest
from emulators.wire import json_answer

ACTIVE_TTL_S = 30
FINAL_TTL_S = 300
# REFUNDED included: a check just before a refund hides it for five minutes.
FINAL = frozenset({Status.CONFIRMED, Status.CANCELLED, Status.REFUNDED, Status.REJECTED})

BLANK: dict[str, Any] = {
    "success": False,
    "errorCode": None,
    "message": None,
    "payments": [],
    "totalCount": 0,
    "orderId": None,
    "details": None,
}
DESCRIPTIONS = {
    Status.NEW: "Payment created",
    Status.FORM_SHOWED: "Payment form is open",
    Status.AUTHORIZED: "Funds are held",
    Status.CONFIRMED: "Payment completed",
    Status.CANCELLED: "Payment cancelled",
    Status.REJECTED: "Payment rejected",
    Status.EXPIRED: "Payment expired",
    Status.REFUNDED: "Payment refunded",
}


async def check(request: Request) -> Response:
    desk = desk_of(request)
    asked = await desk.read_body_of(request, CheckRequest)
    if asked.payment_id:
        desk.authenticate(asked, {"PaymentId": asked.payment_id, "OrderId": asked.order_id})
    else:
        desk.authenticate(asked, {"OrderId": asked.order_id})
    if not (asked.payment_id or asked.order_id):
        raise refused(BLANK, 400, "1100", "Validation failed", "PaymentId or OrderId is required")
    key = _cache_key(asked)
    now = desk.now()
    if desk.knobs.check_cache and (kept := desk.check_cache.get(key, now=now)) is not None:
        return kept
    if asked.payment_id:
        payment = await desk.find(asked.payment_id)
    else:
        payment = await desk.find_order(asked.order_id or "")
    if payment is None:
        raise refused(BLANK, 404, "1404", "Payment not found", "No payment has this id")
    answer = json_answer(_standing(payment))
    if desk.knobs.check_cache:
        ttl_s = FINAL_TTL_S if payment.status in FINAL else ACTIVE_TTL_S
        desk.check_cache.put(key, answer, stale_at=now + ttl_s)
    return answer


def _cache_key(asked: CheckRequest) -> tuple[object, ...]:
    return (
        asked.payment_id or asked.order_id,
        asked.include_transactions,
        asked.include_card_details,
        asked.include_customer_info,
        asked.include_receipt,
        asked.language,
    )


def _standing(payment: Payment) -> dict[str, Any]:
    row = {
        "paymentId": payment.payment_id,
        "orderId": payment.order_id,
        "status": payment.status,
        "statusDescription": DESCRIPTIONS[payment.status],
        "amount": payment.amount,
        "currency": payment.currency,
        "createdAt": timestamp(payment.created_at),
        "updatedAt": timestamp(payment.updated_at),
        "expiresAt": timestamp(payment.expires_at),
        "description": payment.description,
        "payType": "O",
        "customer": None,
        "cardDetails": None,
        "transactions": None,
        "amounts": None,
        "urls": None,
        "data": None,
        "receipt": None,
    }
    return {
        **BLANK,
        "success": True,
        "payments": [row],
        "totalCount": 1,
        "orderId": payment.order_id,
    }
