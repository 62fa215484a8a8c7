"""`POST /api/v1/PaymentCheck/check`: how a payment stands – or stood, because answers are cached.

A cached answer lives 30 seconds, or five minutes once the payment looks final. The key holds
the id asked for, the four `include` flags and the language, so a client that needs the truth
turns a flag; the flags change nothing else.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.answers import refused
from emulators.gateway.desk import Desk, desk_of
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
    return await _checked(desk, await desk.read_body_of(request, CheckRequest))


async def status(request: Request) -> Response:
    """`GET /api/v1/PaymentCheck/status`: the same by query; as built, it knows nobody."""
    desk = desk_of(request)
    if not desk.knobs.get_status:
        raise desk.stranger("4001")
    return await _checked(desk, desk.read_query(request, CheckRequest))


async def _checked(desk: Desk, asked: CheckRequest) -> Response:
    if asked.payment_id:
        named = {"PaymentId": asked.payment_id, "OrderId": asked.order_id}
    else:
        named = {"OrderId": asked.order_id}
    team = desk.authenticate(asked, named)
    if not (asked.payment_id or asked.order_id):
        raise refused(BLANK, 400, "1100", "Validation failed", "PaymentId or OrderId is required")
    key = _cache_key(asked)
    now = desk.now()
    if desk.knobs.check_cache and (kept := desk.check_cache.get(key, now=now)) is not None:
        return kept
    if asked.payment_id:
        payment = await desk.find(asked.payment_id)
    else:
        payment = await desk.find_order(team, asked.order_id or "")
    if payment is None:
        raise refused(BLANK, 404, "1404", "Payment not found", "No payment has this id")
    lag_s = desk.knobs.check_lag_s
    seen = payment.status_at(now - lag_s) if lag_s else payment.status
    answer = json_answer(_standing(payment, seen))
    if desk.knobs.check_cache:
        ttl_s = FINAL_TTL_S if seen in FINAL else ACTIVE_TTL_S
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


def _standing(payment: Payment, status: Status) -> dict[str, Any]:
    row = {
        "paymentId": payment.payment_id,
        "orderId": payment.order_id,
        "status": status,
        "statusDescription": DESCRIPTIONS[status],
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
