"""Stories of customers who wait: who goes first, and that nobody waits for nothing."""

import asyncio

import msgspec
import pytest

from engine import Payment
from sagas import GatewayUnavailable, PaymentEnded, breaker, runner
from sagas.gateway_side import GatewaySide
from sagas.watch import Watch
from tests.sagas.world import ANN, DECLINED, OWN, PARTNER, Tell, World, reply


def test_who_waits_goes_first(tell: Tell) -> None:
    """As soon as the gateway answers one of them, all customers who stand waiting are served."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        orders = [world.initiate(world.book(OWN, number)) for number in (1, 2, 3, 4, 5)]
        await world.clock.advance(100)
        waiting = [
            asyncio.create_task(world.sagas.registered(order_id, within_seconds=10))
            for order_id in orders[-2:]
        ]
        await world.clock.advance(0.5)
        world.desk.panel.change(b'{"latency_ms": 100}')
        world.gateway_net.down = False
        while not any(one.done() for one in waiting):
            await world.clock.advance(0.01)
        await world.clock.advance(0.1)
        assert all(one.done() for one in waiting)
        await world.clock.advance(31)
        assert {world.status(one) for one in orders} == {"PENDING"}

    tell(story)


@pytest.mark.parametrize("service", ["gateway", "provider"])
def test_the_first_answer_wakes_all(
    tell: Tell, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """Of a crowd few ask every second whether a service is there again, and none waits longer."""
    monkeypatch.setattr(breaker, "ASKING_MAX", 1)

    async def story(world: World) -> None:
        net = world.gateway_net if service == "gateway" else world.provider_net
        net.down = True
        world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(100)
        orders = [world.initiate(world.book(PARTNER, number)) for number in (2, 3, 4)]
        await world.clock.advance(0.5)
        net.down = False
        await world.clock.advance(1)
        orders.append(world.initiate(world.book(PARTNER, 5)))
        await world.clock.advance(2)
        assert {world.status(one) for one in orders} == {"PENDING SUBMITTED"}

    tell(story)


def test_nobody_waits_long_for_a_gateway_that_is_down(tell: Tell) -> None:
    """Ten seconds for its page, but two when it is known that there is nobody to make one."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        first = world.initiate(world.book(OWN, 1))
        await world.clock.advance(30)
        waiting = asyncio.create_task(world.sagas.registered(first, within_seconds=10))
        await world.clock.advance(2.1)
        assert waiting.done()
        with pytest.raises(GatewayUnavailable):
            await waiting

    tell(story)


