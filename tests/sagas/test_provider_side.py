"""Stories about the provider: answers that get lost, and places that aren't to be had."""

import httpx
import pytest
import structlog

from engine import seat_id_of
from sagas import PlacesUnknown
from tests.sagas.world import ANN, BOB, PARTNER, Tell, World

# After this long nothing of before a start can still be on its way.
QUIET_SECONDS = 61


def test_nothing_is_captured_before_the_places_are_ours(tell: Tell) -> None:
    """A customer who pays faster than the provider works waits, and only then is charged."""

    async def story(world: World) -> None:
        world.provider_net.down = True
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id, within_seconds=1)
        assert world.status(order_id) == "AUTHORIZED WANTED"
        await world.clock.advance(60)
        assert world.money() == (0, 0)
        assert world.gateway_net.count("confirm") == 0
        world.provider_net.down = False
        await world.clock.advance(35)
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.money() == (200_000, 0)

    tell(story)


def test_refund_and_resale(tell: Tell) -> None:
    """A refunded partner's seat stays ours at the provider and is sold again without asking."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(2)
        await world.pay(order_id)
        await world.verify(order_id)
        await world.clock.settle()
        world.cancel(booking_id)
        await world.clock.settle()
        assert world.status(order_id) == "RETURNED CONFIRMED"
        assert world.money() == (200_000, 200_000)
        asked = len(world.provider_net.requests)
        again = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.registered(again)
        await world.pay(again)
        await world.verify(again)
        assert world.status(again) == "CAPTURED"
        assert len(world.provider_net.requests) == asked
        assert world.money() == (400_000, 200_000)

    tell(story)


@pytest.mark.parametrize("route", ["orders", "select", "submit", "confirm"])
def test_lost_answer_of_the_provider(tell: Tell, route: str) -> None:
    """The same at the provider: the customer gets the seats, no place is held twice."""

    async def story(world: World) -> None:
        await world.clock.advance(QUIET_SECONDS)
        world.provider_net.lose_answer.append(route)
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        await world.clock.advance(4)
        assert world.status(order_id) == "PENDING SUBMITTED"
        await world.pay(order_id)
        await world.verify(order_id)
        await world.clock.advance(2)
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.places_held() == 2
        assert world.provider_net.lose_answer == []

    tell(story)


def test_lost_answer_of_the_providers_cancel(tell: Tell) -> None:
    """A second cancel is refused, and that says that the first one was done."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(2)
        asked = len(world.provider_net.requests)
        world.provider_net.lose_answer.append("cancel")
        world.cancel(booking_id)
        await world.clock.advance(2)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.provider_net.requests[asked:] == ["cancel", "cancel"]
        assert world.places_held() == 0

    tell(story)


def test_place_sold_elsewhere(tell: Tell) -> None:
    """A place the provider has sold ends the booking; the other place and the payment go back."""

    async def story(world: World) -> None:
        foreign = world.office.start()
        taken = seat_id_of(event_id=PARTNER, row=1, number=2)
        world.office.select(world.places()[taken], foreign)
        booking_id = world.book(PARTNER, 1, 2)
        order_id = world.initiate(booking_id)
        await world.clock.advance(2 * QUIET_SECONDS + 5)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.booking_status(booking_id) == "CANCELLED"
        assert world.orders() == ["STARTED 1", "CANCELLED 0"]
        assert world.places_held() == 1

    tell(story)


def test_place_taken_just_before_the_order_is_given_up(tell: Tell) -> None:
    """An order is cancelled only when it shows its last place, however long it took to get that."""

    async def story(world: World) -> None:
        world.office.panel.change(b'{"lag_ms": 3000}')
        leaving, staying = world.office.start(), world.office.start()
        for order, number in ((leaving, 2), (staying, 3)):
            seat_id = seat_id_of(event_id=PARTNER, row=1, number=number)
            world.office.select(world.places()[seat_id], order)
        order_id = world.initiate(world.book(PARTNER, 1, 2, 3))
        await world.clock.advance(56)
        world.office.catch_up()
        world.office.cancel(leaving)
        await world.clock.advance(20 + QUIET_SECONDS)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.orders() == ["CANCELLED 0", "STARTED 1", "CANCELLED 0"]
        assert world.places_held() == 1

    tell(story)


