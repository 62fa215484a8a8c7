"""The sagas' facts about money: what each does in every status of a payment."""

import pytest

from engine.mutations import PaymentAuthorized, PaymentInitiated, PaymentRegistered, tag_of
from tests.scenario import START_MS, check

BOOKED = """
    ann      create_booking event=1               -> booking=a
    ann      select_seat booking=a seat=2:1       -> ok
    ann      initiate_payment booking=a           -> order=p
"""
PENDING = f"""{BOOKED}
    gateway  register order=p                     -> ok
"""
AUTHORIZED = f"""{PENDING}
    gateway  authorize order=p                    -> ok
"""
CAPTURED = f"""{AUTHORIZED}
    gateway  capture order=p                      -> ok
"""
FAILED = f"""{PENDING}
    gateway  fail order=p                         -> ok
"""
REFUSED = f"""{BOOKED}
    gateway  refuse order=p                       -> ok
"""
UNWANTED = f"""{BOOKED}
    ann      cancel_booking booking=a             -> ok
"""
RETURN_DUE = f"""{CAPTURED}
    ann      cancel_booking booking=a             -> ok
"""
RETURNED = f"""{RETURN_DUE}
    gateway  return order=p                       -> ok
"""

# Before the fact, the fact, its answer, and afterwards the booking and the payment.
PAYMENT_FACTS = [
    (BOOKED, "register", "ok", "PAYMENT_INITIATED 2:1", "PENDING"),
    (BOOKED, "refuse", "ok", "CREATED 2:1", "FAILED"),
    (BOOKED, "authorize", "nothing", "PAYMENT_INITIATED 2:1", "INITIATED"),
    (BOOKED, "capture", "nothing", "PAYMENT_INITIATED 2:1", "INITIATED"),
    (BOOKED, "fail", "nothing", "PAYMENT_INITIATED 2:1", "INITIATED"),
    (BOOKED, "return", "nothing", "PAYMENT_INITIATED 2:1", "INITIATED"),
    (PENDING, "register", "nothing", "PAYMENT_INITIATED 2:1", "PENDING"),
    (PENDING, "refuse", "nothing", "PAYMENT_INITIATED 2:1", "PENDING"),
    (PENDING, "authorize", "ok", "PAYMENT_INITIATED 2:1", "AUTHORIZED"),
    (PENDING, "capture", "nothing", "PAYMENT_INITIATED 2:1", "PENDING"),
    (PENDING, "fail", "ok", "CANCELLED", "FAILED"),
    (PENDING, "return", "nothing", "PAYMENT_INITIATED 2:1", "PENDING"),
    (AUTHORIZED, "register", "nothing", "PAYMENT_INITIATED 2:1", "AUTHORIZED"),
    (AUTHORIZED, "refuse", "nothing", "PAYMENT_INITIATED 2:1", "AUTHORIZED"),
    (AUTHORIZED, "authorize", "nothing", "PAYMENT_INITIATED 2:1", "AUTHORIZED"),
    (AUTHORIZED, "capture", "ok", "CONFIRMED 2:1", "CAPTURED"),
    (AUTHORIZED, "fail", "ok", "CANCELLED", "FAILED"),
    (AUTHORIZED, "return", "nothing", "PAYMENT_INITIATED 2:1", "AUTHORIZED"),
    (CAPTURED, "register", "nothing", "CONFIRMED 2:1", "CAPTURED"),
    (CAPTURED, "refuse", "nothing", "CONFIRMED 2:1", "CAPTURED"),
    (CAPTURED, "authorize", "nothing", "CONFIRMED 2:1", "CAPTURED"),
    (CAPTURED, "capture", "nothing", "CONFIRMED 2:1", "CAPTURED"),
    (CAPTURED, "fail", "nothing", "CONFIRMED 2:1", "CAPTURED"),
    (CAPTURED, "return", "nothing", "CONFIRMED 2:1", "CAPTURED"),
    (UNWANTED, "register", "ok", "CANCELLED", "RETURN_DUE"),
    (UNWANTED, "refuse", "ok", "CANCELLED", "FAILED"),
    (RETURN_DUE, "register", "nothing", "CANCELLED", "RETURN_DUE"),
    (RETURN_DUE, "authorize", "nothing", "CANCELLED", "RETURN_DUE"),
    (RETURN_DUE, "capture", "nothing", "CANCELLED", "RETURN_DUE"),
    (RETURN_DUE, "fail", "ok", "CANCELLED", "FAILED"),
    (RETURN_DUE, "return", "ok", "CANCELLED", "RETURNED"),
    (REFUSED, "register", "nothing", "CREATED 2:1", "FAILED"),
    (REFUSED, "refuse", "nothing", "CREATED 2:1", "FAILED"),
    (REFUSED, "authorize", "ok", "CREATED 2:1", "RETURN_DUE"),
    (REFUSED, "capture", "ok", "CREATED 2:1", "RETURN_DUE"),
    (REFUSED, "fail", "nothing", "CREATED 2:1", "FAILED"),
    (FAILED, "register", "nothing", "CANCELLED", "FAILED"),
    (FAILED, "authorize", "ok", "CANCELLED", "RETURN_DUE"),
    (FAILED, "capture", "ok", "CANCELLED", "RETURN_DUE"),
    (FAILED, "fail", "nothing", "CANCELLED", "FAILED"),
    (FAILED, "return", "nothing", "CANCELLED", "FAILED"),
    (RETURNED, "register", "nothing", "CANCELLED", "RETURNED"),
    (RETURNED, "refuse", "nothing", "CANCELLED", "RETURNED"),
    (RETURNED, "authorize", "ok", "CANCELLED", "RETURN_DUE"),
    (RETURNED, "capture", "ok", "CANCELLED", "RETURN_DUE"),
    (RETURNED, "fail", "nothing", "CANCELLED", "RETURNED"),
    (RETURNED, "return", "nothing", "CANCELLED", "RETURNED"),
]


