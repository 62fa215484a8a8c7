"""`/__emu/…`: what a test may do and see. No real service has these."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.cards import APPROVED_CARD
from emulators.gateway.customer import visit
from emulators.gateway.desk import Desk, desk_of
from emulators.gateway.payments import Payment
from emulators.wire import json_answer, read_control


async def pay(request: Request) -> Response:
    """Pay as a browser does."""
    desk, payment = await _payment_of(request)
    asked = await read_control(request)
    mode = asked.get("mode", "server")
    if mode not in ("server", "closed"):
        raise HTTPException(400, "The mode is server or closed.")
    return json_answer(await visit(desk, payment, str(asked.get("card", APPROVED_CARD)), mode))


async def authorize(request: Request) -> Response:
    """A late success: the bank says yes after the payment was over."""
    desk, payment = await _payment_of(request)
    if not await desk.succeed_late(payment):
        return json_answer({"error": f"The payment is {payment.status}."}, 409)
    return json_answer({"payment_id": payment.payment_id, "status": payment.status})


async def ledger(request: Request) -> Response:
    return json_answer(desk_of(request).book.ledger())


async def webhooks(request: Request) -> Response:
    desk = desk_of(request)
    deliveries = list(desk.webhooks.deliveries)
    return json_answer(
        {"deliveries": deliveries, "dropped": desk.webhooks.dropped + desk.background.dropped}
    )


async def reset(request: Request) -> Response:
    await desk_of(request).reset()
    return json_answer({"reset": True})


async def _payment_of(request: Request) -> tuple[Desk, Payment]:
    desk = desk_of(request)
    payment = await desk.find(request.path_params["payment_id"])
    if payment is None:
        raise HTTPException(404, "No payment has this id.")
    return desk, payment
