"""Which call is owed in every state, and what each word of the gateway's leads to."""

from itertools import product

import pytest

from engine import Payment, PaymentStatus, Reservation, ReservationStatus
from engine.mutations import PaymentAuthorized, PaymentCaptured, ReturnOwed, tag_of
from sagas import owed
from sagas.owed import Fact, GatewayCall, Money, ProviderCall

P, R = PaymentStatus, ReservationStatus


def payment_in(
    status: PaymentStatus, place: ReservationStatus | None = None, *, payment_id: str = "1"
) -> Payment:
    payment = Payment(
        order_id=5, booking_id=6, user_id=7, amount_minor=200_000, initiated_at_ms=1_000
    )
    payment.status = status
    payment.payment_id = payment_id
    if place is not None:
        payment.reservation = Reservation((1, 2))
        payment.reservation.status = place
    return payment


GATEWAY = {
    P.INITIATED: GatewayCall.INIT,
    P.PENDING: GatewayCall.CHECK,
    P.RETURN_DUE: GatewayCall.RETURN,
    P.CAPTURED: None,
    P.FAILED: None,
    P.RETURNED: None,
}
PROVIDER = {
    None: None,
    R.WANTED: ProviderCall.START,
    R.STARTED: ProviderCall.FILL,
    R.SUBMITTED: None,
    R.CONFIRM_DUE: ProviderCall.CONFIRM,
    R.RENEW_DUE: ProviderCall.CANCEL,
    R.CANCEL_DUE: ProviderCall.CANCEL,
    R.CONFIRMED: None,
    R.CANCELLED: None,
}
CAPTURE = dict.fromkeys(R) | {
    None: GatewayCall.CAPTURE,
    R.SUBMITTED: GatewayCall.CAPTURE,
}


@pytest.mark.parametrize(("status", "place"), list(product(P, PROVIDER)))
def test_every_state(status: PaymentStatus, place: ReservationStatus | None) -> None:
    """A payment owes the gateway by its own status, the provider by its reservation's."""
    payment = payment_in(status, place)
    gateway = CAPTURE[place] if status is P.AUTHORIZED else GATEWAY[status]
    assert (gateway, PROVIDER[place]) == (owed.to_gateway(payment), owed.to_provider(payment))


def test_return_without_an_id() -> None:
    """A payment whose id we never got is looked up before it can be ended."""
    payment = payment_in(P.RETURN_DUE, payment_id="")
    assert owed.to_gateway(payment) is GatewayCall.LOOK_UP


WORDS = {
    Money.HELD: {"AUTHORIZED"},
    Money.TAKEN: {"CONFIRMED", "CAPTURED", "COMPLETED"},
    Money.NONE: {"REJECTED", "AUTH_FAIL", "FAILED"},
    Money.LAPSED: {"EXPIRED", "DEADLINE_EXPIRED"},
    Money.BACK: {"CANCELLED", "REVERSED", "REFUNDED"},
    Money.OPEN: {"NEW", "FORM_SHOWED", "AUTHORIZING", "PARTIALLY_REFUNDED", "REFUNDING", "?"},
}


@pytest.mark.parametrize(("money", "words"), WORDS.items())
def test_words(money: Money, words: set[str]) -> None:
    """Each of the gateway's words says one thing about the money; an unknown one says nothing."""
    assert {owed.money_of(word) for word in words} == {money}


FACTS = {
    (P.PENDING, Money.HELD): (Fact.AUTHORIZED,),
    (P.PENDING, Money.TAKEN): (Fact.AUTHORIZED, Fact.CAPTURED),
    (P.PENDING, Money.NONE): (Fact.FAILED,),
    (P.PENDING, Money.LAPSED): (Fact.FAILED,),
    (P.PENDING, Money.BACK): (Fact.FAILED,),
    (P.AUTHORIZED, Money.LAPSED): (Fact.FAILED,),
    (P.RETURN_DUE, Money.LAPSED): (Fact.FAILED,),
    (P.AUTHORIZED, Money.TAKEN): (Fact.CAPTURED,),
    (P.AUTHORIZED, Money.BACK): (Fact.FAILED,),
    (P.RETURN_DUE, Money.NONE): (Fact.FAILED,),
    (P.RETURN_DUE, Money.BACK): (Fact.RETURNED,),
    (P.FAILED, Money.HELD): (Fact.AUTHORIZED,),
    (P.FAILED, Money.TAKEN): (Fact.AUTHORIZED,),
    (P.RETURNED, Money.HELD): (Fact.AUTHORIZED,),
    (P.RETURNED, Money.TAKEN): (Fact.AUTHORIZED,),
}


