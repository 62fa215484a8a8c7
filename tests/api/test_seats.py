"""A seat is encoded once and kept, and still nobody is shown what isn't so any more."""

import pytest

from api import seats
from api.seats import SeatPages
from engine import Engine, Event, Hall, SeatView, Zone
from tests.api.rooms import ANN, CHARITY, CONCERT, EVENTS, NOW_MS, PARTER, SOON, Rooms, seat

ALL = f"/api/seats?event_id={CONCERT}&pageSize=3"


def statuses(rooms: Rooms) -> list[str]:
    return [one["status"] for one in rooms.call("GET", ALL).json]


def encoded(pages: SeatPages, engine: Engine, event_id: int = CONCERT, *, offset: int = 0) -> bytes:
    page = engine.seats(event_id=event_id, status=None, row=None, offset=offset, limit=3)
    return pages.encoded(page).body


def test_a_change_is_seen_at_once(rooms: Rooms) -> None:
    """Held, let go, held again: the page of now, and not one of before."""
    assert statuses(rooms) == ["FREE", "FREE", "FREE"]
    booking = rooms.book(ANN, seat(2))
    assert statuses(rooms) == ["FREE", "RESERVED", "FREE"]
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": booking})
    assert statuses(rooms) == ["FREE", "FREE", "FREE"]


def test_a_seat_is_encoded_once_in_each_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever page it stands; and those of another event are others."""
    encoded_seats: list[tuple[int, str]] = []
    encode = seats.encode_seat

    def counted(view: SeatView) -> bytes:
        encoded_seats.append((view.seat_id, view.status.name))
        return encode(view)

    monkeypatch.setattr(seats, "encode_seat", counted)
    pages, engine = SeatPages(), Engine(EVENTS)
    first = encoded(pages, engine)
    assert first == encoded(pages, engine)
    encoded(pages, engine, offset=1)
    assert encoded_seats == [(seat(number), "FREE") for number in (1, 2, 3, 4)]
    booking_id = engine.create_booking(user_id=1, event_id=CONCERT, now_ms=NOW_MS)
    engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat(1), now_ms=NOW_MS)
    assert first != encoded(pages, engine)
    engine.release_seat(user_id=1, seat_id=seat(1), now_ms=NOW_MS)
    assert first == encoded(pages, engine)
    encoded(pages, engine, SOON)
    assert encoded_seats[4:] == [
        (seat(1), "RESERVED"),
        *((seat(number, event_id=SOON), "FREE") for number in (1, 2, 3)),
    ]
    assert len(pages) == 8


def test_another_plan_of_the_same_event_is_another_page() -> None:
    """A reset may bring a new plan into force; the seats of both have the same numbers."""
    dearer = Hall(3, 10, (Zone("Партер", 1, 3, 2_000_000),))
    pages = SeatPages()
    before = encoded(pages, Engine([Event(CONCERT, NOW_MS, PARTER)]))
    after = encoded(pages, Engine([Event(CONCERT, NOW_MS, dearer)]))
    assert len(pages) == 3
    assert b'"15000.50"' in before
    assert b'"20000.00"' in after


def test_only_so_many_seats_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the event that was asked for longest ago go first."""
    monkeypatch.setattr(seats, "SEATS_KEPT_MAX", 8)
    pages, engine = SeatPages(), Engine(EVENTS)
    for event_id in (CONCERT, SOON, CONCERT):
        encoded(pages, engine, event_id)
    assert len(pages) == 6
    encoded(pages, engine, CHARITY)
    assert len(pages) == 6
    monkeypatch.setattr(seats, "encode_seat", None)
    encoded(pages, engine, CONCERT)
    encoded(pages, engine, CHARITY)
    with pytest.raises(TypeError):
        encoded(pages, engine, SOON)


def test_a_page_may_be_larger_than_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is kept of it."""
    monkeypatch.setattr(seats, "SEATS_KEPT_MAX", 2)
    pages = SeatPages()
    assert encoded(pages, Engine(EVENTS)).count(b"FREE") == 3
    assert len(pages) == 0
