"""The calls of the waiting room, and what an open room keeps whom from doing."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.fairness import waiting_room
from api.fairness.calls import AHEAD_MS_MAX
from api.fairness.room_files import RoomFiles
from api.fairness.waiting_room import KeptRoom, WaitingRoom
from api.fairness.waiting_rooms import WaitingRooms
from api.timeline import instant
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, CONCERT, IVAN, NOW_MS, OLGA, SOON, Answer, Rooms, seat

ROOM = f"/x/events/{CONCERT}/waiting-room"
PLACE = f"{ROOM}/place"
SELECT = "/api/seats/select"
RELEASE = "/api/seats/release"
CLOSED = {
    "state": "closed",
    "opens_at": "",
    "waiting": 0,
    "per_minute": 0,
    "pass_minutes": 0,
    "estimate_seconds": 0,
    "seed_sha256": "",
    "seed": "",
    "drawn": 0,
}


@pytest.fixture
def rooms(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Rooms]:
    files = RoomFiles(tmp_path / "waiting-rooms")
    yield from opened(Rooms(runner, waiting_rooms=WaitingRooms(files)), runner)


def at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat()


def open_room(rooms: Rooms, user: str = OLGA, **wanted: Any) -> Answer:
    return rooms.call("POST", ROOM, user=user, json=wanted)


def place(rooms: Rooms, user: str, token: str = "") -> Any:
    return rooms.call("POST", PLACE, user=user, json={"place": token}).json


def book(rooms: Rooms, user: str, event_id: int = CONCERT) -> str:
    answer = rooms.call("POST", "/api/bookings", user=user, json={"event_id": event_id})
    return "booked" if answer.status == 201 else answer.problem


def select(rooms: Rooms, user: str, booking_id: int, seat_id: int) -> Answer:
    wanted = {"booking_id": booking_id, "seat_id": seat_id}
    return rooms.call("PATCH", SELECT, user=user, json=wanted)


def test_from_gathering_to_admission(rooms: Rooms) -> None:
    """Opened for later, joined, drawn, admitted in turn, closed."""
    assert CLOSED == rooms.call("GET", ROOM).json
    assert "closed" == place(rooms, ANN)["state"]
    opens_ms = NOW_MS + 60_000
    assert 200 == open_room(rooms, opens_at=at(opens_ms), per_minute=60).status
    assert "before" == place(rooms, ANN)["state"]
    place(rooms, BOB)
    shown = rooms.call("GET", ROOM).json
    assert ("before", 2, "", 0) == tuple(
        shown[one] for one in ("state", "waiting", "seed", "drawn")
    )
    assert "waiting-room" == book(rooms, ANN) == book(rooms, BOB)
    rooms.now_ms = opens_ms
    shown = rooms.call("GET", ROOM).json
    assert ("open", 2, 60) == tuple(shown[one] for one in ("state", "drawn", "per_minute"))
    assert 64 == len(shown["seed"])
    rooms.now_ms = opens_ms + 1_000
    assert {"admitted"} == {place(rooms, user)["state"] for user in (ANN, BOB)}
    assert "booked" == book(rooms, ANN) == book(rooms, BOB)
    assert CLOSED == rooms.call("POST", f"{ROOM}/close", user=IVAN).json
    assert CLOSED == rooms.call("GET", ROOM).json


def test_who_waits_is_told_where_and_when(rooms: Rooms) -> None:
    """The place, and with a refusal when to come again."""
    open_room(rooms, per_minute=2)
    assert "admitted" == place(rooms, ANN)["state"]
    told = place(rooms, BOB)
    assert ("waiting", 1, 0, 30, "") == tuple(
        told[one] for one in ("state", "position", "ahead", "estimate_seconds", "admitted_until")
    )
    refused = rooms.call("POST", "/api/bookings", user=BOB, json={"event_id": CONCERT})
    assert (503, "waiting-room", "60") == (
        refused.status,
        refused.problem,
        refused.headers["retry-after"],
    )
    assert f"/event?id={CONCERT}" in refused.json["detail"]


def test_who_holds_seats_finishes(rooms: Rooms) -> None:
    """Chooses another seat, lets one go, pays; an empty booking is no way round the queue."""
    held, empty = rooms.book(ANN, seat(1)), rooms.book(BOB)
    open_room(rooms)
    assert 200 == select(rooms, ANN, held, seat(2)).status
    assert "waiting-room" == select(rooms, BOB, empty, seat(3)).problem
    together = {"booking_id": empty, "count": 2}
    assert (
        "waiting-room" == rooms.call("PATCH", "/x/seats/together", user=BOB, json=together).problem
    )
    assert 200 == rooms.call("PATCH", RELEASE, user=ANN, json={"seat_id": seat(2)}).status
    rooms.pay(held)
    assert "waiting-room" == book(rooms, ANN)


def test_other_events_know_nothing_of_it(rooms: Rooms) -> None:
    """And everybody may look at the hall."""
    open_room(rooms)
    assert "booked" == book(rooms, ANN, SOON)
    assert 200 == rooms.call("GET", f"/api/seats?event_id={CONCERT}").status
    assert 200 == rooms.call("GET", "/api/bookings", user=ANN).status


def test_a_pass_runs_out(rooms: Rooms) -> None:
    """Then a place at the end is what is left."""
    open_room(rooms, per_minute=60, pass_minutes=1)
    until = place(rooms, ANN)["admitted_until"]
    assert "booked" == book(rooms, ANN)
    rooms.now_ms = NOW_MS + 61_000
    assert at(rooms.now_ms)[:19] == until[:19]
    assert "waiting-room" == book(rooms, ANN)


def test_a_booking_that_was_made_is_told_again_though_the_pass_is_over(rooms: Rooms) -> None:
    """The answer may have got lost; with another key he waits like anybody."""
    open_room(rooms, per_minute=60, pass_minutes=1)
    place(rooms, ANN)

    def book_with(key: bytes) -> Answer:
        wanted, headers = {"event_id": CONCERT}, [(b"idempotency-key", key)]
        return rooms.call("POST", "/api/bookings", user=ANN, json=wanted, headers=headers)

    made = book_with(b"first")
    rooms.now_ms = NOW_MS + 61_000
    again = book_with(b"first")
    assert (201, made.body) == (again.status, again.body)
    assert "waiting-room" == book_with(b"second").problem


def test_a_place_survives_a_restart(rooms: Rooms, runner: asyncio.Runner, tmp_path: Path) -> None:
    """Of the server; with the token of the last answer."""
    open_room(rooms, per_minute=2)
    place(rooms, ANN)
    told = place(rooms, BOB)
    again = WaitingRooms(RoomFiles(tmp_path / "waiting-rooms"))
    again.load()
    for later in opened(Rooms(runner, waiting_rooms=again), runner):
        assert told == place(later, BOB, told["place"])
        assert place(later, ANN)["ahead"] > 0


def on_disk(tmp_path: Path) -> KeptRoom:
    (room,) = RoomFiles(tmp_path / "waiting-rooms").read()
    assert isinstance(room, WaitingRoom)
    return room.kept()


def test_a_room_that_was_opened_is_on_disk(rooms: Rooms, tmp_path: Path) -> None:
    """With the draw of one that opens at once, whether people were gathered or not."""
    opens_ms = NOW_MS + 60_000
    open_room(rooms, opens_at=at(opens_ms))
    kept = on_disk(tmp_path)
    assert (opens_ms, None) == (kept.opens_at_ms, kept.drawn)
    place(rooms, ANN)
    assert 1 == open_room(rooms).json["drawn"]
    kept = on_disk(tmp_path)
    assert (NOW_MS, 1) == (kept.opens_at_ms, kept.drawn)
    rooms.call("POST", f"{ROOM}/close", user=IVAN)
    assert "open" == open_room(rooms).json["state"]
    assert 0 == on_disk(tmp_path).drawn


@pytest.mark.parametrize("asks_for_a_place", [False, True])
def test_whoever_asks_first_hears_of_a_draw_that_is_on_disk(
    rooms: Rooms, tmp_path: Path, asks_for_a_place: bool
) -> None:
    """By the seed, or by his number."""
    open_room(rooms, opens_at=at(NOW_MS + 60_000))
    place(rooms, ANN)
    rooms.now_ms = NOW_MS + 60_000
    if asks_for_a_place:
        assert "admitted" == place(rooms, ANN)["state"]
    else:
        assert 1 == rooms.call("GET", ROOM).json["drawn"]
    assert 1 == on_disk(tmp_path).drawn


def test_a_full_room_says_so(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """To whoever comes new."""
    monkeypatch.setattr(waiting_room, "PEOPLE_MAX", 1)
    open_room(rooms)
    assert "admitted" == place(rooms, ANN)["state"]
    refused = rooms.call("POST", PLACE, user=BOB, json={})
    assert (503, "waiting-room-full") == (refused.status, refused.problem)


def test_the_opening_may_be_moved_before_it_is_there(rooms: Rooms) -> None:
    """A year ahead at most; when it is past, also if nobody has looked since, no more."""
    open_room(rooms, opens_at=at(NOW_MS + 60_000))
    year_ms = NOW_MS + AHEAD_MS_MAX
    assert "bad-request" == open_room(rooms, opens_at=at(year_ms + 1_000)).problem
    assert instant(year_ms) == open_room(rooms, opens_at=at(year_ms)).json["opens_at"]
    open_room(rooms, opens_at=at(NOW_MS + 120_000))
    rooms.now_ms = NOW_MS + 120_000
    assert "waiting-room-open" == open_room(rooms, opens_at=at(NOW_MS + 180_000)).problem


def test_the_pace_may_change_and_the_opening_not_after_the_draw(rooms: Rooms) -> None:
    """What was shown may be sent back as it is."""
    shown = open_room(rooms, per_minute=60).json
    rooms.now_ms += 60_000
    assert 6 == open_room(rooms, per_minute=6).json["per_minute"]
    assert 200 == open_room(rooms, opens_at=shown["opens_at"]).status
    moved = open_room(rooms, opens_at=at(rooms.now_ms + 60_000))
    assert "waiting-room-open" == moved.problem


@pytest.mark.parametrize(
    "wanted",
    [
        {"opens_at": "soon"},
        {"opens_at": "2027-12-31T19:30:00"},
        {"opens_at": "9999-12-31T23:59:59Z"},
        {"opens_at": "0001-01-01T00:00:00+14:00"},
        {"opens_at": 5},
        {"per_minute": 0},
        {"per_minute": 1_000_001},
        {"pass_minutes": 0},
        {"pass_minutes": 1_441},
    ],
)
def test_what_can_t_be_is_refused(rooms: Rooms, wanted: dict[str, Any]) -> None:
    """And no room is opened."""
    assert "bad-request" == open_room(rooms, **wanted).problem
    assert {} == rooms.service.waiting_rooms.rooms


@pytest.mark.parametrize(
    ("method", "path", "user"),
    [
        ("GET", "", None),
        ("POST", "", OLGA),
        ("POST", "/close", IVAN),
        ("POST", "/place", ANN),
    ],
)
def test_of_an_unknown_event_nothing_is_told(
    rooms: Rooms, method: str, path: str, user: str | None
) -> None:
    """404, and no room."""
    answer = rooms.call(method, f"/x/events/999/waiting-room{path}", user=user, json={})
    assert "event-not-found" == answer.problem
    assert {} == rooms.service.waiting_rooms.rooms


def test_only_the_staff_opens_and_closes(rooms: Rooms) -> None:
    """A buyer is told so."""
    assert "staff-only" == open_room(rooms, user=ANN).problem
    assert "staff-only" == rooms.call("POST", f"{ROOM}/close", user=ANN).problem
