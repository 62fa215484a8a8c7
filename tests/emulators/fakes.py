"""What the emulators are driven with: a clock that waits for nobody, a merchant, a shop."""

import asyncio
import hashlib
from typing import Any

import httpx

SLUG = "demo-merchant"
PASSWORD = "demo-password"
APPROVED = "4111111111111111"


class FakeClock:
    """A clock that moves only when told, or when somebody sleeps by it."""

    def __init__(self, seconds: float = 1_760_000_000.0) -> None:
        self.seconds = seconds
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


class Shop:
    """The merchant's server: remembers every request; answers from `answers`, then 200.

    An exception among the answers is raised as if the network had failed.
    """

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: list[httpx.Response | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else httpx.Response(200)
        if isinstance(answer, Exception):
            raise answer
        return answer


def digest(*values: object) -> str:
    """A token over these values, in this order."""
    return hashlib.sha256("".join(map(str, values)).encode()).hexdigest()


class Merchant:
    """Calls the gateway as a careful client does. Fields named in `changes` replace its own."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.http.post(f"/api/v1/{path}", json=body)

    def init_body(self, **changes: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "teamSlug": SLUG,
            "amount": 4_000_000,
            "orderId": "1001",
            "currency": "KZT",
            "successURL": "http://shop/ok?orderId=1001",
            "failURL": "http://shop/fail?orderId=1001",
            "notificationURL": "http://shop/hook",
        } | changes
        signed = (body["amount"], body["currency"], body["orderId"], PASSWORD, body["teamSlug"])
        return {"token": digest(*signed)} | body

    async def init(self, **changes: Any) -> httpx.Response:
        return await self.post("PaymentInit/init", self.init_body(**changes))

    async def new_payment(self, **changes: Any) -> str:
        answer = await self.init(**changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["paymentId"])

    async def check(self, payment_id: str, **changes: Any) -> httpx.Response:
        body = {
            "teamSlug": SLUG,
            "paymentId": payment_id,
            "token": digest(payment_id, PASSWORD, SLUG),
        }
        return await self.post("PaymentCheck/check", body | changes)

    async def check_order(self, order_id: str, **changes: Any) -> httpx.Response:
        body = {"teamSlug": SLUG, "orderId": order_id, "token": digest(order_id, PASSWORD, SLUG)}
        return await self.post("PaymentCheck/check", body | changes)

    async def status(self, payment_id: str) -> str:
        """The true status, from the ledger rather than from a cached check."""
        ledger = (await self.http.get("/__emu/ledger")).json()
        rows = {row["payment_id"]: row for row in ledger["payments"]}
        return str(rows[payment_id]["status"])

    async def confirm(self, payment_id: str, **changes: Any) -> httpx.Response:
        return await self.change("PaymentConfirm/confirm", payment_id, **changes)

    async def cancel(self, payment_id: str, **changes: Any) -> httpx.Response:
        return await self.change("PaymentCancel/cancel", payment_id, **changes)

    async def change(self, path: str, payment_id: str, **changes: Any) -> httpx.Response:
        if "amount" in changes:
            token = digest(changes["amount"], PASSWORD, payment_id, SLUG)
        else:
            token = digest(payment_id, PASSWORD, SLUG)
        body = {"teamSlug": SLUG, "paymentId": payment_id, "token": token}
        return await self.post(path, body | changes)

    async def pay(self, payment_id: str, card: str = APPROVED, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(
            f"/__emu/payments/{payment_id}/pay", json={"card": card, **body}
        )
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    async def submit(self, payment_id: str, **changes: str | None) -> httpx.Response:
        fields: dict[str, str | None] = {
            "PaymentId": payment_id,
            "CardNumber": APPROVED,
            "ExpiryDate": "12/29",
            "Cvv": "123",
            "CardholderName": "ANN",
            "Email": "ann@example.com",
            "SaveCard": "false",
            "TermsAgreement": "true",
        }
        form = {name: value for name, value in (fields | changes).items() if value is not None}
        return await self.http.post("/api/v1/paymentform/submit", data=form)

    async def turn(self, **knobs: Any) -> None:
        answer = await self.http.put("/__emu/settings", json=knobs)
        assert answer.status_code == 200, answer.text


class Partner:
    """Calls the provider and returns statuses, which is nearly all it ever says."""

    def __init__(self, http: httpx.AsyncClient, clock: FakeClock) -> None:
        self.http = http
        self.clock = clock

    def settle(self) -> None:
        """Let everything arrive that was sent: far more than any lag."""
        self.clock.advance(60)

    async def start(self) -> str:
        answer = await self.http.post("/api/partners/v1/orders")
        assert answer.status_code == 201
        return str(answer.json()["order_id"])

    async def order(self, order_id: str) -> dict[str, Any]:
        content: dict[str, Any] = (
            await self.http.get(f"/api/partners/v1/orders/{order_id}")
        ).json()
        return content

    async def places(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.http.get("/api/partners/v1/places")).json()
        return rows

    async def is_free(self, place_id: str) -> bool:
        return bool((await self.http.get(f"/api/partners/v1/places/{place_id}")).json()["is_free"])

    async def select(self, place_id: str, order_id: str) -> int:
        url = f"/api/partners/v1/places/{place_id}/select"
        return (await self.http.patch(url, json={"order_id": order_id})).status_code

    async def release(self, place_id: str) -> int:
        return (await self.http.patch(f"/api/partners/v1/places/{place_id}/release")).status_code

    async def command(self, order_id: str, verb: str) -> int:
        return (await self.http.patch(f"/api/partners/v1/orders/{order_id}/{verb}")).status_code

    async def turn(self, **knobs: Any) -> None:
        answer = await self.http.put("/__emu/settings", json=knobs)
        assert answer.status_code == 200, answer.text
