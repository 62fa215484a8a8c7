"""What is done when nobody waits for it."""

import asyncio

import pytest
from starlette.applications import Starlette

from emulators.gateway import background as background_module
from emulators.gateway import webhooks as webhooks_module
from emulators.gateway.background import Background
from tests.emulators.fakes import Merchant, Shop

pytestmark = pytest.mark.anyio


async def test_too_much_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound work is dropped and counted, and what has begun is finished."""
    monkeypatch.setattr(background_module, "TASKS_MAX", 2)
    background, done = Background(), list[int]()

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    assert [True, True, False] == [background.start(work(number)) for number in range(3)]
    await background.settle()

    assert ([0, 1], 1) == (done, background.dropped)
    assert background.start(work(3))
    await background.end()
    assert background.dropped == 0


async def test_end() -> None:
    """What hasn't been done by then isn't done."""
    background, done = Background(), list[int]()

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    background.start(work())
    await background.end()

    assert done == []


async def test_payment_whose_webhooks_found_no_room(
    merchant: Merchant, gateway_app: Starlette, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are lost and wait for nothing, and the payment's next ones are sent as ever."""
    monkeypatch.setattr(webhooks_module, "WAITING_MAX", 1)
    payment_id = await merchant.new_payment()
    with monkeypatch.context() as full:
        full.setattr(background_module, "TASKS_MAX", 0)
        await merchant.pay(payment_id, mode="closed")
    await merchant.confirm(payment_id)
    await gateway_app.state.desk.webhooks.settle()

    assert len(shop.requests) == 1
    assert (await merchant.http.get("/__emu/webhooks")).json()["dropped"] == 2
