"""What can befall a webhook."""

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.emulators.fakes import FakeClock, Merchant, Shop

pytestmark = pytest.mark.anyio


async def paid(merchant: Merchant, app: Starlette, **fault: Any) -> str:
    """A payment paid by card, with this fault for its AUTHORIZED; all webhooks delivered."""
    await merchant.turn(webhook_faults=[{"status": "AUTHORIZED", **fault}])
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id, mode="closed")
    await app.state.desk.webhooks.settle()
    return payment_id


def bodies(shop: Shop) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in shop.requests]


def statuses(shop: Shop) -> list[str]:
    return [body["status"] for body in bodies(shop)]


def is_signed(request: httpx.Request) -> bool:
    digest = hmac.new(b"hook-secret", request.content, hashlib.sha256).hexdigest()
    return request.headers["x-webhook-signature"] == f"sha256={digest}"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "drop"}, ["FORM_SHOWED"]),
        ({"kind": "duplicate", "copies": 2}, ["FORM_SHOWED"] + ["AUTHORIZED"] * 3),
        ({"kind": "replay"}, ["FORM_SHOWED", "AUTHORIZED", "FORM_SHOWED"]),
        ({"kind": "contradict"}, ["FORM_SHOWED", "AUTHORIZED", "failed"]),
    ],
)
async def test_more_or_fewer(
    merchant: Merchant,
    gateway_app: Starlette,
    shop: Shop,
    fault: dict[str, Any],
    expected: list[str],
) -> None:
    """A webhook lost, repeated, followed by an old one, or by its contrary; all signed well."""
    payment_id = await paid(merchant, gateway_app, **fault)

    assert statuses(shop) == expected
    assert all(map(is_signed, shop.requests))
    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_replay_after_a_reset(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """What was sent before it is no past any more."""
    await paid(merchant, gateway_app)
    await merchant.http.post("/__emu/reset")
    shop.requests.clear()

    await merchant.turn(webhook_faults=[{"kind": "replay", "times": 1}])
    await merchant.pay(await merchant.new_payment(), mode="closed")
    await gateway_app.state.desk.webhooks.settle()

    assert statuses(shop) == ["FORM_SHOWED", "AUTHORIZED"]


async def test_delay_keeps_the_order(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, clock: FakeClock
) -> None:
    """A late webhook holds back the later ones of its payment."""
    await merchant.turn(webhook_faults=[{"status": "FORM", "kind": "delay", "delay_s": 7}])
    await merchant.pay(await merchant.new_payment(), mode="closed")
    await gateway_app.state.desk.webhooks.settle()

    assert statuses(shop) == ["FORM_SHOWED", "AUTHORIZED"]
    assert clock.slept == [7]


@pytest.mark.parametrize("mode", ["background", "inline"])
async def test_reorder(merchant: Merchant, gateway_app: Starlette, shop: Shop, mode: str) -> None:
    """A webhook that is overtaken comes after the later ones."""
    await merchant.turn(
        webhook_mode=mode, webhook_faults=[{"status": "FORM", "kind": "reorder", "delay_s": 7}]
    )
    await merchant.pay(await merchant.new_payment(), mode="closed")
    await gateway_app.state.desk.webhooks.settle()

    assert statuses(shop) == ["AUTHORIZED", "FORM_SHOWED"]


async def test_bad_signature(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """The body is right, its signature is not."""
    await paid(merchant, gateway_app, kind="bad_signature")

    assert [True, False] == list(map(is_signed, shop.requests))
    assert 1 == len({len(one.headers["x-webhook-signature"]) for one in shop.requests})
    assert statuses(shop) == ["FORM_SHOWED", "AUTHORIZED"]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("wrong_team", "teamSlug", "somebody-else"),
        ("unknown_payment", "paymentId", "10000000000000"),
    ],
)
async def test_forged(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, kind: str, field: str, value: str
) -> None:
    """A webhook about somebody else's payment, signed well."""
    await paid(merchant, gateway_app, kind=kind)

    body = bodies(shop)[-1]
    assert (body["status"], body[field]) == ("AUTHORIZED", value)
    assert is_signed(shop.requests[-1])


async def test_so_many_times(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """A fault with `times` strikes the next webhooks that match, over all payments."""
    await merchant.turn(webhook_faults=[{"status": "FORM", "times": 1}])
    for order_id in ("1", "2"):
        await merchant.pay(await merchant.new_payment(orderId=order_id), mode="closed")
    await gateway_app.state.desk.webhooks.settle()

    assert sorted(statuses(shop)) == ["AUTHORIZED", "AUTHORIZED", "FORM_SHOWED"]


async def test_webhook_before_the_init_is_answered(merchant: Merchant, shop: Shop) -> None:
    """A merchant may hear of a payment whose id it has not been told yet."""
    await merchant.turn(webhook_at_init=True)

    payment_id = await merchant.new_payment()

    assert [(payment_id, "NEW")] == [(body["paymentId"], body["status"]) for body in bodies(shop)]
