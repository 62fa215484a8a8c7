"""The invariants notice it when a state is bent."""

from collections.abc import Callable
from copy import copy

import pytest

from engine import Booking, BookingStatus, PaymentStatus, SeatStatus
from engine.domain import BOOKING_SPAN
from engine.seatmap import WITHHELD
from engine.state import State
from tests.scenario import Story, check, seat_of

TABLE = """
    ann create_booking event=1                -> booking=a
    ann select_seat booking=a seat=1:1        -> ok
    ann select_seat booking=a seat=1:2        -> ok
    ann initiate_payment booking=a            -> order=p
    gateway register order=p                  -> ok
    gateway authorize order=p                 -> ok
    gateway capture order=p                   -> ok
    bob create_booking event=1                -> booking=b
    bob select_seat booking=b seat=2:1        -> ok
    bob initiate_payment booking=b            -> order=q
    ann create_booking event=1                -> booking=c
    ann cancel_booking booking=c              -> ok
    bob create_booking event=8                -> booking=d
    bob select_seat booking=d seat=8/3:3      -> ok
"""


@pytest.fixture
def story() -> Story:
    """A sold booking `a`, a booking `b` being paid, a cancelled `c`, and `d` of an allotment."""
    return check(TABLE)


def booking_of(state: State, story: Story, name: str) -> Booking:
    found = state.booking(story.named(name))
    assert found is not None
    return found


def sell_twice(state: State, story: Story) -> None:
    booking_of(state, story, "b").seats += (seat_of("1:1"),)


def forget_holder(state: State, story: Story) -> None:
    del state.shards[1].holders[seat_of("1:1")]


def cancel_with_seats(state: State, story: Story) -> None:
    booking_of(state, story, "b").status = BookingStatus.CANCELLED
    state.shards[1].bookings_live -= 1
    del state.shards[1].seats_by_user[story.user("bob")]  # now all the figures agree


def miscount_revenue(state: State, story: Story) -> None:
    state.shards[1].revenue_minor += 1


def miscount_bookings(state: State, story: Story) -> None:
    state.shards[1].bookings_live += 1


def miscount_seats(state: State, story: Story) -> None:
    state.shards[1].seats_by_user[story.user("bob")] = 2


def show_another_status(state: State, story: Story) -> None:
    state.shards[1].seatmap.change(0, SeatStatus.RESERVED)


def show_a_free_seat_as_sold(state: State, story: Story) -> None:
    state.shards[1].seatmap.change(19, SeatStatus.SOLD)


def offer_what_is_not_ours(state: State, story: Story) -> None:
    state.shards[8].seatmap.statuses[11] = SeatStatus.FREE


def withhold_what_is_ours(state: State, story: Story) -> None:
    statuses = state.shards[8].seatmap.statuses
    statuses[13], statuses[14] = WITHHELD, SeatStatus.FREE


def admit_to_a_seat_that_is_not_sold(state: State, story: Story) -> None:
    state.shards[1].admitted[seat_of("4:5")] = 1


def forget_what_is_owed(state: State, story: Story) -> None:
    state.unsettled.clear()


def owe_what_is_settled(state: State, story: Story) -> None:
    state.unsettled[story.named("p")] = None


def owe_the_unknown(state: State, story: Story) -> None:
    state.unsettled[5] = None


def rename_a_payment(state: State, story: Story) -> None:
    state.payments[story.named("p")].payment_id = "another"
    state.order_of_payment_id["another"] = 5


def follow_an_attempt_for_another_booking(state: State, story: Story) -> None:
    state.payments[story.named("q")].earlier_order_id = story.named("p")


def follow_an_attempt_that_never_was(state: State, story: Story) -> None:
    state.payments[story.named("q")].earlier_order_id = 5


def confirm_without_payment(state: State, story: Story) -> None:
    booking_of(state, story, "a").order_id = 0


def confirm_without_money(state: State, story: Story) -> None:
    state.payments[story.named("p")].status = PaymentStatus.RETURNED


def take_too_little(state: State, story: Story) -> None:
    state.payments[story.named("p")].amount_minor -= 1


def keep_money_without_a_ticket(state: State, story: Story) -> None:
    state.payments[story.named("q")].status = PaymentStatus.CAPTURED
    state.unsettled.clear()


def list_in_another_order(state: State, story: Story) -> None:
    state.user_bookings[story.user("ann")].reverse()


def list_what_is_gone(state: State, story: Story) -> None:
    booking = booking_of(state, story, "c")
    state.shards[1].bookings[booking.booking_id % BOOKING_SPAN] = None
    assert booking in state.user_bookings[story.user("ann")]


def exchange_two_of_all(state: State, story: Story) -> None:
    state.bookings.reverse()


def list_one_nowhere(state: State, story: Story) -> None:
    lost = state.bookings.pop()
    state.user_bookings[lost.user_id].remove(lost)
    if not state.user_bookings[lost.user_id]:
        del state.user_bookings[lost.user_id]


def list_a_copy(state: State, story: Story) -> None:
    first = state.bookings[0]
    state.bookings[0] = state.user_bookings[first.user_id][0] = copy(first)


@pytest.mark.parametrize(
    "bend",
    [
        sell_twice,
        forget_holder,
        cancel_with_seats,
        miscount_revenue,
        miscount_bookings,
        miscount_seats,
        show_another_status,
        show_a_free_seat_as_sold,
        admit_to_a_seat_that_is_not_sold,
        offer_what_is_not_ours,
        withhold_what_is_ours,
        forget_what_is_owed,
        owe_what_is_settled,
        owe_the_unknown,
        rename_a_payment,
        follow_an_attempt_for_another_booking,
        follow_an_attempt_that_never_was,
        confirm_without_payment,
        confirm_without_money,
        take_too_little,
        keep_money_without_a_ticket,
        list_in_another_order,
        list_what_is_gone,
        exchange_two_of_all,
        list_one_nowhere,
        list_a_copy,
    ],
)
def test_a_bent_state_is_noticed(bend: Callable[[State, Story], None], story: Story) -> None:
    """Whatever is wrong, the check doesn't pass; before, it did."""
    story.state.check_invariants()
    bend(story.state, story)

    with pytest.raises(AssertionError):
        story.state.check_invariants()


def test_a_status_follows_from_the_holder(story: Story) -> None:
    """FREE without one, SOLD when it is CONFIRMED, RESERVED otherwise."""
    shard = story.state.shards[1]

    assert SeatStatus.SOLD is shard.status_of(seat_of("1:1"))
    assert SeatStatus.RESERVED is shard.status_of(seat_of("2:1"))
    assert SeatStatus.FREE is shard.status_of(seat_of("4:5"))


def test_looking_for_a_booking(story: Story) -> None:
    """Found by its id alone; None where it, or its whole event, isn't there."""
    found = story.state.booking(story.named("a"))

    assert found is not None
    assert story.named("a") == found.booking_id
    assert story.state.booking(1_000_000_009) is None
    assert story.state.booking(9_000_000_001) is None
