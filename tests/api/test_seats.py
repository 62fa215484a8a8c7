"""A page of seats is encoded once and kept, and still nobody is shown what isn't so any more."""

import pytest

from api import seats
from api.reply import Reply
from api.seats import SeatPages
from engine import Engine, Event, Hall, SeatPage, Zone
from tests.api.rooms import ANN, CONCERT, EVENTS, NOW_MS, PARTER, SOON, Rooms, seat

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


def test_equal_pages_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those of another event, of other seats or of another status are not equal."""
    count = 0
    encode = seats.encode_page

    def counted(page: SeatPage) -> Reply:
        nonlocal count
        count += 1
        return encode(page)

    monkeypatch.setattr(seats, "encode_page", counted)
    pages, engine = SeatPages(), Engine(EVENTS)
    first = encoded(pages, engine)
    assert first == encoded(pages, engine)
    assert count == 1
    booking_id = engine.create_booking(user_id=1, event_id=CONCERT, now_ms=NOW_MS)
    engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat(1), now_ms=NOW_MS)
    others = [encoded(pages, engine), encoded(pages, engine, SOON)]
    others.append(encoded(pages, engine, offset=1))
    assert count == 4
    assert len({first, *others}) == 4


def test_another_plan_of_the_same_event_is_another_page() -> None:
    """A reset may bring a new plan into force; the seats of both have the same numbers."""
    dearer = Hall(3, 10, (Zone("Партер", 1, 3, 2_000_000),))
    pages = SeatPages()
    before = encoded(pages, Engine([Event(CONCERT, NOW_MS, PARTER)]))
    after = encoded(pages, Engine([Event(CONCERT, NOW_MS, dearer)]))
    assert b'"15000.50"' in before
    assert b'"20000.00"' in after


def test_only_so_many_pages_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was asked for longest ago goes first."""
    monkeypatch.setattr(seats, "PAGES_KEPT_MAX", 2)
    pages, engine = SeatPages(), Engine(EVENTS)

    def kept(offset: int) -> Reply:
        page = engine.seats(event_id=CONCERT, status=None, row=None, offset=offset, limit=3)
        return pages.encoded(page)

    first, second = kept(0), kept(1)
    assert kept(0) is first
    kept(2)
    assert len(pages) == 2
    assert kept(0) is first
    assert kept(1) is not second
