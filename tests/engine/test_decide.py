"""Booking, selecting, releasing and expiring: in every state, what is refused, in what order."""

import pytest

from engine import Engine, Rules
from engine.decide import expire_booking
from engine.errors import SeatTaken
from tests.scenario import EVENTS, START_MS, check, seat_of

# One booking, in each status.
BOOKED = """
    ann     create_booking event=1                -> booking=a
    ann     select_seat booking=a seat=2:1        -> ok
"""
PAYING = f"""{BOOKED}
    ann     initiate_payment booking=a            -> order=p
    gateway register order=p                      -> ok
"""
PAID = f"""{PAYING}
    gateway authorize order=p                     -> ok
    gateway capture order=p                       -> ok
"""
CANCELLED = f"""{BOOKED}
    ann     cancel_booking booking=a              -> ok
"""


def test_a_booking_starts_empty() -> None:
    """A new booking is CREATED, holds nothing and never expires; every call makes another one."""
    check("""
        ann create_booking event=1   -> booking=a
        ann create_booking event=1   -> booking=b
        bob create_booking event=2   -> booking=c
        booking a CREATED
        expires a never
        tick 24h                     -> 0
        booking b CREATED
        booking c CREATED
        analytics 1 free=20 reserved=0 sold=0 revenue=0 bookings=2
        analytics 2 free=6 reserved=0 sold=0 revenue=0 bookings=1
    """)


def test_booking_ids_carry_their_event_and_a_sequence() -> None:
    """The first booking of event 2 is 2000000001, and its second is one more."""
    story = check("""
        ann create_booking event=2   -> booking=a
        ann create_booking event=1   -> booking=b
        ann create_booking event=2   -> booking=c
    """)

    assert [2_000_000_001, 1_000_000_001, 2_000_000_002] == [story.named(one) for one in "abc"]


def test_only_events_on_sale_are_booked() -> None:
    """An event that isn't on sale is not found, even if it was sold before."""
    story = check("""
        ann create_booking event=3   -> EventNotFound
        ann create_booking event=1   -> booking=a
    """)
    engine = Engine(EVENTS[1:], log=story.log)
    engine._adopt(story.state)
    story.engine = engine

    story.tell("""
        ann create_booking event=1                 -> EventNotFound
        ann select_seat booking=a seat=1:1         -> ok
        seat 1:1 RESERVED
    """)


def test_the_second_buyer_of_a_seat_is_refused() -> None:
    """One wins, the other keeps an empty booking and can have the seat once it is released."""
    check("""
        ann create_booking event=1                 -> booking=a
        bob create_booking event=1                 -> booking=b
        ann select_seat booking=a seat=3:4         -> ok
        bob select_seat booking=b seat=3:4         -> SeatTaken
        booking b CREATED
        ann release_seat seat=3:4                  -> ok
        bob select_seat booking=b seat=3:4         -> ok
        booking a CREATED
        booking b CREATED 3:4
    """)


def test_a_seat_of_ones_own_other_booking_is_taken_too() -> None:
    """A seat belongs to one booking, not to a user."""
    check("""
        ann create_booking event=1                 -> booking=a
        ann create_booking event=1                 -> booking=b
        ann select_seat booking=a seat=3:4         -> ok
        ann select_seat booking=b seat=3:4         -> SeatTaken
    """)


def test_a_hundred_buyers_of_one_seat() -> None:
    """Exactly one of a hundred gets the seat; the others are all told that it is taken."""
    engine = Engine(EVENTS)
    bookings = [
        engine.create_booking(user_id=user_id, event_id=1, now_ms=START_MS)
        for user_id in range(1, 101)
    ]
    refused = 0
    for user_id, booking_id in enumerate(bookings, start=1):
        try:
            engine.select_seat(
                user_id=user_id, booking_id=booking_id, seat_id=seat_of("1:1"), now_ms=START_MS
            )
        except SeatTaken:
            refused += 1

    engine.check_invariants()
    holders = [one for one in map(engine.booking, bookings) if one is not None and one.seats]
    assert 99 == refused
    assert [bookings[0]] == [one.booking_id for one in holders]