def test_a_customer_goes_before_all_who_are_elsewhere(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the order stands in line already; the others are served as they came."""
    monkeypatch.setattr(runner, "GATEWAY_CALLS_MAX", 1)

    async def story(world: World) -> None:
        world.desk.panel.change(b'{"latency_ms": 100}')
        orders = [world.initiate(world.book(OWN, number)) for number in (1, 2, 3, 5)]
        late = world.engine.initiate_payment(
            user_id=ANN, booking_id=world.book(OWN, 4), now_ms=world.clock.ms()
        )
        await world.clock.settle()
        await asyncio.gather(
            *(
                world.sagas.registered(order_id, within_seconds=2)
                for order_id in (orders[-1], late)
            ),
            world.clock.advance(1),
        )
        told = [msgspec.json.decode(body)["orderId"] for body in world.gateway_net.bodies]
        assert [str(one) for one in (orders[0], late, orders[-1], *orders[1:-1])] == told

    tell(story)


def test_who_has_paid_goes_before_all_who_have_not(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow gateway can't be asked about every open page in a minute, and needn't be."""
    monkeypatch.setattr(runner, "GATEWAY_CALLS_MAX", 1)

    async def story(world: World) -> None:
        orders = [
            world.initiate(world.book(event_id, number))
            for event_id in (OWN, PARTNER)
            for number in (1, 2, 3, 4, 5)
        ]
        await world.clock.advance(200)
        world.desk.panel.change(b'{"latency_ms": 8000}')
        await world.clock.advance(200)
        await world.pay(orders[4])
        await world.verify(orders[4])
        await world.clock.advance(20)
        assert world.status(orders[4]) == "CAPTURED"

    tell(story)


def test_who_waits_is_not_looked_at_in_circles(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the gateway is up or down, a customer who waits costs a look now and then."""
    looked = []
    look = GatewaySide.look

    async def counted(side: GatewaySide, payment: Payment, watch: Watch) -> int | None:
        looked.append(payment.order_id)
        return await look(side, payment, watch)

    monkeypatch.setattr(GatewaySide, "look", counted)

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.verify(order_id)
        looked.clear()
        await world.verify(order_id)
        assert len(looked) <= 5
        world.gateway_net.down = True
        waits_for_page = world.initiate(world.book(OWN, 2))
        await world.clock.advance(60)
        assert world.sagas.answering()["gateway"] == "down"
        looked.clear()
        with pytest.raises(GatewayUnavailable):
            await world.registered(waits_for_page)
        assert len(looked) <= 10

    tell(story)


def test_who_has_gone_is_not_waited_for(tell: Tell) -> None:
    """Once its customer has left, a payment is tried as patiently as all others."""

    async def story(world: World) -> None:
        world.gateway_net.replies["init"] = lambda _: reply(500, {})
        order_id = world.initiate(world.book(OWN, 1))
        with pytest.raises(GatewayUnavailable):
            await world.registered(order_id)
        asked = world.gateway_net.count("init")
        await world.clock.advance(60)
        assert world.gateway_net.count("init") - asked <= 10

    tell(story)


def test_nobody_is_sent_to_the_page_of_what_is_given_up(tell: Tell) -> None:
    """A payment that was cancelled and goes back just now has a page still, but not to pay on."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        world.gateway_net.down = True
        world.cancel(booking_id)
        with pytest.raises(PaymentEnded):
            await world.registered(order_id)

    tell(story)


def test_a_reset_while_a_customer_waits_for_a_page(tell: Tell) -> None:
    """The attempt has ended with the booking, of which nobody knows any more."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        order_id = world.initiate(world.book(OWN, 1))
        waiting = asyncio.create_task(world.sagas.registered(order_id, within_seconds=2))
        await world.clock.settle()
        world.engine.reset(now_ms=world.clock.ms())
        await world.clock.advance(3)
        with pytest.raises(PaymentEnded):
            await waiting

    tell(story)


def test_nobody_waits_for_a_check_of_what_is_cancelled(tell: Tell) -> None:
    """Whoever came back from the page hears at once that the booking was cancelled meanwhile."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        world.gateway_net.down = True
        waiting = asyncio.create_task(world.sagas.verify(order_id, within_seconds=9))
        await world.clock.advance(1)
        assert not waiting.done()
        world.cancel(booking_id)
        await world.clock.settle()
        assert waiting.done()

    tell(story)


async def come_back(world: World, orders: list[int]) -> list[asyncio.Task[None]]:
    """Each has paid on the gateway's page, whatever else of it is down."""
    for order_id in orders:
        await world.pay(order_id)
    return [
        asyncio.create_task(world.sagas.verify(order_id, within_seconds=5)) for order_id in orders
    ]


@pytest.mark.parametrize("too_early_seconds", [0, 0.5, 2.5])
def test_who_comes_back_after_an_outage(tell: Tell, too_early_seconds: float) -> None:
    """However patiently it was asked meanwhile, the gateway is asked as soon as it answers."""

    async def story(world: World) -> None:
        orders = [world.initiate(world.book(OWN, number)) for number in (1, 2, 3)]
        for order_id in orders:
            await world.registered(order_id)
        world.gateway_net.down = True
        await world.clock.advance(200)
        world.gateway_net.down = too_early_seconds > 0
        waiting = await come_back(world, orders)
        await world.clock.advance(too_early_seconds)
        world.gateway_net.down = False
        await world.clock.advance(1.1)
        assert all(one.done() for one in waiting)
        assert {world.status(order_id) for order_id in orders} == {"CAPTURED"}

    tell(story)


def test_who_comes_back_after_errors(tell: Tell) -> None:
    """The first hint is followed at once, later ones only when it was answered."""

    async def story(world: World) -> None:
        orders = [world.initiate(world.book(OWN, number)) for number in (1, 2, 3)]
        for order_id in orders:
            await world.registered(order_id)
        world.gateway_net.replies["check"] = lambda _: reply(500, {})
        await world.clock.advance(200)
        asked = world.gateway_net.count("check")
        for _ in range(9):
            await world.verify(orders[0], within_seconds=1)
        assert 1 <= world.gateway_net.count("check") - asked <= 4
        world.gateway_net.replies.clear()
        waiting = await come_back(world, orders[1:])
        await world.clock.advance(0.1)
        assert all(one.done() for one in waiting)
        assert {world.status(order_id) for order_id in orders[1:]} == {"CAPTURED"}

    tell(story)


def test_nobody_hastens_what_is_parked(tell: Tell) -> None:
    """What an operator must see to is tried once an hour, whoever comes back how often."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        world.gateway_net.replies["confirm"] = lambda _: reply(404, {"errorCode": "2404"})
        await world.pay(order_id)
        for _ in range(9):
            await world.verify(order_id, within_seconds=1)
        assert world.status(order_id) == "AUTHORIZED"
        assert world.gateway_net.count("confirm") == 1

    tell(story)


def test_nobody_waits_for_what_is_not_told_of_an_ended_payment(tell: Tell) -> None:
    """A check that fails is soon made again, but whoever came back goes on at once."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        await world.clock.advance(12)
        world.gateway_net.replies["check"] = lambda _: reply(500, {})
        waiting = asyncio.create_task(world.sagas.verify(order_id, within_seconds=5))
        await world.clock.advance(0.1)
        assert waiting.done()

    tell(story)


def test_a_reset_during_a_check(tell: Tell) -> None:
    """Late money of a payment that was forgotten meanwhile: nobody waits, and nothing is kept."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        payment = await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        await world.clock.advance(12)
        theirs = world.desk.book.find(payment.payment_id)
        assert theirs is not None
        world.desk.book.authorize_late(theirs, now=world.clock.seconds())

        async def reset() -> None:
            world.engine.reset(now_ms=world.clock.ms())

        world.gateway_net.hooks["check"] = reset
        waiting = asyncio.create_task(world.sagas.verify(order_id, within_seconds=9))
        await world.clock.advance(1)
        assert waiting.done()
        assert world.sagas._watches == {}

    tell(story)
