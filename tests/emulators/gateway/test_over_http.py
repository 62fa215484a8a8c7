"""Every way in which the gateway says no, over real HTTP, and the faults of a real connection."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.emulators.fakes import PASSWORD, SLUG, Merchant, digest
from tests.resetting import resetting

pytestmark = [pytest.mark.anyio, pytest.mark.server]

DECLINED = "4000000000000002"
# Soon, but not before the call has got there, on a busy machine either.
GIVES_UP = httpx.Timeout(10, read=1)


async def payment_in(merchant: Merchant, status: str) -> str:
    payment_id = await merchant.new_payment(notificationURL=None)
    if status == "FORM_SHOWED":
        await merchant.turn(card_delay_s=60)
        # Nobody waits for the bank.
        with pytest.raises(httpx.ReadTimeout):
            await merchant.http.post(f"/__emu/payments/{payment_id}/pay", timeout=GIVES_UP)
    if status in ("AUTHORIZED", "CONFIRMED"):
        await merchant.pay(payment_id, mode="closed")
    if status == "REJECTED":
        await merchant.pay(payment_id, DECLINED, mode="closed")
    if status == "CONFIRMED":
        assert (await merchant.confirm(payment_id)).status_code == 200
    if status == "CANCELLED":
        assert (await merchant.cancel(payment_id)).status_code == 200
    assert await merchant.status(payment_id) == status
    return payment_id


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal that looks as the gateway's own do."""
    content = answer.json()
    assert content["success"] is False
    return answer.status_code, content["errorCode"]


@pytest.mark.parametrize(
    ("knobs", "changes", "status", "code"),
    [
        ({}, {"orderId": "no spaces"}, 400, "1100"),
        ({}, {"currency": "GBP"}, 400, "1100"),
        ({}, {"successURL": "shop/ok"}, 400, "1100"),
        ({}, {"items": [{"amount": 1}]}, 400, "1100"),
        ({}, {"customerKey": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}, 400, "1003"),
        ({"team_amount_min": 4_000_001}, {}, 400, "1004"),
        ({"team_amount_max": 3_999_999}, {}, 400, "1005"),
        ({"currencies": ["RUB"]}, {}, 400, "1006"),
        ({"team_daily_limit": 3_999_999}, {}, 402, "1007"),
        ({"team_active": False}, {}, 401, "TEAM_NOT_FOUND"),
        ({}, {"teamSlug": "nobody"}, 401, "TOKEN_INVALID"),
        ({}, {"token": "0" * 64}, 401, "TOKEN_INVALID"),
    ],
)
async def test_init_refused(
    far_merchant: Merchant, knobs: dict[str, Any], changes: dict[str, Any], status: int, code: str
) -> None:
    """An init that is refused begins nothing."""
    await far_merchant.turn(**knobs)

    assert told(await far_merchant.init(**changes)) == (status, code)
    assert (await far_merchant.http.get("/__emu/ledger")).json()["payments"] == []


async def test_init_without_a_body(far_merchant: Merchant) -> None:
    """A `null` is no request: 1000."""
    answer = await far_merchant.http.post("/api/v1/PaymentInit/init", content=b"null")

    assert told(answer) == (400, "1000")


async def test_second_init_of_an_order(far_merchant: Merchant) -> None:
    """1002 without the payment's id; a check by the order id finds it."""
    payment_id = await far_merchant.new_payment()

    again = await far_merchant.init()

    assert told(again) == (409, "1002")
    assert again.json()["paymentId"] is None
    found = (await far_merchant.check_order("1001")).json()["payments"]
    assert [payment_id] == [row["paymentId"] for row in found]


@pytest.mark.parametrize(
    ("path", "changes", "field"),
    [
        ("PaymentInit/init", {"amount": 999}, "Amount"),
        ("PaymentInit/init", {"amount": 2_147_483_648}, "Amount"),
        ("PaymentInit/init", {"orderId": None}, "OrderId"),
        ("PaymentInit/init", {"teamSlug": ""}, "TeamSlug"),
        ("PaymentInit/init", {"token": None}, "Token"),
        ("PaymentInit/init", {"language": "kk"}, "Language"),
        ("PaymentCheck/check", {"paymentId": "1" * 51}, "PaymentId"),
        ("PaymentConfirm/confirm", {"paymentId": None}, "PaymentId"),
        ("PaymentConfirm/confirm", {"paymentId": "1", "amount": 50_000_001}, "Amount"),
        ("PaymentCancel/cancel", {"paymentId": "1", "reason": "r" * 256}, "Reason"),
    ],
)
async def test_invalid_model(
    far_merchant: Merchant, path: str, changes: dict[str, Any], field: str
) -> None:
    """What the annotations forbid is a problem+json, before anybody asks for a signature."""
    answer = await far_merchant.post(path, far_merchant.init_body() | {"token": "x"} | changes)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
    assert field in answer.json()["errors"]
    assert "errorCode" not in answer.json()


