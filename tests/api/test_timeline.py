"""One booking as its owner sees it."""

from typing import Any

import pytest

from api import timeline
from engine import Payment
from engine.mutations import Effect, Mutation, PaymentAuthorized, ReservationRefused, tag_of
from tests.api.rooms import ANN, BOB, DAY_MS, IDS, NOW_MS, Rooms, seat

AT = "2027-01-15T08:00:00.000Z"
BEGINNING = ("PaymentInitiated", "PaymentRegistered")


def shown(rooms: Rooms, booking_id: int) -> dict[str, Any]:
    answer = rooms.call("GET", f"/x/bookings/{booking_id}", user=ANN)
    assert answer.status == 200
    found: dict[str, Any] = answer.json
    return found


def test_a_booking_that_nobody_has_paid_for(rooms: Rooms) -> None:
    """Its seats, and until when they are held."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    assert shown(rooms, booking_id) == {
        "id": booking_id,
        "event_id": 1,
        "status": "CREATED",
        "created_at": AT,
        "expires_at": "2027-01-15T08:15:00.000Z",
        "seats": [{"id": seat(1)}, {"id": seat(2)}],
        "title": "Концерт 1",
        "starts_at": "2027-12-31T19:30:00",
        "returnable_until": "",
        "payments": [],
    }


def test_until_when_a_paid_booking_can_be_returned(rooms: Rooms) -> None:
    """To the millisecond; before it is paid and after it is returned there is nothing to tell."""
    booking_id = rooms.book(ANN, seat(1))
    rooms.pay(booking_id)
    assert "2027-02-13T20:00:00.000Z" == shown(rooms, booking_id)["returnable_until"]
    wanted = {"booking_id": booking_id}
    rooms.now_ms = NOW_MS + 30 * DAY_MS - 12 * 3_600_000 + 1
    late = rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json=wanted)
    assert "too-late" == late.problem
    rooms.now_ms -= 1
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json=wanted)
    assert ("CANCELLED", "") == tuple(
        shown(rooms, booking_id)[name] for name in ("status", "returnable_until")
    )


def test_an_event_that_no_catalog_has_any_more(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later import may lack it; the booking is there all the same."""
    booking_id = rooms.book(ANN, seat(1))
    monkeypatch.setattr(rooms.catalog.events, "get", lambda event_id: None)
    booking = shown(rooms, booking_id)
    assert ("", "", [{"id": seat(1)}]) == tuple(
        booking[name] for name in ("title", "starts_at", "seats")
    )


def test_a_sale_and_its_refund(rooms: Rooms) -> None:
    """Every step of the payment with its time, and whether money is still to come back."""
    booking_id = rooms.book(ANN, seat(1))
    rooms.pay(booking_id)
    rooms.now_ms = NOW_MS + 60_000
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": booking_id})
    booking = shown(rooms, booking_id)
    assert (booking["status"], booking["expires_at"], booking["seats"]) == ("CANCELLED", "", [])
    [payment] = booking["payments"]
    assert payment["status"] == "RETURN_DUE"
    assert (payment["refund_pending"], payment["parked"], payment["page"]) == (True, False, "")
    assert [(one["at"][14:19], one["what"]) for one in payment["timeline"]] == [
        ("00:00", "PaymentInitiated"),
        ("00:00", "PaymentRegistered"),
        ("00:00", "PaymentAuthorized"),
        ("00:00", "PaymentCaptured"),
        ("01:00", "BookingCancelled"),
    ]


def test_two_attempts(rooms: Rooms) -> None:
    """Each attempt to pay is shown, the earlier first; only the open one has a page."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    first = rooms.initiate(booking_id)
    rooms.call("PATCH", "/api/seats/release", user=ANN, json={"seat_id": seat(2)})
    second = rooms.initiate(booking_id)
    payments = shown(rooms, booking_id)["payments"]
    assert [(one["order_id"], one["page"]) for one in payments] == [
        (first, ""),
        (second, f"https://gateway.example/pay/{second}"),
    ]


def test_a_refund_that_only_an_operator_can_help(rooms: Rooms) -> None:
    """The owner sees that it is being seen to, not what the gateway said."""
    booking_id = rooms.book(ANN, seat(1))
    order_id = rooms.initiate(booking_id)
    rooms.sagas.pay(order_id)
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": booking_id})
    rooms.engine.park_payment(order_id=order_id, reason="return: HTTP 401, 3001", now_ms=NOW_MS)
    answer = rooms.call("GET", f"/x/bookings/{booking_id}", user=ANN)
    [payment] = answer.json["payments"]
    assert (payment["parked"], payment["timeline"][-1]["what"]) == (True, "PaymentParked")
    assert b"3001" not in answer.body


def texts(rooms: Rooms, booking_id: int) -> list[str]:
    """What the owner reads of the last attempt, but for how it began."""
    steps = shown(rooms, booking_id)["payments"][-1]["timeline"]
    return [one["text"] for one in steps if one["what"] not in BEGINNING]


def awaited(rooms: Rooms, seat_id: int) -> tuple[int, int]:
    """A booking and its payment, for which the gateway has no page yet."""
    booking_id = rooms.book(ANN, seat_id)
    order_id = rooms.engine.initiate_payment(user_id=IDS[ANN], booking_id=booking_id, now_ms=NOW_MS)
    return booking_id, order_id


def released(rooms: Rooms) -> tuple[int, int]:
    """A booking that has kept one of two seats, and its payment that has ended with the other."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    order_id = rooms.initiate(booking_id)
    rooms.call("PATCH", "/api/seats/release", user=ANN, json={"seat_id": seat(2)})
    return booking_id, order_id


