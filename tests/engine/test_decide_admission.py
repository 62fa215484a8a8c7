"""The door: who is let in, once, and what can't be undone then."""

import pytest

from engine.mutations import BookingCancelled, SeatAdmitted
from engine.transitions import BOOKING
from tests.engine.test_decide import BOOKED, CANCELLED, PAID, PAYING
from tests.scenario import check


def test_a_ticket_lets_in_once() -> None:
    """The second to come with it is refused, after a crash as well; each seat has its own."""
    check("""
        ann     create_booking event=1                -> booking=a
        ann     select_together booking=a count=2     -> 1:1 1:2
        ann     initiate_payment booking=a            -> order=p
        gateway register order=p                      -> ok
        gateway authorize order=p                     -> ok
        gateway capture order=p                       -> ok
        admitted 1:1 never
        later 5m
        door    admit_seat booking=a seat=1:1         -> ok
        admitted 1:1 5m
        admitted 1:2 never
        later 1m
        door    admit_seat booking=a seat=1:1         -> AlreadyAdmitted
        replay
        door    admit_seat booking=a seat=1:1         -> AlreadyAdmitted
        reload
        door    admit_seat booking=a seat=1:1         -> AlreadyAdmitted
        door    admit_seat booking=a seat=1:2         -> ok
        admitted 1:1 5m
        admitted 1:2 6m
        booking a CONFIRMED 1:1 1:2
        analytics 1 free=18 reserved=0 sold=2 revenue=1000000 bookings=1
    """)


def test_a_door_that_lost_the_answer_hears_it_again() -> None:
    """With its key, after a crash as well; another key, or the key for another seat, is refused."""
    check("""
        ann     create_booking event=1                       -> booking=a
        ann     select_together booking=a count=2            -> 1:1 1:2
        ann     initiate_payment booking=a                   -> order=p
        gateway register order=p                             -> ok
        gateway authorize order=p                            -> ok
        gateway capture order=p                              -> ok
        door    admit_seat booking=a seat=1:1 key=k/first    -> ok
        later   1m
        door    admit_seat booking=a seat=1:1 key=k/first    -> nothing
        replay
        door    admit_seat booking=a seat=1:1 key=k/first    -> nothing
        reload
        door    admit_seat booking=a seat=1:1 key=k/first    -> nothing
        door    admit_seat booking=a seat=1:1 key=l/first    -> AlreadyAdmitted
        door    admit_seat booking=a seat=1:2 key=k/second   -> KeyReused
        admitted 1:1 0m
        admitted 1:2 never
    """)


def test_whoever_is_inside_has_used_the_booking() -> None:
    """It can't be returned any more, though there would be time, and though one seat is unused."""
    check("""
        ann     create_booking event=1                -> booking=a
        ann     select_together booking=a count=2     -> 1:1 1:2
        ann     initiate_payment booking=a            -> order=p
        gateway register order=p                      -> ok
        gateway authorize order=p                     -> ok
        gateway capture order=p                       -> ok
        door    admit_seat booking=a seat=1:2         -> ok
        bob     cancel_booking booking=a              -> NotOwner
        ann     cancel_booking booking=a              -> BookingAdmitted
        later   40h
        ann     cancel_booking booking=a              -> BookingAdmitted
        payment p CAPTURED
    """)


@pytest.mark.parametrize(
    "before", [BOOKED, PAYING, CANCELLED], ids=["booked", "paying", "cancelled"]
)
def test_only_a_paid_seat_lets_in(before: str) -> None:
    """Neither before the money has come, nor after it was given back."""
    check(f"""
        {before}
        door    admit_seat booking=a seat=2:1         -> SeatNotSold
        door    admit_seat booking=999 seat=2:1       -> BookingNotFound
    """)


def test_a_seat_of_another_booking_does_not_let_in() -> None:
    """Nor one that doesn't exist; and a refused command changes nothing."""
    check(f"""
        {PAID}
        bob     create_booking event=1                -> booking=b
        bob     select_seat booking=b seat=2:2        -> ok
        door    admit_seat booking=a seat=2:2         -> SeatNotSold
        door    admit_seat booking=b seat=2:1         -> SeatNotSold
        door    admit_seat booking=a seat=9:9         -> SeatNotSold
        door    admit_seat booking=a seat=2:1         -> ok
    """)


def test_a_seat_that_was_returned_and_sold_again_lets_in_its_new_owner() -> None:
    """The booking says whose it is, not the seat."""
    check(f"""
        {PAID}
        ann     cancel_booking booking=a              -> ok
        bob     create_booking event=1                -> booking=b
        bob     select_seat booking=b seat=2:1        -> ok
        bob     initiate_payment booking=b            -> order=q
        gateway register order=q                      -> ok
        gateway authorize order=q                     -> ok
        gateway capture order=q                       -> ok
        door    admit_seat booking=a seat=2:1         -> SeatNotSold
        door    admit_seat booking=b seat=2:1         -> ok
    """)


def test_a_reset_forgets_who_was_let_in() -> None:
    """With the bookings; the seat is sold anew."""
    check(f"""
        {PAID}
        door    admit_seat booking=a seat=2:1         -> ok
        operator reset                                -> ok
        admitted 2:1 never
        door    admit_seat booking=a seat=2:1         -> BookingNotFound
    """)


def test_only_cancelling_takes_a_seat_from_a_paid_booking() -> None:
    """Which is refused once somebody is inside: so no admission can outlive its ticket (I17)."""
    assert {BookingCancelled, SeatAdmitted} == set(BOOKING["CONFIRMED"])  # type: ignore[index]
