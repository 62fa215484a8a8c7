"""A process that dies anywhere, and the next one that takes up its records, end as if it hadn't."""

import pytest

from tests.sagas.world import DECLINED, OWN, PARTNER, Tell, World

# Records of a sale: created, selected twice, initiated; then what the sagas report, in any order.
BEFORE_SAGAS = 4


def doom(world: World, *, dies_at: int, dies_after: bool) -> None:
    """Let the process die just before or just after the n-th record of the sagas."""
    world.log.dies_at = BEFORE_SAGAS + dies_at
    world.log.dies_after = dies_after


async def pass_time(world: World, seconds: float) -> None:
    """Let time pass; whenever the process has died, start the next one half a second later."""
    end_ms = world.clock.ms() + round(seconds * 1000)
    while world.clock.ms() < end_ms and world.log.dies_at is not None:
        await world.clock.advance(0.1)
        if world.log.is_dead:
            await world.clock.advance(0.5)
            await world.crash()
    await world.clock.advance((end_ms - world.clock.ms()) / 1000)


async def sell(world: World, event_id: int, *, dies_at: int, dies_after: bool) -> int:
    """The customer pays as soon as there is a page, closes the window, and never comes back."""
    doom(world, dies_at=dies_at, dies_after=dies_after)
    order_id = world.initiate(world.book(event_id, 1, 2))
    while not world.payment(order_id).url:
        await pass_time(world, 0.1)
    await world.pay(order_id)
    await pass_time(world, 120)
    return order_id


@pytest.mark.parametrize("dies_after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 7))
def test_sale_of_a_partners_seats(tell: Tell, dies_at: int, dies_after: bool) -> None:
    """Whichever record a sale dies at, the seats are sold once and paid for once."""

    async def story(world: World) -> None:
        order_id = await sell(world, PARTNER, dies_at=dies_at, dies_after=dies_after)
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.money() == (400_000, 0)
        assert len(world.desk.book.ledger()["payments"]) == 1
        # An order that was started just before the crash may be left behind, without places.
        assert sorted(set(world.orders()) - {"STARTED 0"}) == ["CONFIRMED 2"]
        assert world.places_held() == 2
        assert world.log.dies_at is None, "the story ended before its crash"

    tell(story)


@pytest.mark.parametrize("dies_after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 4))
def test_sale_of_our_own_seats(tell: Tell, dies_at: int, dies_after: bool) -> None:
    """The same for seats of our own."""

    async def story(world: World) -> None:
        order_id = await sell(world, OWN, dies_at=dies_at, dies_after=dies_after)
        assert world.status(order_id) == "CAPTURED"
        assert world.money() == (400_000, 0)
        assert len(world.desk.book.ledger()["payments"]) == 1
        assert world.log.dies_at is None

    tell(story)


@pytest.mark.parametrize("seconds", [0.0, 0.12, 0.2, 0.3, 0.5])
def test_dies_while_places_are_selected(tell: Tell, seconds: float) -> None:
    """A crash between two selects makes the selected place doubtful, and the count clears it up."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1, 2, 3))
        calls = 0

        async def count_and_die() -> None:
            nonlocal calls
            calls += 1
            world.provider_net.hooks["select"] = count_and_die
            if calls == 2:
                await world.die()

        world.provider_net.hooks["select"] = count_and_die
        await world.clock.advance(seconds)
        await world.crash()
        world.provider_net.hooks.clear()
        await world.clock.advance(10)
        assert world.status(order_id) == "PENDING SUBMITTED"
        assert world.orders() == ["SUBMITTED 3"]

    tell(story)


@pytest.mark.parametrize("dies_after", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 6))
def test_declined_card(tell: Tell, dies_at: int, dies_after: bool) -> None:
    """A declined payment leaves no place held and no money moved, wherever the process dies."""

    async def story(world: World) -> None:
        doom(world, dies_at=dies_at, dies_after=dies_after)
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        while not world.payment(order_id).url:
            await pass_time(world, 0.1)
        await world.pay(order_id, DECLINED)
        await pass_time(world, 120)
        assert world.payment(order_id).is_settled()
        assert world.places_held() == 0
        assert world.money() == (0, 0)
        assert world.engine.analytics(PARTNER).free_seats == 20
        assert world.log.dies_at is None

    tell(story)


@pytest.mark.parametrize("dies_after", [False, True])
def test_refund(tell: Tell, dies_after: bool) -> None:
    """A refund is made exactly once, though the process dies before or after it is recorded."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id)
        world.log.dies_at = len(world.log.records) + 2
        world.log.dies_after = dies_after
        world.cancel(booking_id)
        await pass_time(world, 10)
        assert world.status(order_id) == "RETURNED"
        assert world.money() == (200_000, 200_000)
        assert world.log.dies_at is None

    tell(story)


def test_paid_while_nobody_was_there(tell: Tell) -> None:
    """What happened while the process was down is found out as soon as it is up."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        world.cut()
        await world.pay(order_id)
        await world.crash()
        await world.clock.advance(0.1)
        assert world.status(order_id) == "CAPTURED"

    tell(story)
