"""Stories of payments from the first click to the last call, against the emulators."""

import asyncio
import random

import httpx
import pytest
import structlog

from engine import Sale, SeatStatus
from engine.errors import UnknownPayment
from sagas import GatewayUnavailable, NoGateway, PlacesUnknown, Sagas
from tests.sagas.world import DECLINED, OWN, PARTNER, Tell, World


def test_sale_of_our_own_seats(tell: Tell) -> None:
    """A customer who pays for our own seats gets them, and the money is taken once."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1, 2)
        order_id = world.initiate(booking_id)
        payment = await world.registered(order_id)
        page = f"http://gateway.test/api/v1/paymentform/render/{payment.payment_id}"
        assert payment.url == page
        await world.pay(order_id)
        await world.verify(order_id)
        assert world.status(order_id) == "CAPTURED"
        assert world.booking_status(booking_id) == "CONFIRMED"
        assert world.money() == (400_000, 0)
        assert world.provider_net.requests == []
        assert world.engine.unsettled() == []

    tell(story)


def test_sale_of_a_partners_seats(tell: Tell) -> None:
    """The provider's order is submitted while the customer pays and confirmed after the capture."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1, 2)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.clock.advance(2)
        assert world.status(order_id) == "PENDING SUBMITTED"
        await world.pay(order_id)
        await world.verify(order_id)
        await world.clock.settle()
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.booking_status(booking_id) == "CONFIRMED"
        assert world.orders() == ["CONFIRMED 2"]
        assert world.money() == (400_000, 0)

    tell(story)


@pytest.mark.parametrize("event_id", [OWN, PARTNER])
def test_declined_card(tell: Tell, event_id: int) -> None:
    """A declined card frees the seats here and the places there."""

    async def story(world: World) -> None:
        booking_id = world.book(event_id, 1, 2)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        await world.clock.advance(5)
        assert world.payment(order_id).is_settled()
        assert world.booking_status(booking_id) == "CANCELLED"
        assert world.engine.analytics(event_id).free_seats == 20
        assert world.places_held() == 0
        assert world.money() == (0, 0)

    tell(story)


@pytest.mark.parametrize("after_seconds", [0, 0.02, 0.1, 0.3, 2])
def test_cancel_during_payment(tell: Tell, after_seconds: float) -> None:
    """Cancelled at any moment, nothing stays behind: no payment page, no place, no money."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1, 2)
        order_id = world.initiate(booking_id)
        await world.clock.advance(after_seconds)
        world.cancel(booking_id)
        await world.clock.advance(5)
        assert world.payment(order_id).is_settled()
        assert world.places_held() == 0
        assert [row["status"] for row in world.desk.book.ledger()["payments"]] == ["CANCELLED"]

    tell(story)


def test_thousand_hints(tell: Tell) -> None:
    """However often a stranger calls, one check is under way and one a second is begun."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        hints = []
        for _ in range(100):
            for _ in range(10):
                hint = world.sagas.verify(order_id, within_seconds=1)
                hints.append(asyncio.create_task(hint))
            await world.clock.advance(0.1)
        await world.clock.advance(2)
        await asyncio.gather(*hints)
        assert 10 <= world.gateway_net.count("check") <= 12
        assert world.gateway_net.in_flight_max == 1
        assert world.status(order_id) == "PENDING"

    tell(story)


def test_forged_hints(tell: Tell) -> None:
    """A hint without a payment behind it changes nothing, and one about nothing asks nobody."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        records = len(world.log.records)
        await world.verify(order_id)
        assert len(world.log.records) == records
        asked = len(world.gateway_net.requests)
        await world.verify(order_id + 1)
        assert len(world.gateway_net.requests) == asked

    tell(story)


def test_gateway_down(tell: Tell) -> None:
    """While the gateway is down the customer is told so, keeps the seats, and can pay later."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        with pytest.raises(GatewayUnavailable):
            await world.registered(order_id)
        assert world.engine.analytics(OWN).reserved_seats == 1
        assert world.booking_status(booking_id) == "PAYMENT_INITIATED"
        world.gateway_net.down = False
        assert world.initiate(booking_id) == order_id
        assert (await world.registered(order_id)).url != ""

    tell(story)


