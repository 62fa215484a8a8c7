"""Who of our own orders holds a seat at the provider."""

import pytest

from sagas.claims import RELEASING_MS_MAX, Claims
from tests.sagas.world import ANN, BOB, PARTNER, Tell, World, reply


def test_claim() -> None:
    """One order at a time holds a seat; a claim is made for all seats or for none."""
    claims = Claims()
    assert claims.claim(1, (10, 11))
    assert claims.claim(1, (10, 11))
    assert not claims.claim(2, (12, 11))
    assert claims.claim(3, (12,))
    claims.drop(2)
    assert not claims.claim(2, (10,))
    assert claims.claim(1, (10,))
    assert claims.claim(4, (11,))
    claims.drop(1)
    claims.drop(1)
    assert claims.claim(2, (10,))


def test_releasing() -> None:
    """A seat that an order of ours let go may not be free at once, but it is some time."""
    claims = Claims()
    claims.claim(1, (10,))
    assert not claims.may_be_releasing(10, now_ms=1_000)
    claims.release(1, (10,), now_ms=1_000)
    assert claims.claim(2, (10,))
    assert claims.may_be_releasing(10, now_ms=1_000 + RELEASING_MS_MAX)
    assert not claims.may_be_releasing(10, now_ms=1_001 + RELEASING_MS_MAX)
    assert not claims.may_be_releasing(10, now_ms=1_000)


def test_after_a_start() -> None:
    """After a start any seat may be on its way to being free."""
    claims = Claims()
    claims.resume(1_000)
    assert claims.may_be_releasing(10, now_ms=1_000 + RELEASING_MS_MAX)
    assert not claims.may_be_releasing(10, now_ms=1_001 + RELEASING_MS_MAX)


def test_a_refund_still_owed_claims_no_seat_after_a_start(tell: Tell) -> None:
    """The places went back long ago and are another order's: whoever buys after it waits for it."""

    async def story(world: World) -> None:
        world.gateway_net.replies["cancel"] = lambda _: reply(401, {"errorCode": "3001"})
        returned = world.book(PARTNER, 1)
        owed_back = world.initiate(returned)
        await world.clock.advance(2)
        world.cancel(returned)
        await world.clock.advance(2)
        assert world.status(owed_back) == "RETURN_DUE CANCELLED"
        booking_id = world.book(PARTNER, 1, 2, user_id=BOB)
        world.initiate(booking_id, user_id=BOB)
        await world.clock.advance(3)
        await world.crash()
        await world.clock.advance(RELEASING_MS_MAX / 1000 + 1)
        world.cancel(booking_id, user_id=BOB)
        last = world.initiate(world.book(PARTNER, 1, user_id=ANN))
        await world.clock.advance(20)
        assert world.status(last) == "PENDING SUBMITTED"

    tell(story)


@pytest.mark.parametrize("start_seconds", [0.1, 3])
def test_a_reset_while_an_order_begins_leaves_no_claim(tell: Tell, start_seconds: float) -> None:
    """Its payment is forgotten before the provider has answered; its seats are the next buyer's."""

    async def story(world: World) -> None:
        async def begin_slowly() -> None:
            await world.clock.sleep(start_seconds)

        await world.clock.advance(4.5)  # half a second before the sweep
        world.provider_net.hooks["orders"] = begin_slowly
        first = world.initiate(world.book(PARTNER, 1, 2))
        await world.registered(first)
        world.engine.reset(now_ms=world.clock.ms())
        await world.clock.advance(10)
        assert world.engine.payment(first) is None
        second = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.clock.advance(5)
        assert world.status(second) == "PENDING SUBMITTED"

    tell(story)


def test_a_refund_ends_an_order_that_the_provider_has_lost(tell: Tell) -> None:
    """Its confirm is parked while its seats are paid for; then they are the next buyer's."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        lost = world.initiate(booking_id)
        await world.registered(lost)
        await world.clock.advance(3)
        world.office.cancel(world.office.orders()[0]["id"])
        await world.pay(lost)
        await world.verify(lost)
        await world.clock.advance(15 * 60)
        assert world.sagas.parked() == [world.payment(lost)]
        world.cancel(booking_id)
        await world.clock.advance(2)
        assert world.status(lost) == "RETURNED CANCELLED"
        assert world.sagas.parked() == []
        again = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.clock.advance(5)
        assert world.status(again) == "PENDING SUBMITTED"

    tell(story)


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("is_free", [False, True])
def test_nobody_waits_for_an_order_that_can_not_be_cancelled(
    tell: Tell, is_free: bool, crashes: bool
) -> None:
    """The next buyer of its place hears from the provider whether it is to be had, and soon."""

    async def story(world: World) -> None:
        before = world.book(PARTNER, 1)
        stuck = world.initiate(before)
        await world.clock.advance(3)
        world.provider_net.replies["cancel"] = lambda _: reply(500, b"")
        world.cancel(before)
        for _ in range(40):
            await world.clock.advance(30)
            await world.provider.places(page=1)  # others are answered
        assert world.sagas.parked() == [world.payment(stuck)]
        if is_free:
            world.office.cancel(world.office.orders()[0]["id"])
        if crashes:
            await world.crash()
        await world.clock.advance(RELEASING_MS_MAX / 1000 + 1)
        second = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.clock.advance(3)
        assert world.status(second) == ("PENDING SUBMITTED" if is_free else "RETURNED CANCEL_DUE")

    tell(story)
