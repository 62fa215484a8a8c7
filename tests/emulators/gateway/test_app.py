"""Starting and stopping the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from emulators.gateway.app import EXPIRY_ROUND_S
from tests.emulators.fakes import FakeClock, Merchant, Shop

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[None]:
    """As a server runs it: between the two messages of its life."""
    asked, answered = asyncio.Queue[Message](), asyncio.Queue[Message]()
    life = asyncio.ensure_future(app({"type": "lifespan"}, asked.get, answered.put))
    life.add_done_callback(lambda _: answered.put_nowait({"type": "over"}))
    await asked.put({"type": "lifespan.startup"})
    assert await answered.get() == {"type": "lifespan.startup.complete"}
    yield
    await asked.put({"type": "lifespan.shutdown"})
    await life


async def test_expiry_runs_by_itself(
    merchant: Merchant, gateway_app: Starlette, clock: FakeClock
) -> None:
    """While the gateway runs, payments that nobody asks about expire, on its own clock."""
    await merchant.turn(expire_job=True)
    payment_id = await merchant.new_payment(paymentExpiry=1)

    async with running(gateway_app):
        for _ in range(200):
            await asyncio.sleep(0)

    assert {EXPIRY_ROUND_S} == set(clock.slept)
    assert len(clock.slept) > 60 / EXPIRY_ROUND_S
    assert await merchant.status(payment_id) == "EXPIRED"


async def test_no_expiry_without_the_job(
    merchant: Merchant, gateway_app: Starlette, clock: FakeClock
) -> None:
    """The rounds are there, and do nothing unless the knob says so."""
    payment_id = await merchant.new_payment(paymentExpiry=1)

    async with running(gateway_app):
        for _ in range(200):
            await asyncio.sleep(0)

    assert len(clock.slept) > 60 / EXPIRY_ROUND_S
    assert await merchant.status(payment_id) == "NEW"


async def test_stop_leaves_no_task(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop ends the rounds, drops the webhooks that still wait, and closes the connections."""
    closed = []

    async def close(transport: httpx.MockTransport) -> None:
        closed.append(transport)

    monkeypatch.setattr(httpx.MockTransport, "aclose", close)
    await merchant.turn(webhook_retry_delays_s=[1] * 10)
    shop.answers = [httpx.Response(500)] * 11
    before = asyncio.all_tasks()
    async with running(gateway_app):
        await merchant.cancel(await merchant.new_payment())
    tried = len(shop.requests)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before
    assert (len(shop.requests), len(closed)) == (tried, 1)
    assert tried < 11
