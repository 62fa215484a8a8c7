"""The gateway as it is, not as it should be: the profile `as_built`, and each of its knobs."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from emulators.gateway import GatewaySettings, create_app
from emulators.gateway.knobs import PROFILES
from tests.emulators.fakes import FakeClock, Merchant, Shop, digest

pytestmark = pytest.mark.anyio

APPROVED_OR_NOT = "5555555555554444"


@pytest.fixture
async def merchant(gateway_app: Starlette) -> AsyncIterator[Merchant]:
    """A merchant of a gateway as built, whose webhook URL the team knows; it may take tenge."""
    transport = httpx.ASGITransport(gateway_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        merchant = Merchant(http)
        await merchant.turn(profile="as_built", confirm_currencies=["KZT"])
        yield merchant
    await gateway_app.state.desk.webhooks.close()


@pytest.fixture
def gateway_settings(gateway_settings: GatewaySettings) -> GatewaySettings:
    return dataclasses.replace(gateway_settings, notification_url="http://shop/team")


def told(shop: Shop) -> list[str]:
    return [_status(request) for request in shop.requests]


def _status(request: httpx.Request) -> str:
    return str(httpx.Response(200, content=request.content).json()["status"])


async def test_urls_of_the_request_are_dropped(merchant: Merchant, shop: Shop) -> None:
    """The customer ends on the gateway's own page, and the webhooks go to the team's URL."""
    payment_id = await merchant.new_payment()

    paid = await merchant.pay(payment_id)

    assert paid["location"].startswith(f"./result/{payment_id}?success=true")
    assert {"/team"} == {request.url.path for request in shop.requests}


async def test_status_reverts_after_the_webhook(merchant: Merchant, shop: Shop) -> None:
    """Paid, told, and NEW again; while the webhook was delivered it was AUTHORIZED."""
    await merchant.turn(double_submit=False)
    payment_id = await merchant.new_payment()

    paid = await merchant.pay(payment_id)

    assert told(shop) == ["FORM_SHOWED", "AUTHORIZED"]
    assert (paid["success"], paid["status"]) == (True, "NEW")
    assert (await merchant.check(payment_id)).json()["payments"][0]["status"] == "NEW"


async def test_rejected_reverts_too(merchant: Merchant, shop: Shop) -> None:
    """A declined card leaves a payment that can be paid again."""
    await merchant.turn(double_submit=False)
    payment_id = await merchant.new_payment()

    await merchant.pay(payment_id, "4000000000000002")
    assert await merchant.status(payment_id) == "NEW"
    await merchant.pay(payment_id)

    assert told(shop) == ["FORM_SHOWED", "failed", "FORM_SHOWED", "AUTHORIZED"]


async def test_browser_submits_twice(merchant: Merchant, shop: Shop) -> None:
    """One click is two payments' worth of webhooks."""
    payment_id = await merchant.new_payment()

    await merchant.pay(payment_id)

    assert told(shop) == ["FORM_SHOWED", "AUTHORIZED"] * 2


async def test_authorized_then_failed(merchant: Merchant, shop: Shop) -> None:
    """With a card that is approved by chance, the second submit may contradict the first."""
    await merchant.turn(decline_rate=0.5)
    stories = set()
    for number in range(20):
        shop.requests.clear()
        await merchant.pay(
            await merchant.new_payment(orderId=str(number), token=_token(number)), APPROVED_OR_NOT
        )
        stories.add(tuple(told(shop)))

    assert ("FORM_SHOWED", "AUTHORIZED", "FORM_SHOWED", "failed") in stories


def _token(order_id: int) -> str:
    return digest(4_000_000, "KZT", order_id, "demo-password", "demo-merchant")


async def test_page_submits_twice(merchant: Merchant) -> None:
    """The served page has the script that does it, and its policy lets that script run alone."""
    payment_id = await merchant.new_payment()

    answer = await merchant.http.get(f"/api/v1/paymentform/render/{payment_id}")

    policy = answer.headers["content-security-policy"]
    assert answer.text.count("<script>") == 1
    assert "form.submit()" in answer.text
    assert "script-src 'sha256-" in policy
    assert "unsafe-inline'; script" not in policy


async def authorized(merchant: Merchant, **changes: Any) -> str:
    payment_id = await merchant.new_payment(**changes)
    await merchant.http.post(f"/__emu/payments/{payment_id}/authorize")
    return payment_id


async def test_confirm_changes_nothing(merchant: Merchant) -> None:
    """It says success and AUTHORIZED, again and again; the ledger believes the first success."""
    payment_id = await authorized(merchant)

    answers = [await merchant.confirm(payment_id, token="anything") for _ in range(2)]

    assert [(200, "AUTHORIZED")] * 2 == [(a.status_code, a.json()["status"]) for a in answers]
    ledger = (await merchant.http.get("/__emu/ledger")).json()
    assert (ledger["captured"], ledger["payments"][0]["status"]) == (4_000_000, "AUTHORIZED")


Hook = Callable[[Merchant, dict[str, Any]], Awaitable[None]]


