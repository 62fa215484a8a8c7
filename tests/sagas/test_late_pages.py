"""Stories about pages that are made late, of which we learn late, or that are another's."""

import pytest

from sagas import GatewayUnavailable
from tests.sagas.world import OWN, PARTNER, START_MS, Tell, World, reply

MINUTE_MS = 60_000


@pytest.mark.parametrize("tells_its_age", [True, False])
def test_a_page_is_promised_by_its_age(tell: Tell, tells_its_age: bool) -> None:
    """Made at once, found six minutes later: time to pay ends before the gateway's to capture."""

    async def story(world: World) -> None:
        world.gateway_net.lose_answer.append("init")
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.clock.settle()
        world.gateway_net.down = True
        if not tells_its_age:
            (theirs,) = world.desk.book.ledger()["payments"]
            told = {
                "paymentId": theirs["payment_id"],
                "orderId": str(order_id),
                "status": "NEW",
                "amount": 200_000,
            }
            world.answer_checks(told)
        await world.clock.advance(6 * 60)
        world.gateway_net.down = False
        await world.clock.advance(31)
        assert world.status(order_id) == "PENDING"
        booking = world.engine.booking(booking_id)
        assert booking is not None
        assert booking.expires_at_ms == START_MS + 12 * MINUTE_MS

    tell(story)


def test_a_page_made_late_is_promised_in_full(tell: Tell) -> None:
    """Where the gateway was away before it made one, that costs the customer no time."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(6 * 60)
        world.gateway_net.lose_answer.append("init")
        world.gateway_net.down = False
        await world.clock.advance(61)
        assert world.status(order_id) == "PENDING"
        theirs = world.desk.book.find(world.payment(order_id).payment_id)
        booking = world.engine.booking(booking_id)
        assert theirs is not None
        assert booking is not None
        assert theirs.created_at * 1000 > START_MS + 6 * MINUTE_MS
        assert abs(booking.expires_at_ms - theirs.created_at * 1000 - 12 * MINUTE_MS) < 1

    tell(story)


def test_a_gateway_that_asks_for_a_pause_gets_it(tell: Tell) -> None:
    """However many customers wait for a page, and as often as they click: none hastens it."""

    async def story(world: World) -> None:
        wish = {"Retry-After": "60"}
        world.gateway_net.replies["init"] = lambda _: reply(429, {}, wish)
        orders = [world.initiate(world.book(OWN, number)) for number in (1, 2, 3)]
        for _ in range(6):
            for order_id in orders:
                with pytest.raises(GatewayUnavailable):
                    await world.registered(order_id)
        late = world.initiate(world.book(OWN, 4))
        with pytest.raises(GatewayUnavailable):
            await world.registered(late)
        assert world.gateway_net.count("init") == 4
        world.gateway_net.replies.clear()
        await world.clock.advance(61)
        assert {world.status(order_id) for order_id in (*orders, late)} == {"PENDING"}

    tell(story)


def test_a_pause_that_an_answer_has_ended_holds_up_nobody(tell: Tell) -> None:
    """A call from before it is answered late: who came meanwhile needn't wait the pause out."""

    async def story(world: World) -> None:
        async def answer_late() -> None:
            await world.clock.sleep(3)

        world.gateway_net.hooks["init"] = answer_late
        first = world.initiate(world.book(OWN, 1))
        await world.clock.settle()
        world.gateway_net.replies["init"] = lambda _: reply(429, {}, {"Retry-After": "60"})
        for seat in ((OWN, 2), (OWN, 3), (OWN, 4), (OWN, 5), (PARTNER, 1)):
            world.initiate(world.book(*seat))
        await world.clock.advance(2)
        late = world.initiate(world.book(PARTNER, 2))
        await world.clock.settle()
        assert world.sagas.answering()["gateway"] == "down"
        world.gateway_net.replies.clear()
        await world.clock.advance(2.1)
        assert world.status(first) == "PENDING"
        assert world.status(late).startswith("PENDING ")

    tell(story)


def test_a_page_of_another_payment(tell: Tell) -> None:
    """What the gateway has named so for one order is no page of the next: nobody pays for two."""

    async def story(world: World) -> None:
        first = await world.registered(world.initiate(world.book(OWN, 1)))
        told = {"success": True, "paymentId": first.payment_id}
        world.gateway_net.replies["init"] = lambda _: reply(200, told)
        order_id = world.initiate(world.book(OWN, 2))
        await world.clock.advance(1)
        assert "" == world.payment(order_id).payment_id
        assert first.order_id == world.engine.order_of(first.payment_id)
        world.engine.check_invariants()

    tell(story)