@pytest.mark.parametrize("lag_ms", [0, 120, 1_000])
def test_seats_that_our_own_order_lets_go(tell: Tell, lag_ms: int) -> None:
    """Paying again at once after a release isn't taken for a place sold elsewhere."""

    async def story(world: World) -> None:
        await world.clock.advance(QUIET_SECONDS)
        world.office.panel.change(b'{"lag_ms": %d}' % lag_ms)
        booking_id = world.book(PARTNER, 1, 2)
        first = world.initiate(booking_id)
        await world.clock.advance(0.3)
        booking = world.engine.booking(booking_id)
        assert booking is not None
        world.engine.release_seat(user_id=ANN, seat_id=booking.seats[1], now_ms=world.clock.ms())
        world.sagas.wake(first)
        second = world.initiate(booking_id)
        await world.clock.advance(0.2)  # the second only waits for the first
        await world.clock.advance(15)
        assert world.status(first) == "RETURNED CANCELLED"
        assert world.status(second) == "PENDING SUBMITTED"
        assert world.places_held() == 1

    tell(story)


def test_place_sold_elsewhere_is_known_at_once(tell: Tell) -> None:
    """When nothing of ours can have been there, the first refusal is the truth."""

    async def story(world: World) -> None:
        await world.clock.advance(61)
        world.office.select(
            world.places()[seat_id_of(event_id=PARTNER, row=1, number=2)], world.office.start()
        )
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        await world.clock.advance(2)
        assert world.status(order_id) == "RETURNED CANCEL_DUE"
        await world.clock.advance(QUIET_SECONDS)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.places_held() == 1

    tell(story)


def test_select_that_arrives_twice(tell: Tell) -> None:
    """When the second answer is the one that is told, the place still finds its order open."""

    async def story(world: World) -> None:
        await world.clock.advance(QUIET_SECONDS)

        async def arrive_before() -> None:
            place = world.places()[seat_id_of(event_id=PARTNER, row=1, number=1)]
            world.office.select(place, world.office.orders()[-1]["id"])

        world.provider_net.hooks["select"] = arrive_before
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(10)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.places_held() == 0

    tell(story)


def test_places_are_still_being_read(tell: Tell) -> None:
    """A payment for seats whose places aren't known yet waits everywhere, and goes on by itself."""

    async def story(world: World) -> None:
        places = dict(world.places_known)
        world.places_known.clear()
        order_id = world.initiate(world.book(PARTNER, 1))
        with pytest.raises(PlacesUnknown):
            await world.registered(order_id)
        await world.clock.advance(60)
        assert world.gateway_net.requests + world.provider_net.requests == []
        world.places_known.update(places)
        await world.clock.advance(31)
        assert world.status(order_id) == "PENDING SUBMITTED"

    tell(story)


