"""Stories about the gateway: answers that get lost, lie, refuse, or come too late."""

import asyncio

import pytest
import structlog

from emulators.gateway.payments import Status
from engine import seat_id_of
from sagas import GatewayUnavailable, PaymentEnded, PaymentRefusedByGateway
from sagas.watch import Watch
from tests.sagas.world import ANN, DECLINED, OWN, PARTNER, Tell, World, reply


def test_cancel_before_the_gateway_knows(tell: Tell) -> None:
    """A payment that the gateway never heard of ends without it having to be told."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(1)
        world.cancel(booking_id)
        await world.clock.advance(1)
        assert world.status(order_id) == "RETURN_DUE"
        world.gateway_net.down = False
        await world.clock.advance(31)
        assert world.status(order_id) == "FAILED"
        assert world.desk.book.ledger()["payments"] == []

    tell(story)


@pytest.mark.parametrize("how", ["cancel", "expire", "decline"])
def test_late_success(tell: Tell, how: str) -> None:
    """Money that comes after the attempt is over goes back, as soon as anybody mentions it."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        payment = await world.registered(order_id)
        if how == "cancel":
            world.cancel(booking_id)
        elif how == "expire":
            world.engine.expire_due(now_ms=world.clock.ms() + 12 * 60_000, at_most=9)
        else:
            await world.pay(order_id, DECLINED)
            await world.verify(order_id)
        await world.clock.advance(10)
        assert world.payment(order_id).is_settled()
        theirs = world.desk.book.find(payment.payment_id)
        assert theirs is not None
        world.desk.book.authorize_late(theirs, now=world.clock.seconds())
        await world.verify(order_id)
        await world.clock.settle()
        assert world.status(order_id) == "RETURNED"
        assert theirs.status is Status.CANCELLED
        assert world.booking_status(booking_id) == "CANCELLED"

    tell(story)


@pytest.mark.parametrize("route", ["init", "check", "confirm"])
def test_lost_answer_of_the_gateway(tell: Tell, route: str) -> None:
    """A call whose answer gets lost ends as if it hadn't: one payment, captured once."""

    async def story(world: World) -> None:
        world.gateway_net.lose_answer.append(route)
        order_id = world.initiate(world.book(OWN, 1))
        payment = await world.registered(order_id)
        assert payment.url.endswith(f"/paymentform/render/{payment.payment_id}")
        await world.pay(order_id)
        await world.verify(order_id)
        assert world.status(order_id) == "CAPTURED"
        assert len(world.desk.book.ledger()["payments"]) == 1
        assert world.money() == (200_000, 0)
        assert world.gateway_net.lose_answer == []

    tell(story)


def test_lost_answer_of_a_refund(tell: Tell) -> None:
    """A refund whose answer gets lost is found done by a check, not refunded twice."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id)
        world.gateway_net.lose_answer.append("cancel")
        world.cancel(booking_id)
        await world.clock.advance(2)
        assert world.status(order_id) == "RETURNED"
        assert world.gateway_net.count("cancel") == 2
        assert world.money() == (200_000, 200_000)

    tell(story)


def test_no_hint_ever_comes(tell: Tell) -> None:
    """Without webhook and redirect a payment is found by asking, ever more rarely."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        moments = []
        for second in range(170):
            before = world.gateway_net.count("check")
            await world.clock.advance(1)
            if world.gateway_net.count("check") > before:
                moments.append(second + 1)
        assert moments == [5, 15, 45, 105, 165]
        await world.pay(order_id)
        await world.clock.advance(60)
        assert world.status(order_id) == "CAPTURED"

    tell(story)


def test_hint_during_a_check(tell: Tell) -> None:
    """A hint that comes while a check is under way gets a check of its own: it may know more."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)

        async def slow() -> None:
            world.gateway_net.hooks["check"] = slow
            await world.clock.sleep(3)

        world.gateway_net.hooks["check"] = slow
        first = asyncio.create_task(world.sagas.verify(order_id, within_seconds=9))
        await world.clock.advance(1)
        second = asyncio.create_task(world.sagas.verify(order_id, within_seconds=9))
        await world.clock.advance(2.1)
        assert (first.done(), second.done()) == (True, False)
        await world.pay(order_id)
        await world.clock.advance(3)
        assert second.done()
        assert world.status(order_id) == "CAPTURED"

    tell(story)


def test_stale_check(tell: Tell) -> None:
    """The gateway's cache never hides from us that the customer has paid."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.verify(order_id)
        await world.pay(order_id)
        await world.verify(order_id)
        assert world.status(order_id) == "CAPTURED"

    tell(story)


