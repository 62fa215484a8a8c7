"""`POST /api/v1/PaymentInit/init`: a payment begins.

Not idempotent: the same order id is refused for ever after, and a lost answer is recovered
by a check by order id.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.answers import Refused, refused
from emulators.gateway.customer import expect_customer
from emulators.gateway.desk import Desk, IdTaken, desk_of
from emulators.gateway.moments import timestamp
from emulators.gateway.payments import BookFull, Payment
from emulators.gateway.requests import (
    EXPIRY_MINUTES_DEFAULT,
    INIT_AMOUNT_MAX,
    InitRequest,
    amount_text,
)
from emulators.gateway.teams import Team
from emulators.wire import is_absolute_url, json_answer

ORDER_ID = re.compile(r"[a-zA-Z0-9\-_]+")
# What the service knows at all; which of them a team may use is a knob.
CURRENCIES = frozenset({"KZT", "USD", "EUR", "BYN", "RUB"})
# Rounding of receipts: the sum of the items may differ by one minor unit.
ITEMS_TOLERANCE = 1

BLANK: dict[str, Any] = {
    "success": False,
    "errorCode": None,
    "message": None,
    "paymentId": None,
    "orderId": None,
    "status": None,
    "amount": None,
    "currency": None,
    "paymentURL": None,
    "expiresAt": None,
    "createdAt": None,
    "customer": None,
    "paymentMethod": None,
    "details": None,
    "timestamp": None,
    "correlationId": None,
    "version": "1.0",
}


async def init(request: Request) -> Response:
    desk = desk_of(request)
    asked = await desk.read(request, InitRequest)
    if asked is None:
        raise _refused("1000", "The request body is empty")
    assert asked.amount is not None  # annotations
    assert asked.order_id is not None
    signed = {
        "Amount": amount_text(asked.amount),
        "Currency": asked.currency,
        "OrderId": asked.order_id,
    }
    team = desk.authenticate(asked, signed)
    for check in CHECKS:
        check(desk, asked)
    if desk.book.find_order(team.slug, asked.order_id) is not None:
        raise _refused("1002", "A payment with this OrderId exists already", status=409)
    payment = _opened(desk, team, asked, amount=int(asked.amount), order_id=asked.order_id)
    if desk.knobs.webhook_at_init:
        await desk.tell(payment, at_once=True)
    expect_customer(desk, payment)
    return json_answer(_accepted(desk, request, asked, payment))


def _validate(desk: Desk, asked: InitRequest) -> None:
    """The controller's own validation, after the annotations."""
    if not ORDER_ID.fullmatch(asked.order_id or ""):
        raise _refused("1100", "OrderId may hold letters, digits, '-' and '_' only")
    if asked.currency not in CURRENCIES:
        raise _refused("1100", f"Currency {asked.currency!r} is not known")
    if asked.amount != int(asked.amount or 0):
        raise _refused("1100", "Amount must be a whole number of minor units")
    for url in (asked.success_url, asked.fail_url, asked.notification_url):
        if url is not None and not is_absolute_url(url):
            raise _refused("1100", "SuccessURL, FailURL and NotificationURL must be absolute URLs")
    if asked.items is not None and not _is_sum_of_items(asked):
        raise _refused("1100", "The sum of the items differs from the amount")


def _limit_amount(desk: Desk, asked: InitRequest) -> None:
    assert asked.amount is not None
    knobs = desk.knobs
    if knobs.team_amount_min is not None and asked.amount < knobs.team_amount_min:
        raise _refused("1004", "The amount is below the minimum")
    if knobs.team_amount_max is not None and asked.amount > knobs.team_amount_max:
        raise _refused("1005", "The amount is above the team's maximum")
    if asked.currency not in knobs.currencies:
        raise _refused("1006", f"Currency {asked.currency} is not supported by team")
    # The real service compares the payment alone: its sum of the day is wired to zero.
    if knobs.team_daily_limit is not None and asked.amount > knobs.team_daily_limit:
        raise _refused("1007", "The amount is above the team's daily limit", status=402)


def _know_customer(desk: Desk, asked: InitRequest) -> None:
    # No endpoint registers customers, so none exists.
    if asked.customer_key is not None:
        raise _refused("1003", "CustomerKey does not name a customer")


CHECKS: tuple[Callable[[Desk, InitRequest], None], ...] = (
    _validate,
    _know_customer,
    _limit_amount,
)


def _opened(desk: Desk, team: Team, asked: InitRequest, *, amount: int, order_id: str) -> Payment:
    now, kept = desk.now(), desk.knobs.keep_urls
    expiry_minutes = asked.payment_expiry or EXPIRY_MINUTES_DEFAULT
    try:
        payment_id = desk.new_payment_id()
    except IdTaken:
        raise _refused("9999", "An error occurred while saving", status=500) from None
    payment = Payment(
        payment_id=payment_id,
        team_slug=team.slug,
        order_id=order_id,
        amount=amount,
        currency=asked.currency,
        created_at=now,
        updated_at=now,
        expires_at=now + expiry_minutes * 60,
        description=asked.description,
        language=asked.language,
        success_url=asked.success_url if kept else None,
        fail_url=asked.fail_url if kept else None,
        notification_url=asked.notification_url if kept else None,
    )
    try:
        desk.book.add(payment)
    except BookFull:
        message = "The emulator keeps no more payments: POST /__emu/reset"
        raise _refused("9999", message, status=500) from None
    return payment


def _accepted(desk: Desk, request: Request, asked: InitRequest, payment: Payment) -> dict[str, Any]:
    """The answer; currency and both times stay null, as they do in the real one."""
    at = timestamp(desk.now())
    data = {
        **(asked.data or {}),
        "request_id": desk.new_uuid(),
        "team_id": desk.settings.team_slug,
        "client_ip": request.client.host if request.client else None,
        "user_agent": request.headers.get("user-agent"),
        "processing_timestamp": at,
    }
    details = {
        "description": asked.description,
        "payType": asked.pay_type,
        "language": asked.language,
        "redirectMethod": asked.redirect_method,
        "successURL": asked.success_url,
        "failURL": asked.fail_url,
        "notificationURL": asked.notification_url,
        "data": data,
        "items": asked.items,
    }
    return {
        **BLANK,
        "success": True,
        "errorCode": "0",
        "paymentId": payment.payment_id,
        "orderId": payment.order_id,
        "status": payment.status,
        "amount": payment.amount,
        "paymentURL": desk.payment_url(payment),
        "details": details,
        "timestamp": at,
    }


def _is_sum_of_items(asked: InitRequest) -> bool:
    total = Decimal(0)
    for item in asked.items or ():
        amount = item.get("amount")
        if not isinstance(amount, int | Decimal):
            return False
        # A sum of wilder numbers could overflow even a decimal.
        if not -INIT_AMOUNT_MAX <= amount <= INIT_AMOUNT_MAX:
            return False
        total += amount
    return abs(total - (asked.amount or 0)) <= ITEMS_TOLERANCE


def _refused(error_code: str, description: str, *, status: int = 400) -> Refused:
    return refused(BLANK, status, error_code, "Payment initialization failed", description)
