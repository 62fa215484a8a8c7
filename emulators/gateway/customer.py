"""The customer, played by the emulator: pays by card and is sent back, as a browser is."""

from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from emulators.connections import Outgoing
from emulators.gateway.cards import test_card
from emulators.gateway.desk import Desk
from emulators.gateway.forms import Paid, pay
from emulators.gateway.moments import day
from emulators.gateway.payments import Payment

# A shop that hangs must not hang the customer.
FOLLOW_TIMEOUT_S = 30.0
# In the mix of `auto_pay`: a customer who looks and leaves.
NO_CARD = "none"

Mode = Literal["server", "closed"]


async def visit(desk: Desk, payment: Payment, card_number: str, mode: Mode) -> dict[str, Any]:
    """Pay, and say how it went. Mode `server` follows the redirect, `closed` never does."""
    paid = await _submitted(desk, payment, card_number)
    told: dict[str, Any] = {
        "payment_id": payment.payment_id,
        "status": payment.status,
        "success": paid.success,
        "location": paid.location,
    }
    if mode == "server" and urlsplit(paid.location).scheme:
        for _ in range(paid.visits):
            told |= await _follow(desk, paid.location)
    return told


def expect_customer(desk: Desk, payment: Payment) -> None:
    """Let a customer come by himself, if `auto_pay` is on: who it is, the seed says."""
    auto_pay = desk.knobs.auto_pay
    if auto_pay is None:
        return
    cards, weights = list(auto_pay.mix), list(auto_pay.mix.values())
    (card,) = desk.customer_chance.choices(cards, weights)
    if card != NO_CARD:
        desk.background.start(_come(desk, payment, card, after_s=auto_pay.delay_s))


async def _come(desk: Desk, payment: Payment, card: str, *, after_s: float) -> None:
    await desk.settings.sleep(after_s)
    await visit(desk, payment, card, "server")


async def _submitted(desk: Desk, payment: Payment, card_number: str) -> Paid:
    card = test_card(card_number, day(desk.now()))
    if desk.knobs.double_submit:
        # What the page's script does with its first answer: nothing.
        await pay(desk, payment, card)
    return await pay(desk, payment, card)


async def _follow(desk: Desk, location: str) -> dict[str, object]:
    transport = desk.settings.transport or Outgoing(trust_env=False)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as browser:
        try:
            answer = await browser.get(location, timeout=FOLLOW_TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            return {"followed": None, "error": type(failure).__name__}
    return {"followed": answer.status_code, "error": None}