@pytest.mark.parametrize(
    "change", [{"amount": 199_999}, {"orderId": "17"}, {"currency": "RUB"}, {"paymentId": "1"}]
)
def test_check_of_something_else(tell: Tell, change: dict[str, object]) -> None:
    """A check that doesn't speak of our payment is an error in the log and nothing else."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        payment = await world.registered(order_id)
        world.answer_checks(
            {
                "paymentId": payment.payment_id,
                "orderId": str(order_id),
                "status": "AUTHORIZED",
                "amount": 200_000,
                "currency": "KZT",
                **change,
            }
        )
        records = len(world.log.records)
        with structlog.testing.capture_logs() as logged:
            await world.verify(order_id)
        assert len(world.log.records) == records
        assert "error" in {line["log_level"] for line in logged}, logged

    tell(story)


def test_gateway_refuses(tell: Tell) -> None:
    """A payment that the gateway won't begin leaves the booking as it was, seats held."""

    async def story(world: World) -> None:
        world.desk.panel.change(b'{"team_amount_max": 1000}')
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        with pytest.raises(PaymentRefusedByGateway):
            await world.registered(order_id)
        assert world.booking_status(booking_id) == "CREATED"
        await world.clock.advance(5)
        assert world.payment(order_id).is_settled()
        assert world.places_held() == 0

    tell(story)


@pytest.mark.parametrize("way", ["cancelled", "run out", "a seat released"])
def test_a_payment_ends_while_its_customer_waits_for_a_page(tell: Tell, way: str) -> None:
    """It wasn't the gateway who refused, and nobody is told that all the seats are still his."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        booking_id = world.book(OWN, 1, 2)
        order_id = world.initiate(booking_id)
        waiting = asyncio.create_task(world.sagas.registered(order_id, within_seconds=9))
        await world.clock.settle()
        now_ms = world.clock.ms()
        if way == "cancelled":
            world.cancel(booking_id)
        elif way == "run out":
            later_ms = now_ms + 12 * 60_000
            world.engine.expire_due(now_ms=later_ms, at_most=9, ended=world.sagas.wake)
        else:
            seat_id = seat_id_of(event_id=OWN, row=1, number=1)
            world.engine.release_seat(user_id=ANN, seat_id=seat_id, now_ms=now_ms)
            world.sagas.wake(order_id)
        await world.clock.advance(1)
        assert waiting.done()
        with pytest.raises(PaymentEnded):
            await waiting
        world.gateway_net.down = False
        await world.clock.advance(31)
        assert world.status(order_id) == "FAILED"
        if way != "a seat released":
            with pytest.raises(PaymentEnded):
                await world.registered(order_id)

    tell(story)


def test_who_waits_for_a_page_is_not_woken_by_others_who_ask(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often one customer clicks while the gateway is down: each click listens once."""
    listened = []
    listen = Watch.listen

    def counted(watch: Watch) -> asyncio.Future[None]:
        listened.append(watch)
        return listen(watch)

    monkeypatch.setattr(Watch, "listen", counted)

    async def story(world: World) -> None:
        world.gateway_net.down = True
        order_id = world.initiate(world.book(OWN, 1))
        clicks = [world.sagas.registered(order_id, within_seconds=1) for _ in range(20)]
        waiting = [asyncio.create_task(click) for click in clicks]
        await world.clock.advance(2)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert {GatewayUnavailable} == set(map(type, answers))
        assert 20 == len(listened)

    tell(story)


def test_return_while_the_card_is_being_charged(tell: Tell) -> None:
    """The gateway can't cancel a payment in the middle; it is voided as soon as it can be."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        payment = await world.registered(order_id)
        world.desk.panel.change(b'{"card_delay_s": 2}')
        paying = asyncio.create_task(world.pay(order_id))
        await world.clock.advance(0.5)
        world.cancel(booking_id)
        await world.clock.advance(1)
        assert world.status(order_id) == "RETURN_DUE"
        await world.clock.advance(4)
        await paying
        assert world.status(order_id) == "RETURNED"
        theirs = world.desk.book.find(payment.payment_id)
        assert theirs is not None
        assert theirs.status is Status.CANCELLED

    tell(story)


def test_gateway_has_captured_by_itself(tell: Tell) -> None:
    """A payment found captured is captured; for a partner's seats only once they are ours."""

    async def story(world: World) -> None:
        world.provider_net.down = True
        ours, partners = world.initiate(world.book(OWN, 1)), world.initiate(world.book(PARTNER, 1))
        for order_id in (ours, partners):
            payment = await world.registered(order_id)
            await world.pay(order_id)
            theirs = world.desk.book.find(payment.payment_id)
            assert theirs is not None
            await world.desk.change(theirs, Status.CONFIRMED)
            await world.verify(order_id, within_seconds=1)
        assert world.status(ours) == "CAPTURED"
        assert world.status(partners) == "AUTHORIZED WANTED"
        world.provider_net.down = False
        await world.clock.advance(31)
        assert world.status(partners) == "CAPTURED CONFIRMED"
        assert world.money() == (400_000, 0)

    tell(story)


def test_refused_duplicate_that_is_none(tell: Tell) -> None:
    """A refusal as a duplicate of nothing is the gateway's mistake: the init is sent again."""

    async def story(world: World) -> None:
        world.gateway_net.replies["init"] = lambda _: reply(
            409, {"success": False, "errorCode": "1002"}
        )
        order_id = world.initiate(world.book(OWN, 1))
        await world.clock.advance(1)
        assert world.status(order_id) == "INITIATED"
        world.gateway_net.replies.clear()
        await world.registered(order_id)
        assert world.status(order_id) == "PENDING"

    tell(story)


