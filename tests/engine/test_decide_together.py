"""Selecting the best seats side by side: one record for all of them, and when it is refused."""

import pytest

from engine import Rules
from engine.mutations import SeatsSelected, decode
from tests.engine.test_decide import CANCELLED, PAID, PAYING
from tests.scenario import check


def test_seats_side_by_side_are_held_at_once() -> None:
    """By one record; the first of them start the clock, and the next are others."""
    story = check("""
        ann create_booking event=1                        -> booking=a
        bob create_booking event=1                        -> booking=b
        ann select_together booking=a count=2             -> 1:1 1:2
        booking a CREATED 1:1 1:2
        expires a 15m
        later 5m
        bob select_together booking=b count=3             -> 1:3 1:4 1:5
        ann select_together booking=a count=2             -> 2:1 2:2
        ann select_together booking=a count=1 zone=back   -> 2:3
        booking a CREATED 1:1 1:2 2:1 2:2 2:3
        expires a 15m
        seat 1:2 RESERVED
        analytics 1 free=12 reserved=8 sold=0 revenue=0 bookings=2
        tick 10m                                          -> 1
        seat 1:2 FREE
        seat 1:3 RESERVED
    """)

    assert 4 == sum(isinstance(decode(one), SeatsSelected) for one in story.log.records)


def test_they_are_paid_and_released_like_any() -> None:
    """Each is a seat of the booking, however it came there."""
    check("""
        ann create_booking event=7                        -> booking=a
        ann select_together booking=a count=2 zone=back   -> 7/2:1 7/2:2
        ann select_seat booking=a seat=7/2:1              -> nothing
        ann select_seat booking=a seat=7/1:1              -> ok
        ann release_seat seat=7/2:1                       -> ok
        ann initiate_payment booking=a                    -> order=p
        reservation p WANTED 7/2:2 7/1:1
        unsettled p
    """)


def test_no_seats_together() -> None:
    """No row of the zone, or of the hall, has so many; nothing is held then."""
    check("""
        ann create_booking event=1                        -> booking=a
        ann select_seat booking=a seat=1:3                -> ok
        ann select_together booking=a count=3 zone=front  -> NoSeatsTogether
        ann select_together booking=a count=6             -> NoSeatsTogether
        ann select_together booking=a count=0             -> NoSeatsTogether
        ann select_together booking=a count=-1            -> NoSeatsTogether
        booking a CREATED 1:3
        ann select_together booking=a count=5             -> 2:1 2:2 2:3 2:4 2:5
        ann select_together booking=a count=2 zone=front  -> 1:1 1:2
    """)


def test_an_allotment_is_all_there_is() -> None:
    """What isn't ours to sell is no seat beside another."""
    check("""
        ann create_booking event=8                        -> booking=a
        ann select_together booking=a count=3 zone=back   -> NoSeatsTogether
        ann select_together booking=a count=2 zone=back   -> 8/3:3 8/3:4
        ann select_together booking=a count=5             -> 8/1:1 8/1:2 8/1:3 8/1:4 8/1:5
        ann select_together booking=a count=1             -> NoSeatsTogether
    """)


def test_checks_come_in_order() -> None:
    """Exists, then owner, then state, then the user's limit, then the hall."""
    check(
        f"""
        {PAYING}
        ann create_booking event=1                        -> booking=b
        ann select_together booking=999 count=9 zone=loge -> BookingNotFound
        bob select_together booking=a count=9 zone=loge   -> ZoneNotFound
        bob select_together booking=a count=9 zone=back   -> NotOwner
        ann select_together booking=a count=9             -> BookingClosed
        ann select_together booking=b count=9             -> TooManySeats
        ann select_together booking=b count=6             -> NoSeatsTogether
        """,
        rules=Rules(seats_per_user_max=8),
    )


@pytest.mark.parametrize("before", [PAYING, PAID, CANCELLED], ids=["paying", "paid", "cancelled"])
def test_only_a_created_booking_takes_them(before: str) -> None:
    """As with one seat."""
    check(f"""
        {before}
        ann select_together booking=a count=1             -> BookingClosed
    """)


def test_a_user_holds_only_so_many() -> None:
    """All of them count: up to the limit, and not beyond it."""
    check(
        """
        ann create_booking event=1                        -> booking=a
        ann select_together booking=a count=4             -> TooManySeats
        ann select_together booking=a count=2             -> 1:1 1:2
        ann select_together booking=a count=2             -> TooManySeats
        ann select_together booking=a count=1             -> 1:3
        ann select_seat booking=a seat=1:4                -> TooManySeats
        bob create_booking event=1                        -> booking=b
        bob select_together booking=b count=3             -> 2:1 2:2 2:3
        """,
        rules=Rules(seats_per_user_max=3),
    )


def test_a_repeated_request_is_told_of_the_same_seats() -> None:
    """Under its key, after a crash as well, and though some have been released meanwhile."""
    check("""
        ann create_booking event=1                        -> booking=a
        ann select_together booking=a count=2 key=k/2     -> 1:1 1:2
        ann select_together booking=a count=2 key=k/2     -> 1:1 1:2
        ann release_seat seat=1:1                         -> ok
        replay
        ann select_together booking=a count=2 key=k/2     -> 1:1 1:2
        ann select_together booking=a count=3 key=k/3     -> KeyReused
        booking a CREATED 1:2
        ann select_together booking=a count=2 key=l/2     -> 1:3 1:4
    """)


def test_a_log_that_is_behind_takes_none() -> None:
    """New work is refused, and nothing is held."""
    check("""
        ann create_booking event=1                        -> booking=a
        log behind
        ann select_together booking=a count=2             -> Busy
        log well
        booking a CREATED
    """)
