"""The sagas' facts about a partner's places: what each does in every status of a reservation."""

import pytest

from tests.scenario import check

PARTNER = """
    ann      create_booking event=7               -> booking=a
    ann      select_seat booking=a seat=7/2:1     -> ok
    ann      select_seat booking=a seat=7/2:2     -> ok
    ann      initiate_payment booking=a           -> order=p
"""
STARTED = f"""{PARTNER}
    provider start order=p                        -> ok
"""
SUBMITTED = f"""{STARTED}
    provider submit order=p                       -> ok
"""
PAY = """
    gateway  register order=p                     -> ok
    gateway  authorize order=p                    -> ok
    gateway  capture order=p                      -> ok
"""
CONFIRM_DUE = f"""{SUBMITTED}{PAY}"""
CONFIRMED = f"""{CONFIRM_DUE}
    provider confirm order=p                      -> ok
"""
CANCEL_DUE = f"""{STARTED}
    ann      cancel_booking booking=a             -> ok
"""
LET_GO = f"""{CANCEL_DUE}
    provider cancel order=p                       -> ok
"""

RENEW_DUE = f"""{STARTED}
    provider doubt order=p                        -> ok
"""

RESERVATION_FACTS = [
    (PARTNER, "doubt", "nothing", "WANTED"),
    (STARTED, "doubt", "ok", "RENEW_DUE"),
    (RENEW_DUE, "doubt", "nothing", "RENEW_DUE"),
    (RENEW_DUE, "submit", "nothing", "RENEW_DUE"),
    (RENEW_DUE, "cancel", "ok", "WANTED"),
    (RENEW_DUE, "refuse", "ok", "CANCEL_DUE"),
    (RENEW_DUE, "park", "nothing", "RENEW_DUE"),
    (SUBMITTED, "doubt", "nothing", "SUBMITTED"),
    (STARTED, "park", "nothing", "STARTED"),
    (CONFIRM_DUE, "park", "ok", "CONFIRM_DUE"),
    (CANCEL_DUE, "park", "ok", "CANCEL_DUE"),
    (CONFIRMED, "park", "nothing", "CONFIRMED"),
    (PARTNER, "start", "ok", "STARTED"),
    (PARTNER, "submit", "nothing", "WANTED"),
    (PARTNER, "confirm", "nothing", "WANTED"),
    (PARTNER, "cancel", "nothing", "WANTED"),
    (PARTNER, "refuse", "ok", "CANCELLED"),
    (STARTED, "start", "nothing", "STARTED"),
    (STARTED, "submit", "ok", "SUBMITTED"),
    (STARTED, "confirm", "nothing", "STARTED"),
    (STARTED, "cancel", "nothing", "STARTED"),
    (STARTED, "refuse", "ok", "CANCEL_DUE"),
    (SUBMITTED, "start", "nothing", "SUBMITTED"),
    (SUBMITTED, "submit", "nothing", "SUBMITTED"),
    (SUBMITTED, "confirm", "nothing", "SUBMITTED"),
    (SUBMITTED, "cancel", "nothing", "SUBMITTED"),
    (SUBMITTED, "refuse", "nothing", "SUBMITTED"),
    (CONFIRM_DUE, "submit", "nothing", "CONFIRM_DUE"),
    (CONFIRM_DUE, "confirm", "ok", "CONFIRMED"),
    (CONFIRM_DUE, "cancel", "nothing", "CONFIRM_DUE"),
    (CONFIRM_DUE, "refuse", "nothing", "CONFIRM_DUE"),
    (CONFIRMED, "confirm", "nothing", "CONFIRMED"),
    (CONFIRMED, "cancel", "nothing", "CONFIRMED"),
    (CONFIRMED, "refuse", "nothing", "CONFIRMED"),
    (CANCEL_DUE, "start", "nothing", "CANCEL_DUE"),
    (CANCEL_DUE, "submit", "nothing", "CANCEL_DUE"),
    (CANCEL_DUE, "confirm", "nothing", "CANCEL_DUE"),
    (CANCEL_DUE, "cancel", "ok", "CANCELLED"),
    (CANCEL_DUE, "refuse", "nothing", "CANCEL_DUE"),
    (LET_GO, "start", "nothing", "CANCELLED"),
    (LET_GO, "submit", "nothing", "CANCELLED"),
    (LET_GO, "cancel", "nothing", "CANCELLED"),
    (LET_GO, "refuse", "nothing", "CANCELLED"),
]


@pytest.mark.parametrize(("before", "fact", "answer", "reservation"), RESERVATION_FACTS)
def test_facts_of_the_provider(before: str, fact: str, answer: str, reservation: str) -> None:
    """A fact moves the reservation as the table says."""
    check(f"""
        {before}
        provider {fact} order=p -> {answer}
        reservation p {reservation} 7/2:1 7/2:2
    """)


