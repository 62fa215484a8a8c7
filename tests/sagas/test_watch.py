"""Patience, and who waits for a payment."""

import asyncio
import random

import pytest

from engine import Payment, PaymentStatus, Reservation, ReservationStatus
from engine.mutations import ReturnOwed, tag_of
from sagas import runner
from sagas.watch import Patience, Watch, stamp_of
from tests.sagas.world import DECLINED, OWN, PARTNER, Tell, World

RNG = random.Random(1)


def test_patience() -> None:
    """Pauses grow with each failure, and the service's own wish is granted if it is longer."""
    patience = Patience()
    patience.notice(("PENDING",))
    patience.fail(now_ms=1_000, retry_after_s=0, rng=RNG)
    assert 1_100 <= patience.not_before_ms <= 1_200
    patience.fail(now_ms=1_000, retry_after_s=7, rng=RNG)
    assert patience.not_before_ms == 8_000
    assert patience.failed_at_ms == 1_000


def test_new_state() -> None:
    """A new state ends the waiting; seeing the same one again doesn't."""
    patience = Patience()
    patience.notice(("PENDING",))
    patience.fail(now_ms=1_000, retry_after_s=0, rng=RNG)
    before_ms = patience.not_before_ms
    patience.notice(("PENDING",))
    assert patience.not_before_ms == before_ms
    patience.notice(("RETURN_DUE",))
    assert (patience.not_before_ms, patience.failures) == (0, 0)
    assert patience.has_seen(("RETURN_DUE",))
    assert not patience.has_seen(("PENDING",))


def test_own_failures() -> None:
    """Those that others don't share are counted apart, and a success forgets both counts."""
    patience = Patience()
    for is_own in (True, False, True):
        patience.fail(now_ms=1_000, retry_after_s=0, rng=RNG, is_own=is_own)
    assert (patience.failures, patience.own_failures) == (3, 2)
    patience.succeed()
    assert (patience.failures, patience.own_failures) == (0, 0)


def test_worth_telling() -> None:
    """An outage is told of at ever longer intervals."""
    patience = Patience()
    told = []
    for _ in range(20):
        patience.fail(now_ms=0, retry_after_s=0, rng=RNG)
        if patience.is_worth_telling():
            told.append(patience.failures)
    assert told == [1, 2, 4, 8, 16]


def test_stamp() -> None:
    """Whatever may change what is owed changes the stamp."""
    payment = Payment(order_id=1, booking_id=2, user_id=3, amount_minor=4, initiated_at_ms=5)
    stamps = [stamp_of(payment)]
    payment.status = PaymentStatus.RETURN_DUE
    stamps.append(stamp_of(payment))
    payment.payment_id = "17"
    stamps.append(stamp_of(payment))
    payment.reservation = Reservation((1,))
    stamps.append(stamp_of(payment))
    payment.reservation.status = ReservationStatus.STARTED
    stamps.append(stamp_of(payment))
    assert len(set(stamps)) == 5


def test_listeners() -> None:
    """Everybody who listens hears of a change, also when one of them has hung up."""

    async def story() -> None:
        watch = Watch(first_variant=0)
        first, second = watch.listen(), watch.listen()
        first.cancel()
        watch.tell()
        await second
        assert not watch.is_awaited()
        third = watch.listen()
        assert watch.is_awaited()
        watch.unlisten(third)
        assert not watch.is_awaited()

    asyncio.run(story())


def test_a_payment_that_was_not_asked_about_lately_is_forgotten_as_it_ends(tell: Tell) -> None:
    """Its last change may be the gateway's, and seats of our own have no provider at all."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        await world.registered(world.initiate(booking_id))
        await world.clock.advance(30)
        world.cancel(booking_id)
        await world.clock.advance(10)
        assert world.sagas._watches == {}

    tell(story)


def test_a_sale_is_forgotten_when_the_provider_has_confirmed_it_late(tell: Tell) -> None:
    """Its last change is the provider's, long after the gateway was asked."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.registered(order_id)
        await world.clock.advance(2)
        await world.pay(order_id)
        world.provider_net.down = True
        await world.verify(order_id)
        await world.clock.advance(3)
        assert world.status(order_id) == "CAPTURED CONFIRM_DUE"
        world.provider_net.down = False
        await world.clock.advance(60)
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.sagas._watches == {}

    tell(story)


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("seconds", [1.4, 4, 20])
@pytest.mark.parametrize("paid_after", [1, 33])
def test_a_refund_soon_after_the_payment_is_no_late_money(
    tell: Tell, paid_after: float, seconds: float, crashes: bool
) -> None:
    """What the gateway remembers of the time before is no answer to us, after a crash neither."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.clock.advance(paid_after)
        await world.pay(order_id)
        await world.verify(order_id)
        assert world.status(order_id) == "CAPTURED"
        await world.clock.advance(seconds)
        if crashes:
            await world.crash()
        world.cancel(booking_id)
        await world.clock.advance(0.2)
        await world.verify(order_id)
        await world.clock.advance(2)
        assert world.status(order_id) == "RETURNED"
        assert tag_of(ReturnOwed) not in [tag for _, tag in world.payment(order_id).steps()]
        assert world.gateway_net.count("cancel") == 1

    tell(story)


@pytest.mark.parametrize("before", [0.2, 4])
def test_nobody_waits_for_a_check_of_an_ended_payment_that_is_put_off(
    tell: Tell, before: float
) -> None:
    """Who comes back after a refused card is answered at once, and late money is found still."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        payment = await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        assert world.status(order_id) == "FAILED"
        await world.clock.advance(before)
        came = world.clock.seconds()
        await world.verify(order_id)
        assert world.clock.seconds() - came < 0.2
        theirs = world.desk.book.find(payment.payment_id)
        assert theirs is not None
        world.desk.book.authorize_late(theirs, now=world.clock.seconds())
        await world.clock.advance(12)
        assert world.status(order_id) == "RETURNED"

    tell(story)


def test_late_money_is_found_however_often_we_asked_before(tell: Tell) -> None:
    """Of an ended payment each answer is cached for five minutes: no check is like one of them."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        payment = await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        for _ in range(6):
            await world.verify(order_id)
            await world.clock.advance(16)
            assert world.sagas._watches == {}
        theirs = world.desk.book.find(payment.payment_id)
        assert theirs is not None
        world.desk.book.authorize_late(theirs, now=world.clock.seconds())
        await world.verify(order_id)
        await world.clock.settle()
        assert world.status(order_id) == "RETURNED"

    tell(story)


def test_only_the_last_orders_checks_are_remembered(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that memory doesn't grow with all that was ever sold."""
    monkeypatch.setattr(runner, "VARIANTS_KEPT", 2)

    async def story(world: World) -> None:
        orders = []
        for number in range(1, 5):
            booking_id = world.book(OWN, number)
            orders.append(world.initiate(booking_id))
            await world.registered(orders[-1])
            world.cancel(booking_id)
            await world.clock.advance(12)
        assert orders[-2:] == list(world.sagas._variants)

    tell(story)