async def test_check_refused(far_merchant: Merchant) -> None:
    """1404 for an unknown payment or order, 1100 for no id at all, TOKEN_INVALID for a stranger."""
    nameless = {"teamSlug": SLUG, "token": digest(PASSWORD, SLUG)}

    assert told(await far_merchant.check("17600000001234")) == (404, "1404")
    assert told(await far_merchant.check_order("no-order")) == (404, "1404")
    assert told(await far_merchant.post("PaymentCheck/check", nameless)) == (400, "1100")
    assert told(await far_merchant.check("1", token="x")) == (401, "TOKEN_INVALID")


@pytest.mark.parametrize("call", ["PaymentConfirm/confirm", "PaymentCancel/cancel"])
async def test_change_by_a_stranger(far_merchant: Merchant, call: str) -> None:
    """A wrong token changes nothing."""
    payment_id = await payment_in(far_merchant, "AUTHORIZED")

    answer = await far_merchant.change(call, payment_id, token="x")

    assert told(answer) == (401, "TOKEN_INVALID")
    assert await far_merchant.status(payment_id) == "AUTHORIZED"


async def test_change_of_an_unknown_payment(far_merchant: Merchant) -> None:
    """2404 of a confirm, 3404 of a cancel."""
    assert told(await far_merchant.confirm("17600000001234")) == (404, "2404")
    assert told(await far_merchant.cancel("17600000001234")) == (404, "3404")


@pytest.mark.parametrize("status", ["NEW", "FORM_SHOWED", "REJECTED", "CANCELLED", "CONFIRMED"])
async def test_confirm_of_what_is_not_authorized(far_merchant: Merchant, status: str) -> None:
    """2409, and the text names the status: CONFIRMED there means that it was done before."""
    answer = await far_merchant.confirm(await payment_in(far_merchant, status))

    assert told(answer) == (409, "2409")
    text = f"Payment status must be AUTHORIZED. Current status: {status}"
    assert answer.json()["details"] == {"description": text}


@pytest.mark.parametrize(
    ("knobs", "amount", "text"),
    [
        ({}, 1, "The amount must be the full amount of the payment"),
        ({"confirm_currencies": ["RUB"]}, None, "Currency KZT is not supported by team"),
        ({"confirm_age_max_s": 0}, None, "The payment is too old to be confirmed"),
        ({"confirm_active_max": 1}, None, "The team has too many active payments"),
        ({"confirm_daily_max": 1}, None, "The team has too many payments today"),
        ({"confirm_refusals": 1}, None, "Failed to acquire confirmation lock"),
    ],
)
async def test_confirm_refused(
    far_merchant: Merchant, knobs: dict[str, Any], amount: int | None, text: str
) -> None:
    """2100 for everything else; only its text says what."""
    payment_id = await payment_in(far_merchant, "AUTHORIZED")
    await far_merchant.turn(**knobs)

    asked = {} if amount is None else {"amount": amount}
    answer = await far_merchant.confirm(payment_id, **asked)

    assert told(answer) == (400, "2100")
    assert answer.json()["details"] == {"description": text}
    assert await far_merchant.status(payment_id) == "AUTHORIZED"


@pytest.mark.parametrize("status", ["FORM_SHOWED", "REJECTED", "CANCELLED"])
async def test_cancel_of_what_cannot_be(far_merchant: Merchant, status: str) -> None:
    """3409: ask again how it stands, then decide."""
    assert told(await far_merchant.cancel(await payment_in(far_merchant, status))) == (409, "3409")


@pytest.mark.parametrize(
    ("knobs", "changes", "status", "code"),
    [
        ({}, {"amount": 1}, 422, "3422"),
        ({"cancel_refusals": 1}, {}, 503, "3503"),
        ({"cancel_broken": True}, {}, 401, "3001"),
    ],
)
async def test_cancel_refused(
    far_merchant: Merchant, knobs: dict[str, Any], changes: dict[str, Any], status: int, code: str
) -> None:
    """In part never, under a busy lock not now, and as built not at all; the money stays taken."""
    payment_id = await payment_in(far_merchant, "CONFIRMED")
    await far_merchant.turn(**knobs)

    assert told(await far_merchant.cancel(payment_id, **changes)) == (status, code)
    ledger = (await far_merchant.http.get("/__emu/ledger")).json()
    assert (ledger["captured"], ledger["refunded"]) == (4_000_000, 0)


async def test_get_status_as_built(far_merchant: Merchant) -> None:
    """The endpoint that never knew anybody: 4001."""
    await far_merchant.turn(profile="as_built")

    answer = await far_merchant.http.get("/api/v1/PaymentCheck/status?paymentId=1")

    assert told(answer) == (401, "4001")


