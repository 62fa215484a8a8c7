"""What a test may do to the gateway."""

import dataclasses

import httpx
import pytest
from starlette.applications import Starlette

from emulators.gateway import GatewaySettings, create_app
from tests.emulators.fakes import Merchant, Shop

pytestmark = pytest.mark.anyio


async def test_pay_follows_the_redirect(merchant: Merchant, shop: Shop) -> None:
    """Paying calls the merchant's URL as a browser would, and says how it answered."""
    payment_id = await merchant.new_payment(notificationURL=None)
    shop.answers = [httpx.Response(204)]

    paid = await merchant.pay(payment_id)

    assert paid == {
        "payment_id": payment_id,
        "status": "AUTHORIZED",
        "success": True,
        "location": "http://shop/ok?orderId=1001",
        "followed": 204,
        "error": None,
    }
    assert [str(request.url) for request in shop.requests] == ["http://shop/ok?orderId=1001"]


async def test_pay_with_a_declined_card(merchant: Merchant, shop: Shop) -> None:
    """A declined card leads to the other URL."""
    payment_id = await merchant.new_payment(notificationURL=None)

    paid = await merchant.pay(payment_id, "4000000000000119")

    assert (paid["status"], paid["followed"]) == ("REJECTED", 200)
    assert [request.url.path for request in shop.requests] == ["/fail"]


async def test_pay_and_close_the_tab(merchant: Merchant, shop: Shop) -> None:
    """A customer who closes the tab has paid, but never comes back."""
    payment_id = await merchant.new_payment(notificationURL=None)

    paid = await merchant.pay(payment_id, mode="closed")

    assert (paid["status"], "followed" in paid) == ("AUTHORIZED", False)
    assert shop.requests == []


async def test_shop_that_is_down(merchant: Merchant, shop: Shop) -> None:
    """A merchant out of reach does not undo the payment."""
    payment_id = await merchant.new_payment(notificationURL=None)
    shop.answers = [httpx.ConnectError("down")]

    paid = await merchant.pay(payment_id)

    assert (paid["status"], paid["followed"], paid["error"]) == (
        "AUTHORIZED",
        None,
        "ConnectError",
    )


async def test_shop_that_resets_at_once(
    gateway_settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the library makes of that, customers and webhooks have met a dead network."""

    async def slip(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        raise AttributeError("'NoneType' object has no attribute 'getpeername'")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", slip)
    app = create_app(dataclasses.replace(gateway_settings, transport=None))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        merchant = Merchant(http)
        paid = await merchant.pay(await merchant.new_payment())
        await app.state.desk.webhooks.settle()
        deliveries = (await http.get("/__emu/webhooks")).json()["deliveries"]
    await app.state.desk.webhooks.close()

    assert (paid["status"], paid["error"]) == ("AUTHORIZED", "ConnectError")
    assert {"ConnectError"} == {row["error"] for row in deliveries}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("payments/1/pay", b"{}", 404),
        ("payments/1/authorize", b"", 404),
        ("payments/{id}/pay", b'{"mode":"other"}', 400),
        ("payments/{id}/pay", b"[", 400),
    ],
)
async def test_bad_control_calls(merchant: Merchant, path: str, body: bytes, status: int) -> None:
    """A control call that makes no sense is told so."""
    payment_id = await merchant.new_payment()

    answer = await merchant.http.post(f"/__emu/{path.format(id=payment_id)}", content=body)

    assert answer.status_code == status
    assert await merchant.status(payment_id) == "NEW"


async def test_late_success(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """A cancelled payment can succeed after all; it is told, and can be given back."""
    payment_id = await merchant.new_payment()
    await merchant.cancel(payment_id)

    answer = await merchant.http.post(f"/__emu/payments/{payment_id}/authorize")
    await gateway_app.state.desk.webhooks.settle()

    assert answer.json() == {"payment_id": payment_id, "status": "AUTHORIZED"}
    assert b'"AUTHORIZED"' in shop.requests[-1].content
    assert (await merchant.cancel(payment_id)).json()["cancellationType"] == "FULL_REVERSAL"


async def test_late_success_of_captured_money(merchant: Merchant) -> None:
    """What is held, captured or refunded stays so."""
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id)
    held = await merchant.http.post(f"/__emu/payments/{payment_id}/authorize")
    await merchant.confirm(payment_id)

    answer = await merchant.http.post(f"/__emu/payments/{payment_id}/authorize")

    assert (held.status_code, answer.status_code) == (409, 409)
    assert await merchant.status(payment_id) == "CONFIRMED"


async def test_ledger(merchant: Merchant) -> None:
    """Captured counts every capture ever made, refunded every return of captured money."""
    ends = ["held", "reversed", "captured", "refunded", "declined"]
    for number, end in enumerate(ends):
        payment_id = await merchant.new_payment(orderId=end, amount=1000 * 10**number)
        await merchant.pay(
            payment_id, "4000000000000002" if end == "declined" else "4111111111111111"
        )
        if end in ("captured", "refunded"):
            await merchant.confirm(payment_id)
        if end in ("reversed", "refunded"):
            await merchant.cancel(payment_id)

    ledger = (await merchant.http.get("/__emu/ledger")).json()

    rows = [
        (row["order_id"], row["status"], row["captured"], row["refunded"])
        for row in ledger["payments"]
    ]
    assert rows == [
        ("held", "AUTHORIZED", 0, 0),
        ("reversed", "CANCELLED", 0, 0),
        ("captured", "CONFIRMED", 100_000, 0),
        ("refunded", "REFUNDED", 1_000_000, 1_000_000),
        ("declined", "REJECTED", 0, 0),
    ]
    assert (ledger["captured"], ledger["refunded"]) == (1_100_000, 1_000_000)


async def test_reset(merchant: Merchant, gateway_app: Starlette) -> None:
    """A reset forgets payments and deliveries, and keeps the knobs."""
    await merchant.turn(decline_rate=0.5)
    payment_id = await merchant.new_payment()
    await merchant.cancel(payment_id)
    await merchant.check(payment_id)
    await gateway_app.state.desk.webhooks.settle()
    assert (await merchant.http.get("/__emu/webhooks")).json()["deliveries"]

    await merchant.http.post("/__emu/reset")

    ledger = (await merchant.http.get("/__emu/ledger")).json()
    webhooks = (await merchant.http.get("/__emu/webhooks")).json()
    settings = (await merchant.http.get("/__emu/settings")).json()
    assert ledger == {"payments": [], "captured": 0, "refunded": 0}
    assert webhooks == {"deliveries": [], "dropped": 0}
    assert settings["decline_rate"] == 0.5
    assert (await merchant.check_order("1001")).status_code == 404


async def test_reset_drops_waiting_webhooks(
    merchant: Merchant, gateway_app: Starlette, shop: Shop
) -> None:
    """A webhook that waits for its next attempt is not sent after a reset."""
    payment_id = await merchant.new_payment()
    await merchant.cancel(payment_id)

    await merchant.http.post("/__emu/reset")

    sent = len(shop.requests)
    assert sent <= 1
    assert (await merchant.http.get("/__emu/webhooks")).json()["deliveries"] == []
    await merchant.cancel(await merchant.new_payment())
    await gateway_app.state.desk.webhooks.settle()
    assert len(shop.requests) == sent + 1