@pytest.mark.parametrize(("status", "money"), list(product(P, Money)))
def test_facts(status: PaymentStatus, money: Money) -> None:
    """What a check says becomes exactly these facts, in every status."""
    assert FACTS.get((status, money), ()) == owed.facts(payment_in(status), money)


@pytest.mark.parametrize("place", [R.WANTED, R.STARTED, R.RENEW_DUE])
def test_nothing_held_any_more(place: ReservationStatus) -> None:
    """Before the places are ours no capture was tried, so the gateway is believed."""
    assert owed.facts(payment_in(P.AUTHORIZED, place), Money.NONE) == (Fact.FAILED,)


@pytest.mark.parametrize("step", [PaymentAuthorized, ReturnOwed])
def test_money_that_is_denied(step: type[PaymentAuthorized | ReturnOwed]) -> None:
    """Money that was there once stays owed until it has gone back, whatever else is said of it."""
    payment = payment_in(P.RETURN_DUE)
    payment.note(2_000, tag_of(step))
    assert owed.facts(payment, Money.NONE) == ()
    assert owed.facts(payment, Money.LAPSED) == (Fact.FAILED,)
    assert owed.facts(payment, Money.BACK) == (Fact.RETURNED,)


def test_taken_money_does_not_lapse() -> None:
    """What we have captured is owed back, even if the gateway speaks of a payment that ran out."""
    payment = payment_in(P.RETURN_DUE)
    payment.note(2_000, tag_of(PaymentCaptured))
    assert owed.facts(payment, Money.LAPSED) == ()
    assert owed.facts(payment, Money.BACK) == (Fact.RETURNED,)


@pytest.mark.parametrize("place", [R.WANTED, R.STARTED, R.RENEW_DUE])
def test_taken_before_the_places_are_ours(place: ReservationStatus) -> None:
    """Money that the gateway took by itself isn't ours to keep before the places are."""
    assert owed.facts(payment_in(P.PENDING, place), Money.TAKEN) == (Fact.AUTHORIZED,)
    assert owed.facts(payment_in(P.AUTHORIZED, place), Money.TAKEN) == ()


def test_schedule() -> None:
    """Checks come 5, 15 and 45 seconds after the start and then every minute."""
    moments = []
    start_ms = now_ms = 1_750_000_000_000
    for _ in range(5):
        now_ms = owed.next_check_ms(initiated_at_ms=start_ms, now_ms=now_ms)
        moments.append(now_ms - start_ms)
    assert moments == [5_000, 15_000, 45_000, 105_000, 165_000]


@pytest.mark.parametrize("status", [P.FAILED, P.RETURNED])
def test_reminders(status: PaymentStatus) -> None:
    """An attempt that is over is looked at again, ever more rarely, for a day."""
    payment = payment_in(status)
    moments: list[int] = []
    now_ms: int | None = 1_000 + 14 * 60_000
    while now_ms is not None:
        now_ms = owed.next_reminder_ms(payment, now_ms=now_ms)
        if now_ms is not None:
            moments.append((now_ms - 1_000) // 60_000)
    assert moments == [15, 20, 30, 60, 120, 360, 720, 1_440]


@pytest.mark.parametrize(
    ("status", "payment_id"),
    [(P.FAILED, ""), (P.CAPTURED, "1"), (P.PENDING, "1"), (P.RETURN_DUE, "1")],
)
def test_no_reminders(status: PaymentStatus, payment_id: str) -> None:
    """A payment that the gateway never knew, or that isn't over, needs none."""
    payment = payment_in(status, payment_id=payment_id)
    assert owed.next_reminder_ms(payment, now_ms=1_000) is None
