"""The provider's errors: none is taken for success, and none is met with a hail of calls."""

import httpx
import pytest

from engine import seat_id_of
from sagas import parking
from tests.sagas.world import ANN, BOB, PARTNER, Tell, World, reply

# Calls with growing pauses that fit into a minute.
CALLS_MAX = 12
MINUTE = 60


def break_down(world: World, route: str) -> None:
    """From now on the provider fails at this one call: not so that it would seem to be down."""
    world.provider_net.replies[route] = lambda _: reply(500, b"")


def order_of(world: World) -> str:
    """The newest order's id, which is also the route of a look at it."""
    newest: str = world.office.orders()[-1]["id"]
    return newest


def place_of(world: World, number: int) -> str:
    """A place's id, which is also the route of a look at it."""
    return world.places()[seat_id_of(event_id=PARTNER, row=1, number=number)]


async def wait_out(world: World, route: str, order_id: int, status: str) -> None:
    """A minute in which this call fails moves nothing and costs few calls."""
    asked = len(world.provider_net.requests)
    await world.clock.advance(MINUTE)
    assert world.status(order_id) == status
    assert 2 <= world.provider_net.requests[asked:].count(route) <= CALLS_MAX
    world.provider_net.replies.clear()


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ("orders", "PENDING WANTED"),
        ("select", "PENDING STARTED"),
        ("look at the order", "PENDING STARTED"),
        ("look at the place", "PENDING STARTED"),
        ("submit", "PENDING STARTED"),
    ],
)
def test_errors_while_an_order_is_filled(tell: Tell, call: str, status: str) -> None:
    """Whichever call fails, the order isn't believed to be further, and is filled afterwards."""

    async def story(world: World) -> None:
        route = place_of(world, 1) if call == "look at the place" else call

        async def break_down_now() -> None:
            nonlocal route
            route = order_of(world)
            break_down(world, route)

        if call == "look at the order":
            world.provider_net.hooks["select"] = break_down_now
        else:
            break_down(world, route)
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        await world.clock.advance(0.05)
        await wait_out(world, route, order_id, status)
        await world.clock.advance(31)
        assert world.status(order_id) == "PENDING SUBMITTED"
        assert world.orders() == ["SUBMITTED 2"]

    tell(story)


@pytest.mark.parametrize("call", ["confirm", "look at the order"])
def test_errors_while_an_order_is_confirmed(tell: Tell, call: str) -> None:
    """Neither a confirm that fails nor one of which nothing can be seen is taken for done."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.registered(order_id)
        await world.clock.advance(3)
        break_down(world, "confirm")
        if call != "confirm":
            world.provider_net.replies["confirm"] = lambda _: reply(409, b"")
            break_down(world, order_of(world))
        await world.pay(order_id)
        await world.verify(order_id)
        await wait_out(world, "confirm", order_id, "CAPTURED CONFIRM_DUE")
        await world.clock.advance(31)
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.orders() == ["CONFIRMED 1"]

    tell(story)


@pytest.mark.parametrize("call", ["cancel", "look at the order"])
def test_errors_while_an_order_is_cancelled(tell: Tell, call: str) -> None:
    """Nor is a cancel; and an order that can't be looked at is not cancelled blindly."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)

        async def cancel_now() -> None:
            break_down(world, "cancel" if call == "cancel" else order_of(world))
            world.cancel(booking_id)

        world.provider_net.hooks["select"] = cancel_now
        order_id = world.initiate(booking_id)
        await world.clock.advance(0.05)
        route = next(iter(world.provider_net.replies))
        await wait_out(world, route, order_id, "RETURNED CANCEL_DUE")
        assert (world.provider_net.count("cancel") == 0) == (call != "cancel")
        await world.clock.advance(31)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.orders() == ["CANCELLED 0"]

    tell(story)


def test_a_cancel_does_not_wait_for_the_call_before_it(tell: Tell) -> None:
    """However long the next try of a call was put off: what is owed instead of it is new."""

    async def story(world: World) -> None:
        break_down(world, "submit")
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(MINUTE)
        world.cancel(booking_id)
        await world.clock.advance(1)
        assert world.status(order_id) == "RETURNED CANCELLED"

    tell(story)


def test_patience_begins_anew_with_every_answer(tell: Tell) -> None:
    """A trouble soon after a long one is met as the first one: with a short pause."""

    async def story(world: World) -> None:
        break_down(world, "select")
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(MINUTE)
        world.provider_net.replies.clear()
        world.provider_net.lose_answer.append("submit")
        while world.provider_net.lose_answer:
            await world.clock.advance(0.1)
        await world.clock.advance(1)
        assert world.status(order_id) == "PENDING SUBMITTED"

    tell(story)