@pytest.mark.parametrize(("before", "fact", "answer", "booking", "payment"), PAYMENT_FACTS)
def test_facts_of_the_gateway(
    before: str, fact: str, answer: str, booking: str, payment: str
) -> None:
    """A fact moves booking and payment as the table says, and the work list follows."""
    owed = "" if payment in ("CAPTURED", "FAILED", "RETURNED") else "p"
    check(f"""
        {before}
        gateway {fact} order=p -> {answer}
        booking a {booking}
        payment p {payment}
        unsettled {owed}
    """)


@pytest.mark.parametrize(
    "line",
    [f"gateway {fact}" for fact in ("register", "refuse", "authorize", "capture", "fail", "return")]
    + [f"provider {fact}" for fact in ("start", "submit", "confirm", "cancel", "refuse")],
)
def test_facts_about_a_payment_we_never_made(line: str) -> None:
    """The saga is told that the order id is unknown; nothing changes."""
    check(f"{BOOKED}\n {line} order=123 -> UnknownPayment")


@pytest.mark.parametrize("fact", ["start", "submit", "confirm", "cancel", "refuse"])
def test_seats_of_our_own_have_no_reservation(fact: str) -> None:
    """What a provider says of a payment without a reservation is of no use."""
    check(f"""
        {PENDING}
        reservation p none
        provider {fact} order=p -> nothing
        payment p PENDING
    """)


def test_registering_names_the_payment_for_good() -> None:
    """The gateway's name leads back to ours; a second name for the same attempt is ignored."""
    story = check(f"""
        {UNWANTED}
        gateway register order=p payment=one -> ok
        gateway register order=p payment=one -> nothing
        gateway register order=p payment=two -> nothing
    """)

    assert story.named("p") == story.engine.order_of("one")
    assert story.engine.order_of("two") is None
    payment = story.engine.payment(story.named("p"))
    assert payment is not None
    assert ("one", "https://pay") == (payment.payment_id, payment.url)


def test_a_refused_payment_can_be_tried_again() -> None:
    """The seats are still held, until the deadline of the refused attempt or of the next one."""
    check(f"""
        {REFUSED}
        seat 2:1 RESERVED
        expires a 12m
        later 1m
        ann initiate_payment booking=a       -> order=q
        payment p FAILED
        gateway register order=q             -> ok
        expires a 13m
        unsettled q
        tick 12m                             -> 1
        booking a CANCELLED
    """)


