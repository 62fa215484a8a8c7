"""The check at the door, and who may make it."""

import pytest

from api.tickets.codes import Codes
from tests.api.rooms import ANN, BOB, IVAN, NOW_MS, OLGA, Answer, Rooms, seat
from tests.api.tickets.conftest import Sold

AT = "2027-01-15T08:00:00.000Z"


def look(rooms: Rooms, code: str, user: str | None = IVAN) -> Answer:
    return rooms.call("GET", f"/x/tickets/{code}", user=user)


def admit(rooms: Rooms, code: str, user: str | None = OLGA) -> Answer:
    return rooms.call("POST", f"/x/tickets/{code}/admit", user=user)


def cancel(rooms: Rooms, booking_id: int) -> Answer:
    return rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": booking_id})


def test_a_good_ticket_lets_in(rooms: Rooms, sold: Sold) -> None:
    """It says what it is for; once somebody is inside, it says that."""
    good = {
        "valid": True,
        "reason": "",
        "booking_id": sold.booking_id,
        "event_id": 1,
        "title": "Концерт 1",
        "starts_at": "2027-12-31T19:30:00",
        "row": 1,
        "number": 4,
        "zone": "Партер",
        "admitted_at": "",
    }
    assert (200, good) == (look(rooms, sold.code).status, look(rooms, sold.code).json)
    let_in = admit(rooms, sold.code)
    assert (200, {**good, "admitted_at": AT}) == (let_in.status, let_in.json)
    used = {**good, "valid": False, "reason": "По этому билету уже вошли.", "admitted_at": AT}
    assert used == look(rooms, sold.code).json
    assert look(rooms, sold.tickets[1]["code"]).json["valid"]


def test_the_second_to_come_is_told_when_the_first_came(rooms: Rooms, sold: Sold) -> None:
    """And nothing has changed."""
    admit(rooms, sold.code)
    rooms.now_ms = NOW_MS + 60_000
    second = admit(rooms, sold.code, IVAN)
    assert (419, "already-admitted") == (second.status, second.problem)
    assert f"По этому билету вошли {AT}." == second.json["detail"]
    assert NOW_MS == rooms.engine.admitted_at_ms(seat(4))


def test_a_door_that_lost_the_answer_hears_it_again(rooms: Rooms, sold: Sold) -> None:
    """With its key it is the same answer; for the other ticket of the booking it is another key."""
    key = [(b"idempotency-key", b"door-1")]
    one, other = (f"/x/tickets/{ticket['code']}/admit" for ticket in sold.tickets[:2])
    first = rooms.call("POST", one, user=OLGA, headers=key)
    rooms.now_ms = NOW_MS + 60_000
    again = rooms.call("POST", one, user=OLGA, headers=key)
    assert (200, 200, first.json) == (first.status, again.status, again.json)
    assert AT == again.json["admitted_at"]
    assert "already-admitted" == admit(rooms, sold.tickets[0]["code"]).problem
    assert "key-reused" == rooms.call("POST", other, user=OLGA, headers=key).problem
    assert rooms.engine.admitted_at_ms(sold.tickets[1]["seat_id"]) is None


def test_a_returned_ticket_is_void(rooms: Rooms, sold: Sold) -> None:
    """Whoever has the seat now: the code is of the booking that gave it back."""
    cancel(rooms, sold.booking_id)
    again = rooms.book(BOB, seat(4))
    rooms.pay(again, BOB)
    [ticket] = rooms.call("GET", f"/x/bookings/{again}/tickets", user=BOB).json
    assert 200 == admit(rooms, ticket["code"]).status

    shown = look(rooms, sold.code).json
    assert (False, "", 4) == (shown["valid"], shown["admitted_at"], shown["number"])
    assert shown["reason"].startswith("Бронь отменена")
    refused = admit(rooms, sold.code)
    assert (419, "ticket-void") == (refused.status, refused.problem)