INIT = "POST .*/init"


@pytest.mark.parametrize(("when", "kept"), [("before", 0), ("after", 1)])
async def test_dropped_connection(far_merchant: Merchant, when: str, kept: int) -> None:
    """The server hangs up without a byte; afterwards, only the answer is lost."""
    await far_merchant.turn(faults=[{"route": INIT, "kind": "drop", "when": when, "times": 1}])

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await far_merchant.init()

    assert len((await far_merchant.http.get("/__emu/ledger")).json()["payments"]) == kept
    assert (await far_merchant.init()).status_code == (409 if kept else 200)


async def test_truncated_answer(far_merchant: Merchant) -> None:
    """The headers promise more than comes before the server hangs up."""
    await far_merchant.turn(faults=[{"route": INIT, "kind": "truncated", "times": 1}])

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await far_merchant.init()

    assert (await far_merchant.init()).status_code == 409


async def test_slow_answer(far_merchant: Merchant) -> None:
    """Bytes keep coming, so a limit for each read alone would never end it."""
    await far_merchant.turn(faults=[{"route": INIT, "kind": "slow", "hang_s": 0.2, "times": 1}])
    body = far_merchant.init_body()

    async with far_merchant.http.stream("POST", "/api/v1/PaymentInit/init", json=body) as answer:
        pieces = [piece async for piece in answer.aiter_raw()]

    assert len(pieces) > 1
    assert json.loads(b"".join(pieces))["success"] is True


async def test_hang(far_merchant: Merchant) -> None:
    """A client that gives up has no answer, though the work was done."""
    fault = {"route": INIT, "kind": "hang", "when": "after", "hang_s": 60, "times": 1}
    await far_merchant.turn(faults=[fault])

    with pytest.raises(httpx.ReadTimeout):
        await far_merchant.http.post(
            "/api/v1/PaymentInit/init", json=far_merchant.init_body(), timeout=GIVES_UP
        )

    assert (await far_merchant.init()).status_code == 409


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_status_and_when_to_come_again(far_merchant: Merchant, status: int) -> None:
    """The statuses of a service in trouble, with `Retry-After` where it says when."""
    await far_merchant.turn(faults=[{"status": status, "retry_after_s": 7, "times": 1}])

    answer = await far_merchant.init()

    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers.get("retry-after") == ("7" if status in (429, 503) else None)


async def test_nobody_is_there(far_merchant: Merchant) -> None:
    """While it refuses, every connection is cut; control calls still get through and end it."""
    await far_merchant.turn(refuse_for_s=60)
    for _ in range(3):
        with pytest.raises(httpx.RemoteProtocolError):
            await far_merchant.init()

    await far_merchant.turn(refuse_for_s=0)
    assert (await far_merchant.init()).status_code == 200


class ShopServer(ThreadingHTTPServer):
    """A shop on a port of its own; `calls` are the paths it was called with, and their bodies."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ShopRequest)
        self.calls: list[tuple[str, bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class ShopRequest(BaseHTTPRequestHandler):
    server: ShopServer

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.server.calls.append((self.path, self.rfile.read(length)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _answer  # noqa: N815  the names are the library's

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def shop_server() -> Iterator[ShopServer]:
    with ShopServer() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


async def test_webhooks_and_the_way_back(far_merchant: Merchant, shop_server: ShopServer) -> None:
    """A real shop hears of the payment and sees its customer come back."""
    await far_merchant.turn(webhook_mode="inline")
    payment_id = await far_merchant.new_payment(
        notificationURL=f"{shop_server.url}/hook", successURL=f"{shop_server.url}/ok?orderId=1001"
    )

    paid = await far_merchant.pay(payment_id)

    assert paid["followed"] == 200
    assert ["/hook", "/hook", "/ok?orderId=1001"] == [path for path, _ in shop_server.calls]
    assert json.loads(shop_server.calls[1][1])["status"] == "AUTHORIZED"


async def test_a_shop_that_resets_every_connection(far_merchant: Merchant) -> None:
    """Its customers come back to nobody and its webhooks are lost; the gateway goes on."""
    await far_merchant.turn(webhook_mode="inline")
    paid, customers = [], 100
    with resetting() as url:
        for number in range(customers):
            payment_id = await far_merchant.new_payment(
                orderId=str(number), notificationURL=f"{url}/hook", successURL=f"{url}/ok"
            )
            paid.append(await far_merchant.pay(payment_id))
        deliveries = (await far_merchant.http.get("/__emu/webhooks")).json()["deliveries"]

    lost = {"ConnectError", "ReadError"}
    assert customers == len([one for one in paid if one["error"] in lost])
    assert 2 * customers == len([one for one in deliveries if one["error"] in lost])
