"""How money is given back."""

from typing import Any

import pytest

from tests.emulators.fakes import PASSWORD, SLUG, FakeClock, Merchant, digest

pytestmark = pytest.mark.anyio


async def payment_in(merchant: Merchant, status: str) -> str:
    """A payment brought to this status by what a customer and a merchant can do."""
    payment_id = await merchant.new_payment(paymentExpiry=1)
    if status == "REJECTED":
        await merchant.pay(payment_id, "4000000000000002")
    if status in ("AUTHORIZED", "CONFIRMED", "REFUNDED"):
        await merchant.pay(payment_id)
    if status in ("CONFIRMED", "REFUNDED"):
        await merchant.confirm(payment_id)
    if status in ("CANCELLED", "REFUNDED"):
        await merchant.cancel(payment_id)
    return payment_id


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("NEW", "CANCELLED", "FULL_CANCELLATION"),
        ("AUTHORIZED", "CANCELLED", "FULL_REVERSAL"),
        ("CONFIRMED", "REFUNDED", "FULL_REFUND"),
    ],
)
async def test_three_ways_back(merchant: Merchant, before: str, after: str, kind: str) -> None:
    """What a cancellation is called depends on how far the payment had come."""
    payment_id = await payment_in(merchant, before)

    answer = await merchant.cancel(payment_id, reason="changed my mind")

    content = answer.json()
    assert answer.status_code == 200
    assert (content["success"], content["status"]) == (True, after)
    assert content["cancellationType"] == kind
    assert content["originalAmount"] == content["cancelledAmount"] == 4_000_000
    assert (content["remainingAmount"], content["currency"]) == (0, "KZT")
    assert (content["refund"] is not None) == (kind == "FULL_REFUND")
    assert content["details"] == {"reason": "changed my mind", "data": None}
    assert await merchant.status(payment_id) == after


@pytest.mark.parametrize("before", ["REJECTED", "CANCELLED", "REFUNDED"])
async def test_nothing_to_give_back(merchant: Merchant, before: str) -> None:
    """From any other status a cancellation is a 409 and changes nothing."""
    payment_id = await payment_in(merchant, before)

    answer = await merchant.cancel(payment_id)

    assert (answer.status_code, answer.json()["errorCode"]) == (409, "3409")
    assert await merchant.status(payment_id) == before


async def test_expired(merchant: Merchant, clock: FakeClock) -> None:
    """An expired payment cannot be cancelled either."""
    await merchant.turn(expire_job=True)
    payment_id = await payment_in(merchant, "NEW")
    clock.advance(60)

    answer = await merchant.cancel(payment_id)

    assert (answer.status_code, answer.json()["errorCode"]) == (409, "3409")
    assert await merchant.status(payment_id) == "EXPIRED"


async def test_unknown(merchant: Merchant) -> None:
    """An unknown payment is a 404."""
    answer = await merchant.cancel("17600000001234")

    assert (answer.status_code, answer.json()["errorCode"]) == (404, "3404")


@pytest.mark.parametrize(("amount", "status"), [(4_000_000, 200), (1, 422)])
async def test_full_amount_only(merchant: Merchant, amount: int, status: int) -> None:
    """An amount may be given, signed first, but only the full one."""
    payment_id = await payment_in(merchant, "CONFIRMED")

    answer = await merchant.cancel(payment_id, amount=amount)

    assert answer.status_code == status
    if status == 422:
        assert answer.json()["errorCode"] == "3422"


async def test_amount_range(merchant: Merchant) -> None:
    """An amount beyond its range is a 400 problem before anything else."""
    answer = await merchant.cancel("17600000001234", amount=50_000_001)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Amount"])


async def test_wrong_token(merchant: Merchant) -> None:
    """A cancellation signed as the published sample does is refused, and no money moves."""
    payment_id = await payment_in(merchant, "CONFIRMED")

    answer = await merchant.cancel(payment_id, token=digest(payment_id, SLUG, PASSWORD))

    assert (answer.status_code, answer.json()["errorCode"]) == (401, "TOKEN_INVALID")
    assert await merchant.status(payment_id) == "CONFIRMED"


async def test_external_request_id(merchant: Merchant, clock: FakeClock) -> None:
    """The same request id brings the first answer back for thirty minutes, then the truth."""
    payment_id = await payment_in(merchant, "CONFIRMED")
    keyed: dict[str, Any] = {"data": {"externalRequestId": "r-1"}}
    first = await merchant.cancel(payment_id, **keyed)

    clock.advance(1799)
    again = await merchant.cancel(payment_id, **keyed)
    clock.advance(1)
    late = await merchant.cancel(payment_id, **keyed)

    assert first.json()["details"]["data"] == keyed["data"]
    assert (again.status_code, again.content) == (200, first.content)
    assert late.status_code == 409


async def test_cancel_that_does_nothing(merchant: Merchant) -> None:
    """What is said to have gone back hasn't, as behind the real service's broken door."""
    payment_id = await payment_in(merchant, "CONFIRMED")
    await merchant.turn(cancel_noop=True)

    assert (await merchant.cancel(payment_id)).json()["success"]
    assert await merchant.status(payment_id) == "CONFIRMED"