def test_orders_that_showed_nothing_and_were_given_up(tell: Tell) -> None:
    """They say nothing of the provider any more: the next order is begun."""

    async def story(world: World) -> None:
        await world.clock.advance(MINUTE + 1)
        world.office.panel.change(b'{"freeze_projection": true}')
        bookings = [world.book(PARTNER, number) for number in (1, 2, 3)]
        orders = [world.initiate(booking_id) for booking_id in bookings]
        await world.clock.advance(80)
        late = world.initiate(world.book(PARTNER, 4))
        await world.clock.advance(31)
        assert world.status(late) == "PENDING WANTED"
        for booking_id in bookings:
            world.cancel(booking_id)
        # None of them was ever to be seen, so each is looked for as long as it may take.
        await world.clock.advance(MINUTE + 35)
        assert {world.status(order_id) for order_id in orders} == {"RETURNED CANCELLED"}
        assert world.status(late) == "PENDING STARTED"

    tell(story)


def test_orders_that_the_provider_has_lost_stop_no_others(tell: Tell) -> None:
    """Nobody else shows any places, because nobody else is begun: so one is, to see."""

    async def story(world: World) -> None:
        await world.clock.advance(MINUTE + 1)

        async def show_nothing() -> None:
            empty = {"status": "STARTED", "places_count": 0}
            world.provider_net.replies[order_of(world)] = lambda _: reply(200, empty)

        for number in (1, 2, 3):
            world.provider_net.hooks["select"] = show_nothing
            world.initiate(world.book(PARTNER, number))
            await world.clock.advance(1)
        await world.clock.advance(80)
        late = [world.initiate(world.book(PARTNER, number)) for number in (4, 5)]
        await world.clock.advance(2 * MINUTE)
        assert {world.status(one) for one in late} == {"PENDING SUBMITTED"}

    tell(story)


def test_one_probe_a_minute_while_nothing_is_shown(tell: Tell) -> None:
    """However many wait, hardly anybody is begun in vain."""

    async def story(world: World) -> None:
        await world.clock.advance(MINUTE + 1)
        world.office.panel.change(b'{"freeze_projection": true}')
        for number in (1, 2, 3):
            world.initiate(world.book(PARTNER, number))
        await world.clock.advance(80)
        for number in (4, 5):
            world.initiate(world.book(PARTNER, number))
        for number in (1, 2, 3, 4, 5):
            seat_id = seat_id_of(event_id=PARTNER, row=2, number=number)
            booking_id = world.book(PARTNER)
            now_ms = world.clock.ms()
            world.engine.select_seat(
                user_id=ANN, booking_id=booking_id, seat_id=seat_id, now_ms=now_ms
            )
            world.initiate(booking_id)
        await world.clock.advance(5 * MINUTE)
        assert 2 <= world.provider_net.count("orders") - 3 <= 5
        assert world.sagas.answering()["provider"] == "down"
        world.office.panel.change(b'{"freeze_projection": false}')
        await world.clock.advance(31)
        assert world.sagas.answering()["provider"] == "up"

    tell(story)


def test_a_probe_that_an_outage_forbids_is_made_after_it(tell: Tell) -> None:
    """Who isn't let through to the provider hasn't looked whether it shows places again."""

    async def story(world: World) -> None:
        await world.clock.advance(MINUTE + 1)

        async def show_nothing() -> None:
            empty = {"status": "STARTED", "places_count": 0}
            world.provider_net.replies[order_of(world)] = lambda _: reply(200, empty)

        for number in (1, 2, 3):
            world.provider_net.hooks["select"] = show_nothing
            world.initiate(world.book(PARTNER, number))
            await world.clock.advance(1)
        await world.clock.advance(MINUTE + 40)
        world.provider_net.down = True
        late = [world.initiate(world.book(PARTNER, number)) for number in (4, 5)]
        await world.clock.advance(50)
        world.provider_net.down = False
        await world.clock.advance(31)
        assert {world.status(one) for one in late} == {"PENDING SUBMITTED"}

    tell(story)


def test_one_order_at_which_the_provider_errs_is_no_outage(tell: Tell) -> None:
    """On a quiet night nobody else is answered: a look at the order tells that it is there."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(3)
        break_down(world, "cancel")
        world.cancel(booking_id)
        for _ in range(16 * 6):
            await world.clock.advance(10)
            assert world.sagas.answering()["provider"] == "up"
        reservation = world.payment(order_id).reservation
        assert reservation is not None
        assert reservation.parked == "cancel: HTTP 500"

    tell(story)


def test_an_outage_that_ends_in_errors_at_the_only_call_that_is_owed(tell: Tell) -> None:
    """Its error shows that somebody is there again, and then the order tells."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(3)
        world.provider_net.down = True
        world.cancel(booking_id)
        await world.clock.advance(MINUTE)
        assert world.sagas.answering()["provider"] == "down"
        world.provider_net.down = False
        break_down(world, "cancel")
        world.provider_net.replies[order_of(world)] = lambda _: reply(
            200, {"status": "CANCELLED", "places_count": 0}
        )
        await world.clock.advance(MINUTE)
        assert world.status(order_id).endswith(" CANCELLED")
        assert world.sagas.answering()["provider"] == "up"

    tell(story)


