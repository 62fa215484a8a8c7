"""What the merchant is told, and how stubbornly."""

import dataclasses
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from emulators.gateway import GatewaySettings, create_app
from emulators.gateway import webhooks as webhooks_module
from tests.emulators.fakes import FakeClock, Merchant, Shop

pytestmark = pytest.mark.anyio

DECLINED = "4000000000000002"


async def told(app: Starlette, shop: Shop) -> list[dict[str, Any]]:
    """The bodies of all webhooks so far, without the calls a browser made."""
    await app.state.desk.webhooks.settle()
    return [json.loads(request.content) for request in hooks(shop)]


def hooks(shop: Shop) -> list[httpx.Request]:
    return [request for request in shop.requests if request.url.path == "/hook"]


async def test_request(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """Headers and body are those of the real service, the signature over the very bytes."""
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id, mode="closed")
    await told(gateway_app, shop)

    request = hooks(shop)[-1]
    signed = hmac.new(b"hook-secret", request.content, hashlib.sha256).hexdigest()
    assert (request.method, str(request.url)) == ("POST", "http://shop/hook")
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["user-agent"] == "PaymentGateway-Webhook/1.0"
    assert request.headers["x-webhook-event"] == "payment_status_change"
    assert request.headers["x-webhook-signature"] == f"sha256={signed}"
    assert json.loads(request.content) == {
        "paymentId": payment_id,
        "status": "AUTHORIZED",
        "teamSlug": "demo-merchant",
        "timestamp": "2025-10-09T08:53:20.0000000Z",
        "data": {
            "transition_timestamp": "2025-10-09T08:53:20.0000000Z",
            "status_name": "AUTHORIZED",
        },
    }


async def test_no_signature_without_a_secret(gateway_settings: GatewaySettings, shop: Shop) -> None:
    """Without a secret there is no signature header, not an empty one."""
    app = create_app(dataclasses.replace(gateway_settings, webhook_secret=None))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        merchant = Merchant(http)
        await merchant.pay(await merchant.new_payment(), mode="closed")
        await told(app, shop)

    assert all("x-webhook-signature" not in request.headers for request in hooks(shop))
    assert len(hooks(shop)) == 2


