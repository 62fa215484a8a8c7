"""Starting and stopping the gateway."""

import asyncio

import pytest
from starlette.applications import Starlette

from emulators.gateway.app import EXPIRY_ROUND_S
from tests.emulators.fakes import FakeClock, Merchant

pytestmark = pytest.mark.anyio


async def test_expiry_runs_by_itself(
    merchant: Merchant, gateway_app: Starlette, clock: FakeClock
) -> None:
    """While the gateway runs, payments that nobody asks about expire, on its own clock."""
    await merchant.turn(expire_job=True)
    payment_id = await merchant.new_payment(paymentExpiry=1)

    async with gateway_app.router.lifespan_context(gateway_app):
        for _ in range(200):
            await asyncio.sleep(0)

    assert {EXPIRY_ROUND_S} == set(clock.slept)
    assert len(clock.slept) > 60 / EXPIRY_ROUND_S
    assert await merchant.status(payment_id) == "EXPIRED"


async def test_stop_leaves_no_task(merchant: Merchant, gateway_app: Starlette) -> None:
    """A stop ends the rounds and drops the webhooks that still wait."""
    before = asyncio.all_tasks()
    async with gateway_app.router.lifespan_context(gateway_app):
        await merchant.cancel(await merchant.new_payment())
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before
