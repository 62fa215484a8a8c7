"""`POST /api/v1/PaymentConfirm/confirm`: take the money that was held.

AUTHORIZED becomes CONFIRMED; from any other status nothing changes. With `confirm_noop` the
status stays, as in the real service: the ledger then counts as captured what a merchant has been
told is captured.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.answers import Refused, refused
from emulators.gateway.desk import Desk, desk_of
from emulators.gateway.moments import timestamp
from emulators.gateway.payments import Payment, Status
from emulators.gateway.requests import ChangeRequest, amount_text
from emulators.gateway.tokens import is_lenient_token
from emulators.wire import json_answer

# Keys are remembered alone, not per payment: use a key once, for one payment.
REPLAY_TTL_S = 30 * 60

BLANK: dict[str, Any] = {
    "success": False,
    "errorCode": None,
    "message": None,
    "paymentId": None,
    "orderId": None,
    "status": None,
    "authorizedAmount": None,
    "confirmedAmount": None,
    "remainingAmount": None,
    "currency": None,
    "confirmedAt": None,
    "bankDetails": None,
    "details": None,
}


async def confirm(request: Request) -> Response:
    desk = desk_of(request)
    asked = await desk.read_body_of(request, ChangeRequest)
    _authenticate(desk, asked)
    key = asked.data.get("idempotencyKey")
    replay_key = key if isinstance(key, str) else None
    if replay_key and (kept := desk.confirmations.get(replay_key, now=desk.now())) is not None:
        return kept
    payment = await desk.find(asked.payment_id or "")
    if payment is None:
        raise _refused(404, "2404", "Payment not found")
    _require_confirmable(desk, asked, payment)
    if desk.knobs.confirm_noop:
        desk.book.capture(payment)
    else:
        await desk.change(payment, Status.CONFIRMED)
    answer = json_answer(_confirmed(desk, asked, payment))
    if replay_key:
        desk.confirmations.put(replay_key, answer, stale_at=desk.now() + REPLAY_TTL_S)
    return answer


def _authenticate(desk: Desk, asked: ChangeRequest) -> None:
    if desk.knobs.confirm_token == "off":
        return
    team = desk.known_team(asked)
    parameters = {"PaymentId": asked.payment_id or "", "TeamSlug": team.slug}
    if asked.amount is not None:
        parameters["Amount"] = amount_text(asked.amount)
    if not is_lenient_token(asked.token or "", parameters, team.password):
        raise desk.stranger("TOKEN_INVALID")


def _require_confirmable(desk: Desk, asked: ChangeRequest, payment: Payment) -> None:
    if payment.status is not Status.AUTHORIZED:
        description = f"Payment status must be AUTHORIZED. Current status: {payment.status}"
        raise _refused(409, "2409", description)
    if asked.amount is not None and asked.amount != payment.amount:
        raise _refused(400, "2100", "The amount must be the full amount of the payment")
    if payment.confirms_refused < desk.knobs.confirm_refusals:
        payment.confirms_refused += 1
        raise _refused(400, "2100", "Failed to acquire confirmation lock")
    _require_within_limits(desk, payment)


def _require_within_limits(desk: Desk, payment: Payment) -> None:
    knobs, book = desk.knobs, desk.book
    currencies, age_s_max = knobs.confirm_currencies, knobs.confirm_age_max_s
    active_max, daily_max = knobs.confirm_active_max, knobs.confirm_daily_max
    if currencies is not None and payment.currency not in currencies:
        raise _refused(400, "2100", f"Currency {payment.currency} is not supported by team")
    if age_s_max is not None and desk.now() - payment.created_at > age_s_max:
        raise _refused(400, "2100", "The payment is too old to be confirmed")
    if active_max is not None and book.active_count() >= active_max:
        raise _refused(400, "2100", "The team has too many active payments")
    if daily_max is not None and book.begun_on_the_day_of(desk.now()) >= daily_max:
        raise _refused(400, "2100", "The team has too many payments today")


def _confirmed(desk: Desk, asked: ChangeRequest, payment: Payment) -> dict[str, Any]:
    return {
        **BLANK,
        "success": True,
        "errorCode": "0",
        "paymentId": payment.payment_id,
        "status": payment.status,
        "authorizedAmount": payment.amount,
        "confirmedAmount": payment.amount,
        "remainingAmount": 0,
        "currency": payment.currency,
        "confirmedAt": timestamp(desk.now()),
        "bankDetails": {"bankTransactionId": desk.new_uuid()},
        "details": {
            "description": asked.description,
            "processingDuration": "00:00:00",
            "data": asked.data or None,
        },
    }


def _refused(status: int, error_code: str, description: str) -> Refused:
    return refused(BLANK, status, error_code, "Payment confirmation failed", description)
