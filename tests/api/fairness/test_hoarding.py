"""Hoarding is slowed: what is taken counts, and what is paid for doesn't."""

import asyncio
from collections.abc import Iterator

import pytest

from api.fairness import hoarding as module
from api.fairness.hoarding import hoarding
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, CONCERT, NOW_MS, SOON, Answer, Rooms, seat

BURST, PER_MINUTE = 4, 6


@pytest.fixture
def rooms(runner: asyncio.Runner) -> Iterator[Rooms]:
    slowed = hoarding(burst=BURST, per_minute=PER_MINUTE)
    yield from opened(Rooms(runner, hoarding=slowed), runner)


def select(
    rooms: Rooms, booking_id: int, seat_id: int, user: str = ANN, key: bytes | None = None
) -> Answer:
    wanted = {"booking_id": booking_id, "seat_id": seat_id}
    headers = [(b"idempotency-key", key)] if key else []
    return rooms.call("PATCH", "/api/seats/select", user=user, json=wanted, headers=headers)


def release(rooms: Rooms, seat_id: int, user: str = ANN) -> None:
    answer = rooms.call("PATCH", "/api/seats/release", user=user, json={"seat_id": seat_id})
    assert 200 == answer.status


def until_refused(rooms: Rooms, booking_id: int, first: int = 1, user: str = ANN) -> int:
    """How often the user can take a seat and let it go."""
    for taken in range(20):
        if select(rooms, booking_id, seat(first), user).status != 200:
            return taken
        release(rooms, seat(first), user)
    return 20


def test_taking_and_letting_go_is_slowed(rooms: Rooms) -> None:
    """Four times at once, then once in ten seconds; letting go never is."""
    booking_id = rooms.book(ANN)
    assert BURST == until_refused(rooms, booking_id)
    refused = select(rooms, booking_id, seat(2))
    assert (429, "too-many-holds", "10") == (
        refused.status,
        refused.problem,
        refused.headers["retry-after"],
    )
    assert refused.json["detail"].startswith("Вы слишком часто занимаете и отпускаете места")
    rooms.now_ms = NOW_MS + 999
    assert "10" == select(rooms, booking_id, seat(2)).headers["retry-after"]  # 9 is too early
    rooms.now_ms = NOW_MS + 10_000
    assert 1 == until_refused(rooms, booking_id)


def test_another_booking_doesn_t_help_and_another_event_is_another_matter(rooms: Rooms) -> None:
    """Nor is anybody else slowed."""
    assert BURST == until_refused(rooms, rooms.book(ANN))
    assert 0 == until_refused(rooms, rooms.book(ANN))
    elsewhere = rooms.book(ANN, event_id=SOON)
    assert 200 == select(rooms, elsewhere, seat(1, event_id=SOON)).status
    assert 200 == select(rooms, rooms.book(BOB), seat(1), BOB).status


def test_seats_that_run_out_were_taken(rooms: Rooms) -> None:
    """As were those of a payment that was begun and given up."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    rooms.engine.expire_due(now_ms=NOW_MS + 86_400_000, at_most=10)
    paying = rooms.book(ANN, seat(3))
    rooms.initiate(paying)
    release(rooms, seat(3))
    assert 1 == until_refused(rooms, rooms.book(ANN))
    assert booking_id != paying


def test_what_is_paid_for_doesn_t_count(rooms: Rooms) -> None:
    """Whoever pays may go on; each booking counts once."""
    for first in (1, 5):
        paid = rooms.book(ANN, *(seat(number) for number in range(first, first + BURST)))
        rooms.pay(paid)
    booking_id = rooms.book(ANN)
    assert BURST == until_refused(rooms, booking_id, 9)
    assert 0 == until_refused(rooms, booking_id, 9)


def test_of_those_who_paid_the_newest_are_remembered(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Theirs counts once all the same, however many were before them."""
    monkeypatch.setattr(module, "FORGIVEN_KEPT_MAX", 1)
    for user, first in ((ANN, 1), (BOB, 5)):
        paid = rooms.book(user, *(seat(number) for number in range(first, first + BURST)))
        rooms.pay(paid, user)
        assert BURST == until_refused(rooms, rooms.book(user), 9, user)


