"""Seats side by side over HTTP."""

from typing import Any

import pytest

from tests.api.rooms import ANN, BOB, OPERA, Answer, Rooms, seat

PATH = "/x/seats/together"


def together(rooms: Rooms, user: str | None = ANN, **wanted: Any) -> Answer:
    return rooms.call("PATCH", PATH, user=user, json=wanted)


def test_all_are_held_and_told(rooms: Rooms) -> None:
    """With what a page of seats tells of each; they are the booking's from then on."""
    booking_id = rooms.book(ANN)
    answer = together(rooms, booking_id=booking_id, count=2)
    held = {"row": 1, "status": "RESERVED", "price": "15000.50"}
    expected = [{"id": seat(number), "number": number, **held} for number in (5, 6)]
    assert (200, {"seats": expected}) == (answer.status, answer.json)

    mine = rooms.call("GET", "/api/bookings", user=ANN).json
    assert [{"id": seat(5)}, {"id": seat(6)}] == mine[0]["seats"]
    row = "/api/seats?event_id=1&row=1&status=RESERVED"
    assert expected == rooms.call("GET", row).json


def test_a_zone_can_be_named(rooms: Rooms) -> None:
    """And only what is ours of it is given."""
    booking_id = rooms.book(ANN, event_id=OPERA)
    answer = together(rooms, booking_id=booking_id, count=2, zone="Партер")
    assert [(1, 8), (1, 9)] == [(one["row"], one["number"]) for one in answer.json["seats"]]
    assert ["9000.00"] * 2 == [one["price"] for one in answer.json["seats"]]
    nothing = together(rooms, booking_id=booking_id, count=1, zone="Балкон")
    assert (419, "no-seats-together") == (nothing.status, nothing.problem)
    assert "Не удалось добавить место в бронь" == nothing.json["title"]


def test_a_repeated_request_holds_no_others(rooms: Rooms) -> None:
    """With its key it gets the same answer to the byte; another one with that key is refused."""
    booking_id, key = rooms.book(ANN), [(b"idempotency-key", b"two")]
    wanted = {"booking_id": booking_id, "count": 2}
    first, again = (rooms.call("PATCH", PATH, user=ANN, json=wanted, headers=key) for _ in "12")
    assert (200, first.body) == (again.status, again.body)
    assert 2 == rooms.engine.analytics(1).reserved_seats
    other = rooms.call("PATCH", PATH, user=ANN, json={**wanted, "count": 3}, headers=key)
    assert "key-reused" == other.problem


@pytest.mark.parametrize(
    ("user", "wanted", "status", "problem"),
    [
        (ANN, {"count": 0}, 400, "bad-request"),
        (ANN, {"count": 21}, 400, "bad-request"),
        (ANN, {"count": "2"}, 400, "bad-request"),
        (ANN, {"zone": 7}, 400, "bad-request"),
        (None, {}, 401, "unauthenticated"),
        (BOB, {}, 403, "not-owner"),
        (ANN, {"booking_id": 1_000_000_999}, 404, "booking-not-found"),
        (BOB, {"zone": "Ложа"}, 404, "zone-not-found"),
        (ANN, {"count": 11}, 419, "no-seats-together"),
    ],
)
def test_refusals(
    rooms: Rooms, user: str | None, wanted: dict[str, Any], status: int, problem: str
) -> None:
    """In the order of every call; nothing is held then."""
    known = {"booking_id": rooms.book(ANN), "count": 2}
    answer = together(rooms, user, **{**known, **wanted})
    assert (status, problem) == (answer.status, answer.problem)
    assert 0 == rooms.engine.analytics(1).reserved_seats


def test_a_booking_that_is_being_paid_takes_no_more(rooms: Rooms) -> None:
    """As with one seat."""
    booking_id = rooms.book(ANN, seat(1))
    rooms.initiate(booking_id)
    assert "booking-closed" == together(rooms, booking_id=booking_id, count=1).problem