def test_a_failed_payment_frees_all_its_seats() -> None:
    """Nobody has to release them (R31)."""
    check("""
        ann create_booking event=1           -> booking=a
        ann select_seat booking=a seat=2:1   -> ok
        ann select_seat booking=a seat=2:2   -> ok
        ann initiate_payment booking=a       -> order=p
        gateway register order=p             -> ok
        gateway fail order=p                 -> ok
        seat 2:1 FREE
        seat 2:2 FREE
        analytics 1 free=20 reserved=0 sold=0 revenue=0 bookings=0
        unsettled
        tick 1h                              -> 0
    """)


def test_money_that_is_being_captured_is_not_expired_away() -> None:
    """Once the gateway holds the money and we the places, its saga decides, however late."""
    check(f"""
        {AUTHORIZED}
        tick 1h                              -> 0
        booking a PAYMENT_INITIATED 2:1
        gateway capture order=p              -> ok
        booking a CONFIRMED 2:1
        expires a never
        seat 2:1 SOLD
        tick 1h                              -> 0
    """)


def test_the_time_to_pay_begins_with_the_page() -> None:
    """A gateway that lets us wait for its page takes nothing off the customer's time."""
    check(f"""
        {BOOKED}
        expires a 12m
        tick 10m                             -> 0
        gateway register order=p             -> ok
        expires a 22m
        tick 11m                             -> 0
        booking a PAYMENT_INITIATED 2:1
        tick 1m                              -> 1
        booking a CANCELLED
    """)


@pytest.mark.parametrize(
    ("opened", "ends"),
    [
        ("6m", "18m"),
        ("10m", "22m"),
        # Two clocks differ: a page isn't older than our wish for one, nor younger than its news.
        ("-1h", "13m"),
        ("1h", "22m"),
    ],
)
def test_a_page_that_we_learn_of_late(opened: str, ends: str) -> None:
    """Where the gateway's answer got lost, the time to pay has begun before we know of the page."""
    check(f"""
        later 1m
        {BOOKED}
        expires a 13m
        later 9m
        gateway register order=p opened={opened} -> ok
        expires a {ends}
    """)


def test_a_page_that_nobody_waits_for() -> None:
    """A payment that is over when the gateway names it gives nobody more time."""
    check(f"""
        {UNWANTED}
        later 10m
        gateway register order=p             -> ok
        expires a never
    """)


PARKABLE = [
    (BOOKED, "nothing"),
    (PENDING, "nothing"),
    (AUTHORIZED, "ok"),
    (CAPTURED, "nothing"),
    (RETURN_DUE, "ok"),
    (FAILED, "nothing"),
    (RETURNED, "nothing"),
]


@pytest.mark.parametrize(("before", "answer"), PARKABLE)
def test_what_can_be_parked(before: str, answer: str) -> None:
    """Only a capture and a return can be beyond every retry; parking twice changes nothing."""
    check(f"""
        {before}
        gateway park order=p                 -> {answer}
        parked p {"gateway" if answer == "ok" else "nobody"}
        gateway park order=p                 -> nothing
    """)


def test_a_payment_says_that_it_is_parked() -> None:
    """By either side's next call."""
    story = check(f"{RETURN_DUE}gateway park order=p -> ok")
    payment = story.engine.payment(story.named("p"))
    assert payment is not None
    assert payment.is_parked()
    payment = check(RETURN_DUE).engine.payment(story.named("p"))
    assert payment is not None
    assert not payment.is_parked()


@pytest.mark.parametrize("fact", ["fail", "return"])
def test_a_return_that_succeeds_after_all(fact: str) -> None:
    """Parked is not forgotten: the call is still owed, and once it is made nothing is parked."""
    check(f"""
        {RETURN_DUE}
        gateway park order=p                 -> ok
        unsettled p
        replay
        parked p gateway
        operator reset                       -> ok
        parked p gateway
        gateway {fact} order=p               -> ok
        payment p forgotten
        unsettled
    """)


