"""Paying and cancelling: in every state, what is refused, in what order, and what is owed then."""

import pytest

from engine import Event, Hall, Rules, Zone
from tests.scenario import START_MS, Story, check

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


def test_initiating_payment_brings_its_own_deadline() -> None:
    """Twelve minutes from then on rule, also where the hold would have ended later."""
    check(f"""
        {BOOKED}
        later 1m
        ann initiate_payment booking=a             -> order=p
        booking a PAYMENT_INITIATED 2:1
        payment p INITIATED
        expires a 13m
        unsettled p
        seat 2:1 RESERVED
        tick 12m                                   -> 1
        booking a CANCELLED
        payment p RETURN_DUE
        unsettled p
        tick 12m                                   -> 0
    """)


def test_the_payment_deadline_outlasts_the_hold() -> None:
    """A hold that would have ended during the payment doesn't."""
    check(f"""
        {BOOKED}
        later 14m
        ann initiate_payment booking=a             -> order=p
        tick 11m                                   -> 0
        booking a PAYMENT_INITIATED 2:1
        tick 1m                                    -> 1
        booking a CANCELLED
    """)


def test_initiating_again_is_the_same_attempt() -> None:
    """While a payment is under way its order id is answered and nothing is logged."""
    story = check(f"""
        {PAYING}
        ann initiate_payment booking=a             -> order=p nothing
        gateway authorize order=p                  -> ok
        ann initiate_payment booking=a             -> order=p nothing
    """)

    assert START_MS * 1_000 == story.named("p")


def test_checks_of_initiate_payment_come_in_order() -> None:
    """Exists, owner, status, seats, amount."""
    check(f"""
        {PAID}
        bob initiate_payment booking=999           -> BookingNotFound
        bob initiate_payment booking=1000000009    -> BookingNotFound
        bob initiate_payment booking=a             -> NotOwner
        ann initiate_payment booking=a             -> BookingClosed
        ann create_booking event=1                 -> booking=b
        ann initiate_payment booking=b             -> BookingEmpty
        ann cancel_booking booking=b               -> ok
        ann initiate_payment booking=b             -> BookingClosed
    """)


@pytest.mark.parametrize(
    ("least", "most", "answer"),
    [
        (200_001, 999_999, "AmountOutOfRange"),
        (200_000, 200_000, "order=p"),
        (1, 199_999, "AmountOutOfRange"),
    ],
)
def test_the_gateway_takes_amounts_of_a_range(least: int, most: int, answer: str) -> None:
    """Both bounds of the amount are allowed; one unit beyond either is refused."""
    check(
        f"""
        {BOOKED}
        ann initiate_payment booking=a             -> {answer}
        """,
        rules=Rules(payment_minor_min=least, payment_minor_max=most),
    )


@pytest.mark.parametrize(
    ("price_minor", "answer"),
    [
        (999, "AmountOutOfRange"),
        (1_000, "order=p"),
        (2_147_483_647, "order=p"),
        (2_147_483_648, "AmountOutOfRange"),
    ],
)
def test_the_range_is_that_of_the_gateway_s_integers(price_minor: int, answer: str) -> None:
    """Where nobody has set another: from 10.00 to what fits into 32 bits with a sign."""
    hall = Hall(1, 1, (Zone("all", 1, 1, price_minor),))
    Story(events=[Event(1, START_MS, hall)]).tell(f"""
        ann create_booking event=1                 -> booking=a
        ann select_seat booking=a seat=1:1         -> ok
        ann initiate_payment booking=a             -> {answer}
    """)


def test_order_ids_grow_within_one_millisecond() -> None:
    """Attempts of the same moment get different order ids, and a later one a greater."""
    story = check(f"""
        {BOOKED}
        bob create_booking event=2                 -> booking=b
        bob select_seat booking=b seat=2/1:1       -> ok
        ann initiate_payment booking=a             -> order=p
        bob initiate_payment booking=b             -> order=q
        ann release_seat seat=2:1                  -> ok
        ann select_seat booking=a seat=2:1         -> ok
        later 1ms
        ann initiate_payment booking=a             -> order=r
    """)

    first = START_MS * 1_000
    assert [first, first + 1, first + 1_000] == [story.named(one) for one in "pqr"]
    assert story.named("r") < 2**53


@pytest.mark.parametrize("facts", ["", "register", "register authorize"])
def test_releasing_a_seat_ends_the_payment(facts: str) -> None:
    """Back to CREATED with the seats left; whatever money may come is owed back; pay again."""
    told = "\n".join(f"gateway {fact} order=p -> ok" for fact in facts.split())
    check(f"""
        {BOOKED}
        ann select_seat booking=a seat=2:2         -> ok
        ann initiate_payment booking=a             -> order=p
        {told}
        ann release_seat seat=2:1                  -> ok
        booking a CREATED 2:2
        seat 2:1 FREE
        seat 2:2 RESERVED
        payment p RETURN_DUE
        unsettled p
        expires a 12m
        ann initiate_payment booking=a             -> order=q
        unsettled p q
        gateway register order=q                   -> ok
        gateway authorize order=q                  -> ok
        gateway capture order=q                    -> ok
        booking a CONFIRMED 2:2
        payment p RETURN_DUE
        analytics 1 free=19 reserved=0 sold=1 revenue=200000 bookings=1
    """)