async def test_view_of_the_form(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """Each view of a NEW payment's form is told, and only this webhook names the order."""
    payment_id = await merchant.new_payment()
    for _ in range(2):
        await merchant.http.get(
            f"/api/v1/paymentform/render/{payment_id}", headers={"user-agent": "browser"}
        )

    bodies = await told(gateway_app, shop)

    assert [body["status"] for body in bodies] == ["FORM_SHOWED", "FORM_SHOWED"]
    assert bodies[0]["data"] == {
        "event_type": "form_showed",
        "amount": 4_000_000,
        "currency": "KZT",
        "order_id": "1001",
        "client_ip": "127.0.0.1",
        "language": "ru",
        "user_agent": "browser",
        "timestamp": "2025-10-09T08:53:20.0000000Z",
    }


async def test_init_is_not_told(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """That a payment began is no news."""
    await merchant.new_payment()

    assert await told(gateway_app, shop) == []


async def test_story_of_a_refund(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """Every change is told in order; a capture is `completed`."""
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id)
    await merchant.confirm(payment_id)
    await merchant.cancel(payment_id)

    bodies = await told(gateway_app, shop)

    statuses = [body["status"] for body in bodies]
    assert statuses == ["FORM_SHOWED", "AUTHORIZED", "completed", "REFUNDED"]
    assert bodies[2]["data"] == {"event_type": "payment_completed"}
    assert bodies[3]["data"]["status_name"] == "REFUNDED"


async def test_quiet_in_between(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """What happens after all earlier webhooks have been delivered is told as well."""
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id, mode="closed")
    await told(gateway_app, shop)

    await merchant.confirm(payment_id)

    assert "completed" == (await told(gateway_app, shop))[-1]["status"]


@pytest.mark.parametrize("reason", ["REJECTED", "CANCELLED", "EXPIRED"])
async def test_ends_without_money(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, clock: FakeClock, reason: str
) -> None:
    """Every end without money is `failed`, with the reason beside it."""
    await merchant.turn(expire_job=True)
    payment_id = await merchant.new_payment(paymentExpiry=1)
    if reason == "REJECTED":
        await merchant.pay(payment_id, DECLINED)
    elif reason == "CANCELLED":
        await merchant.cancel(payment_id)
    else:
        clock.advance(60)
        await merchant.check(payment_id)

    body = (await told(gateway_app, shop))[-1]

    assert body["status"] == "failed"
    assert body["data"] == {"event_type": "payment_failed", "failure_reason": reason}


async def test_retries(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, clock: FakeClock
) -> None:
    """A refused webhook is sent four times in all, 1, 2 and 4 seconds apart, then lost."""
    payment_id = await merchant.new_payment()
    shop.answers = [httpx.Response(status) for status in (500, 300, 404)]
    shop.answers.append(httpx.ConnectError("down"))
    await merchant.cancel(payment_id)

    bodies = await told(gateway_app, shop)

    deliveries = (await merchant.http.get("/__emu/webhooks")).json()["deliveries"]
    assert len(bodies) == 4
    assert clock.slept == [1.0, 2.0, 4.0]
    assert all(body == bodies[0] for body in bodies)
    assert [row["attempt"] for row in deliveries] == [1, 2, 3, 4]
    assert [row["http_status"] for row in deliveries] == [500, 300, 404, None]
    assert deliveries[3]["error"] == "ConnectError"
    assert deliveries[0]["body"] == bodies[0]


async def test_delivery_id_is_new_each_time(
    merchant: Merchant, gateway_app: Starlette, shop: Shop
) -> None:
    """The delivery id changes from attempt to attempt, so it is useless against duplicates."""
    payment_id = await merchant.new_payment()
    shop.answers = [httpx.Response(500)]
    await merchant.cancel(payment_id)
    await told(gateway_app, shop)

    first, second = (request.headers["x-webhook-delivery"] for request in hooks(shop))
    assert first != second


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_any_success_is_enough(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, status: int
) -> None:
    """Whatever answer of success ends the attempts."""
    payment_id = await merchant.new_payment()
    shop.answers = [httpx.Response(status)]
    await merchant.cancel(payment_id)

    assert len(await told(gateway_app, shop)) == 1


async def test_redirect_becomes_a_get(
    merchant: Merchant, gateway_app: Starlette, shop: Shop
) -> None:
    """A redirected webhook is followed, and arrives as a GET without a body."""
    payment_id = await merchant.new_payment()
    shop.answers = [httpx.Response(302, headers={"location": "http://shop/elsewhere"})]
    await merchant.cancel(payment_id)
    await gateway_app.state.desk.webhooks.settle()

    calls = [(request.method, request.url.path) for request in shop.requests]
    assert calls == [("POST", "/hook"), ("GET", "/elsewhere")]


async def test_later_webhook_waits_for_the_earlier(
    merchant: Merchant, gateway_app: Starlette, shop: Shop
) -> None:
    """Retries of one webhook hold back the payment's next one, so order is kept."""
    payment_id = await merchant.new_payment()
    shop.answers = [httpx.Response(500), httpx.Response(500)]
    await merchant.pay(payment_id, mode="closed")

    statuses = [body["status"] for body in await told(gateway_app, shop)]

    assert statuses == ["FORM_SHOWED", "FORM_SHOWED", "FORM_SHOWED", "AUTHORIZED"]


async def test_inline(merchant: Merchant, shop: Shop) -> None:
    """Inline, a webhook has been delivered before the customer's answer."""
    await merchant.turn(webhook_mode="inline")
    payment_id = await merchant.new_payment()

    await merchant.submit(payment_id)

    assert len(hooks(shop)) == 2


async def test_team_url_when_the_request_has_none(
    merchant: Merchant, gateway_app: Starlette, shop: Shop
) -> None:
    """A payment without a URL of its own is told to the team's."""
    await merchant.http.put(
        "/api/v1/TeamManagement/profile",
        json={"notificationUrl": "http://shop/team"},
        auth=("demo-merchant", "demo-password"),
    )
    own = await merchant.new_payment(orderId="1")
    team = await merchant.new_payment(orderId="2", notificationURL=None)
    await merchant.cancel(own)
    await merchant.cancel(team)
    await gateway_app.state.desk.webhooks.settle()

    assert sorted(request.url.path for request in shop.requests) == ["/hook", "/team"]


async def test_nobody_to_tell(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """With no URL anywhere, or webhooks switched off, nothing is sent."""
    unheard = await merchant.new_payment(orderId="1", notificationURL=None)
    await merchant.cancel(unheard)
    await merchant.turn(webhooks=False)
    muted = await merchant.new_payment(orderId="2")
    await merchant.cancel(muted)
    await gateway_app.state.desk.webhooks.settle()

    assert shop.requests == []


async def test_too_many_waiting(
    merchant: Merchant,
    gateway_app: Starlette,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Past the bound a webhook is dropped and counted, and room is made by delivering."""
    monkeypatch.setattr(webhooks_module, "WAITING_MAX", 1)
    for order_id in ("1", "2"):
        payment_id = await merchant.new_payment(orderId=order_id)
        # Paying tells two things in one step; there is room for one.
        await merchant.pay(payment_id, mode="closed")
        await told(gateway_app, shop)

    statuses = [body["status"] for body in await told(gateway_app, shop)]

    assert statuses == ["FORM_SHOWED", "FORM_SHOWED"]
    assert (await merchant.http.get("/__emu/webhooks")).json()["dropped"] == 2


async def test_endless_answer_is_not_read(
    merchant: Merchant, gateway_app: Starlette, shop: Shop
) -> None:
    """Of a merchant's answer only the beginning is read; its status is what counts."""
    payment_id = await merchant.new_payment()
    chunks_read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal chunks_read
        while True:
            chunks_read += 1
            yield b"x" * 10_000

    shop.answers = [httpx.Response(200, content=endless())]
    await merchant.cancel(payment_id)

    assert len(await told(gateway_app, shop)) == 1
    assert chunks_read == 7


async def test_same_seed_same_story(gateway_settings: GatewaySettings) -> None:
    """Two gateways with one seed make the same ids and decline the same cards."""

    async def story() -> list[tuple[str, str]]:
        app = create_app(gateway_settings)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            merchant = Merchant(http)
            for number in range(30):
                payment_id = await merchant.new_payment(orderId=str(number))
                await merchant.pay(payment_id, "5555555555554444")
            ledger = (await http.get("/__emu/ledger")).json()
            await app.state.desk.webhooks.close()
        return [(row["payment_id"], row["status"]) for row in ledger["payments"]]

    first = await story()

    assert first == await story()
    assert {status for _, status in first} == {"AUTHORIZED", "REJECTED"}
