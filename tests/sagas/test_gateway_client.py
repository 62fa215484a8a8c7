"""What is sent to the gateway, byte for byte, and what its answers mean."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sagas import GatewayClient
from sagas.gateway_client import CHECK_VARIANTS, Opened, Standing
from sagas.outcome import Done, Outcome, Refused, Unknown
from tests.sagas.world import a_breaker, reply

ORDER_ID = 1_750_000_000_000_123
CHECKED = {"paymentId": "17", "orderId": str(ORDER_ID), "status": "NEW", "amount": 500_000}


def digest(joined: str) -> str:
    return hashlib.sha256(joined.encode()).hexdigest()


def call(
    method: str, answer: httpx.Response, **arguments: Any
) -> tuple[Outcome[Any], dict[str, Any], str]:
    """Make one call; returns its outcome, the body that was sent, and the path."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer

    async def whole() -> Outcome[Any]:
        client = GatewayClient(
            base_url="http://gateway.test/common/",
            merchant_id="shop",
            merchant_password="pw",
            public_url="https://billetter.test/",
            breaker=a_breaker(),
            transport=httpx.MockTransport(handle),
        )
        outcome: Outcome[Any] = await getattr(client, method)(**arguments)
        await client.aclose()
        return outcome

    outcome = asyncio.run(whole())
    return outcome, json.loads(sent[0].content), sent[0].url.path


def init(answer: httpx.Response) -> Outcome[Opened]:
    return call("init", answer, order_id=ORDER_ID, amount_minor=500_000)[0]


def check(answer: httpx.Response) -> Outcome[Standing]:
    return call("check", answer, payment_id="17", variant=0)[0]


def test_init() -> None:
    """An init carries an integer amount, our id as text, and where the customer comes back to."""
    told = {"paymentId": "17", "orderId": str(ORDER_ID), "paymentURL": "http://gw/pay/17"}
    answer = reply(200, {"success": True, **told})
    outcome, body, path = call("init", answer, order_id=ORDER_ID, amount_minor=500_000)
    assert outcome == Done(Opened("17", "http://gw/pay/17"))
    assert path == "/common/api/v1/PaymentInit/init"
    assert body == {
        "teamSlug": "shop",
        "token": digest(f"500000KZT{ORDER_ID}pwshop"),
        "amount": 500_000,
        "orderId": str(ORDER_ID),
        "currency": "KZT",
        "description": f"Билеты, заказ {ORDER_ID}",
        "language": "ru",
        "paymentExpiry": 10,
        "successURL": f"https://billetter.test/api/payments/success?orderId={ORDER_ID}",
        "failURL": f"https://billetter.test/api/payments/fail?orderId={ORDER_ID}",
        "notificationURL": "https://billetter.test/api/payments/notifications",
    }


@pytest.mark.parametrize("order_id", [str(ORDER_ID + 1), ""])
def test_page_of_another_order(order_id: str) -> None:
    """Whoever paid on it would pay for somebody else."""
    answer = reply(200, {"success": True, "paymentId": "17", "orderId": order_id})
    assert init(answer) == Unknown("an answer about another order")


@pytest.mark.parametrize("order_id", [str(ORDER_ID), ORDER_ID, None])
def test_page_of_our_order(order_id: object) -> None:
    """However the gateway writes its id, or where it doesn't say."""
    answer = reply(200, {"success": True, "paymentId": "17", "orderId": order_id})
    assert isinstance(init(answer), Done)


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "http://gw/\r\nSet-Cookie: a=b"])
def test_no_proper_page(url: str | None) -> None:
    """An answer without an address that a browser can be sent to gets the usual one."""
    answer = reply(200, {"success": True, "paymentId": "17", "paymentURL": url})
    page = "http://gateway.test/common/api/v1/paymentform/render/17"
    assert init(answer) == Done(Opened("17", page))


@pytest.mark.parametrize("payment_id", [None, "", "1/../2", "x" * 51])
def test_no_proper_id(payment_id: str | None) -> None:
    """A payment without an id that could be one isn't believed."""
    answer = reply(200, {"success": True, "paymentId": payment_id})
    assert init(answer) == Unknown("a payment without a proper id")


