"""`/__emu/…`: what a test may do and see. No real service has these."""

from urllib.parse import urlsplit

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.cards import APPROVED_CARD, test_card
from emulators.gateway.desk import Desk, desk_of
from emulators.gateway.forms import pay as pay_by_card
from emulators.gateway.moments import day
from emulators.gateway.payments import Payment
from emulators.wire import json_answer, read_control

# A shop that hangs must not hang the test.
FOLLOW_TIMEOUT_S = 30.0


async def pay(request: Request) -> Response:
    """Pay as a browser does. Mode `server` follows the redirect, `closed` never does."""
    desk, payment = await _payment_of(request)
    asked = await read_control(request)
    number = str(asked.get("card", APPROVED_CARD))
    mode = asked.get("mode", "server")
    if mode not in ("server", "closed"):
        raise HTTPException(400, "The mode is server or closed.")
    paid = await pay_by_card(desk, payment, test_card(number, day(desk.now())))
    answer: dict[str, object] = {
        "payment_id": payment.payment_id,
        "status": payment.status,
        "success": paid.success,
        "location": paid.location,
    }
    if mode == "server" and urlsplit(paid.location).scheme:
        answer |= await _follow(desk, paid.location)
    return json_answer(answer)


async def authorize(request: Request) -> Response:
    """A late success: the bank says yes after the payment was over."""
    desk, payment = await _payment_of(request)
    if not desk.book.authorize_late(payment, now=desk.now()):
        return json_answer({"error": f"The payment is {payment.status}."}, 409)
    await desk.tell(payment)
    return json_answer({"payment_id": payment.payment_id, "status": payment.status})


async def ledger(request: Request) -> Response:
    return json_answer(desk_of(request).book.ledger())


async def webhooks(request: Request) -> Response:
    desk = desk_of(request)
    deliveries = list(desk.webhooks.deliveries)
    return json_answer({"deliveries": deliveries, "dropped": desk.webhooks.dropped})


async def reset(request: Request) -> Response:
    await desk_of(request).reset()
    return json_answer({"reset": True})


async def _payment_of(request: Request) -> tuple[Desk, Payment]:
    desk = desk_of(request)
    payment = await desk.find(request.path_params["payment_id"])
    if payment is None:
        raise HTTPException(404, "No payment has this id.")
    return desk, payment


async def _follow(desk: Desk, location: str) -> dict[str, object]:
    async with httpx.AsyncClient(transport=desk.settings.transport, trust_env=False) as browser:
        try:
            answer = await browser.get(location, timeout=FOLLOW_TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            return {"followed": None, "error": type(failure).__name__}
    return {"followed": answer.status_code, "error": None}