def test_selecting_a_seat_again_changes_nothing() -> None:
    """For the same booking the answer is yes and no record is logged; the clock isn't restarted."""
    check(f"""
        {BOOKED}
        later 5m
        ann select_seat booking=a seat=2:1         -> nothing
        expires a 15m
    """)


def test_checks_of_select_come_in_order() -> None:
    """Exists, then owner, then state: of several reasons the first in this order is given."""
    check(f"""
        {PAYING}
        bob create_booking event=2                 -> booking=b
        ann select_seat booking=999 seat=9:9       -> BookingNotFound
        ann select_seat booking=7000000001 seat=9:9 -> BookingNotFound
        ann select_seat booking=1000000009 seat=9:9 -> BookingNotFound
        bob select_seat booking=a seat=9:9         -> SeatNotFound
        bob select_seat booking=a seat=3/1:1       -> SeatNotFound
        bob select_seat booking=a seat=2/3:1       -> SeatNotFound
        bob select_seat booking=a seat=7/1:1       -> NotOwner
        bob select_seat booking=a seat=2:1         -> NotOwner
        bob select_seat booking=a seat=2/1:1       -> NotOwner
        ann select_seat booking=a seat=2/1:1       -> SeatElsewhere
        ann select_seat booking=a seat=7/1:1       -> SeatElsewhere
        ann select_seat booking=a seat=2:1         -> BookingClosed
        ann select_seat booking=a seat=2:2         -> BookingClosed
        bob select_seat booking=b seat=2:1         -> SeatElsewhere
    """)


@pytest.mark.parametrize("before", [PAYING, PAID, CANCELLED], ids=["paying", "paid", "cancelled"])
def test_only_a_created_booking_takes_seats(before: str) -> None:
    """Once payment began, ended well, or the booking ended, it takes no seat."""
    check(f"""
        {before}
        ann select_seat booking=a seat=2:2         -> BookingClosed
        seat 2:2 FREE
    """)


@pytest.mark.parametrize(
    "word", ["0", "1", "9:1", "1:6", "0:1", "1:0", "9/1:1", "9007199254740991", "4/1:1"]
)
def test_seats_that_do_not_exist(word: str) -> None:
    """A row, number or event that isn't there is not found by any command."""
    check(f"""
        {BOOKED}
        ann select_seat booking=a seat={word}      -> SeatNotFound
        ann release_seat seat={word}               -> SeatNotFound
    """)


def test_release() -> None:
    """A held seat becomes FREE for everybody; the booking goes on with the others."""
    check(f"""
        {BOOKED}
        ann select_seat booking=a seat=2:2         -> ok
        ann release_seat seat=2:1                  -> ok
        seat 2:1 FREE
        booking a CREATED 2:2
        expires a 15m
    """)


def test_checks_of_release_come_in_order() -> None:
    """Nothing is released that isn't there, isn't one's own, or isn't held."""
    check(f"""
        {PAID}
        bob create_booking event=1                 -> booking=b
        bob select_seat booking=b seat=2:2         -> ok
        bob release_seat seat=9:9                  -> SeatNotFound
        bob release_seat seat=2:1                  -> NotOwner
        ann release_seat seat=2:2                  -> NotOwner
        ann release_seat seat=2:1                  -> SeatNotHeld
        ann release_seat seat=2:3                  -> SeatNotHeld
        ann release_seat seat=2/1:1                -> SeatNotHeld
        seat 2:1 SOLD
    """)