def test_check() -> None:
    """A check by payment id signs that id alone and reads the one payment in the answer."""
    answer = reply(200, {"success": True, "payments": [{**CHECKED, "currency": None}]})
    outcome, body, path = call("check", answer, payment_id="17", variant=0)
    standing = Standing("17", ORDER_ID, "NEW", Decimal(500_000), "KZT")
    assert outcome == Done(standing)
    assert path == "/common/api/v1/PaymentCheck/check"
    assert (body["paymentId"], body["token"]) == ("17", digest("17pwshop"))
    assert "orderId" not in body


@pytest.mark.parametrize(
    ("written", "created_at_ms"),
    [
        ("2025-08-17T11:22:33.1234567Z", 1_755_429_753_123),
        ("2025-08-17T11:22:33", 1_755_429_753_000),
        ("2025-08-17T13:22:33+02:00", 1_755_429_753_000),
        ("yesterday", 0),
        ("", 0),
        (None, 0),
        (17, 0),
    ],
)
def test_age(written: object, created_at_ms: int) -> None:
    """A check says when the payment was made; one that can't say it is read all the same."""
    answer = reply(200, {"success": True, "payments": [{**CHECKED, "createdAt": written}]})
    outcome = check(answer)
    assert isinstance(outcome, Done)
    assert outcome.answer.created_at_ms == created_at_ms


def test_look_up() -> None:
    """A check by our id signs that id alone; what was never begun is a refusal of its own."""
    answer = reply(404, {"success": False, "errorCode": "1404"})
    outcome, body, _ = call("look_up", answer, order_id=ORDER_ID, variant=0)
    assert outcome == Refused(404, "1404")
    assert (body["orderId"], body["token"]) == (str(ORDER_ID), digest(f"{ORDER_ID}pwshop"))
    assert "paymentId" not in body


def test_variants() -> None:
    """Every variant of a check differs from the others in what the gateway caches by."""
    bodies = set()
    for variant in range(CHECK_VARIANTS):
        answer = reply(200, {"success": True, "payments": [CHECKED]})
        _, body, _ = call("check", answer, payment_id="17", variant=variant)
        bodies.add(json.dumps(body, sort_keys=True))
    assert (len(bodies), CHECK_VARIANTS) == (32, 32)


@pytest.mark.parametrize(
    ("method", "path"),
    [("confirm", "PaymentConfirm/confirm"), ("cancel", "PaymentCancel/cancel")],
)
def test_change(method: str, path: str) -> None:
    """Confirm and cancel leave the amount out: a stated one is limited, the whole one isn't."""
    answer = reply(200, {"success": True, "paymentId": "17"})
    outcome, body, sent_to = call(method, answer, payment_id="17")
    assert outcome == Done(None)
    assert sent_to == f"/common/api/v1/{path}"
    assert body == {"teamSlug": "shop", "token": digest("17pwshop"), "paymentId": "17"}


def test_change_of_another_payment() -> None:
    """An answer that speaks of another payment says nothing about ours."""
    answer = reply(200, {"success": True, "paymentId": "18"})
    outcome, _, _ = call("confirm", answer, payment_id="17")
    assert outcome == Unknown("an answer about another payment")


REFUSALS: list[tuple[int, dict[str, Any], str, str]] = [
    (409, {"success": False, "errorCode": "1002"}, "1002", ""),
    (402, {"success": False, "errorCode": 1007, "details": None}, "1007", ""),
    (401, {"errorCode": "TOKEN_INVALID", "details": "no\nentry"}, "TOKEN_INVALID", "noentry"),
    (400, {"errorCode": "2100", "details": {"description": "too old"}}, "2100", "too old"),
    (401, {"errorCode": "3001", "details": {"reason": "no token"}}, "3001", "no token"),
    (400, {"errorCode": "2100", "details": {"description": 7}}, "2100", ""),
    (400, {"errorCode": "2100", "details": "x" * 999}, "2100", "x" * 120),
    (400, {"errors": {"Token": ["…"], "Amount": ["…"]}}, "invalid: Amount, Token", ""),
]


@pytest.mark.parametrize(("status", "content", "code", "reason"), REFUSALS)
def test_refused(status: int, content: object, code: str, reason: str) -> None:
    """Each of the gateway's three layers of errors is a refusal by its own code, with a line."""
    assert init(reply(status, content)) == Refused(status, code, reason)