def test_places_are_still_being_read_after_a_crash(tell: Tell) -> None:
    """The same for an order that was begun before: it is neither given up nor stumbled over."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        world.provider_net.hooks["select"] = world.die
        await world.clock.advance(1)
        await world.crash()
        places = dict(world.places_known)
        world.places_known.clear()
        with structlog.testing.capture_logs() as logged:
            await world.clock.advance(60)
        assert {line["log_level"] for line in logged} == {"warning"}
        assert world.status(order_id) == "PENDING STARTED"
        world.places_known.update(places)
        await world.clock.advance(40)
        assert world.status(order_id) == "PENDING SUBMITTED"

    tell(story)


def test_places_that_never_show(tell: Tell) -> None:
    """While the provider shows nothing, nothing is submitted, given up or lost."""

    async def story(world: World) -> None:
        await world.clock.advance(61)
        world.office.panel.change(b'{"freeze_projection": true}')
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(600)
        assert world.status(order_id) == "PENDING STARTED"
        assert world.provider_net.count("select") == 1
        assert world.provider_net.count("submit") == 0
        world.office.panel.change(b'{"freeze_projection": false}')
        await world.clock.advance(31)
        assert world.status(order_id) == "PENDING SUBMITTED"

    tell(story)


def test_seat_of_an_order_that_never_began(tell: Tell) -> None:
    """A seat wanted by a payment that ended before its order began is free for the next buyer."""

    async def story(world: World) -> None:
        world.provider_net.down = True
        first = world.book(PARTNER, 1)
        world.initiate(first)
        await world.clock.advance(1)
        world.cancel(first)
        world.provider_net.down = False
        second = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.clock.advance(5)
        assert world.status(second) == "PENDING SUBMITTED"

    tell(story)


def test_next_buyer_after_a_crash(tell: Tell) -> None:
    """A crash right after a cancel doesn't make us take our own late place for a stranger's."""

    async def story(world: World) -> None:
        await world.clock.advance(QUIET_SECONDS)
        booking_id = world.book(PARTNER, 1)
        first = world.initiate(booking_id)
        await world.clock.advance(2)
        world.office.panel.change(b'{"lag_ms": 2000}')
        world.cancel(booking_id)
        await world.clock.settle()
        assert world.status(first).endswith("CANCELLED")
        await world.crash()
        second = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.clock.advance(15)
        assert world.status(second) == "PENDING SUBMITTED"

    tell(story)


def test_next_buyer_waits_for_the_cancel(tell: Tell) -> None:
    """An order that is still to be cancelled keeps its claim on the seats, across a crash too."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        first = world.initiate(booking_id)
        await world.clock.advance(2)
        world.provider_net.down = True
        world.cancel(booking_id)
        await world.crash()
        second = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.clock.advance(QUIET_SECONDS + 15)
        world.provider_net.down = False
        await world.clock.advance(40)
        assert world.status(first) == "RETURNED CANCELLED"
        assert world.status(second) == "PENDING SUBMITTED"

    tell(story)


def test_taken_up_long_after_a_crash(tell: Tell) -> None:
    """A place selected before a crash is known as ours, however long the provider was away."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        world.provider_net.hooks["submit"] = world.die
        await world.clock.advance(2)
        world.provider_net.down = True
        await world.crash()
        await world.clock.advance(QUIET_SECONDS + 15)
        world.provider_net.down = False
        await world.clock.advance(40)
        assert world.status(order_id) == "PENDING SUBMITTED"
        # What the order holds already isn't selected again.
        assert world.provider_net.count("select") == 2

    tell(story)


def test_half_selected_long_before(tell: Tell) -> None:
    """The same with one place selected and one not."""

    async def story(world: World) -> None:
        async def die_at_the_second() -> None:
            world.provider_net.hooks["select"] = world.die

        order_id = world.initiate(world.book(PARTNER, 1, 2))
        world.provider_net.hooks["select"] = die_at_the_second
        await world.clock.advance(2)
        world.provider_net.down = True
        await world.crash()
        await world.clock.advance(QUIET_SECONDS + 15)
        world.provider_net.down = False
        await world.clock.advance(40)
        assert world.status(order_id) == "PENDING SUBMITTED"
        assert world.orders() == ["SUBMITTED 2"]

    tell(story)


def test_cancel_waits_for_what_is_in_flight(tell: Tell) -> None:
    """An order isn't cancelled while a select that we gave up on may still be at work."""

    async def story(world: World) -> None:
        world.provider_net.lose_answer.append("select")
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.clock.advance(0.1)
        assert world.provider_net.lose_answer == []
        world.cancel(booking_id)
        await world.clock.advance(9)
        assert world.provider_net.count("cancel") == 0
        await world.clock.advance(3)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.places_held() == 0

    tell(story)


def test_order_that_somebody_cancelled(tell: Tell) -> None:
    """An order of ours that is found cancelled holds nothing, so the booking ends unpaid."""

    async def story(world: World) -> None:
        world.office.panel.change(b'{"lag_ms": 1000, "wedge_on_poison": false}')
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(0.3)
        world.office.cancel(world.office.orders()[0]["id"])
        await world.clock.advance(10)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.places_held() == 0

    tell(story)