def test_a_payment_that_gets_its_name_is_parked_no_longer() -> None:
    """The gateway was asked by our id and knew nothing; now it can be asked by its own."""
    check("""
        ann create_booking event=1           -> booking=a
        ann select_seat booking=a seat=2:1   -> ok
        ann initiate_payment booking=a       -> order=p
        ann cancel_booking booking=a         -> ok
        gateway park order=p                 -> ok
        parked p gateway
        gateway register order=p             -> ok
        payment p RETURN_DUE
        parked p nobody
    """)


@pytest.mark.parametrize("deadline", ["ahead", "passed over"])
def test_money_that_cannot_be_captured(deadline: str) -> None:
    """The seats stay held until the deadline, then they are FREE and the money is owed back."""
    late = "tick 1h -> 0" if deadline == "passed over" else ""
    check(f"""
        {AUTHORIZED}
        {late}
        gateway park order=p                 -> ok
        parked p gateway
        booking a PAYMENT_INITIATED 2:1
        tick 12m                             -> 1
        booking a CANCELLED
        seat 2:1 FREE
        payment p RETURN_DUE
        parked p nobody
    """)


def test_a_parked_capture_that_succeeds_in_time() -> None:
    """What the gateway refused may be taken a little later all the same."""
    check(f"""
        {AUTHORIZED}
        gateway park order=p                 -> ok
        gateway capture order=p              -> ok
        booking a CONFIRMED 2:1
        parked p nobody
        tick 1h                              -> 0
    """)


def test_a_payment_remembers_its_steps() -> None:
    """What happened to it and when, oldest first; the attempt before it is known, too."""
    story = check("""
        ann create_booking event=1           -> booking=a
        ann select_seat booking=a seat=2:1   -> ok
        ann initiate_payment booking=a       -> order=p
        later 1s
        gateway refuse order=p               -> ok
        later 1s
        ann initiate_payment booking=a       -> order=q
        later 1s
        gateway register order=q             -> ok
        reload
        gateway authorize order=q            -> ok
    """)
    payment = story.engine.payment(story.named("q"))
    assert payment is not None
    assert story.named("p") == payment.earlier_order_id
    assert [
        (START_MS + 2_000, tag_of(PaymentInitiated)),
        (START_MS + 3_000, tag_of(PaymentRegistered)),
        (START_MS + 3_000, tag_of(PaymentAuthorized)),
    ] == payment.steps()


def test_a_long_history_is_cut() -> None:
    """A gateway that takes its word back for ever doesn't fill our memory."""
    again = """
        gateway authorize order=p            -> ok
        gateway return order=p               -> ok
    """
    story = check(RETURNED + again * 40)
    payment = story.engine.payment(story.named("p"))
    assert payment is not None
    assert 64 == len(payment.steps())


def test_late_money_is_owed_back() -> None:
    """After expiry, failure or cancellation the seat may be somebody else's: money goes back."""
    check(f"""
        {PENDING}
        tick 12m                             -> 1
        bob create_booking event=1           -> booking=b
        bob select_seat booking=b seat=2:1   -> ok
        gateway authorize order=p            -> nothing
        payment p RETURN_DUE
        gateway return order=p               -> ok
        gateway authorize order=p            -> ok
        payment p RETURN_DUE
        unsettled p
        seat 2:1 RESERVED
        gateway return order=p               -> ok
        unsettled
    """)


def test_of_two_paid_attempts_one_is_returned() -> None:
    """The attempt that a release ended gives its money back although the next one was paid too."""
    check("""
        ann create_booking event=1           -> booking=a
        ann select_seat booking=a seat=2:1   -> ok
        ann select_seat booking=a seat=2:2   -> ok
        ann initiate_payment booking=a       -> order=p
        gateway register order=p             -> ok
        ann release_seat seat=2:2            -> ok
        ann initiate_payment booking=a       -> order=q
        gateway register order=q             -> ok
        gateway authorize order=q            -> ok
        gateway authorize order=p            -> nothing
        gateway capture order=q              -> ok
        gateway fail order=p                 -> ok
        gateway authorize order=p            -> ok
        booking a CONFIRMED 2:1
        payment p RETURN_DUE
        payment q CAPTURED
        unsettled p
    """)