UNKNOWN = [
    (500, {"success": False, "errorCode": "9999"}),
    (429, {"success": False, "errorCode": "1429"}),
    (408, {"success": False, "errorCode": "1408"}),
    (401, {"success": False, "errorCode": "AUTHENTICATION_ERROR"}),
    (404, b"<html>no such page</html>"),
    (404, {"error": "from a proxy"}),
    (403, {}),
    (302, b""),
    (200, b'{"success":tru'),
    (200, {"success": False, "errorCode": "1000"}),
    (200, {"success": "true", "paymentId": "17"}),
    (200, []),
    (200, b"[" * 100_000),
    (200, b"\xff\xfe"),
]


@pytest.mark.parametrize(("status", "content"), UNKNOWN)
def test_unknown(status: int, content: object) -> None:
    """Whatever the gateway itself hasn't clearly said is unknown, a proxy's page too."""
    assert isinstance(init(reply(status, content)), Unknown)


def test_why_it_is_unknown() -> None:
    """What can't be read is told from what is clear and settles nothing."""
    unread = Unknown("HTTP 200 with a body that can't be read")
    assert [unread, Unknown("HTTP 403")] == [init(reply(200, b"{")), init(reply(403, {}))]


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, {"success": False, "paymentId": "17"}),
        (201, {"success": True, "paymentId": "17"}),
        (404, {"success": True, "paymentId": "17"}),
        (404, {"success": False, "errors": {"Token": ["…"]}}),
        (400, {"success": False, "errors": {}}),
        (400, {"success": False}),
    ],
)
def test_a_change_that_is_only_half_said(status: int, content: object) -> None:
    """Money has moved when status and word both say so, and is refused when one names an error."""
    outcome, _, _ = call("confirm", reply(status, content), payment_id="17")
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    "payments",
    [
        None,
        [],
        [CHECKED, CHECKED],
        [{**CHECKED, "amount": None}],
        [{**CHECKED, "status": None}],
        [{**CHECKED, "paymentId": None}],
    ],
)
def test_check_that_tells_nothing(payments: object) -> None:
    """A check that lacks the payment or half of it says nothing."""
    assert isinstance(check(reply(200, {"success": True, "payments": payments})), Unknown)


@pytest.mark.parametrize(
    ("written", "order_id"),
    [
        ("9" * 19, 10**19 - 1),
        ("1" + "0" * 19, 0),
        ("17a", 0),
        ("\u0661\u0667", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_whose_order(written: str | None, order_id: int) -> None:
    """What can't be an id of ours is nobody's; some digits are none, though Python reads them."""
    outcome = check(reply(200, {"success": True, "payments": [{**CHECKED, "orderId": written}]}))
    assert isinstance(outcome, Done)
    assert outcome.answer.order_id == order_id


@pytest.mark.parametrize(
    ("written", "currency"), [("KZT", "KZT"), ("USD", "USD"), ("", "KZT"), (None, "KZT")]
)
def test_currency(written: str | None, currency: str) -> None:
    """Another one is told; a check that names none is about ours, as the gateway's often are."""
    outcome = check(reply(200, {"success": True, "payments": [{**CHECKED, "currency": written}]}))
    assert isinstance(outcome, Done)
    assert outcome.answer.currency == currency


@pytest.mark.parametrize(
    ("written", "amount"),
    [("500000", 500_000), ("500000.00", 500_000), ('"500000"', 500_000), ("500000.01", None)],
)
def test_amounts(written: str, amount: int | None) -> None:
    """An amount is the same number however it is written, and never rounded."""
    body = json.dumps({"success": True, "payments": [{**CHECKED, "amount": 0}]})
    outcome = check(reply(200, body.replace('"amount": 0', f'"amount": {written}').encode()))
    assert isinstance(outcome, Done)
    assert (outcome.answer.amount_minor == 500_000) == (amount is not None)


def test_secrets_stay_inside() -> None:
    """Nothing that is printed of a client tells the password."""
    client = GatewayClient(
        base_url="http://gateway.test",
        merchant_id="shop",
        merchant_password="hunter2",
        public_url="http://billetter.test",
        breaker=a_breaker(),
    )
    shown: Callable[[object], str] = repr
    assert "hunter2" not in shown(client)
    asyncio.run(client.aclose())


@pytest.mark.parametrize("amount", ["sNaN", "NaN", "Infinity", None])
def test_an_amount_that_is_no_number(amount: str | None) -> None:
    """It can't be compared with ours, and the first can't be compared at all."""
    answer = reply(200, {"success": True, "payments": [{**CHECKED, "amount": amount}]})
    assert check(answer) == Unknown("a check without a status or an amount")
