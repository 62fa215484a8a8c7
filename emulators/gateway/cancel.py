"""`POST /api/v1/PaymentCancel/cancel`: give the money back, always in full.

NEW is cancelled, AUTHORIZED is reversed, CONFIRMED is refunded; from any other status nothing.
A payment whose form is being paid (FORM_SHOWED) cannot be cancelled: check again a little later.
With `cancel_noop` the money stays where it is, as in the real service behind its broken door.
"""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.answers import Refused, refused
from emulators.gateway.desk import Desk, desk_of
from emulators.gateway.moments import timestamp
from emulators.gateway.payments import Payment, Status
from emulators.gateway.requests import ChangeRequest, amount_text
from emulators.wire import json_answer

# External request ids are remembered alone, not per payment.
REPLAY_TTL_S = 30 * 60


@dataclass(frozen=True)
class Ending:
    """What a cancellation makes of a payment."""

    status: Status
    cancellation_type: str


ENDINGS = {
    Status.NEW: Ending(Status.CANCELLED, "FULL_CANCELLATION"),
    Status.AUTHORIZED: Ending(Status.CANCELLED, "FULL_REVERSAL"),
    Status.CONFIRMED: Ending(Status.REFUNDED, "FULL_REFUND"),
}
BLANK: dict[str, Any] = {
    "success": False,
    "errorCode": None,
    "message": None,
    "paymentId": None,
    "orderId": None,
    "status": None,
    "cancellationType": None,
    "originalAmount": None,
    "cancelledAmount": None,
    "remainingAmount": None,
    "currency": None,
    "cancelledAt": None,
    "bankDetails": None,
    "refund": None,
    "details": None,
}
# As built, the endpoint asks the merchant's name once more and forgets the token on the way.
BROKEN = {
    **BLANK,
    "errorCode": "3001",
    "message": "Authentication failed",
    "details": {"reason": "token parameter is required"},
}


async def cancel(request: Request) -> Response:
    desk = desk_of(request)
    asked = await desk.read_body_of(request, ChangeRequest)
    amount = None if asked.amount is None else amount_text(asked.amount)
    desk.authenticate(asked, {"PaymentId": asked.payment_id, "Amount": amount})
    if desk.knobs.cancel_broken:
        raise Refused(json_answer(BROKEN, 401))
    key = asked.data.get("externalRequestId")
    replay_key = key if isinstance(key, str) else None
    if replay_key and (kept := desk.cancellations.get(replay_key, now=desk.now())) is not None:
        return kept
    payment = await desk.find(asked.payment_id or "")
    if payment is None:
        raise _refused(404, "3404", "Payment not found")
    ending = ENDINGS.get(payment.status)
    if ending is None:
        raise _refused(409, "3409", f"Payment cannot be cancelled from {payment.status}")
    if asked.amount is not None and asked.amount != payment.amount:
        raise _refused(422, "3422", "Only the full amount can be cancelled")
    if payment.cancels_refused < desk.knobs.cancel_refusals:
        payment.cancels_refused += 1
        raise _refused(503, "3503", "Failed to acquire cancellation lock")
    if not desk.knobs.cancel_noop:
        await desk.change(payment, ending.status)
    answer = json_answer(_cancelled(desk, asked, payment, ending))
    if replay_key:
        desk.cancellations.put(replay_key, answer, stale_at=desk.now() + REPLAY_TTL_S)
    return answer


def _cancelled(
    desk: Desk, asked: ChangeRequest, payment: Payment, ending: Ending
) -> dict[str, Any]:
    is_refund = ending.status is Status.REFUNDED
    refund = {"refundId": desk.new_uuid(), "refundStatus": "PROCESSING", "amount": payment.amount}
    return {
        **BLANK,
        "success": True,
        "errorCode": "0",
        "paymentId": payment.payment_id,
        "orderId": payment.order_id,
        "status": ending.status,
        "cancellationType": ending.cancellation_type,
        "originalAmount": payment.amount,
        "cancelledAmount": payment.amount,
        "remainingAmount": 0,
        "currency": payment.currency,
        "cancelledAt": timestamp(desk.now()),
        "bankDetails": {"bankTransactionId": desk.new_uuid()},
        "refund": refund if is_refund else None,
        "details": {"reason": asked.reason, "data": asked.data or None},
    }


def _refused(status: int, error_code: str, description: str) -> Refused:
    return refused(BLANK, status, error_code, "Payment cancellation failed", description)