def test_a_payment_that_failed_after_it_was_given_up_frees_no_seats(rooms: Rooms) -> None:
    """It did when it was wanted, and says so."""
    booking_id, order_id = released(rooms)
    rooms.engine.fail_payment(order_id=order_id, now_ms=NOW_MS)
    assert [{"id": seat(1)}] == shown(rooms, booking_id)["seats"]
    assert ["Место освобождено; эта оплата прекращена", "Деньги не списаны"] == texts(
        rooms, booking_id
    )
    wanted = rooms.book(ANN, seat(3))
    rooms.engine.fail_payment(order_id=rooms.initiate(wanted), now_ms=NOW_MS)
    assert ["Оплата не прошла; места освобождены"] == texts(rooms, wanted)


def test_a_payment_that_was_refused_after_the_end_keeps_no_seats(rooms: Rooms) -> None:
    """As of a gateway that was away until the time to pay was over."""
    booking_id, order_id = awaited(rooms, seat(1))
    rooms.engine.cancel_booking(user_id=IDS[ANN], booking_id=booking_id, now_ms=NOW_MS)
    rooms.engine.refuse_payment(order_id=order_id, now_ms=NOW_MS)
    assert [] == shown(rooms, booking_id)["seats"]
    assert ["Бронь отменена", "Шлюз не принял платёж"] == texts(rooms, booking_id)
    wanted, order_id = awaited(rooms, seat(1))
    rooms.engine.refuse_payment(order_id=order_id, now_ms=NOW_MS)
    assert ["Шлюз не принял платёж; места остаются за бронью"] == texts(rooms, wanted)


def test_no_money_comes_back_of_what_nobody_has_paid(rooms: Rooms) -> None:
    """The attempt is ended at the gateway all the same; money that was held does come back."""
    booking_id, order_id = released(rooms)
    rooms.engine.return_payment(order_id=order_id, now_ms=NOW_MS)
    assert "Оплата отменена; деньги не списаны" == texts(rooms, booking_id)[-1]
    rooms.engine.authorize_payment(order_id=order_id, now_ms=NOW_MS)  # the page was left open
    rooms.engine.return_payment(order_id=order_id, now_ms=NOW_MS)
    assert "Деньги возвращены полностью" == texts(rooms, booking_id)[-1]


@pytest.mark.parametrize(
    ("earlier", "told"),
    [((), "места освобождены"), ((PaymentAuthorized,), "деньги будут возвращены")],
)
def test_a_place_sold_elsewhere_promises_money_to_who_has_paid(
    earlier: tuple[type[Mutation], ...], told: str
) -> None:
    """Mostly the organiser's word comes before the buyer has reached his bank."""
    payment = Payment(order_id=1, booking_id=1, user_id=1, amount_minor=100, initiated_at_ms=NOW_MS)
    for kind in (*earlier, ReservationRefused):
        payment.note(NOW_MS, tag_of(kind))
    steps: Any = timeline._payment(payment)["timeline"]
    assert f"Организатор уже продал одно из мест; {told}" == steps[-1]["text"]


@pytest.mark.parametrize(
    ("booking", "user", "status"),
    [
        ("mine", ANN, 200),
        ("mine", BOB, 403),
        ("mine", None, 401),
        ("1000000999", ANN, 404),
        ("0", ANN, 404),
        ("x", ANN, 400),
    ],
)
def test_whose_it_is(rooms: Rooms, booking: str, user: str | None, status: int) -> None:
    """Only its owner may see it."""
    booking_id = rooms.book(ANN, seat(1))
    target = "/x/bookings/" + booking.replace("mine", str(booking_id))
    assert status == rooms.call("GET", target, user=user).status


def test_every_step_has_a_sentence() -> None:
    """Whatever a payment remembers can be told; the rest never changes one."""
    told = set(timeline._SENTENCES)
    apart = {"BookingCreated", "SeatSelected", "SeatsSelected", "SeatAdmitted"}
    apart |= {"ReceiptsExpired", "StateChecked"}
    assert {kind.__name__ for kind in set(Effect.__args__) - told} == apart
    assert len(timeline._BY_TAG) == len({tag_of(kind) for kind in told})
