"""A long story with both emulators, everything in it by chance: prints what was seen, digested.

Run as a program, so that a test can give each telling a hash seed of its own.
"""

import asyncio
import hashlib

import httpx

from emulators import gateway, provider
from tests.emulators.fakes import FakeClock, Merchant, Partner, Shop

CHANCE = {"probability": 0.2}
GATEWAY_KNOBS = {
    "latency_ms": 20,
    "latency_sigma": 0.8,
    "decline_rate": 0.4,
    "auto_pay": {"delay_s": 2, "mix": {"5555555555554444": 3, "4000000000000002": 1, "none": 1}},
    "late_success_rate": 0.3,
    "redirect_faults": [{"kind": "wrong", **CHANCE}, {"kind": "duplicate", **CHANCE}],
    "webhook_faults": [
        {"kind": kind, **CHANCE}
        for kind in ("drop", "reorder", "replay", "contradict", "wrong_team", "delay", "duplicate")
    ],
    "faults": [
        {"kind": "status", "status": 503, "when": "after", **CHANCE},
        {"kind": "drop", "when": "after", **CHANCE},
        {"kind": "hang", "hang_s": 3, "sigma": 0.7, **CHANCE},
    ],
}
PROVIDER_KNOBS = {
    "profile": "as_built",
    "wedge_on_poison": False,
    "conflict_500_rate": 0.1,
    "duplicate_event_rate": 0.2,
    "foreign_per_s": 5,
    "faults": [{"kind": "truncated", **CHANCE}],
}


class Told:
    """Digests everything that is told to it, in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def __call__(self, *what: object) -> None:
        self._digest.update(repr(what).encode())

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


async def of_payments(told: Told, clock: FakeClock) -> None:
    shop = Shop()
    app = gateway.create_app(
        gateway.GatewaySettings(
            now=clock.now, sleep=clock.sleep, transport=httpx.MockTransport(shop)
        )
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        merchant = Merchant(http)
        await merchant.turn(**GATEWAY_KNOBS)
        for order_id in range(60):
            try:
                answer = await merchant.init(orderId=str(order_id))
                told(answer.status_code, answer.content, clock.seconds)
                if answer.status_code == 200:
                    told((await merchant.cancel(answer.json()["paymentId"])).content)
            except httpx.TransportError as failure:
                told(type(failure))
        await app.state.desk.webhooks.settle()
        told((await http.get("/__emu/ledger")).content)
        told((await http.get("/__emu/webhooks")).content)
        told([(request.method, str(request.url), request.content) for request in shop.requests])
    await app.state.desk.webhooks.close()


async def of_places(told: Told, clock: FakeClock) -> None:
    settings = provider.ProviderSettings(rows=3, seats_per_row=10, now=clock.now, sleep=clock.sleep)
    transport = httpx.ASGITransport(provider.create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://provider") as http:
        partner = Partner(http, clock)
        places = [place["id"] for place in await partner.places()]
        await partner.turn(**PROVIDER_KNOBS)
        for place_id in places * 3:
            try:
                order_id = await partner.start()
                told(order_id, await partner.select(place_id, order_id))
                clock.advance(0.2)
                told(await partner.command(order_id, "submit"))
                told(await partner.command(order_id, "cancel"))
                told((await http.get(f"/api/partners/v1/orders/{order_id}")).content)
            except httpx.TransportError as failure:
                told(type(failure))
        told((await http.get("/__emu/orders")).content)


async def tell() -> str:
    """The digest of all of it."""
    told, clock = Told(), FakeClock()
    await of_payments(told, clock)
    await of_places(told, clock)
    return told.hexdigest()


if __name__ == "__main__":
    import sys

    sys.stdout.write(asyncio.run(tell()))
