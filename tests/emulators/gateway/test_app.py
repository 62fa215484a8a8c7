"""Starting and stopping the gateway."""

import asyncio

import pytest
from starlette.applications import Starlette

from emulators.gateway import app as app_module
from tests.emulators.fakes import FakeClock, Merchant

pytestmark = pytest.mark.anyio


async def test_expiry_runs_by_itself(
    merchant: Merchant,
    gateway_app: Starlette,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the gateway runs, payments that nobody asks about expire."""
    monkeypatch.setattr(app_module, "EXPIRY_ROUND_S", 0.001)
    await merchant.turn(expire_job=True)
    payment_id = await merchant.new_payment(paymentExpiry=1)
    clock.advance(60)

    async with gateway_app.router.lifespan_context(gateway_app):
        for _ in range(1000):
            await asyncio.sleep(0.001)
            if await merchant.status(payment_id) != "NEW":
                break

    assert await merchant.status(payment_id) == "EXPIRED"


async def test_stop_leaves_no_task(merchant: Merchant, gateway_app: Starlette) -> None:
    """A stop ends the rounds and drops the webhooks that still wait."""
    before = asyncio.all_tasks()
    async with gateway_app.router.lifespan_context(gateway_app):
        await merchant.cancel(await merchant.new_payment())
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before