def test_doubtful_order_is_renewed(tell: Tell) -> None:
    """An order that never shows a place that may be ours is given up, and the next one is filled.

    A select got lost on its way, and before it was repeated a stranger took the place for a while:
    the refusal may then mean the stranger, or ourselves.
    """

    async def story(world: World) -> None:
        await world.clock.advance(QUIET_SECONDS)
        stranger = world.office.start()
        wanted = seat_id_of(event_id=PARTNER, row=1, number=1)

        async def lose_it() -> None:
            world.office.select(world.places()[wanted], stranger)
            raise httpx.ReadTimeout("lost")

        world.provider_net.hooks["select"] = lose_it
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        await world.clock.advance(80 + QUIET_SECONDS)
        assert world.provider_net.count("orders") == 2
        world.office.cancel(stranger)
        await world.clock.advance(30)
        assert world.status(order_id) == "PENDING SUBMITTED"
        assert world.orders() == ["CANCELLED 0", "CANCELLED 0", "SUBMITTED 2"]
        assert world.places_held() == 2

    tell(story)


def test_provider_shows_nothing_any_more(tell: Tell) -> None:
    """When several orders stay empty no new one is begun; once they show, all is as before."""

    async def story(world: World) -> None:
        await world.clock.advance(QUIET_SECONDS)
        world.office.panel.change(b'{"freeze_projection": true}')
        orders = [world.initiate(world.book(PARTNER, number)) for number in (1, 2, 3)]
        await world.clock.advance(80)
        late = world.initiate(world.book(PARTNER, 4))
        await world.clock.advance(30)
        assert world.status(late) == "PENDING WANTED"
        assert world.provider_net.count("orders") == 3
        world.office.panel.change(b'{"freeze_projection": false}')
        await world.clock.advance(60)
        assert {world.status(one) for one in (*orders, late)} == {"PENDING SUBMITTED"}

    tell(story)


def test_order_that_was_lost_there(tell: Tell) -> None:
    """A confirm that the provider will never take is parked: the operator must talk to them."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.registered(order_id)
        await world.clock.advance(3)
        world.office.cancel(world.office.orders()[0]["id"])
        await world.pay(order_id)
        await world.verify(order_id)
        await world.clock.advance(15 * 60)
        assert world.status(order_id) == "CAPTURED CONFIRM_DUE"
        payment = world.payment(order_id)
        assert payment.reservation is not None
        assert payment.reservation.parked == "confirm: HTTP 409, the order is CANCELLED"
        confirms = world.provider_net.count("confirm")
        await world.clock.advance(3_600)
        assert 1 <= world.provider_net.count("confirm") - confirms <= 2

    tell(story)


def test_places_that_do_not_come_in_time(tell: Tell) -> None:
    """A customer who has paid for places that never come gets the money back at the deadline."""

    async def story(world: World) -> None:
        world.provider_net.down = True
        booking_id = world.book(PARTNER, 1)
        order_id = world.initiate(booking_id)
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id, within_seconds=1)
        assert world.status(order_id) == "AUTHORIZED WANTED"
        await world.clock.advance(12 * 60)
        world.engine.expire_due(now_ms=world.clock.ms(), at_most=9)
        await world.clock.advance(10)
        assert world.status(order_id) == "RETURNED CANCELLED"
        assert world.booking_status(booking_id) == "CANCELLED"
        assert world.money() == (0, 0)

    tell(story)


def test_place_that_is_counted_twice(tell: Tell) -> None:
    """An order that counts its first place twice isn't submitted before it holds the second."""

    async def story(world: World) -> None:
        await world.clock.advance(QUIET_SECONDS)
        world.office.panel.change(b'{"duplicate_event_rate": 1, "lag_ms": 5}')

        async def let_the_second_come_late() -> None:
            async def slow_down() -> None:
                world.office.catch_up()
                world.office.panel.change(b'{"lag_ms": 3000}')

            world.provider_net.hooks["select"] = slow_down

        world.provider_net.hooks["select"] = let_the_second_come_late
        order_id = world.initiate(world.book(PARTNER, 1, 2))
        await world.clock.advance(20)
        assert world.status(order_id) == "PENDING SUBMITTED"
        assert world.orders() == ["SUBMITTED 2"]
        assert world.places_held() == 2

    tell(story)
