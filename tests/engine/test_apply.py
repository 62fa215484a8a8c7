"""What mutations do to the whole state: resets and what outlives them; nothing is forgotten."""

import gc
from typing import get_args

import pytest

from engine.apply import _APPLY, apply
from engine.mutations import (
    BookingCreated,
    Effect,
    Mutation,
    PaymentCaptured,
    PaymentRegistered,
    SeatSelected,
)
from engine.state import State
from tests.scenario import START_MS, check, seat_of

PAYING = """
    ann      create_booking event=7               -> booking=a
    ann      select_seat booking=a seat=7/2:1     -> ok
    ann      initiate_payment booking=a           -> order=p
"""
PAID = f"""{PAYING}
    gateway  register order=p                     -> ok
    provider start order=p                        -> ok
    provider submit order=p                       -> ok
    gateway  authorize order=p                    -> ok
    gateway  capture order=p                      -> ok
"""


def test_every_mutation_has_its_function() -> None:
    """The table of `apply` lists each mutation of the schema, and nothing else."""
    assert {*get_args(Effect), *get_args(Mutation)} == set(_APPLY)


def test_apply_trusts_nobody() -> None:
    """A mutation that can't have been decided raises instead of bending the state."""
    with pytest.raises(KeyError):
        apply(State(), SeatSelected(START_MS, 1_000_000_001, 10_010_001, START_MS))
    with pytest.raises(KeyError):
        apply(State(), PaymentCaptured(START_MS, 1))


def test_bookings_are_numbered_without_gaps() -> None:
    """A list finds them by number: one with another number must not be filed under the next."""
    story = check("ann create_booking event=1 -> booking=a")
    state = story.engine._state
    for number in (1, 3):
        with pytest.raises(AssertionError):
            apply(state, BookingCreated(START_MS, 1_000_000_000 + number, story.user("ann")))

    apply(state, BookingCreated(START_MS, 1_000_000_002, story.user("ann")))
    state.check_invariants()


def test_the_collector_has_nothing_to_look_at_in_a_booking() -> None:
    """A million of them, with seats and payments or without, make none of its rounds longer."""
    story = check(PAYING)
    payment = story.engine.payment(story.named("p"))

    assert payment is not None
    assert not gc.is_tracked(story.engine.booking(story.named("a")))
    assert not gc.is_tracked(payment)
    assert not gc.is_tracked(payment.reservation)


def test_a_page_that_brings_no_deadline_leaves_the_old_one() -> None:
    """So it stands in logs from before the time to pay began with the page."""
    story = check(PAYING)
    apply(story.state, PaymentRegistered(START_MS, story.named("p"), "theirs", "https://pay"))

    story.tell("""
        payment p PENDING
        expires a 12m
        tick 12m                                  -> 1
        booking a CANCELLED
    """)


def test_a_reset_frees_everything() -> None:
    """No bookings, every seat FREE, nothing to expire; what was sold can be sold again."""
    story = check("""
        ann create_booking event=1                -> booking=a
        ann select_seat booking=a seat=1:1        -> ok
        bob create_booking event=2                -> booking=b
        bob select_seat booking=b seat=2/1:1      -> ok
        operator reset                            -> ok
        seat 1:1 FREE
        seat 2/1:1 FREE
        analytics 1 free=20 reserved=0 sold=0 revenue=0 bookings=0
        analytics 2 free=6 reserved=0 sold=0 revenue=0 bookings=0
        ann cancel_booking booking=a              -> BookingNotFound
        ann release_seat seat=1:1                 -> SeatNotHeld
    """)

    assert [] == story.engine.bookings_of(story.user("ann"))
    assert story.engine.next_deadline_ms() is None
    story.tell("tick 1h -> 0")


def test_booking_ids_do_not_come_twice_across_a_reset() -> None:
    """Old links lead nowhere rather than to somebody else's booking."""
    story = check("""
        ann create_booking event=1                -> booking=a
        operator reset                            -> ok
        bob create_booking event=1                -> booking=b
        operator reset                            -> ok
        replay
        bob create_booking event=1                -> booking=c
    """)

    first = story.named("a")
    assert [first + 1, first + 2] == [story.named("b"), story.named("c")]


def test_order_ids_do_not_come_twice_across_a_reset() -> None:
    """The gateway remembers order ids for ever, so the engine must too."""
    story = check(f"""
        {PAYING}
        operator reset                            -> ok
        ann create_booking event=7                -> booking=b
        ann select_seat booking=b seat=7/2:1      -> ok
        ann initiate_payment booking=b            -> order=q
        unsettled p q
    """)

    assert story.named("q") == story.named("p") + 1