def test_releasing_the_only_seat_ends_the_payment_too() -> None:
    """The booking is CREATED and empty, and can begin again."""
    check(f"""
        {PAYING}
        ann release_seat seat=2:1                  -> ok
        booking a CREATED
        expires a never
        payment p RETURN_DUE
        ann initiate_payment booking=a             -> BookingEmpty
    """)


def test_a_hold_left_by_a_payment_past_its_deadline_still_expires() -> None:
    """Authorized money stops the clock only as long as it is wanted."""
    check(f"""
        {BOOKED}
        ann select_seat booking=a seat=2:2         -> ok
        ann initiate_payment booking=a             -> order=p
        gateway register order=p                   -> ok
        gateway authorize order=p                  -> ok
        tick 13m                                   -> 0
        booking a PAYMENT_INITIATED 2:1 2:2
        ann release_seat seat=2:1                  -> ok
        booking a CREATED 2:2
        tick 0ms                                   -> 1
        booking a CANCELLED
        seat 2:2 FREE
    """)


@pytest.mark.parametrize(
    ("facts", "payment"),
    [
        ("", "RETURN_DUE"),
        ("register", "RETURN_DUE"),
        ("register authorize", "RETURN_DUE"),
        ("register authorize capture", "RETURN_DUE"),
    ],
)
def test_cancelling_at_any_step_of_the_payment(facts: str, payment: str) -> None:
    """Seats are FREE at once, the money is owed back, and cancelling again changes nothing."""
    told = "\n".join(f"gateway {fact} order=p -> ok" for fact in facts.split())
    check(f"""
        {BOOKED}
        ann select_seat booking=a seat=1:1         -> ok
        ann initiate_payment booking=a             -> order=p
        {told}
        ann cancel_booking booking=a               -> ok
        booking a CANCELLED
        expires a never
        seat 2:1 FREE
        seat 1:1 FREE
        payment p {payment}
        unsettled p
        analytics 1 free=20 reserved=0 sold=0 revenue=0 bookings=0
        ann cancel_booking booking=a               -> nothing
        gateway return order=p                     -> ok
        payment p RETURNED
        unsettled
    """)


def test_cancelling_before_any_payment() -> None:
    """An empty booking and one with seats end alike; nothing is owed."""
    check(f"""
        {CANCELLED}
        ann create_booking event=1                 -> booking=b
        ann cancel_booking booking=b               -> ok
        booking a CANCELLED
        booking b CANCELLED
        seat 2:1 FREE
        unsettled
    """)


def test_checks_of_cancel_come_in_order() -> None:
    """Exists, owner, then the twelve hours; a cancelled booking is already so, even late."""
    check(f"""
        {CANCELLED}
        ann create_booking event=1                 -> booking=b
        later 47h
        bob cancel_booking booking=999             -> BookingNotFound
        bob cancel_booking booking=a               -> NotOwner
        ann cancel_booking booking=a               -> nothing
        ann cancel_booking booking=b               -> ok
    """)


def test_a_paid_booking_can_be_returned_until_twelve_hours_before() -> None:
    """Exactly twelve hours before is in time, one millisecond later isn't."""
    late = check(f"""
        {PAID}
        later 36h
        later 1ms
        ann cancel_booking booking=a               -> TooLate
        booking a CONFIRMED 2:1
    """)
    assert 1 == len(late.engine.bookings_of(late.user("ann")))
    check(f"""
        {PAID}
        later 36h
        ann cancel_booking booking=a               -> ok
        seat 2:1 FREE
        payment p RETURN_DUE
    """)


def test_the_twelve_hours_are_of_the_plan_that_was_sold() -> None:
    """The operator may ask for more notice."""
    check(
        f"""
        {PAID}
        ann cancel_booking booking=a               -> ok
        """,
        rules=Rules(return_until_ms=48 * 3_600_000),
    )
    check(
        f"""
        {PAID}
        later 1ms
        ann cancel_booking booking=a               -> TooLate
        """,
        rules=Rules(return_until_ms=48 * 3_600_000),
    )


def test_a_returned_seat_is_sold_again() -> None:
    """SOLD, FREE, SOLD: revenue counts it once."""
    check(f"""
        {PAID}
        analytics 1 free=19 reserved=0 sold=1 revenue=200000 bookings=1
        ann cancel_booking booking=a               -> ok
        bob create_booking event=1                 -> booking=b
        bob select_seat booking=b seat=2:1         -> ok
        bob initiate_payment booking=b             -> order=q
        gateway register order=q                   -> ok
        gateway authorize order=q                  -> ok
        gateway capture order=q                    -> ok
        analytics 1 free=19 reserved=0 sold=1 revenue=200000 bookings=1
        unsettled p
    """)