def test_a_partners_seats_are_sold() -> None:
    """Sold at the capture; settled only when the provider has confirmed; then ours for ever."""
    story = check(f"""
        {SUBMITTED}
        gateway register order=p             -> ok
        gateway authorize order=p            -> ok
        reservation p SUBMITTED 7/2:1 7/2:2
        gateway capture order=p              -> ok
        booking a CONFIRMED 7/2:1 7/2:2
        seat 7/2:1 SOLD
        payment p CAPTURED
        reservation p CONFIRM_DUE 7/2:1 7/2:2
        unsettled p
        provider confirm order=p             -> ok
        unsettled
    """)

    payment = story.engine.payment(story.named("p"))
    assert payment is not None
    assert payment.reservation is not None
    assert "their-order" == payment.reservation.provider_order


def test_a_doubtful_order_is_renewed() -> None:
    """Its places are let go and another order is begun, while the customer pays."""
    story = check(f"""
        {RENEW_DUE}
        gateway register order=p             -> ok
        gateway authorize order=p            -> ok
        provider cancel order=p              -> ok
        reservation p WANTED 7/2:1 7/2:2
        provider start order=p               -> ok
        provider submit order=p              -> ok
        gateway capture order=p              -> ok
        reservation p CONFIRM_DUE 7/2:1 7/2:2
    """)
    booking = story.engine.booking(story.named("a"))
    assert booking is not None
    assert "CONFIRMED" == booking.status


@pytest.mark.parametrize("before", [PARTNER, STARTED, RENEW_DUE])
def test_places_that_do_not_come_in_time(before: str) -> None:
    """Money for places that nobody can promise is given back at the deadline."""
    check(f"""
        {before}
        gateway register order=p             -> ok
        gateway authorize order=p            -> ok
        tick 12m                             -> 1
        booking a CANCELLED
        seat 7/2:1 FREE
        payment p RETURN_DUE
    """)


def test_a_parked_reservation() -> None:
    """It owes its call as before, after a crash and a reset too, until something has moved."""
    check(f"""
        {CONFIRM_DUE}
        provider park order=p                -> ok
        provider park order=p                -> nothing
        parked p provider
        reload
        parked p provider
        ann cancel_booking booking=a         -> ok
        gateway park order=p                 -> ok
        parked p both
        gateway return order=p               -> ok
        parked p provider
        unsettled p
        provider confirm order=p             -> ok
        parked p nobody
        unsettled
    """)


@pytest.mark.parametrize(
    "fact", ["start", "submit", "confirm", "cancel", "doubt", "refuse", "park"]
)
def test_a_payment_for_our_own_seats_has_no_reservation(fact: str) -> None:
    """Whatever the provider says of it: nobody has asked."""
    check(f"""
        ann      create_booking event=1      -> booking=a
        ann      select_seat booking=a seat=1:1 -> ok
        ann      initiate_payment booking=a  -> order=p
        provider {fact} order=p              -> nothing
        payment  p INITIATED
    """)


def test_money_that_is_captured_before_the_places_are_held() -> None:
    """The confirm is due as soon as the provider holds the places."""
    check(f"""
        {STARTED}{PAY}
        reservation p STARTED 7/2:1 7/2:2
        unsettled p
        provider submit order=p              -> ok
        reservation p CONFIRM_DUE 7/2:1 7/2:2
        provider confirm order=p             -> ok
        unsettled
    """)


def test_a_doubtful_order_is_renewed_after_the_capture_too() -> None:
    """Letting its places go is how they are asked for again, not the end of them."""
    check(f"""
        {STARTED}{PAY}
        provider doubt order=p               -> ok
        provider cancel order=p              -> ok
        reservation p WANTED 7/2:1 7/2:2
        provider start order=p               -> ok
        provider submit order=p              -> ok
        reservation p CONFIRM_DUE 7/2:1 7/2:2
    """)


@pytest.mark.parametrize("begun", [PARTNER, STARTED])
@pytest.mark.parametrize("facts", ["", "register", "register authorize"])
def test_a_refused_reservation_ends_the_booking(begun: str, facts: str) -> None:
    """A place was sold elsewhere: the seats are FREE and whatever money came is owed back."""
    told = "\n".join(f"gateway {fact} order=p -> ok" for fact in facts.split())
    check(f"""
        {begun}
        {told}
        provider refuse order=p              -> ok
        booking a CANCELLED
        seat 7/2:1 FREE
        seat 7/2:2 FREE
        payment p RETURN_DUE
        unsettled p
    """)


# What ends an attempt, with the reservation in each status it can have then.
ENDINGS = [
    ("ann release_seat seat=7/2:1", "RETURN_DUE"),
    ("ann cancel_booking booking=a", "RETURN_DUE"),
    ("operator reset", "RETURN_DUE"),
    ("gateway refuse order=p", "FAILED"),
]


@pytest.mark.parametrize(("ending", "payment"), ENDINGS)
@pytest.mark.parametrize(
    ("begun", "reservation"),
    [(PARTNER, "CANCELLED"), (STARTED, "CANCEL_DUE"), (SUBMITTED, "CANCEL_DUE")],
)
def test_an_ended_attempt_lets_the_places_go(
    ending: str, payment: str, begun: str, reservation: str
) -> None:
    """An order with places is cancelled; one that never held any is left to itself."""
    check(f"""
        {begun}
        {ending}                             -> ok
        payment p {payment}
        reservation p {reservation} 7/2:1 7/2:2
    """)


