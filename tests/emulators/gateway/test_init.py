"""How a payment begins, and everything that keeps it from beginning."""

import dataclasses
import re
from typing import Any

import httpx
import pytest

from emulators.gateway import GatewaySettings, create_app
from tests.emulators.fakes import PASSWORD, SLUG, FakeClock, Merchant, digest

pytestmark = pytest.mark.anyio


async def test_answer(merchant: Merchant, clock: FakeClock) -> None:
    """A payment begins NEW; currency and both times are null, as in the real answer."""
    answer = await merchant.init()

    content = answer.json()
    details, payment_id = content.pop("details"), content.pop("paymentId")
    assert answer.status_code == 200
    assert re.fullmatch(r"1760000000[0-9]{4}", payment_id)
    assert content == {
        "success": True,
        "errorCode": "0",
        "message": None,
        "orderId": "1001",
        "status": "NEW",
        "amount": 4_000_000,
        "currency": None,
        "paymentURL": f"http://gateway/api/v1/paymentform/render/{payment_id}",
        "expiresAt": None,
        "createdAt": None,
        "customer": None,
        "paymentMethod": None,
        "timestamp": "2025-10-09T08:53:20.0000000Z",
        "correlationId": None,
        "version": "1.0",
    }
    assert details["successURL"] == "http://shop/ok?orderId=1001"
    assert (details["data"]["team_id"], details["data"]["client_ip"]) == (SLUG, "127.0.0.1")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"teamSlug": ""}, "TeamSlug"),
        ({"teamSlug": "t" * 51}, "TeamSlug"),
        ({"token": " "}, "Token"),
        ({"token": "t" * 257}, "Token"),
        ({"amount": 999}, "Amount"),
        ({"amount": 2_147_483_648}, "Amount"),
        ({"orderId": ""}, "OrderId"),
        ({"orderId": "1" * 37}, "OrderId"),
        ({"currency": "TENG"}, "Currency"),
        ({"payType": "X"}, "PayType"),
        ({"description": "d" * 141}, "Description"),
        ({"email": "nobody"}, "Email"),
        ({"phone": "0123"}, "Phone"),
        ({"language": "kk"}, "Language"),
        ({"successURL": "http://shop/" + "x" * 2048}, "SuccessURL"),
        ({"failURL": "http://shop/" + "x" * 2048}, "FailURL"),
        ({"notificationURL": "http://shop/" + "x" * 2048}, "NotificationURL"),
        ({"paymentExpiry": 0}, "PaymentExpiry"),
        ({"paymentExpiry": 43_201}, "PaymentExpiry"),
        ({"orderId": 1001}, "$.orderid"),
        ({"amount": "many"}, "$.amount"),
    ],
)
async def test_annotations(merchant: Merchant, changes: dict[str, Any], field: str) -> None:
    """A value that its annotation forbids is a 400 problem that names the field."""
    answer = await merchant.init(**changes)

    problem = answer.json()
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert problem["title"] == "One or more validation errors occurred."
    assert problem["status"] == 400
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", problem["traceId"])
    assert list(problem["errors"]) == [field]


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (999, "Amount must be at least 1000"),
        (2_147_483_648, "Amount must be at most 2147483647"),
        (1e308, "Amount must be at most 2147483647"),
        ("NaN", "Amount must be at most 2147483647"),
        ("-Infinity", "Amount must be at most 2147483647"),
    ],
)
async def test_amount_out_of_range(merchant: Merchant, amount: object, message: str) -> None:
    """The message names the end of the range that was passed."""
    answer = await merchant.init(amount=amount)

    assert answer.json()["errors"] == {"Amount": [message]}


async def test_all_violations_are_told_at_once(merchant: Merchant) -> None:
    """An empty object names every field that is required."""
    answer = await merchant.post("PaymentInit/init", {})

    assert list(answer.json()["errors"]) == ["TeamSlug", "Token", "Amount", "OrderId"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"amount":NaN}',
        b'{"description":"\\ud800"}',
        b'{"data":{"n":123456789012345678901234567890}}',
        b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_unreadable_body(merchant: Merchant, body: bytes) -> None:
    """What is no JSON object, or could not be written back, is a 400 problem."""
    answer = await merchant.http.post("/api/v1/PaymentInit/init", content=body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["$"])
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_null_body(merchant: Merchant) -> None:
    """A JSON null is the endpoint's own refusal."""
    answer = await merchant.http.post("/api/v1/PaymentInit/init", content=b"null")

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "1000")