def test_errors_while_an_order_is_renewed(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its customer waits for the next order: no operator is called, and no hour goes by."""
    monkeypatch.setattr(parking, "FAILURES_MAX", 3)

    async def story(world: World) -> None:
        await world.clock.advance(MINUTE + 1)
        stranger = world.office.start()

        async def lose_it() -> None:
            world.office.select(place_of(world, 1), stranger)
            raise httpx.ReadTimeout("lost")

        world.provider_net.hooks["select"] = lose_it
        break_down(world, "cancel")
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(5 * MINUTE)
        assert world.status(order_id) == "PENDING RENEW_DUE"
        world.office.cancel(stranger)
        world.provider_net.replies.clear()
        await world.clock.advance(40)
        assert world.status(order_id) == "PENDING SUBMITTED"

    tell(story)


@pytest.mark.parametrize("call", ["confirm", "cancel"])
def test_an_end_that_was_made_and_always_errs(tell: Tell, call: str) -> None:
    """A look at the order tells what no repetition does."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(3)
        ours = order_of(world)
        break_down(world, call)
        if call == "confirm":
            await world.pay(order_id)
            await world.verify(order_id)
            world.office.confirm(ours)
        else:
            world.cancel(booking_id)
            world.office.cancel(ours)
        await world.clock.advance(5)
        ended = "CAPTURED CONFIRMED" if call == "confirm" else "RETURNED CANCELLED"
        assert world.status(order_id) == ended

    tell(story)


@pytest.mark.parametrize("after_seconds", [3, 80])
def test_orders_that_show_nothing_while_another_does(tell: Tell, after_seconds: int) -> None:
    """The provider still adds places, whatever it has lost of theirs: the next order is begun."""

    async def story(world: World) -> None:
        await world.clock.advance(MINUTE + 1)

        async def show_nothing() -> None:
            empty = {"status": "STARTED", "places_count": 0}
            world.provider_net.replies[order_of(world)] = lambda _: reply(200, empty)

        for number in (1, 2, 3, 4):
            world.provider_net.hooks["select"] = show_nothing
            world.initiate(world.book(PARTNER, number))
            await world.clock.advance(1)
        another = order_of(world)
        await world.clock.advance(after_seconds)
        del world.provider_net.replies[another]
        await world.clock.advance(80)
        late = world.initiate(world.book(PARTNER, 5))
        await world.clock.advance(2)
        assert world.status(late) == "PENDING SUBMITTED"
        assert world.orders() == ["STARTED 1"] * 3 + ["SUBMITTED 1"] * 2

    tell(story)


def test_who_waits_for_an_order_of_ours_uses_up_no_probe(tell: Tell) -> None:
    """After an outage the others go on, however patient the order is that lets its seat go."""

    async def story(world: World) -> None:
        before = world.book(PARTNER, 1)
        first = world.initiate(before)
        await world.clock.advance(3)
        world.provider_net.down = True
        world.cancel(before)
        await world.clock.advance(MINUTE)
        waits = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        other = world.initiate(world.book(PARTNER, 2, user_id=BOB), user_id=BOB)
        await world.clock.advance(2)
        world.provider_net.down = False
        await world.clock.advance(3)
        assert world.status(first) == "RETURNED CANCEL_DUE"
        assert world.status(waits) == "PENDING WANTED"
        assert world.status(other) == "PENDING SUBMITTED"

    tell(story)


def test_who_cannot_begin_uses_up_no_probe(tell: Tell) -> None:
    """After an outage the others go on, however many wait for their places to be read."""

    async def story(world: World) -> None:
        before = world.book(PARTNER, 1)
        world.initiate(before)
        await world.clock.advance(3)
        world.provider_net.down = True
        world.cancel(before)
        await world.clock.advance(MINUTE)
        for number in (3, 4, 5):
            del world.places_known[seat_id_of(event_id=PARTNER, row=1, number=number)]
            world.initiate(world.book(PARTNER, number, user_id=BOB), user_id=BOB)
        other = world.initiate(world.book(PARTNER, 2, user_id=BOB), user_id=BOB)
        await world.clock.advance(2)
        world.provider_net.down = False
        await world.clock.advance(3)
        assert world.status(other) == "PENDING SUBMITTED"

    tell(story)
