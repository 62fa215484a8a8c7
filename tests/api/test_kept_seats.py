"""Seats are kept encoded, and still a page always shows them as they are now."""

from typing import Any

import orjson
import pytest

from api import seats
from api.endpoint import Call
from api.seats import SeatPages, SeatsQuery
from engine import Engine, Event, Hall, Zone
from tests.api.rooms import ANN, CONCERT, EVENTS, NOW_MS, SOON, Rooms, seat


def shown(rooms: Rooms, target: str) -> list[tuple[int, str, str]]:
    """Each seat of a page, its status and price."""
    page = rooms.call("GET", f"/api/seats?{target}").json
    return [(one["id"], one["status"], one["price"]) for one in page]


def test_a_change_is_seen_at_once(rooms: Rooms) -> None:
    """Free, held, and free again: what was shown before isn't shown any more."""
    page = f"event_id={CONCERT}&page=1&pageSize=2"
    free = [(seat(number), "FREE", "15000.50") for number in (1, 2)]
    assert free == shown(rooms, page)
    booking_id = rooms.book(ANN, seat(1))
    assert [(seat(1), "RESERVED", "15000.50"), free[1]] == shown(rooms, page)
    assert [free[1]] == shown(rooms, f"{page}&status=FREE")[:1]
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": booking_id})
    assert free == shown(rooms, page)


def test_halls_alike_are_not_taken_for_each_other(rooms: Rooms) -> None:
    """Two events with the same plan: each seat has the id of its own."""
    for event_id in (CONCERT, SOON, CONCERT):
        page = shown(rooms, f"event_id={event_id}&page=1&pageSize=1")
        assert [(seat(1, event_id=event_id), "FREE", "15000.50")] == page


class Pages:
    """Pages of one event whose plan may change, and how many seats were encoded for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seats_kept_max: int = 1_000) -> None:
        self.pages = SeatPages(seats_kept_max=seats_kept_max)
        self.encoded = 0
        plain = seats._encoded

        def counted(fields: tuple[int, int, int, int, int]) -> bytes:
            self.encoded += 1
            return plain(fields)

        monkeypatch.setattr(seats, "_encoded", counted)

    def ask(
        self, engine: Engine, page: int = 1, size: int = 2, event_id: int = CONCERT
    ) -> list[Any]:
        """The page of all seats, whatever their status."""
        call = Call[SeatsQuery](
            _Rooms(engine),  # type: ignore[arg-type]
            SeatsQuery(event_id, page, size, None, None),
            0,
            None,
            b"",
            {},
            "",
        )
        found: list[Any] = orjson.loads(self.pages.list_seats(call).body)
        return found


class _Rooms:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


def test_a_seat_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And once more for another status."""
    engine, pages = Engine(EVENTS), Pages(monkeypatch)
    for _ in range(3):
        pages.ask(engine)
    assert 2 == pages.encoded
    booking_id = engine.create_booking(user_id=1, event_id=CONCERT, now_ms=NOW_MS)
    engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat(1), now_ms=NOW_MS)
    before = pages.encoded
    for _ in range(3):
        assert ["RESERVED", "FREE"] == [one["status"] for one in pages.ask(engine)]
    assert 2 == pages.encoded - before  # of a page with a new seat all are


def test_another_plan_has_other_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was encoded by one plan isn't told of another, with other prices."""
    pages = Pages(monkeypatch)
    for price_minor in (100, 250):
        event = Event(CONCERT, NOW_MS, Hall(1, 5, (Zone("Вход", 1, 1, price_minor),)))
        told = pages.ask(Engine([event]))
        assert [f"{price_minor // 100}.{price_minor % 100:02d}"] * 2 == [
            one["price"] for one in told
        ]


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are too many the oldest are forgotten, and shown no less rightly."""
    engine, pages = Engine(EVENTS), Pages(monkeypatch, seats_kept_max=6)
    for _ in range(4):
        for page in range(1, 16):
            told = pages.ask(engine, page)
            assert [2 * page - 1, 2 * page] == [
                10 * (one["row"] - 1) + one["number"] for one in told
            ]
            assert pages.pages._count == min(pages.encoded, 6)
            assert pages.pages._count == sum(len(one) for _, one in pages.pages._kept.values())
    assert pages.encoded > 2 * 15


def test_the_oldest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the event that has had no new seat for the longest time; then of the next one."""
    engine, pages = Engine(EVENTS), Pages(monkeypatch, seats_kept_max=6)

    def encoded(event_id: int, page: int) -> int:
        before = pages.encoded
        pages.ask(engine, page, event_id=event_id)
        return pages.encoded - before

    for event_id, page, new in (
        (CONCERT, 1, 2),
        (SOON, 1, 2),
        (CONCERT, 2, 2),
        (CONCERT, 3, 2),  # there is no room for SOON any more
        (CONCERT, 1, 0),
        (CONCERT, 4, 2),  # nor for the first page
        (CONCERT, 2, 0),
        (SOON, 1, 2),  # nor for the second
        (CONCERT, 3, 0),
        (CONCERT, 2, 2),
    ):
        assert new == encoded(event_id, page)


def test_seats_of_a_plan_that_is_gone_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of the new plan are kept as ever."""
    pages = Pages(monkeypatch, seats_kept_max=4)
    pages.ask(Engine([Event(CONCERT, NOW_MS, Hall(1, 5, (Zone("Вход", 1, 1, 100),)))]))
    engine = Engine(EVENTS)
    for page in (1, 2, 1, 2):
        pages.ask(engine, page)
    assert 2 + 4 == pages.encoded