def test_nothing_outside_of_an_allotment_is_sold() -> None:
    """Seats of others can't be selected, whoever asks and in whatever state; nor be released."""
    check("""
        seat 8/3:3 FREE
        seat 8/3:2 unlisted
        ann create_booking event=8                 -> booking=a
        bob create_booking event=1                 -> booking=b
        ann select_seat booking=a seat=8/2:1       -> SeatNotOurs
        ann select_seat booking=a seat=8/3:2       -> SeatNotOurs
        ann select_seat booking=a seat=8/4:5       -> SeatNotOurs
        ann select_seat booking=a seat=8/5:1       -> SeatNotFound
        bob select_seat booking=a seat=8/4:5       -> NotOwner
        bob select_seat booking=b seat=8/4:5       -> SeatElsewhere
        ann release_seat seat=8/4:5                -> SeatNotHeld
        ann select_seat booking=a seat=8/3:3       -> ok
        ann initiate_payment booking=a             -> order=p
        ann select_seat booking=a seat=8/3:2       -> SeatNotOurs
        ann select_seat booking=a seat=8/3:4       -> BookingClosed
        booking a PAYMENT_INITIATED 8/3:3
        seat 8/3:2 unlisted
    """)


def test_an_allotment_is_sold_like_a_hall_of_ours() -> None:
    """Held, run out, paid without asking a provider, returned, reset: within it all is as ever."""
    story = check(
        """
        analytics 8 free=7 reserved=0 sold=0 revenue=0 bookings=0
        ann create_booking event=8                 -> booking=a
        bob create_booking event=8                 -> booking=b
        ann select_seat booking=a seat=8/1:5       -> ok
        ann select_seat booking=a seat=8/3:3       -> ok
        ann select_seat booking=a seat=8/3:4       -> TooManySeats
        bob select_seat booking=b seat=8/1:5       -> SeatTaken
        bob select_seat booking=b seat=8/1:1       -> ok
        ann initiate_payment booking=a             -> order=p
        reservation p none
        gateway register order=p                   -> ok
        gateway authorize order=p                  -> ok
        gateway capture order=p                    -> ok
        analytics 8 free=4 reserved=1 sold=2 revenue=700000 bookings=2
        tick 15m                                   -> 1
        seat 8/1:1 FREE
        reload
        replay
        ann cancel_booking booking=a               -> ok
        analytics 8 free=7 reserved=0 sold=0 revenue=0 bookings=0
        bob create_booking event=8                 -> booking=c
        bob select_seat booking=c seat=8/3:4       -> ok
        operator reset                             -> ok
        analytics 8 free=7 reserved=0 sold=0 revenue=0 bookings=0
        seat 8/3:4 FREE
        seat 8/3:5 unlisted
        bob create_booking event=8                 -> booking=d
        bob select_seat booking=d seat=8/3:5       -> SeatNotOurs
        """,
        rules=Rules(seats_per_user_max=2),
    )

    assert 7 == len(story.engine.seats(event_id=8, status=None, row=None, offset=0, limit=99))


def test_releasing_twice_is_refused() -> None:
    """The second release finds a FREE seat."""
    check(f"""
        {BOOKED}
        ann release_seat seat=2:1                  -> ok
        ann release_seat seat=2:1                  -> SeatNotHeld
    """)


def test_a_hold_expires_to_the_millisecond() -> None:
    """Fifteen minutes after the first seat, by a logged record, the booking is CANCELLED."""
    check(f"""
        {BOOKED}
        later 10m
        ann select_seat booking=a seat=2:2         -> ok
        expires a 15m
        later 5m
        later -1ms
        tick 0ms                                   -> 0
        seat 2:1 RESERVED
        tick 1ms                                   -> 1
        seat 2:1 FREE
        seat 2:2 FREE
        booking a CANCELLED
        tick 1h                                    -> 0
    """)


def test_a_hold_past_its_time_is_a_hold_until_the_record_says_otherwise() -> None:
    """Nothing becomes FREE by reading the clock: a late timer finds a payment instead."""
    check(f"""
        {BOOKED}
        bob create_booking event=1                 -> booking=b
        later 16m
        bob select_seat booking=b seat=2:1         -> SeatTaken
        ann initiate_payment booking=a             -> order=p
        tick 0ms                                   -> 0
        expires a 28m
        tick 12m                                   -> 1
        booking a CANCELLED
        payment p RETURN_DUE
    """)


