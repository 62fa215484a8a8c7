"""How held money is taken."""

from itertools import permutations
from typing import Any

import pytest

from tests.emulators.fakes import PASSWORD, SLUG, FakeClock, Merchant, digest

pytestmark = pytest.mark.anyio


async def paid_payment(merchant: Merchant, **changes: Any) -> str:
    payment_id = await merchant.new_payment(**changes)
    await merchant.pay(payment_id)
    return payment_id


async def test_answer(merchant: Merchant) -> None:
    """An AUTHORIZED payment becomes CONFIRMED, and all of it is captured."""
    payment_id = await paid_payment(merchant)

    answer = await merchant.confirm(payment_id)

    content = answer.json()
    assert answer.status_code == 200
    assert content["success"] is True
    assert (content["paymentId"], content["orderId"]) == (payment_id, None)
    assert content["status"] == "CONFIRMED"
    assert content["authorizedAmount"] == content["confirmedAmount"] == 4_000_000
    assert (content["remainingAmount"], content["currency"]) == (0, "KZT")
    assert content["details"]["data"] is None
    assert await merchant.status(payment_id) == "CONFIRMED"


async def test_repeat(merchant: Merchant) -> None:
    """A second confirmation is a 409 that names the present status."""
    payment_id = await paid_payment(merchant)
    await merchant.confirm(payment_id)

    again = await merchant.confirm(payment_id)

    assert (again.status_code, again.json()["errorCode"]) == (409, "2409")
    assert "Current status: CONFIRMED" in again.json()["details"]["description"]


async def test_unpaid(merchant: Merchant) -> None:
    """A payment that nobody paid cannot be confirmed."""
    payment_id = await merchant.new_payment()

    answer = await merchant.confirm(payment_id)

    assert (answer.status_code, answer.json()["errorCode"]) == (409, "2409")
    assert await merchant.status(payment_id) == "NEW"


async def test_unknown(merchant: Merchant) -> None:
    """An unknown payment is a 404."""
    answer = await merchant.confirm("17600000001234")

    assert (answer.status_code, answer.json()["errorCode"]) == (404, "2404")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 0}, "Amount"),
        ({"amount": 50_000_001}, "Amount"),
        ({"description": "d" * 256}, "Description"),
        ({"reason": "r" * 256}, "Reason"),
        ({"paymentId": None}, "PaymentId"),
        ({"paymentId": "1" * 51}, "PaymentId"),
        ({"teamSlug": None}, "TeamSlug"),
        ({"data": "text"}, "$.data"),
    ],
)
async def test_annotations(merchant: Merchant, changes: dict[str, Any], field: str) -> None:
    """Its own range rules an amount that is given, far below that of an init."""
    answer = await merchant.confirm("17600000001234", **changes)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


async def test_null_body(merchant: Merchant) -> None:
    """A JSON null is no body."""
    answer = await merchant.http.post("/api/v1/PaymentConfirm/confirm", content=b"null")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [""])


async def test_large_payment_without_amount(merchant: Merchant) -> None:
    """A payment above the range of the amount is confirmed by leaving the amount out."""
    payment_id = await paid_payment(merchant, amount=2_000_000_000)

    answer = await merchant.confirm(payment_id)

    assert (answer.status_code, answer.json()["confirmedAmount"]) == (200, 2_000_000_000)


async def test_other_amount(merchant: Merchant) -> None:
    """Less than the full amount is refused, and the money stays held."""
    payment_id = await paid_payment(merchant)

    answer = await merchant.confirm(payment_id, amount=3_999_999)

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "2100")
    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_token_in_any_order(merchant: Merchant) -> None:
    """The documentation and its samples differ, so every order of the right values is taken."""
    for number, order in enumerate(permutations(range(4))):
        payment_id = await paid_payment(merchant, orderId=f"o-{number}")
        values = (4_000_000, payment_id, SLUG, PASSWORD)
        token = digest(*(values[index] for index in order))

        answer = await merchant.confirm(payment_id, amount=4_000_000, token=token)

        assert answer.status_code == 200


@pytest.mark.parametrize("changes", [{"token": "wrong"}, {"teamSlug": "stranger"}])
async def test_stranger(merchant: Merchant, changes: dict[str, str]) -> None:
    """A wrong token or team is a 401, and nothing is captured."""
    payment_id = await paid_payment(merchant)

    answer = await merchant.confirm(payment_id, **changes)

    assert (answer.status_code, answer.json()["errorCode"]) == (401, "TOKEN_INVALID")
    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_token_check_off(merchant: Merchant) -> None:
    """With the check switched off any token will do, but there must be one."""
    await merchant.turn(confirm_token="off")
    payment_id = await paid_payment(merchant)

    assert (await merchant.confirm(payment_id, token="")).status_code == 400
    assert (await merchant.confirm(payment_id, token="any")).status_code == 200


async def test_idempotency_key(merchant: Merchant, clock: FakeClock) -> None:
    """The same key brings the first answer back for thirty minutes, then the truth."""
    payment_id = await paid_payment(merchant)
    keyed = {"data": {"idempotencyKey": "k-1"}}
    first = await merchant.confirm(payment_id, **keyed)

    clock.advance(1799)
    again = await merchant.confirm(payment_id, **keyed)
    clock.advance(1)
    late = await merchant.confirm(payment_id, **keyed)

    assert first.json()["details"]["data"] == keyed["data"]
    assert (again.status_code, again.content) == (200, first.content)
    assert late.status_code == 409


async def test_refusal_is_not_replayed(merchant: Merchant) -> None:
    """A key that saw a refusal is free to succeed later."""
    payment_id = await merchant.new_payment()
    keyed = {"data": {"idempotencyKey": "k-1"}}
    assert (await merchant.confirm(payment_id, **keyed)).status_code == 409
    await merchant.pay(payment_id)

    assert (await merchant.confirm(payment_id, **keyed)).status_code == 200


async def test_age_limit_to_the_second(merchant: Merchant, clock: FakeClock) -> None:
    """A payment of exactly the greatest age is still confirmed."""
    await merchant.turn(confirm_age_max_s=900)
    payment_id = await paid_payment(merchant)
    clock.advance(900)

    assert (await merchant.confirm(payment_id)).status_code == 200


@pytest.mark.parametrize(
    "knobs",
    [
        {"confirm_age_max_s": 900},
        {"confirm_active_max": 1},
        {"confirm_currencies": ["RUB"]},
    ],
)
async def test_limits(merchant: Merchant, clock: FakeClock, knobs: dict[str, Any]) -> None:
    """Each limit is off by default; switched on, it refuses with the code for everything."""
    payment_id = await paid_payment(merchant)
    clock.advance(901)

    await merchant.turn(**knobs)
    refused = await merchant.confirm(payment_id)
    await merchant.turn(**dict.fromkeys(knobs))
    accepted = await merchant.confirm(payment_id)

    assert (refused.status_code, refused.json()["errorCode"]) == (400, "2100")
    assert accepted.status_code == 200