def test_one_service_down_holds_up_nobody(tell: Tell) -> None:
    """With the gateway down, the provider still gets its places back; and the other way round."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(2)
        world.gateway_net.down = True
        world.cancel(booking_id)
        await world.clock.advance(2)
        assert world.status(order_id) == "RETURN_DUE CANCELLED"
        world.gateway_net.down, world.provider_net.down = False, True
        other = world.initiate(world.book(OWN, 1))
        await world.registered(other)
        await world.clock.advance(31)
        assert world.status(order_id) == "RETURNED CANCELLED"

    tell(story)


def test_stop(tell: Tell) -> None:
    """After `stop` no call is made, whatever is owed, and nobody waits for the next moment."""

    async def story(world: World) -> None:
        await world.within(world.sagas.stop())
        assert world.clock._sleepers == []
        world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(60)
        assert world.gateway_net.requests == []
        assert world.provider_net.requests == []

    tell(story)


def test_what_can_be_sold(tell: Tell) -> None:
    """Nothing without a gateway, partners' seats only with both; a page is told by all."""

    async def story(world: World) -> None:
        def sagas(*, gateway: bool, provider: bool, places: bool) -> Sagas:
            return Sagas(
                world.engine,
                gateway=world.gateway if gateway else None,
                provider=world.provider if provider else None,
                places=world.places() if places else None,
                clock_ms=world.clock.ms,
                rng=random.Random(1),
            )

        no_gateway = sagas(gateway=False, provider=True, places=True)
        no_places = sagas(gateway=True, provider=True, places=False)
        no_provider = sagas(gateway=True, provider=False, places=True)
        for ours in (Sale.OWN, Sale.ALLOTMENT):
            assert not no_gateway.can_sell(ours)
            assert [one.can_sell(ours) for one in (no_places, no_provider)] == [True, True]
        assert [one.can_sell(Sale.PARTNER) for one in (no_places, no_provider)] == [False, False]
        assert world.sagas.can_sell(Sale.PARTNER)
        await world.sagas.stop()
        order_id = world.initiate(world.book(PARTNER, 1))
        with pytest.raises(NoGateway):
            await no_gateway.registered(order_id, within_seconds=1)
        with pytest.raises(PlacesUnknown):
            await no_places.registered(order_id, within_seconds=1)
        with pytest.raises(UnknownPayment):
            await world.sagas.registered(17, within_seconds=1)
        now_ms = world.clock.ms()
        world.engine.register_payment(order_id=order_id, payment_id="p", url="page", now_ms=now_ms)
        for one in (no_gateway, no_places):
            payment = await world.within(one.registered(order_id, within_seconds=1))
            assert payment.url == "page"

    tell(story)


def test_seats_show_the_sale(tell: Tell) -> None:
    """When `verify` returns, the seats are SOLD."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 3))
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id)
        sold = world.engine.seats(
            event_id=OWN, status=SeatStatus.SOLD, row=None, offset=0, limit=20
        )
        assert [(seat.row, seat.number) for seat in sold] == [(1, 3)]

    tell(story)


def test_log_is_behind(tell: Tell) -> None:
    """A fact that the log has no room for is found out again, without paying or selecting twice."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        world.log.full_for = 3
        await world.clock.advance(3)
        assert world.status(order_id) == "PENDING SUBMITTED"
        world.log.full_for = 3
        await world.pay(order_id)
        with structlog.testing.capture_logs() as logged:
            await world.verify(order_id)
        assert {line["log_level"] for line in logged} == {"warning"}
        await world.clock.advance(3)
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.money() == (400_000, 0)
        assert world.log.full_for == 0

    tell(story)


def test_a_bug_hurts_one_payment(tell: Tell) -> None:
    """Whatever goes wrong in one look is logged and tried again, and others go on."""

    async def story(world: World) -> None:
        async def stumble() -> None:
            raise RuntimeError("a bug")

        world.gateway_net.hooks["init"] = stumble
        unlucky, lucky = world.initiate(world.book(OWN, 1)), world.initiate(world.book(OWN, 2))
        with structlog.testing.capture_logs() as logged:
            await world.clock.advance(1)
        assert [line["order_id"] for line in logged if line.get("exc_info")] == [unlucky]
        assert [world.status(order_id) for order_id in (unlucky, lucky)] == ["PENDING"] * 2

    tell(story)


def test_a_bug_that_stays_is_met_ever_more_rarely(tell: Tell) -> None:
    """A look that goes wrong each time makes no storm of calls, and succeeds once it is mended."""

    async def story(world: World) -> None:
        def stumble(_: httpx.Request) -> httpx.Response:
            raise RuntimeError("a bug")

        world.gateway_net.replies["init"] = stumble
        order_id = world.initiate(world.book(OWN, 1))
        with structlog.testing.capture_logs():
            await world.clock.advance(60)
        assert 5 <= world.gateway_net.count("init") <= 12
        world.gateway_net.replies.clear()
        await world.clock.advance(31)
        assert world.status(order_id) == "PENDING"

    tell(story)


