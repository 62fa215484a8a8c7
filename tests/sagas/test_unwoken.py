"""What is found and done though nobody wakes the sagas, or one of the services is none of ours."""

import asyncio
import random

import pytest
import structlog

from sagas import Sagas, parking
from tests.sagas.world import DECLINED, OWN, PARTNER, Tell, World, reply

DAY_SECONDS = 86_400


def test_nobody_wakes_the_sagas(tell: Tell) -> None:
    """What runs out or is reset without a word is found within seconds."""

    async def story(world: World) -> None:
        unpaid = world.initiate(world.book(PARTNER, 1))
        paid = world.initiate(world.book(OWN, 1))
        await world.clock.advance(2)
        await world.pay(paid)
        await world.verify(paid)
        await world.clock.advance(20)
        world.engine.reset(now_ms=world.clock.ms())
        with structlog.testing.capture_logs() as logged:
            await world.clock.advance(8)
        assert world.engine.unsettled() == []
        assert world.engine.payment(unpaid) is None
        assert world.money() == (200_000, 200_000)
        assert world.places_held() == 0
        assert (logged, world.sagas._watches) == ([], {})

    tell(story)


def test_nobody_wakes_the_sagas_and_the_gateway_is_down(tell: Tell) -> None:
    """The provider is told all the same that a booking has run out."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(2)
        world.gateway_net.down = True
        world.engine.expire_due(now_ms=world.clock.ms() + 12 * 60_000, at_most=9)
        await world.clock.advance(8)
        assert world.status(order_id) == "RETURN_DUE CANCELLED"
        assert world.places_held() == 0

    tell(story)


def test_a_reset_before_a_reminder(tell: Tell) -> None:
    """Nobody is asked about a payment that was forgotten before its reminder came."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        await world.clock.advance(30)
        world.engine.reset(now_ms=world.clock.ms())
        asked = world.gateway_net.count("check")
        await world.clock.advance(14 * 60)
        assert asked == world.gateway_net.count("check")
        assert world.sagas._watches == {}

    tell(story)


def test_an_ended_payment_of_which_the_gateway_tells_nothing(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked about less and less, but never forgotten: there may be late money."""
    monkeypatch.setattr(parking, "FAILURES_MAX", 3)

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        payment = await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        world.gateway_net.replies["check"] = lambda _: reply(401, {"errorCode": "3001"})
        asked = world.gateway_net.count("check")
        await world.clock.advance(DAY_SECONDS + 3_600)  # no reminder is left
        assert 24 <= world.gateway_net.count("check") - asked <= 50
        theirs = world.desk.book.find(payment.payment_id)
        assert theirs is not None
        world.desk.book.authorize_late(theirs, now=world.clock.seconds())
        world.gateway_net.replies.clear()
        await world.clock.advance(60 * 60)
        assert world.status(order_id) == "RETURNED"

    tell(story)


def test_without_a_gateway(tell: Tell) -> None:
    """The provider gets its places back all the same, as patiently as ever, and nobody waits."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.registered(order_id)
        await world.clock.advance(2)
        world.provider_net.replies["cancel"] = lambda _: reply(500, {})
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        await world.within(world.sagas.stop())
        world.sagas = Sagas(
            world.engine,
            gateway=None,
            provider=world.provider,
            places=world.places_known,
            clock_ms=world.clock.ms,
            sleep=world.clock.sleep,
            rng=random.Random(1),
        )
        world.sagas.start()
        verified = asyncio.create_task(world.sagas.verify(order_id, within_seconds=9))
        await world.clock.settle()
        assert verified.done()
        asked = world.provider_net.count("cancel")
        await world.clock.advance(5 * 60)
        assert world.provider_net.count("cancel") - asked <= 20
        world.provider_net.replies.clear()
        await world.clock.advance(31)
        assert world.status(order_id) == "FAILED CANCELLED"
        await world.clock.advance(15 * 60)
        assert world.sagas._watches == {}

    tell(story)