@pytest.mark.parametrize("facts", ["", "register", "register authorize"])
def test_a_reset_owes_the_money_under_way(facts: str) -> None:
    """The attempt outlives its booking until it is settled, and is then forgotten."""
    told = "\n".join(f"gateway {fact} order=p -> ok" for fact in facts.split())
    check(f"""
        {PAYING}
        {told}
        operator reset                            -> ok
        payment p RETURN_DUE
        reservation p CANCELLED 7/2:1
        unsettled p
        operator reset                            -> ok
        payment p RETURN_DUE
        replay
        unsettled p
        gateway capture order=p                   -> nothing
        provider refuse order=p                   -> nothing
        gateway return order=p                    -> ok
        payment p forgotten
        unsettled
        gateway return order=p                    -> UnknownPayment
    """)


@pytest.mark.parametrize("end", ["refuse", "fail"])
def test_an_orphan_that_never_got_money_is_forgotten(end: str) -> None:
    """Nothing was taken, so nothing is owed, and no booking asks for it."""
    check(f"""
        {PAYING}
        operator reset                            -> ok
        gateway register order=p                  -> ok
        gateway {end} order=p                     -> ok
        payment p forgotten
    """)


def test_a_reset_owes_captured_money_and_finishes_the_confirm() -> None:
    """The provider can't take its confirm back, so the seat is ours after the reset too."""
    check(f"""
        {PAID}
        operator reset                            -> ok
        payment p RETURN_DUE
        reservation p CONFIRM_DUE 7/2:1
        analytics 7 free=20 reserved=0 sold=0 revenue=0 bookings=0
        gateway return order=p                    -> ok
        payment p RETURNED
        unsettled p
        provider confirm order=p                  -> ok
        payment p forgotten
        bob create_booking event=7                -> booking=b
        bob select_seat booking=b seat=7/2:1      -> ok
        bob initiate_payment booking=b            -> order=q
        reservation q none
    """)


def test_owned_seats_survive_a_reset() -> None:
    """What the provider has confirmed is not asked for again."""
    check(f"""
        {PAID}
        provider confirm order=p                  -> ok
        operator reset                            -> ok
        payment p RETURN_DUE
        gateway return order=p                    -> ok
        payment p forgotten
        bob create_booking event=7                -> booking=b
        bob select_seat booking=b seat=7/2:1      -> ok
        bob select_seat booking=b seat=7/2:2      -> ok
        bob initiate_payment booking=b            -> order=q
        reservation q WANTED 7/2:2
    """)


def test_a_reset_forgets_what_is_settled() -> None:
    """Failed and returned attempts owe nothing, so they go with their bookings."""
    check(f"""
        {PAYING}
        gateway refuse order=p                    -> ok
        operator reset                            -> ok
        payment p forgotten
        unsettled
    """)


def test_a_reset_parts_an_attempt_from_the_one_before_it() -> None:
    """The earlier one owes nothing and is forgotten; the later one still owes its money back."""
    check("""
        ann create_booking event=1                -> booking=a
        ann select_seat booking=a seat=1:1        -> ok
        ann initiate_payment booking=a            -> order=p
        gateway refuse order=p                    -> ok
        ann initiate_payment booking=a            -> order=q
        gateway register order=q                  -> ok
        gateway authorize order=q                 -> ok
        operator reset                            -> ok
        payment p forgotten
        payment q RETURN_DUE
        gateway return order=q                    -> ok
        payment q forgotten
    """)


def test_places_of_an_orphan_are_let_go() -> None:
    """A failed orphan is remembered until the provider has let its places go."""
    check(f"""
        {PAYING}
        gateway register order=p                  -> ok
        provider start order=p                    -> ok
        gateway fail order=p                      -> ok
        operator reset                            -> ok
        payment p FAILED
        reservation p CANCEL_DUE 7/2:1
        unsettled p
        provider cancel order=p                   -> ok
        payment p forgotten
    """)


def test_the_other_seats_keep_their_order() -> None:
    """Whichever is released: they are shown, and sent to the provider, as they were chosen."""
    for released, kept in (("1:3", "1:1 1:2"), ("1:1", "1:3 1:2"), ("1:2", "1:3 1:1")):
        story = check(f"""
            ann create_booking event=1                -> booking=a
            ann select_seat booking=a seat=1:3        -> ok
            ann select_seat booking=a seat=1:1        -> ok
            ann select_seat booking=a seat=1:2        -> ok
            ann release_seat seat={released}          -> ok
        """)

        booking = story.engine.booking(story.named("a"))
        assert booking is not None
        assert tuple(map(seat_of, kept.split())) == booking.seats


def test_seats_are_counted_by_user() -> None:
    """Holding, releasing and cancelling keep the count that the limit is judged by."""
    story = check("""
        ann create_booking event=1                -> booking=a
        ann select_seat booking=a seat=1:1        -> ok
        ann select_seat booking=a seat=1:2        -> ok
        ann create_booking event=1                -> booking=b
        ann select_seat booking=b seat=1:3        -> ok
    """)

    shard = story.state.shards[1]
    assert {story.user("ann"): 3} == shard.seats_by_user
    story.tell("ann release_seat seat=1:3 -> ok")
    assert {story.user("ann"): 2} == shard.seats_by_user
    story.tell("ann cancel_booking booking=a -> ok")
    assert {} == shard.seats_by_user