def test_nothing_is_kept_of_what_is_over(tell: Tell) -> None:
    """A settled payment soon costs no memory, and a stranger's hints don't change that."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        world.cancel(booking_id)
        await world.clock.advance(2)
        for _ in range(20):
            await world.verify(order_id, within_seconds=0.05)
        await world.clock.advance(30)
        assert world.status(order_id) == "RETURNED"
        assert world.gateway_net.count("check") <= 3
        assert world.sagas._watches == {}

    tell(story)


def test_nothing_leaves_before_it_is_durable(tell: Tell) -> None:
    """As long as the disk has not caught up, neither service hears of a payment."""

    async def story(world: World) -> None:
        caught_up = asyncio.Event()
        durable = world.engine.durable

        async def slow() -> None:
            await caught_up.wait()
            await durable()

        world.engine.durable = slow  # type: ignore[method-assign]
        order_id = world.initiate(world.book(PARTNER, 1))
        registered = asyncio.create_task(world.sagas.registered(order_id, within_seconds=60))
        await world.clock.advance(3)
        assert world.gateway_net.requests + world.provider_net.requests == []
        caught_up.set()
        await world.clock.advance(1)
        assert (await registered).url != ""

    tell(story)


def test_page_is_shown_when_it_is_durable(tell: Tell) -> None:
    """`registered` returns only when a crash can't make us forget the page it returns."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        caught_up = asyncio.Event()
        durable = world.engine.durable

        async def slow() -> None:
            if world.payment(order_id).url:
                await caught_up.wait()
            await durable()

        world.engine.durable = slow  # type: ignore[method-assign]
        registered = asyncio.create_task(world.sagas.registered(order_id, within_seconds=60))
        await world.clock.advance(3)
        late = asyncio.create_task(world.sagas.registered(order_id, within_seconds=60))
        await world.clock.advance(3)
        assert world.payment(order_id).url != ""
        assert (registered.done(), late.done()) == (False, False)
        caught_up.set()
        await world.clock.advance(1)
        assert (await registered) is (await late)

    tell(story)


def test_no_payment_for_seats_that_nobody_can_ask_for(tell: Tell) -> None:
    """Without the provider's places no customer is sent to pay for a partner's seats."""

    async def story(world: World) -> None:
        await world.within(world.sagas.stop())
        world.sagas = Sagas(
            world.engine,
            gateway=world.gateway,
            provider=world.provider,
            places=None,
            clock_ms=world.clock.ms,
            sleep=world.clock.sleep,
            rng=random.Random(1),
        )
        world.sagas.start()
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(30)
        assert world.gateway_net.requests + world.provider_net.requests == []
        assert world.status(order_id) == "INITIATED WANTED"

    tell(story)


def test_verified_when_it_is_durable(tell: Tell) -> None:
    """`verify` returns only when a crash can't undo what has followed from it."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.pay(order_id)
        caught_up = asyncio.Event()
        durable = world.engine.durable

        async def slow() -> None:
            if world.status(order_id) == "CAPTURED":
                await caught_up.wait()
            await durable()

        world.engine.durable = slow  # type: ignore[method-assign]
        first = asyncio.create_task(world.sagas.verify(order_id, within_seconds=60))
        await world.clock.advance(3)
        second = asyncio.create_task(world.sagas.verify(order_id, within_seconds=60))
        await world.clock.advance(3)
        assert world.status(order_id) == "CAPTURED"
        assert (first.done(), second.done()) == (False, False)
        caught_up.set()
        await asyncio.gather(first, second)

    tell(story)


def test_hints_cost_nothing(tell: Tell) -> None:
    """A hint about a payment that is to be checked anyway makes nobody look and keeps nothing."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.verify(order_id)
        hints = []
        for _ in range(50):
            hints.append(asyncio.create_task(world.sagas.verify(order_id, within_seconds=5)))
            await world.clock.settle()
        assert len(world.sagas._gateway_agenda._heap) < 10
        await world.clock.advance(1)
        await asyncio.gather(*hints)
        assert world.gateway_net.count("check") == 2
        assert len(world.clock._sleepers) < 10

    tell(story)


def test_outage_of_ten_minutes(tell: Tell) -> None:
    """No sale is lost to an outage if its customer comes back within the hold and pays."""

    async def story(world: World) -> None:
        early = [world.initiate(world.book(OWN, number)) for number in (1, 2)]
        for order_id in early:
            await world.registered(order_id)
        world.gateway_net.down = True
        bookings = [world.book(PARTNER, number) for number in (1, 2, 3, 4)]
        orders = [world.initiate(booking_id) for booking_id in bookings]
        for order_id in orders:
            with pytest.raises(GatewayUnavailable):
                await world.registered(order_id)
        await world.pay(early[0])
        asked = len(world.gateway_net.requests)
        await world.clock.advance(600)
        # One probe a second, whoever is waiting.
        assert len(world.gateway_net.requests) - asked <= 601
        world.gateway_net.down = False
        for order_id in orders:
            await world.registered(order_id)
            await world.pay(order_id)
        await world.clock.advance(90)
        assert {world.status(one) for one in orders} == {"CAPTURED CONFIRMED"}
        assert world.status(early[0]) == "CAPTURED"
        assert world.status(early[1]) == "PENDING"

    tell(story)