@pytest.mark.parametrize(("size", "status"), [(262_144, 400), (262_145, 413)])
async def test_body_too_large(merchant: Merchant, size: int, status: int) -> None:
    """A body past the bound is not read to its end."""
    answer = await merchant.http.post("/api/v1/PaymentInit/init", content=b" " * size)

    assert answer.status_code == status


@pytest.mark.parametrize("changes", [{"token": "wrong"}, {"teamSlug": "stranger"}, {"token": "é"}])
async def test_stranger(merchant: Merchant, changes: dict[str, Any]) -> None:
    """A wrong token and an unknown team get the same 401 from the filter."""
    answer = await merchant.init(**changes)

    content = answer.json()
    assert answer.status_code == 401
    assert set(content) == {
        "success",
        "errorCode",
        "message",
        "details",
        "correlationId",
        "timestamp",
    }
    assert (content["success"], content["errorCode"]) == (False, "TOKEN_INVALID")


async def test_inactive_team(merchant: Merchant) -> None:
    """A team that was switched off is not found."""
    await merchant.turn(team_active=False)

    answer = await merchant.init()

    assert (answer.status_code, answer.json()["errorCode"]) == (401, "TEAM_NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "status", "error_code"),
    [
        ({"orderId": "a/b"}, 400, "1100"),
        ({"orderId": "место"}, 400, "1100"),
        ({"currency": "GBP"}, 400, "1100"),
        ({"amount": 4_000_000.5}, 400, "1100"),
        ({"successURL": "/relative"}, 400, "1100"),
        ({"failURL": "ftp://shop/x"}, 400, "1100"),
        ({"notificationURL": "http://"}, 400, "1100"),
        ({"successURL": "http://shop/\r\nSet-Cookie:a=b"}, 400, "1100"),
        ({"successURL": "http://shop/two words"}, 400, "1100"),
        ({"successURL": "http://[broken"}, 400, "1100"),
        ({"successURL": "http://shop:0/"}, 400, "1100"),
        ({"successURL": "http://shop:65536/"}, 400, "1100"),
        ({"items": [{"amount": 3_999_998}]}, 400, "1100"),
        ({"items": [{"amount": 1_000_000}]}, 400, "1100"),
        ({"items": [{"amount": "x"}]}, 400, "1100"),
        ({"items": [{"amount": 1e300}, {"amount": -1e300}, {"amount": 4_000_000}]}, 400, "1100"),
        ({"customerKey": "5f1f3c58-93cd-4a0a-9d8c-1f9b0f3f0a55"}, 400, "1003"),
    ],
)
async def test_refusals(
    merchant: Merchant, changes: dict[str, Any], status: int, error_code: str
) -> None:
    """Each refusal of the endpoint has its status and code, and its other fields are null."""
    answer = await merchant.init(**changes)

    content = answer.json()
    assert (answer.status_code, content["errorCode"]) == (status, error_code)
    assert content["success"] is False
    assert content["paymentId"] is None
    assert content["details"]["description"]


@pytest.mark.parametrize(
    ("knobs", "status", "error_code"),
    [
        ({"team_amount_min": 4_000_001}, 400, "1004"),
        ({"team_amount_max": 3_999_999}, 400, "1005"),
        ({"currencies": ["RUB"]}, 400, "1006"),
        ({"team_daily_limit": 3_999_999}, 402, "1007"),
    ],
)
async def test_limits_of_the_team(
    merchant: Merchant, knobs: dict[str, Any], status: int, error_code: str
) -> None:
    """A limit that is switched on refuses a payment beyond it."""
    await merchant.turn(**knobs)

    answer = await merchant.init()

    assert (answer.status_code, answer.json()["errorCode"]) == (status, error_code)


async def test_limit_itself_is_allowed(merchant: Merchant) -> None:
    """A payment of exactly the limit passes all three."""
    at_limit = dict.fromkeys(("team_amount_min", "team_amount_max", "team_daily_limit"), 4_000_000)
    await merchant.turn(**at_limit)

    assert (await merchant.init()).status_code == 200


