"""How a payment stands, and how long the answer is believed."""

from typing import Any

import pytest

from tests.emulators.fakes import PASSWORD, SLUG, FakeClock, Merchant, digest

pytestmark = pytest.mark.anyio


async def seen(merchant: Merchant, payment_id: str, **flags: Any) -> str:
    answer = await merchant.check(payment_id, **flags)
    return str(answer.json()["payments"][0]["status"])


async def test_answer(merchant: Merchant) -> None:
    """The status stands inside `payments`, with every field the real answer has."""
    payment_id = await merchant.new_payment(description="Two seats", paymentExpiry=10)

    answer = await merchant.check(payment_id)

    row = {
        "paymentId": payment_id,
        "orderId": "1001",
        "status": "NEW",
        "statusDescription": "Payment created",
        "amount": 4_000_000,
        "currency": "KZT",
        "createdAt": "2025-10-09T08:53:20.0000000Z",
        "updatedAt": "2025-10-09T08:53:20.0000000Z",
        "expiresAt": "2025-10-09T09:03:20.0000000Z",
        "description": "Two seats",
        "payType": "O",
        "customer": None,
        "cardDetails": None,
        "transactions": None,
        "amounts": None,
        "urls": None,
        "data": None,
        "receipt": None,
    }
    content = answer.json()
    assert answer.status_code == 200
    assert content["success"] is True
    assert content["payments"] == [row]
    assert (content["totalCount"], content["orderId"]) == (1, "1001")


async def test_by_order_id(merchant: Merchant) -> None:
    """A merchant that lost the answer of an init finds its payment by the order id."""
    payment_id = await merchant.new_payment()

    answer = await merchant.check_order("1001")

    assert answer.json()["payments"][0]["paymentId"] == payment_id


@pytest.mark.parametrize(
    ("body", "status", "error_code"),
    [
        ({"paymentId": "17600000001234"}, 404, "1404"),
        ({"orderId": "never"}, 404, "1404"),
        ({}, 400, "1100"),
    ],
)
async def test_refusals(
    merchant: Merchant, body: dict[str, str], status: int, error_code: str
) -> None:
    """An unknown payment is a 404; asking for none at all is a 400."""
    token = digest(*body.values(), PASSWORD, SLUG)

    answer = await merchant.post("PaymentCheck/check", {"teamSlug": SLUG, "token": token, **body})

    assert (answer.status_code, answer.json()["errorCode"]) == (status, error_code)
    assert answer.json()["payments"] == []


async def test_wrong_token(merchant: Merchant) -> None:
    """A check signed in the order of the published samples (password last) is refused."""
    payment_id = await merchant.new_payment()

    answer = await merchant.check(payment_id, token=digest(payment_id, SLUG, PASSWORD))

    assert (answer.status_code, answer.json()["errorCode"]) == (401, "TOKEN_INVALID")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"paymentId": "1" * 51}, "PaymentId"),
        ({"orderId": "1" * 37}, "OrderId"),
        ({"language": "kk"}, "Language"),
        ({"token": None}, "Token"),
        ({"includeReceipt": "true"}, "$.includereceipt"),
    ],
)
async def test_annotations(merchant: Merchant, changes: dict[str, Any], field: str) -> None:
    """A value that its annotation forbids is a 400 problem that names the field."""
    answer = await merchant.check("1", **changes)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


async def test_active_payment_is_stale_for_thirty_seconds(
    merchant: Merchant, clock: FakeClock
) -> None:
    """A payment checked while NEW looks NEW for thirty seconds, though it was paid."""
    payment_id = await merchant.new_payment()
    await merchant.check(payment_id)
    await merchant.pay(payment_id)

    clock.advance(29.9)
    assert await seen(merchant, payment_id) == "NEW"
    clock.advance(0.1)
    assert await seen(merchant, payment_id) == "AUTHORIZED"


async def test_final_payment_is_stale_for_five_minutes(
    merchant: Merchant, clock: FakeClock
) -> None:
    """A payment checked while CONFIRMED hides its refund for five minutes."""
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id)
    await merchant.confirm(payment_id)
    await merchant.check(payment_id)
    await merchant.cancel(payment_id)

    clock.advance(299.9)
    assert await seen(merchant, payment_id) == "CONFIRMED"
    clock.advance(0.1)
    assert await seen(merchant, payment_id) == "REFUNDED"


@pytest.mark.parametrize(
    "turned",
    [
        {"includeTransactions": True},
        {"includeCardDetails": True},
        {"includeCustomerInfo": True},
        {"includeReceipt": True},
        {"language": "ru"},
        {"language": "en"},
    ],
)
async def test_turning_a_flag_goes_past_the_cache(
    merchant: Merchant, turned: dict[str, Any]
) -> None:
    """Every flag and the language belong to the key, so turning one shows the truth."""
    payment_id = await merchant.new_payment()
    await merchant.check(payment_id)
    await merchant.pay(payment_id)

    assert await seen(merchant, payment_id, **turned) == "AUTHORIZED"
    assert await seen(merchant, payment_id) == "NEW"


async def test_id_kinds_are_cached_apart(merchant: Merchant) -> None:
    """A stale answer by payment id does not hide the truth by order id."""
    payment_id = await merchant.new_payment()
    await merchant.check(payment_id)
    await merchant.pay(payment_id)

    answer = await merchant.check_order("1001")

    assert answer.json()["payments"][0]["status"] == "AUTHORIZED"


async def test_payments_are_cached_apart(merchant: Merchant) -> None:
    """What is remembered of one is never told of another."""
    ids = {order_id: await merchant.new_payment(orderId=order_id) for order_id in ("1", "2")}

    for order_id, payment_id in ids.items():
        by_id, by_order = await merchant.check(payment_id), await merchant.check_order(order_id)
        for answer in (by_id, by_order):
            assert answer.json()["payments"][0]["paymentId"] == payment_id


async def test_unknown_is_not_cached(merchant: Merchant) -> None:
    """A payment made just after a 404 is found at once."""
    assert (await merchant.check_order("1001")).status_code == 404
    await merchant.new_payment()

    assert (await merchant.check_order("1001")).status_code == 200


async def test_cache_off(merchant: Merchant) -> None:
    """With the cache switched off every check is true, whatever was remembered before."""
    payment_id = await merchant.new_payment()
    await merchant.check(payment_id)
    await merchant.turn(check_cache=False)
    await merchant.pay(payment_id)

    assert await seen(merchant, payment_id) == "AUTHORIZED"
    await merchant.confirm(payment_id)
    assert await seen(merchant, payment_id) == "CONFIRMED"


async def test_due_payment_by_either_id(merchant: Merchant, clock: FakeClock) -> None:
    """With the expiry job on, whoever asks after the time is over sees it; a stranger none."""
    await merchant.turn(expire_job=True)
    payment_id = await merchant.new_payment(paymentExpiry=1)
    clock.advance(60)

    by_order = await merchant.check_order("1001")

    assert by_order.json()["payments"][0]["status"] == "EXPIRED"
    assert await seen(merchant, payment_id) == "EXPIRED"
    assert (await merchant.check("17600000001234")).status_code == 404
    assert (await merchant.check_order("never")).status_code == 404