@pytest.mark.parametrize(
    ("begun", "reservation"),
    [(PARTNER, "CANCELLED"), (STARTED, "CANCEL_DUE"), (SUBMITTED, "CANCEL_DUE")],
)
@pytest.mark.parametrize("facts", ["register", "register authorize"])
def test_a_failed_or_expired_payment_lets_the_places_go(
    begun: str, reservation: str, facts: str
) -> None:
    """Failure settles the money; the provider is owed its cancel until it has answered."""
    told = "\n".join(f"gateway {fact} order=p -> ok" for fact in facts.split())
    owed = "p" if reservation == "CANCEL_DUE" else ""
    check(f"""
        {begun}
        {told}
        gateway fail order=p                 -> ok
        reservation p {reservation} 7/2:1 7/2:2
        unsettled {owed}
        provider cancel order=p              -> {"ok" if owed else "nothing"}
        unsettled
    """)
    check(f"""
        {begun}
        tick 12m                             -> 1
        reservation p {reservation} 7/2:1 7/2:2
        payment p RETURN_DUE
    """)


def test_a_refunded_partners_seat_is_resold_without_asking() -> None:
    """The provider can't take a confirmed place back, so it is ours; others are asked for."""
    check(f"""
        {CONFIRMED}
        ann cancel_booking booking=a         -> ok
        reservation p CONFIRMED 7/2:1 7/2:2
        gateway return order=p               -> ok
        unsettled
        bob create_booking event=7           -> booking=b
        bob select_seat booking=b seat=7/2:1 -> ok
        bob initiate_payment booking=b       -> order=q
        reservation q none
        bob release_seat seat=7/2:1          -> ok
        bob select_seat booking=b seat=7/2:2 -> ok
        bob select_seat booking=b seat=7/2:3 -> ok
        bob initiate_payment booking=b       -> order=r
        reservation r WANTED 7/2:3
    """)


def test_a_refund_before_the_confirm_still_confirms() -> None:
    """The confirm may have been sent: it is carried through and the seats become ours."""
    check(f"""
        {CONFIRM_DUE}
        ann cancel_booking booking=a         -> ok
        payment p RETURN_DUE
        reservation p CONFIRM_DUE 7/2:1 7/2:2
        gateway return order=p               -> ok
        unsettled p
        provider confirm order=p             -> ok
        unsettled
        bob create_booking event=7           -> booking=b
        bob select_seat booking=b seat=7/2:1 -> ok
        bob initiate_payment booking=b       -> order=q
        reservation q none
    """)


def test_an_order_that_was_lost_after_the_capture_ends_with_the_refund() -> None:
    """Not before: a ticket without a place is an operator's. The seats don't become ours by it."""
    check(f"""
        {CONFIRM_DUE}
        provider park order=p                -> ok
        provider cancel order=p              -> nothing
        ann cancel_booking booking=a         -> ok
        parked p provider
        provider cancel order=p              -> ok
        reservation p CANCELLED 7/2:1 7/2:2
        parked p nobody
        unsettled p
        gateway return order=p               -> ok
        unsettled
        bob create_booking event=7           -> booking=b
        bob select_seat booking=b seat=7/2:1 -> ok
        bob initiate_payment booking=b       -> order=q
        reservation q WANTED 7/2:1
    """)


RESOLD = f"""
    {CONFIRM_DUE}
    ann cancel_booking booking=a         -> ok
    bob create_booking event=7           -> booking=b
    bob select_seat booking=b seat=7/2:1 -> ok
"""


def test_a_seat_that_becomes_ours_is_asked_for_no_more() -> None:
    """Refunded, resold, and only then confirmed: the second buyer's reservation drops it."""
    check(f"""
        {RESOLD}
        bob select_seat booking=b seat=7/2:3 -> ok
        bob initiate_payment booking=b       -> order=q
        reservation q WANTED 7/2:1 7/2:3
        provider confirm order=p             -> ok
        reservation q WANTED 7/2:3
        unsettled p q
    """)


def test_a_reservation_of_nothing_ends() -> None:
    """All its seats have become ours: the provider isn't asked at all."""
    check(f"""
        {RESOLD}
        bob initiate_payment booking=b       -> order=q
        reservation q WANTED 7/2:1
        provider confirm order=p             -> ok
        reservation q none
        unsettled p q
    """)


def test_a_reservation_of_nothing_ends_its_captured_payment() -> None:
    """The money had come already: with the last place nothing more is owed."""
    check(f"""
        {RESOLD}
        bob initiate_payment booking=b       -> order=q
        gateway register order=q             -> ok
        gateway authorize order=q            -> ok
        gateway capture order=q              -> ok
        unsettled p q
        provider confirm order=p             -> ok
        reservation q none
        unsettled p
    """)


def test_a_reservation_under_way_keeps_its_seats() -> None:
    """What the provider is being asked for stays in the order there."""
    check(f"""
        {RESOLD}
        bob initiate_payment booking=b       -> order=q
        provider start order=q               -> ok
        provider confirm order=p             -> ok
        reservation q STARTED 7/2:1
    """)
