"""Stories about a gateway that errs at one call, or says it has done what it hasn't."""

import pytest

from emulators.gateway.payments import Payment, Status
from tests.sagas.world import OWN, Tell, World, reply


async def paid(world: World, booking_id: int) -> tuple[int, Payment]:
    """Order id and the gateway's own payment of a customer who has just paid."""
    order_id = world.initiate(booking_id)
    payment = await world.registered(order_id)
    await world.pay(order_id)
    theirs = world.desk.book.find(payment.payment_id)
    assert theirs is not None
    return order_id, theirs


def err(world: World, route: str) -> None:
    """From now on nobody is told what becomes of this call; the others are answered."""
    world.gateway_net.replies[route] = lambda _: reply(500, {})


def test_a_capture_that_was_made_and_always_errs(tell: Tell) -> None:
    """A check tells what no repetition does, and the customer gets the ticket."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id, theirs = await paid(world, booking_id)
        err(world, "confirm")
        await world.verify(order_id, within_seconds=0.1)
        await world.desk.change(theirs, Status.CONFIRMED)
        await world.clock.advance(5)
        assert world.status(order_id) == "CAPTURED"
        assert world.booking_status(booking_id) == "CONFIRMED"

    tell(story)


def test_a_refund_that_was_made_and_always_errs(tell: Tell) -> None:
    """The same of money that went back: nobody owes it any more."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id, theirs = await paid(world, booking_id)
        await world.verify(order_id)
        err(world, "cancel")
        world.cancel(booking_id)
        await world.desk.change(theirs, Status.REFUNDED)
        await world.clock.advance(5)
        assert world.status(order_id) == "RETURNED"

    tell(story)


def test_a_capture_that_always_errs_while_nobody_else_asks(tell: Tell) -> None:
    """The gateway answers checks, so it is there: an operator is told, and the deadline rules."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id, _ = await paid(world, booking_id)
        err(world, "confirm")
        await world.clock.advance(16 * 60)
        assert world.payment(order_id).parked == "capture: HTTP 500"
        world.engine.expire_due(now_ms=world.clock.ms(), at_most=9)
        await world.clock.advance(10)
        assert world.booking_status(booking_id) == "CANCELLED"
        assert world.status(order_id) == "RETURNED"

    tell(story)


def test_an_outage_that_ends_in_errors_at_the_only_call_that_is_owed(tell: Tell) -> None:
    """Its error shows that somebody is there again, and then a check tells."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id, theirs = await paid(world, booking_id)
        err(world, "confirm")
        await world.verify(order_id, within_seconds=0.1)
        world.gateway_net.down = True
        await world.clock.advance(60)
        assert world.gateway.breaker.is_open()
        world.gateway_net.down = False
        await world.desk.change(theirs, Status.CONFIRMED)
        await world.clock.advance(60)
        assert world.status(order_id) == "CAPTURED"
        assert world.booking_status(booking_id) == "CONFIRMED"
        assert world.sagas.answering()["gateway"] == "up"

    tell(story)


def test_an_outage_is_not_asked_twice(tell: Tell) -> None:
    """Where nobody answers at all, what is owed is tried again and nothing else."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id, _ = await paid(world, booking_id)
        await world.verify(order_id)
        world.gateway_net.down = True
        world.cancel(booking_id)
        asked = len(world.gateway_net.requests)
        await world.clock.advance(120)
        assert world.gateway_net.requests[asked:].count("cancel") >= 8
        assert world.gateway_net.requests[asked:].count("check") <= 1

    tell(story)


@pytest.mark.parametrize("is_captured", [True, False])
def test_a_refund_that_is_only_said(tell: Tell, is_captured: bool) -> None:
    """Nobody is told that money went back that the gateway has still: an operator is told."""

    async def story(world: World) -> None:
        world.desk.panel.change(b'{"cancel_noop": true}')
        booking_id = world.book(OWN, 1)
        order_id, _ = await paid(world, booking_id)
        if is_captured:
            await world.verify(order_id)
        else:
            world.engine.authorize_payment(order_id=order_id, now_ms=world.clock.ms())
        world.cancel(booking_id)
        await world.clock.advance(16 * 60)
        assert world.status(order_id) == "RETURN_DUE"
        said = "return: the gateway still has what it says it gave back"
        assert world.payment(order_id).parked == said
        world.desk.panel.change(b'{"cancel_noop": false}')
        await world.clock.advance(3_600)
        assert world.status(order_id) == "RETURNED"
        captured, refunded = world.money()
        assert captured == refunded

    tell(story)


def test_a_refund_that_is_shown_late(tell: Tell) -> None:
    """A check that lags behind it only puts off the news."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id, theirs = await paid(world, booking_id)
        await world.verify(order_id)
        world.desk.panel.change(b'{"check_lag_s": 5}')
        await world.clock.advance(6)
        world.cancel(booking_id)
        await world.clock.advance(2)
        assert world.status(order_id) == "RETURN_DUE"
        await world.clock.advance(10)
        assert world.status(order_id) == "RETURNED"
        assert theirs.status is Status.REFUNDED
        assert world.money() == (200_000, 200_000)

    tell(story)


def test_a_refund_by_the_gateways_own_people(tell: Tell) -> None:
    """No hint makes us ask for it; whoever then cancels the booking gives nothing back again."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id, theirs = await paid(world, booking_id)
        await world.verify(order_id)
        await world.desk.change(theirs, Status.REFUNDED)
        asked = world.gateway_net.count("check")
        await world.verify(order_id)
        assert world.gateway_net.count("check") == asked
        assert world.booking_status(booking_id) == "CONFIRMED"
        world.cancel(booking_id)
        await world.clock.advance(1)
        assert world.status(order_id) == "RETURNED"
        assert world.money() == (200_000, 200_000)

    tell(story)
