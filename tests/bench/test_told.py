"""A server that forgets or makes up what customers were told is found out."""

from bench.told import FAULTS, Basket, compared, of_two

HOLD_SECONDS = 100
BOOKING, SEAT, OTHER = 1_000_000_001, 10_010_001, 10_010_002


def faults(basket: Basket, listed: dict[int, set[int]], *, at: float = 50) -> dict[str, int]:
    """What is wrong with the list of a customer of one booking."""
    found = compared([basket], listed, at=at, hold_seconds=HOLD_SECONDS)
    return {name: found[name] for name in FAULTS if found[name]}


def held(*seats: int, is_sold: bool = False) -> Basket:
    return Basket(0, 1, BOOKING, seats=set(seats), held_from=0, is_sold=is_sold)


def test_a_list_that_says_what_was_told_is_right() -> None:
    """And it is what the customer knows from now on."""
    basket = held(SEAT)
    assert {} == faults(basket, {BOOKING: {SEAT}})
    assert {SEAT} == basket.seats


def test_a_booking_that_is_not_listed_is_lost() -> None:
    """Even one without a seat; others of the list don't help."""
    assert {"bookings_lost": 1} == faults(Basket(0, 1, BOOKING), {BOOKING + 1: set()})


def test_a_seat_that_is_not_listed_is_lost() -> None:
    """As long as the hold lasts, and for ever if it is sold."""
    assert {"seats_lost": 1} == faults(held(SEAT, OTHER), {BOOKING: {OTHER}})
    assert {"seats_lost": 1} == faults(held(SEAT, is_sold=True), {BOOKING: set()}, at=5_000)


def test_a_seat_that_nobody_was_told_of_is_found() -> None:
    """Also beside one that was told."""
    assert {"seats_never_told": 1} == faults(held(SEAT), {BOOKING: {SEAT, OTHER}})


def test_a_call_without_an_answer_may_have_done_its_work_or_not() -> None:
    """A seat that was being selected, or let go, may be there; the next list must say the same."""
    for listed in ({SEAT}, set[int]()):
        for seats in ((), (SEAT,)):
            basket = held(*seats)
            basket.unsure = {SEAT}
            assert {} == faults(basket, {BOOKING: listed})
            assert (listed, set()) == (basket.seats, basket.unsure)
    assert {"seats_lost": 1} == faults(held(SEAT), {BOOKING: set()})


def test_a_hold_that_ran_out_is_no_fault_and_is_counted_once() -> None:
    """Whoever looks again finds nothing new."""
    basket = held(SEAT)
    lists = [compared([basket], {BOOKING: set()}, at=101, hold_seconds=100) for _ in range(2)]
    assert [1, 0] == [found["holds_run_out"] for found in lists]
    assert [0, 0] == [found["seats_lost"] for found in lists]


def test_a_seat_of_two_bookings_is_found() -> None:
    """One seat with two holders; two seats of one holder are nothing."""
    assert 1 == of_two([held(SEAT, OTHER), held(SEAT)])
    assert 0 == of_two([held(SEAT, OTHER), held()])