async def test_order_id_is_used_once(merchant: Merchant) -> None:
    """A second payment for one order is refused, and the first stays as it was."""
    payment_id = await merchant.new_payment()

    again = await merchant.init(amount=5_000_000)

    assert (again.status_code, again.json()["errorCode"]) == (409, "1002")
    ledger = (await merchant.http.get("/__emu/ledger")).json()
    rows = [(row["payment_id"], row["amount"]) for row in ledger["payments"]]
    assert rows == [(payment_id, 4_000_000)]


async def test_layers_are_asked_in_order(merchant: Merchant) -> None:
    """Annotations come before authentication, and authentication before the endpoint."""
    await merchant.new_payment()

    by_annotation = await merchant.init(amount=1, token="wrong")
    by_filter = await merchant.init(token="wrong", currency="GBP")
    by_validation = await merchant.init(currency="GBP")
    by_uniqueness = await merchant.init()

    statuses = [by_annotation, by_filter, by_validation, by_uniqueness]
    assert [answer.status_code for answer in statuses] == [400, 401, 400, 409]


@pytest.mark.parametrize("amount", [1_000, 2_147_483_647])
async def test_ends_of_the_amount(merchant: Merchant, amount: int) -> None:
    """The range of an amount includes both of its ends; an item may be as dear, and a rebate."""
    items = [{"amount": amount}, {"amount": amount}, {"amount": -amount}]

    answer = await merchant.init(amount=amount, items=items)

    assert (answer.status_code, answer.json()["amount"]) == (200, amount)


async def test_currency_counts_in_the_token_when_left_out(merchant: Merchant) -> None:
    """Without a currency the payment is in KZT, and KZT is signed."""
    body = merchant.init_body()
    del body["currency"]

    answer = await merchant.post("PaymentInit/init", body)

    assert answer.status_code == 200


@pytest.mark.parametrize("written", ["4000000.00", '"4000000"', "4000000"])
async def test_amount_is_signed_as_it_was_written(merchant: Merchant, written: str) -> None:
    """An amount keeps its scale in the token, and may be a string."""
    text = written.strip('"')
    token = digest(text, "KZT", "1001", PASSWORD, SLUG)
    body = f'{{"teamSlug":"{SLUG}","token":"{token}","amount":{written},"orderId":"1001"}}'

    answer = await merchant.http.post("/api/v1/PaymentInit/init", content=body)

    assert (answer.status_code, answer.json()["amount"]) == (200, 4_000_000)


async def test_path_and_names_in_any_case(merchant: Merchant) -> None:
    """Routes and field names are matched whatever their case; a trailing slash is harmless."""
    body = {name.upper(): value for name, value in merchant.init_body().items()}

    answer = await merchant.http.post("/api/V1/paymentinit/INIT/", json=body)

    assert answer.status_code == 200


async def test_items_and_data_come_back(merchant: Merchant) -> None:
    """A receipt may be off by one minor unit; it and the data are echoed, numbers as they were."""
    items = [{"name": "seat", "amount": 3_999_998.5}, {"name": "bag", "amount": 0.5}]

    answer = await merchant.init(items=items, data={"seat": "A1"})

    details = answer.json()["details"]
    assert answer.status_code == 200
    assert details["items"] == items
    assert details["data"]["seat"] == "A1"


async def test_payments_of_one_second_have_ids_of_their_own(merchant: Merchant) -> None:
    """Hundreds of payments in one second do not collide."""
    ids = {await merchant.new_payment(orderId=str(number)) for number in range(500)}

    assert len(ids) == 500
    assert {len(payment_id) for payment_id in ids} == {14}


async def test_full_book_refuses(gateway_settings: GatewaySettings) -> None:
    """Past the limit a payment is refused; none is forgotten, so the ledger keeps adding up."""
    app = create_app(dataclasses.replace(gateway_settings, payments_max=1))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        merchant = Merchant(http)
        await merchant.new_payment(orderId="1")

        answer = await merchant.init(orderId="2")

    assert (answer.status_code, answer.json()["errorCode"]) == (500, "9999")