def test_hints_during_an_outage(tell: Tell) -> None:
    """While the gateway is down, hints don't make us ask more often than patience does."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        world.gateway_net.down = True
        asked = len(world.gateway_net.requests)
        for _ in range(60):
            await world.verify(order_id, within_seconds=1)
        assert 5 <= len(world.gateway_net.requests) - asked <= 12
        world.gateway_net.down = False
        await world.pay(order_id)
        await world.verify(order_id, within_seconds=31)
        assert world.status(order_id) == "CAPTURED"

    tell(story)


NO_REFUND = {
    "success": False,
    "errorCode": "3001",
    "message": "Authentication failed",
    "details": {"reason": "token parameter is required"},
}


def test_refund_channel_broken(tell: Tell) -> None:
    """Money that the gateway won't give back is parked, asked for every hour, and never lost."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id)
        world.gateway_net.replies["cancel"] = lambda _: reply(401, NO_REFUND)
        world.cancel(booking_id)
        await world.clock.advance(5)
        assert world.status(order_id) == "RETURN_DUE"
        said = "return: HTTP 401, 3001, token parameter is required"
        assert world.payment(order_id).parked == said
        assert world.sagas.parked() == [world.payment(order_id)]
        assert world.gateway_net.count("cancel") == 1
        await world.clock.advance(6 * 3_600)
        assert 6 <= world.gateway_net.count("cancel") <= 13
        await world.crash()
        assert world.payment(order_id).parked == said
        world.gateway_net.replies.clear()
        await world.clock.advance(3_600)
        assert world.status(order_id) == "RETURNED"
        assert world.sagas.parked() == []
        assert world.money() == (200_000, 200_000)

    tell(story)


def test_operator_has_mended_it(tell: Tell) -> None:
    """Whoever has mended what was broken doesn't have to wait an hour to see it."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        world.gateway_net.replies["cancel"] = lambda _: reply(401, NO_REFUND)
        world.cancel(booking_id)
        await world.clock.advance(60)
        assert world.status(order_id) == "RETURN_DUE"
        world.gateway_net.replies.clear()
        assert world.sagas.retry_parked() == 1
        await world.clock.settle()
        assert world.status(order_id) == "RETURNED"
        assert world.sagas.retry_parked() == 0

    tell(story)


@pytest.mark.parametrize("event_id", [OWN, PARTNER])
def test_capture_refused_for_good(tell: Tell, event_id: int) -> None:
    """No ticket without captured money: at the deadline the seats are FREE and the hold is void."""

    async def story(world: World) -> None:
        world.desk.panel.change(b'{"confirm_currencies": ["RUB"]}')
        booking_id = world.book(event_id, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.clock.advance(3)
        await world.pay(order_id)
        await world.verify(order_id)
        assert world.payment(order_id).status == "AUTHORIZED"
        assert "Currency KZT is not supported" in world.payment(order_id).parked
        await world.clock.advance(60)
        assert world.gateway_net.count("confirm") == 1
        assert world.booking_status(booking_id) == "PAYMENT_INITIATED"
        world.engine.expire_due(now_ms=world.clock.ms() + 12 * 60_000, at_most=9)
        await world.clock.advance(10)
        assert world.booking_status(booking_id) == "CANCELLED"
        assert world.payment(order_id).status == "RETURNED"
        assert world.places_held() == 0
        assert world.money() == (0, 0)

    tell(story)


def test_capture_that_is_mended_in_time(tell: Tell) -> None:
    """A capture that becomes possible before the deadline still makes a ticket."""

    async def story(world: World) -> None:
        world.desk.panel.change(b'{"confirm_currencies": ["RUB"]}')
        booking_id = world.book(OWN, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id)
        world.desk.panel.change(b'{"confirm_currencies": ["KZT"]}')
        world.sagas.retry_parked()
        await world.clock.settle()
        assert world.booking_status(booking_id) == "CONFIRMED"
        assert world.payment(order_id).parked == ""

    tell(story)


@pytest.mark.parametrize("crashes", [False, True])
def test_late_success_that_nobody_mentions(tell: Tell, crashes: bool) -> None:
    """A page that was left open is paid hours later: we ask by ourselves, and money goes back."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        payment = await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        assert world.status(order_id) == "FAILED"
        await world.clock.advance(3 * 3_600)
        theirs = world.desk.book.find(payment.payment_id)
        assert theirs is not None
        world.desk.book.authorize_late(theirs, now=world.clock.seconds())
        if crashes:
            await world.crash()
        await world.clock.advance(3 * 3_600 + 60)
        assert world.status(order_id) == "RETURNED"
        assert theirs.status is Status.CANCELLED

    tell(story)


def test_nobody_asks_for_ever(tell: Tell) -> None:
    """An ended payment is asked about for a day and no more, after a restart neither."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.pay(order_id, DECLINED)
        await world.verify(order_id)
        await world.clock.advance(13 * 3_600)
        asked = world.gateway_net.count("check")
        for _ in range(2):
            await world.crash()
            await world.clock.advance(12 * 3_600)
            assert world.gateway_net.count("check") == asked + 1

    tell(story)