def test_an_emptied_booking_starts_its_clock_anew() -> None:
    """With its last seat the deadline goes; the next first seat brings a new one."""
    check(f"""
        {BOOKED}
        later 10m
        ann release_seat seat=2:1                  -> ok
        expires a never
        tick 6m                                    -> 0
        booking a CREATED
        ann select_seat booking=a seat=2:2         -> ok
        expires a 31m
        tick 14m                                   -> 0
        tick 1m                                    -> 1
        booking a CANCELLED
    """)


def test_the_operator_sets_the_times() -> None:
    """Holds and payments last as long as the rules say."""
    check(
        f"""
        {BOOKED}
        expires a 1m
        ann initiate_payment booking=a             -> order=p
        expires a 2m
        tick 2m                                    -> 1
        booking a CANCELLED
        """,
        rules=Rules(hold_ms=60_000, payment_ms=120_000),
    )


def test_a_user_holds_only_so_many_seats_of_an_event() -> None:
    """The limit counts held and bought seats of all bookings of one event, of each user alone."""
    check(
        f"""
        {PAID}
        ann create_booking event=1                 -> booking=b
        ann select_seat booking=b seat=3:1         -> ok
        ann select_seat booking=b seat=3:1         -> nothing
        bob create_booking event=1                 -> booking=d
        bob select_seat booking=d seat=3:1         -> SeatTaken
        ann select_seat booking=b seat=3:2         -> TooManySeats
        ann create_booking event=2                 -> booking=c
        ann select_seat booking=c seat=2/1:1       -> ok
        bob select_seat booking=d seat=3:2         -> ok
        ann select_seat booking=b seat=3:2         -> SeatTaken
        ann release_seat seat=3:1                  -> ok
        ann select_seat booking=b seat=3:3         -> ok
        """,
        rules=Rules(seats_per_user_max=2),
    )


def test_a_clock_that_goes_backwards() -> None:
    """The log's time stands still until the clock has caught up; holds last as long as promised."""
    check("""
        ann create_booking event=1                 -> booking=a
        later -1h
        ann select_seat booking=a seat=2:1         -> ok
        expires a 15m
        tick 1h                                    -> 0
        tick 15m                                   -> 1
        booking a CANCELLED
    """)


def test_the_timer_logs_at_most_as_many_records_as_asked() -> None:
    """The rest stays due, oldest deadline first."""
    story = check("""
        ann create_booking event=1                 -> booking=a
        ann select_seat booking=a seat=1:1         -> ok
        later 1ms
        ann create_booking event=1                 -> booking=b
        ann select_seat booking=b seat=1:2         -> ok
        later 1h
    """)

    assert 1 == story.engine.expire_due(now_ms=story.now_ms, at_most=1)
    story.tell("booking a CANCELLED\n booking b CREATED 1:2")
    assert 1 == story.engine.expire_due(now_ms=story.now_ms, at_most=1)
    assert 0 == story.engine.expire_due(now_ms=story.now_ms, at_most=1)
    assert story.engine.next_deadline_ms() is None


def test_only_what_may_end_expires() -> None:
    """A deadline that were left on a paid booking would end nothing: the table is asked as well."""
    story = check("""
        ann     create_booking event=1                 -> booking=a
        ann     select_seat booking=a seat=1:1         -> ok
        ann     initiate_payment booking=a             -> order=p
        gateway register order=p                       -> ok
        gateway authorize order=p                      -> ok
        gateway capture order=p                        -> ok
    """)
    (booking,) = story.engine.bookings_of(story.user("ann"))
    booking.expires_at_ms = 1
    expired = expire_booking(story.state, booking_id=booking.booking_id, at_ms=story.now_ms)
    assert expired is None