def test_what_was_paid_elsewhere_gives_nothing_back(rooms: Rooms) -> None:
    """Another event's booking, or another user's."""
    rooms.pay(rooms.book(ANN, seat(1, event_id=SOON), event_id=SOON))
    rooms.pay(rooms.book(BOB, seat(1)), BOB)
    booking_id = rooms.book(ANN)
    assert BURST == until_refused(rooms, booking_id, 2)
    assert 0 == until_refused(rooms, booking_id, 2)


def test_what_is_refused_or_repeated_counts_nothing(rooms: Rooms) -> None:
    """A taken seat, a seat that is held already, and the same request again."""
    rooms.book(BOB, seat(1))
    booking_id = rooms.book(ANN)
    for _ in range(10):
        assert "seat-taken" == select(rooms, booking_id, seat(1)).problem
        assert 200 == select(rooms, booking_id, seat(2), key=b"same").status
        assert 200 == select(rooms, booking_id, seat(2)).status
    release(rooms, seat(2))
    for _ in range(10):
        assert 200 == select(rooms, booking_id, seat(2), key=b"same").status
    assert rooms.engine.holder(seat(2)) is None
    assert 200 == select(rooms, booking_id, seat(2)).status
    for number in range(3, 1 + BURST):
        assert 200 == select(rooms, booking_id, seat(number)).status
    # None is left, and what is held may be asked for again all the same.
    for number in (1, 9):
        assert "too-many-holds" == select(rooms, booking_id, seat(number)).problem
    assert 200 == select(rooms, booking_id, seat(2)).status


def test_seats_together_count_as_many(rooms: Rooms) -> None:
    """Three are taken at once, then one more is left."""
    booking_id = rooms.book(ANN)
    wanted = {"booking_id": booking_id, "count": 3}
    assert 200 == rooms.call("PATCH", "/x/seats/together", user=ANN, json=wanted).status
    refused = rooms.call("PATCH", "/x/seats/together", user=ANN, json=wanted)
    assert "too-many-holds" == refused.problem
    assert 1 == until_refused(rooms, booking_id, 9)


def test_a_remembered_answer_is_given_though_no_more_may_be_taken(rooms: Rooms) -> None:
    """Of one seat or of many; another request under the key is told so."""
    booking_id, other = rooms.book(ANN), rooms.book(ANN, event_id=SOON)
    select(rooms, booking_id, seat(1), key=b"one")
    release(rooms, seat(1))
    wanted = {"booking_id": booking_id, "count": 3}
    key = [(b"idempotency-key", b"many")]
    first = rooms.call("PATCH", "/x/seats/together", user=ANN, json=wanted, headers=key)
    assert "too-many-holds" == select(rooms, booking_id, seat(9), key=b"new").problem
    again = rooms.call("PATCH", "/x/seats/together", user=ANN, json=wanted, headers=key)
    assert (200, first.body) == (again.status, again.body)
    assert 200 == select(rooms, booking_id, seat(1), key=b"one").status
    assert "key-reused" == select(rooms, booking_id, seat(9), key=b"one").problem
    assert "key-reused" == select(rooms, other, seat(9, event_id=SOON), key=b"one").problem


def test_what_isn_t_his_is_told_first(rooms: Rooms) -> None:
    """Of somebody else's booking, and of one that doesn't exist, the engine says so."""
    assert BURST == until_refused(rooms, rooms.book(ANN))
    assert "not-owner" == select(rooms, rooms.book(BOB), seat(1)).problem
    assert "booking-not-found" == select(rooms, CONCERT * 1_000_000_000 + 99, seat(1)).problem


def test_only_the_newest_bookings_are_looked_at(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a million of them holds up nobody."""
    monkeypatch.setattr(module, "BOOKINGS_SEEN_MAX", 2)
    rooms.pay(rooms.book(ANN, seat(1), seat(2), seat(3)))
    rooms.book(ANN)
    booking_id = rooms.book(ANN)
    assert 1 == until_refused(rooms, booking_id, 4)


def test_without_a_burst_nobody_is_slowed() -> None:
    """There is nothing to ask."""
    assert hoarding(burst=0, per_minute=PER_MINUTE) is None