@asynccontextmanager
async def answering(settings: GatewaySettings, hook: Hook) -> AsyncIterator[Merchant]:
    """A gateway as built, and a merchant who does something while a webhook is being delivered."""

    async def heard(request: httpx.Request) -> httpx.Response:
        await hook(shopkeeper, httpx.Response(200, content=request.content).json())
        return httpx.Response(200)

    knobs = msgspec.structs.replace(
        PROFILES["as_built"], confirm_currencies=("KZT",), double_submit=False
    )
    app = create_app(
        dataclasses.replace(settings, transport=httpx.MockTransport(heard), knobs=knobs)
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        shopkeeper = Merchant(http)
        yield shopkeeper
        await app.state.desk.webhooks.close()


async def test_confirm_while_the_webhook_is_delivered(gateway_settings: GatewaySettings) -> None:
    """The one moment in which a payment by card can be captured is its webhook's."""
    confirmed: list[int] = []

    async def confirm(shopkeeper: Merchant, told: dict[str, Any]) -> None:
        if told["status"] == "AUTHORIZED":
            confirmed.append((await shopkeeper.confirm(told["paymentId"])).status_code)

    async with answering(gateway_settings, confirm) as shopkeeper:
        payment_id = await shopkeeper.new_payment()
        await shopkeeper.pay(payment_id)
        late = await shopkeeper.confirm(payment_id)
        captured = (await shopkeeper.http.get("/__emu/ledger")).json()["captured"]

    assert ([200], 409, 4_000_000) == (confirmed, late.status_code, captured)
    assert "Current status: NEW" in late.json()["details"]["description"]


async def test_view_writes_an_old_copy_back(gateway_settings: GatewaySettings) -> None:
    """Whoever opens the form while the payment succeeds puts it back to NEW."""
    seen: list[str] = []

    async def succeed(shopkeeper: Merchant, told: dict[str, Any]) -> None:
        if told["status"] == "FORM_SHOWED":
            await shopkeeper.http.post(f"/__emu/payments/{told['paymentId']}/authorize")
            seen.append(await shopkeeper.status(told["paymentId"]))

    async with answering(gateway_settings, succeed) as shopkeeper:
        payment_id = await shopkeeper.new_payment()
        await shopkeeper.http.get(f"/api/v1/paymentform/render/{payment_id}")
        after = await shopkeeper.status(payment_id)

    assert (["AUTHORIZED"], "NEW") == (seen, after)


@pytest.mark.parametrize(
    ("knobs", "text"),
    [
        ({"confirm_currencies": ["RUB"]}, "Currency KZT is not supported by team"),
        ({"confirm_age_max_s": 0}, "too old"),
        ({"confirm_active_max": 1}, "too many active payments"),
        ({"confirm_daily_max": 1}, "too many payments today"),
    ],
)
async def test_confirm_limits(
    merchant: Merchant, clock: FakeClock, knobs: dict[str, Any], text: str
) -> None:
    """Each of the real limits, by its text: they all have one code."""
    payment_id = await authorized(merchant)
    clock.advance(1)
    assert (await merchant.confirm(payment_id)).status_code == 200

    await merchant.turn(**knobs)
    refused = await merchant.confirm(payment_id)

    assert (refused.status_code, refused.json()["errorCode"]) == (400, "2100")
    assert text in refused.json()["details"]["description"]


async def test_limits_of_the_profile(merchant: Merchant) -> None:
    """Fifteen minutes, a hundred in flight, a thousand a day, and roubles alone."""
    as_built = PROFILES["as_built"]

    assert (900, 100, 1_000, ("RUB",)) == (
        as_built.confirm_age_max_s,
        as_built.confirm_active_max,
        as_built.confirm_daily_max,
        as_built.confirm_currencies,
    )


async def test_day_of_the_limit_ends(merchant: Merchant, clock: FakeClock) -> None:
    """Payments of yesterday don't count for today."""
    await merchant.turn(confirm_daily_max=1, confirm_age_max_s=None)
    payment_id = await authorized(merchant)
    assert (await merchant.confirm(payment_id)).status_code == 400

    clock.advance(86_400)
    assert (await merchant.confirm(payment_id)).status_code == 200


async def test_cancel_never_works(merchant: Merchant) -> None:
    """Every cancel that is signed well is told that its token is missing."""
    payment_id = await authorized(merchant)

    answer = await merchant.cancel(payment_id)

    assert (answer.status_code, answer.json()["errorCode"]) == (401, "3001")
    assert answer.json()["details"] == {"reason": "token parameter is required"}
    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_get_status_knows_nobody(merchant: Merchant) -> None:
    """As built 401 for all; as documented the answer of a check."""
    payment_id = await merchant.new_payment()
    query = {
        "teamSlug": "demo-merchant",
        "paymentId": payment_id,
        "token": digest(payment_id, "demo-password", "demo-merchant"),
    }

    as_built = await merchant.http.get("/api/v1/PaymentCheck/status", params=query)
    await merchant.turn(profile="documented")
    flagged = query | {"includeReceipt": "true"}
    documented = await merchant.http.get("/api/v1/PaymentCheck/status", params=flagged)
    unsigned = await merchant.http.get("/api/v1/PaymentCheck/status", params={})

    assert (as_built.status_code, as_built.json()["errorCode"]) == (401, "4001")
    assert documented.json() == (await merchant.check(payment_id)).json()
    assert (unsigned.status_code, list(unsigned.json()["errors"])) == (400, ["TeamSlug", "Token"])


async def test_ids_of_one_second_collide(merchant: Merchant) -> None:
    """Some init of a busy second fails, keeps nothing, and can be repeated."""
    failed = [
        order_id
        for order_id in range(1_000)
        if (await merchant.init(orderId=str(order_id))).status_code == 500
    ]

    assert failed
    ledger = (await merchant.http.get("/__emu/ledger")).json()
    assert len(ledger["payments"]) == 1_000 - len(failed)
