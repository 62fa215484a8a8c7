"""The reference: what sagas ask of gateway and provider, asked by a client that does no more."""

import asyncio
from functools import partial

import orjson

from bench.caller import Answer
from bench.tasks import Stopwatch
from bench.town import MERCHANT, PRICE_MINOR, ROWS, SEATS_PER_ROW, Town, gathered
from sagas import signing

ORDERS = "/api/partners/v1/orders"
PLACES = "/api/partners/v1/places"
CURRENCY = "KZT"
POLL_SECONDS = 0.02
MERCHANT_ID, PASSWORD = MERCHANT["merchant-id"], MERCHANT["merchant-password"]


class Direct:
    """Order ids from 1, which are none of the server's; webhooks go nowhere."""

    def __init__(self, town: Town) -> None:
        self._gateway, self._provider = town.gateway, town.provider

    async def init(self, order_id: int) -> Answer:
        """Begin a payment of one seat."""
        token = signing.token(
            merchant_id=MERCHANT_ID,
            merchant_password=PASSWORD,
            amount=str(PRICE_MINOR),
            currency=CURRENCY,
            order_id=str(order_id),
        )
        content = {"token": token, "amount": PRICE_MINOR, "orderId": str(order_id)}
        return await self._ask("Init/init", {**content, "currency": CURRENCY})

    async def sell(self, count: int) -> float:
        """Seconds from all cards at once to all captured, every second one confirmed there."""
        inits = [partial(self.init, order_id) for order_id in range(1, count + 1)]
        payments = [orjson.loads(one.body)["paymentId"] for one in await gathered(inits)]
        places = await self._free_places(count // 2)
        orders = await gathered([partial(self._submit, place) for place in places])
        with Stopwatch() as all_at_once:
            await asyncio.gather(
                *(self._settle(one) for one in payments[len(orders) :]),
                *(self._settle(*one) for one in zip(payments, orders, strict=False)),
            )
        return all_at_once.seconds

    async def _settle(self, payment: str, order: str = "") -> None:
        """The card, a check, the capture, and the provider's confirm of an order."""
        await self._gateway.ask("POST", f"/__emu/payments/{payment}/pay", {"mode": "closed"})
        token = signing.token(
            merchant_id=MERCHANT_ID, merchant_password=PASSWORD, payment_id=payment
        )
        for call in ("Check/check", "Confirm/confirm"):
            await self._ask(call, {"token": token, "paymentId": payment})
        if order:
            await self._provider.ask("PATCH", f"{ORDERS}/{order}/confirm")

    async def _submit(self, place: str) -> str:
        """An order that holds the place."""
        started = await self._provider.ask("POST", ORDERS)
        order: str = orjson.loads(started.body)["order_id"]
        await self._provider.ask("PATCH", f"{PLACES}/{place}/select", {"order_id": order})
        while True:
            submitted = await self._provider.ask("PATCH", f"{ORDERS}/{order}/submit")
            if submitted.status == 200:
                return order
            await asyncio.sleep(POLL_SECONDS)  # the place joins its order late

    async def _free_places(self, count: int) -> list[str]:
        """The last ones of the hall, which the server's customers don't reach."""
        pages = [
            orjson.loads(
                (await self._provider.ask("GET", f"{PLACES}?page={page}&pageSize=1000")).body
            )
            for page in range(1, ROWS * SEATS_PER_ROW // 1_000 + 1)
        ]
        return [place["id"] for one in pages for place in one][-count:]

    async def _ask(self, call: str, content: dict[str, object]) -> Answer:
        answer = await self._gateway.ask(
            "POST", f"/api/v1/Payment{call}", {"teamSlug": MERCHANT_ID, **content}
        )
        assert answer.status == 200, answer
        return answer
