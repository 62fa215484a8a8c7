"""Customers who come by themselves, go astray, or pay too late."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.emulators.fakes import FakeClock, Merchant, Shop

pytestmark = pytest.mark.anyio

DECLINED = "4000000000000002"


async def settle(app: Starlette) -> None:
    await app.state.desk.webhooks.settle()


def visits(shop: Shop) -> list[str]:
    return [request.url.path for request in shop.requests if request.method == "GET"]


@pytest.mark.parametrize(
    ("kind", "card", "expected"),
    [
        ("drop", "4111111111111111", []),
        ("wrong", "4111111111111111", ["/fail"]),
        ("wrong", DECLINED, ["/ok"]),
        ("duplicate", "4111111111111111", ["/ok", "/ok"]),
    ],
)
async def test_redirect_faults(
    merchant: Merchant,
    gateway_app: Starlette,
    shop: Shop,
    kind: str,
    card: str,
    expected: list[str],
) -> None:
    """The customer stays away, comes to the wrong page, or twice; the payment is what it is."""
    await merchant.turn(redirect_faults=[{"kind": kind, "times": 1}])
    payment_id = await merchant.new_payment()

    paid = await merchant.pay(payment_id, card)

    assert visits(shop) == expected
    assert paid["success"] is (card != DECLINED)


async def test_redirect_faults_meet_real_browsers(merchant: Merchant) -> None:
    """The form's own redirect is struck as well."""
    await merchant.turn(redirect_faults=[{"kind": "drop", "times": 1}])

    lost = await merchant.submit(await merchant.new_payment(orderId="1"))
    kept = await merchant.submit(await merchant.new_payment(orderId="2"))

    assert lost.headers["location"].startswith("./result/")
    assert kept.headers["location"] == "http://shop/ok?orderId=1001"


async def test_auto_pay(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, clock: FakeClock
) -> None:
    """Every payment is paid by itself after the delay, and the customer comes back."""
    await merchant.turn(auto_pay={"delay_s": 3})

    payment_id = await merchant.new_payment()
    await settle(gateway_app)

    assert (await merchant.status(payment_id), clock.slept) == ("AUTHORIZED", [3])
    assert visits(shop) == ["/ok"]


async def test_mix_of_customers(merchant: Merchant, gateway_app: Starlette) -> None:
    """Cards come as often as they weigh; some customers never pay; the seed says who."""
    await merchant.turn(auto_pay={"mix": {"4111111111111111": 2, DECLINED: 1, "none": 1}})
    for order_id in range(200):
        await merchant.new_payment(orderId=str(order_id))
    await settle(gateway_app)

    rows = (await merchant.http.get("/__emu/ledger")).json()["payments"]
    found = [row["status"] for row in rows]
    assert 80 <= found.count("AUTHORIZED") <= 120
    assert 30 <= found.count("REJECTED") <= 70
    assert 30 <= found.count("NEW") <= 70


@pytest.mark.parametrize(
    "auto_pay", [{"mix": {}}, {"mix": {"none": 0}}, {"mix": {"none": -1}}, {"delay_s": -1}]
)
async def test_mix_that_makes_no_sense(merchant: Merchant, auto_pay: dict[str, Any]) -> None:
    """Weights are not negative and add up to something."""
    answer = await merchant.http.put("/__emu/settings", json={"auto_pay": auto_pay})

    assert answer.status_code == 400


async def test_success_after_a_cancel(
    merchant: Merchant, gateway_app: Starlette, clock: FakeClock
) -> None:
    """A payment that was given up succeeds some time later, and the merchant is told."""
    await merchant.turn(late_success_rate=1, late_success_delay_s=9)
    payment_id = await merchant.new_payment()

    answer = await merchant.cancel(payment_id)
    await settle(gateway_app)

    assert answer.json()["status"] == "CANCELLED"
    assert (await merchant.status(payment_id), clock.slept) == ("AUTHORIZED", [9])


async def test_no_second_success(merchant: Merchant, gateway_app: Starlette) -> None:
    """Money that was given back does not come again by itself."""
    await merchant.turn(late_success_rate=1)
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id)

    await merchant.cancel(payment_id)
    await settle(gateway_app)

    assert await merchant.status(payment_id) == "CANCELLED"


@pytest.mark.parametrize(
    ("knob", "call", "status", "code"),
    [
        ("confirm_refusals", "PaymentConfirm/confirm", 400, "2100"),
        ("cancel_refusals", "PaymentCancel/cancel", 503, "3503"),
    ],
)
async def test_refused_so_often(
    merchant: Merchant, knob: str, call: str, status: int, code: str
) -> None:
    """Each payment's first calls find a lock that is busy; the next one works."""
    await merchant.turn(**{knob: 2})
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id)

    answers = [await merchant.change(call, payment_id) for _ in range(3)]

    assert [status, status, 200] == [answer.status_code for answer in answers]
    assert answers[0].json()["errorCode"] == code
    assert "Failed to acquire" in answers[0].json()["details"]["description"]


async def test_checks_tell_the_past(merchant: Merchant, clock: FakeClock) -> None:
    """A check says how the payment stood so long ago; before its birth it was NEW as well."""
    await merchant.turn(check_lag_s=10, check_cache=False)
    payment_id = await merchant.new_payment()
    clock.advance(5)
    await merchant.pay(payment_id)

    seen = []
    for _ in range(3):
        seen.append((await merchant.check(payment_id)).json()["payments"][0]["status"])
        clock.advance(5)

    assert seen == ["NEW", "NEW", "AUTHORIZED"]


async def test_customer_of_a_dead_shop(
    merchant: Merchant, gateway_app: Starlette, shop: Shop
) -> None:
    """A shop out of reach keeps nobody from paying."""
    await merchant.turn(auto_pay={}, webhooks=False)
    shop.answers = [httpx.ConnectError("down")]

    payment_id = await merchant.new_payment()
    await settle(gateway_app)

    assert await merchant.status(payment_id) == "AUTHORIZED"
