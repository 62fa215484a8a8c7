"""`/api/v1/paymentform/…`: where the customer pays.

A submit always answers 302, to the merchant's own URL as it was given at init, with nothing
added: which payment it was, the merchant must have written into the URL.
"""

import re
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from emulators.gateway.cards import Card, decline_reason
from emulators.gateway.desk import Desk, desk_of
from emulators.gateway.moments import day, timestamp
from emulators.gateway.pages import (
    HEADERS,
    SCRIPT_HEADERS,
    payment_page,
    result_page,
    status_page,
)
from emulators.gateway.payments import Payment, Status
from emulators.wire import json_answer, read_body

PAYMENT_ID = re.compile(r"[0-9]{1,20}")
REQUIRED = ("PaymentId", "CardNumber", "ExpiryDate", "Cvv", "CardholderName", "Email")
# A form has ten fields; the bound keeps a hostile one cheap.
FORM_FIELDS_MAX = 50


async def render(request: Request) -> Response:
    desk = desk_of(request)
    payment_id = request.path_params["payment_id"]
    if not PAYMENT_ID.fullmatch(payment_id):
        return json_answer({"error": "Invalid payment ID format"}, 400)
    payment = await desk.find(payment_id)
    if payment is None:
        return json_answer({"error": "Payment not found"}, 404)
    lang = _language(request.query_params.get("lang") or payment.language)
    if payment.status is not Status.NEW:
        return HTMLResponse(status_page(payment, lang=lang), headers=HEADERS)
    twice = desk.knobs.double_submit
    page = payment_page(payment, lang=lang, today=day(desk.now()), submits_twice=twice)
    await desk.tell(payment, _view(desk, request, payment, lang))
    if desk.knobs.stale_overwrite:
        desk.book.write_back(payment, now=desk.now())
    return HTMLResponse(page, headers=SCRIPT_HEADERS if twice else HEADERS)


async def submit(request: Request) -> Response:
    desk = desk_of(request)
    form = await _read_form(desk, request)
    payment_id = form.get("paymentid", "")
    missing = [name for name in REQUIRED if name.lower() not in form]
    if form.get("termsagreement", "").lower() not in ("true", "on"):
        missing.append("TermsAgreement")
    if missing:
        message = "Validation failed: " + ", ".join(f"{name} is required" for name in missing)
        return _redirect(result_location(payment_id, success=False, message=message))
    payment = await desk.find(payment_id)
    if payment is None:
        return _redirect(result_location(payment_id, success=False, message="Payment not found"))
    card = Card(number=form["cardnumber"], expiry=form["expirydate"], cvv=form["cvv"])
    return _redirect((await pay(desk, payment, card)).location)


async def result(request: Request) -> Response:
    query = request.query_params
    page = result_page(
        success=query.get("success", "").lower() == "true",
        message=query.get("message", ""),
        lang=_language(query.get("lang")),
    )
    return HTMLResponse(page, headers=HEADERS)


@dataclass(frozen=True)
class Paid:
    """How a card payment ended, and where the customer goes from here, and how often."""

    success: bool
    location: str
    visits: int = 1


async def pay(desk: Desk, payment: Payment, card: Card) -> Paid:
    """What a submit does to the payment: FORM_SHOWED, the bank, AUTHORIZED or REJECTED."""
    if payment.status is not Status.NEW:
        return _sent_on(desk, payment, success=False, message=f"Payment is {payment.status}")
    await desk.change(payment, Status.FORM_SHOWED)
    if desk.knobs.card_delay_s:
        await desk.settings.sleep(desk.knobs.card_delay_s)
    # The payment may have expired, or succeeded by other means, while the bank was thinking.
    if cast(Status, payment.status) is not Status.FORM_SHOWED:
        return _sent_on(desk, payment, success=False, message=f"Payment is {payment.status}")
    declined = decline_reason(
        card,
        today=day(desk.now()),
        chance=desk.bank_chance,
        decline_rate=desk.knobs.decline_rate,
    )
    await desk.change(payment, Status.AUTHORIZED if declined is None else Status.REJECTED)
    if desk.knobs.stale_overwrite:
        desk.book.write_back(payment, now=desk.now())
    return _sent_on(
        desk, payment, success=declined is None, message=declined or "Payment authorized"
    )


def result_location(payment_id: str, *, success: bool, message: str) -> str:
    """The gateway's own result page, relative to the form."""
    flag = "true" if success else "false"
    return f"./result/{quote(payment_id, safe='')}?success={flag}&message={quote(message)}"


def _sent_on(desk: Desk, payment: Payment, *, success: bool, message: str) -> Paid:
    fault = desk.redirect_fault()
    kind = None if fault is None else fault.kind
    back_to_success = success != (kind == "wrong")
    own = payment.success_url if back_to_success else payment.fail_url
    if own is None or kind == "drop":
        return Paid(success, result_location(payment.payment_id, success=success, message=message))
    return Paid(success, own, visits=2 if kind == "duplicate" else 1)


async def _read_form(desk: Desk, request: Request) -> dict[str, str]:
    """The fields by lower-cased name; an empty one that must not be empty is a 400."""
    body = (await read_body(request)).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise desk.invalid({"": ["The form has too many fields."]}) from None
    form = {name.lower(): value for name, value in pairs}
    empty = [name for name in REQUIRED if form.get(name.lower()) == ""]
    if empty:
        raise desk.invalid({name: [f"The {name} field is required."] for name in empty})
    return form


def _redirect(location: str) -> Response:
    # Not a RedirectResponse: that one quotes the URL again, and "verbatim" is the promise.
    response = Response(status_code=302)
    response.raw_headers.append((b"location", location.encode()))
    return response


def _language(asked: str | None) -> str:
    return "en" if asked == "en" else "ru"


def _view(desk: Desk, request: Request, payment: Payment, lang: str) -> dict[str, object]:
    """The only webhook data that names the order."""
    return {
        "event_type": "form_showed",
        "amount": payment.amount,
        "currency": payment.currency,
        "order_id": payment.order_id,
        "client_ip": request.client.host if request.client else None,
        "language": lang,
        "user_agent": request.headers.get("user-agent"),
        "timestamp": timestamp(desk.now()),
    }