def test_a_used_booking_can_t_be_returned(rooms: Rooms, sold: Sold) -> None:
    """With the contract's title; and its owner is told of no time until which it could be."""
    path = f"/x/bookings/{sold.booking_id}"
    assert rooms.call("GET", path, user=ANN).json["returnable_until"]
    admit(rooms, sold.code)
    refused = cancel(rooms, sold.booking_id)
    assert (419, "booking-admitted") == (refused.status, refused.problem)
    assert "Не удалось отменить бронь" == refused.json["title"]
    booking = rooms.call("GET", path, user=ANN).json
    assert ("CONFIRMED", "") == (booking["status"], booking["returnable_until"])


def test_a_code_may_be_typed(rooms: Rooms, sold: Sold) -> None:
    """In groups and small letters."""
    typed = "-".join(sold.code[at : at + 4] for at in range(0, 32, 4)).lower()
    assert seat(4) == sold.tickets[0]["seat_id"]
    assert 200 == admit(rooms, typed).status
    assert "already-admitted" == admit(rooms, sold.code).problem


def test_what_we_never_made_is_not_found(rooms: Rooms, sold: Sold) -> None:
    """Signed with another key, of another seat, of a booking that is not there, or no code."""
    booking = rooms.engine.booking(sold.booking_id)
    assert booking is not None
    told = {"booking_id": sold.booking_id, "seat_id": seat(4), "order_id": booking.order_id}
    forged = [
        Codes(b"another key").code_of(**told),
        rooms.service.codes.code_of(**{**told, "order_id": booking.order_id + 1}),
        rooms.service.codes.code_of(**{**told, "booking_id": sold.booking_id + 5}),
        sold.code[:-1] + ("0" if sold.code[-1] != "0" else "1"),
        "0" * 32,
        "Z" * 32,
        "ticket",
    ]
    for code in forged:
        for answer in (look(rooms, code), admit(rooms, code)):
            assert (404, "ticket-not-found") == (answer.status, answer.problem)


def test_a_seat_that_was_not_bought_has_no_ticket(rooms: Rooms, sold: Sold) -> None:
    """Even a code that our key has signed lets in nobody but to a seat of the booking."""
    booking = rooms.engine.booking(sold.booking_id)
    assert booking is not None
    code = rooms.service.codes.code_of(
        booking_id=sold.booking_id, seat_id=seat(7), order_id=booking.order_id
    )
    assert not look(rooms, code).json["valid"]
    assert "ticket-void" == admit(rooms, code).problem


def test_an_attempt_that_was_not_paid_makes_no_ticket(rooms: Rooms) -> None:
    """Only the payment that the booking stands on does, and only when it is through."""
    booking_id = rooms.book(ANN, seat(4), seat(5))
    abandoned = rooms.initiate(booking_id)
    code = rooms.service.codes.code_of(booking_id=booking_id, seat_id=seat(4), order_id=abandoned)
    assert not look(rooms, code).json["valid"]
    rooms.call("PATCH", "/api/seats/release", user=ANN, json={"seat_id": seat(5)})
    rooms.pay(booking_id)
    assert "ticket-void" == admit(rooms, code).problem


def test_after_a_reset_there_are_no_tickets(rooms: Rooms, sold: Sold) -> None:
    """As there are no bookings."""
    admit(rooms, sold.code)
    rooms.call("POST", "/api/reset")
    assert "ticket-not-found" == look(rooms, sold.code).problem


@pytest.mark.parametrize(
    ("user", "status", "problem"),
    [
        (None, 401, "unauthenticated"),
        ("stranger", 401, "unauthenticated"),
        (ANN, 403, "staff-only"),
        (OLGA, 200, "200"),
        (IVAN, 200, "200"),
    ],
)
def test_who_stands_at_the_door(
    rooms: Rooms, sold: Sold, user: str | None, status: int, problem: str
) -> None:
    """Organisers and operators: not even its owner may ask, nor let himself in."""
    if user == "stranger":
        wrong = [(b"authorization", b"Basic c3RyYW5nZXI6c2VjcmV0")]
        answers = [
            rooms.call("GET", f"/x/tickets/{sold.code}", headers=wrong),
            rooms.call("POST", f"/x/tickets/{sold.code}/admit", headers=wrong),
        ]
    else:
        answers = [look(rooms, sold.code, user), admit(rooms, sold.code, user)]
    assert [(status, problem)] * 2 == [(one.status, one.problem) for one in answers]
