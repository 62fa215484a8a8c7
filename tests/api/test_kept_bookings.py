"""A user's list of bookings is kept encoded, and still it is always the list of now."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from api import bookings
from api.bookings import LIST_BYTES, BookingPages
from api.endpoint import Call
from api.reply import Reply
from engine import Booking
from tests.api.rooms import ANN, BOB, CONCERT, IDS, OPERA, SOON, Answer, Rooms, basic, seat


def listed(rooms: Rooms, user: str = ANN) -> list[tuple[int, list[int]]]:
    """Event and seats of each booking, as they are answered."""
    answer = rooms.call("GET", "/api/bookings", user=user).json
    return [(one["event_id"], [held["id"] for held in one["seats"]]) for one in answer]


def test_a_change_is_seen_at_once(rooms: Rooms) -> None:
    """Whatever it is: a new booking, a seat more, another instead, none."""
    assert listed(rooms) == []
    first = rooms.book(ANN)
    assert listed(rooms) == [(CONCERT, [])]
    rooms.call("PATCH", "/api/seats/select", user=ANN, json=choice(first, seat(1)))
    assert listed(rooms) == [(CONCERT, [seat(1)])]
    rooms.call("PATCH", "/api/seats/release", user=ANN, json={"seat_id": seat(1)})
    rooms.call("PATCH", "/api/seats/select", user=ANN, json=choice(first, seat(2)))
    assert listed(rooms) == [(CONCERT, [seat(2)])]
    rooms.book(ANN, event_id=SOON)
    assert listed(rooms) == [(CONCERT, [seat(2)]), (SOON, [])]
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": first})
    assert listed(rooms) == [(CONCERT, []), (SOON, [])]


def choice(booking_id: int, seat_id: int) -> dict[str, int]:
    return {"booking_id": booking_id, "seat_id": seat_id}


def test_a_hold_that_ends_is_seen(rooms: Rooms) -> None:
    """Nobody has called meanwhile."""
    rooms.book(ANN, seat(1))
    assert listed(rooms) == [(CONCERT, [seat(1)])]
    rooms.engine.expire_due(now_ms=rooms.now_ms + 3_600_000, at_most=10)
    assert listed(rooms) == [(CONCERT, [])]


def test_after_a_reset_it_is_another_list(rooms: Rooms) -> None:
    """Though it has as many bookings, with as few seats."""
    rooms.book(ANN)
    assert listed(rooms) == [(CONCERT, [])]
    rooms.call("POST", "/api/reset")
    rooms.book(ANN, event_id=OPERA)
    assert listed(rooms) == [(OPERA, [])]


def test_nobody_is_shown_the_list_of_another(rooms: Rooms) -> None:
    """Lists are kept by user."""
    rooms.book(ANN, seat(1))
    rooms.book(BOB, seat(2))
    for _ in range(2):
        assert listed(rooms, ANN) == [(CONCERT, [seat(1)])]
        assert listed(rooms, BOB) == [(CONCERT, [seat(2)])]


def test_it_is_encoded_again_only_when_it_has_changed(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever others do meanwhile."""
    count = counted(monkeypatch)
    booking_id = rooms.book(ANN, seat(1))
    for _ in range(3):
        listed(rooms)
        rooms.book(BOB)
    assert count() == 1
    rooms.call("PATCH", "/api/seats/select", user=ANN, json=choice(booking_id, seat(2)))
    listed(rooms)
    listed(rooms)
    assert count() == 2


def test_only_so_many_bytes_are_kept(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list that was asked for longest ago goes first; one that is too long is not kept."""
    count, pages = counted(monkeypatch), BookingPages()

    def ask(*users: int) -> int:
        """How many of these had to be encoded."""
        before = count()
        for user_id in users:
            body = found(pages, asked_by(rooms, user_id)).body
            monkeypatch.setattr(bookings, "BYTES_KEPT_MAX", 2 * (LIST_BYTES + len(body)))
        return count() - before

    for user_id in (11, 12, 13):
        rooms.engine.create_booking(user_id=user_id, event_id=CONCERT, now_ms=rooms.now_ms)
    assert ask(11, 12, 11, 12) == 2
    assert ask(11, 13, 11) == 1
    assert ask(12) == 1
    monkeypatch.setattr(bookings, "BYTES_KEPT_MAX", 1)
    assert ask(13) == 1
    monkeypatch.setattr(bookings, "BYTES_KEPT_MAX", 1)
    assert ask(13) == 1


def test_lists_take_no_more_memory_than_is_counted(rooms: Rooms) -> None:
    """Each takes ten times its bytes, so a limit of bytes alone would be one of gigabytes."""
    pages, users = BookingPages(), range(1_000, 3_000)
    for user_id in users:
        rooms.engine.create_booking(user_id=user_id, event_id=CONCERT, now_ms=rooms.now_ms)
    calls = [asked_by(rooms, user_id) for user_id in users]
    tracemalloc.start()
    try:
        for call in calls:
            pages.find(call)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(users) == len(pages._kept)
    assert taken <= pages._kept_bytes


def test_what_is_kept_is_a_copy(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the encoder gives has room for far more than it holds."""
    encode, given = bookings.encode_bookings, []

    def remembering(*asked: Any) -> bytes:
        given.append(encode(*asked))
        return given[-1]

    monkeypatch.setattr(bookings, "encode_bookings", remembering)
    rooms.book(ANN)
    kept = found(BookingPages(), asked_by(rooms, IDS[ANN]))
    assert given == [kept.body]
    assert kept.body is not given[0]


def test_of_who_has_no_bookings_nothing_is_kept(rooms: Rooms) -> None:
    """A million of them may ask."""
    pages = BookingPages()
    assert b"[]" == found(pages, asked_by(rooms, IDS[ANN])).body
    assert (0, 0) == (len(pages._kept), pages._kept_bytes)


def asked_by(rooms: Rooms, user_id: int) -> Call[None]:
    return Call(rooms.service, None, user_id, None, b"", {}, "")


def found(pages: BookingPages, call: Call[None]) -> Reply:
    """What is answered at once."""
    answer = pages.find(call)
    assert isinstance(answer, Reply)
    return answer


def test_what_is_replaced_takes_no_room(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often one user's list changes, another's stays."""
    count = counted(monkeypatch)
    monkeypatch.setattr(bookings, "BYTES_KEPT_MAX", 4_096)
    rooms.book(BOB)
    listed(rooms, BOB)
    for _ in range(50):
        booking_id = rooms.book(ANN, seat(1))
        listed(rooms, ANN)
        rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": booking_id})
    before = count()
    listed(rooms, BOB)
    assert count() == before


# A list that is too long to be encoded at once.


@pytest.fixture
def long_list(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ann's bookings, of which three make a slice."""
    monkeypatch.setattr(bookings, "ENCODED_AT_ONCE_MAX", 7)
    monkeypatch.setattr(bookings, "BOOKINGS_PER_SLICE", 3)
    return [rooms.book(ANN, *([seat(one)] if one % 2 else [])) for one in range(1, 9)]


def ask(rooms: Rooms, user: str = ANN) -> asyncio.Task[Answer]:
    headers = [(b"authorization", basic(user))]
    return asyncio.ensure_future(rooms.asgi("GET", "/api/bookings", headers))


async def is_begun(encoded: list[int]) -> None:
    """Return when the first slice has been encoded."""
    while not encoded:  # noqa: ASYNC110 - nothing tells us of it
        await asyncio.sleep(0)


def test_a_long_list_is_what_a_short_one_is(
    rooms: Rooms, long_list: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, and it is kept as well."""
    count = counted(monkeypatch)
    first = rooms.call("GET", "/api/bookings", user=ANN)
    assert 3 == count()
    assert first.body == rooms.call("GET", "/api/bookings", user=ANN).body
    assert 3 == count()
    assert long_list == [one["id"] for one in first.json]
    monkeypatch.setattr(bookings, "ENCODED_AT_ONCE_MAX", 8)
    short = found(BookingPages(), asked_by(rooms, IDS[ANN]))
    assert short.body == first.body == orjson.dumps(first.json)
    assert first.headers["content-length"] == str(len(short.body))


def test_others_have_their_turn_while_a_long_list_is_encoded(
    rooms: Rooms,
    long_list: list[int],
    runner: asyncio.Runner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what they change meanwhile isn't in it: it is the list of one moment."""
    encoded = slices(monkeypatch)

    async def story() -> Answer:
        asked = ask(rooms)
        await is_begun(encoded)
        rooms.engine.release_seat(user_id=IDS[ANN], seat_id=seat(7), now_ms=rooms.now_ms)
        rooms.engine.create_booking(user_id=IDS[ANN], event_id=CONCERT, now_ms=rooms.now_ms)
        assert encoded == [3]
        return await asked

    answer = runner.run(story())
    assert encoded == [3, 3, 2]
    assert [seat(7)] == [held["id"] for held in answer.json[6]["seats"]]
    assert long_list == [one["id"] for one in answer.json]
    assert int(answer.headers["x-commit-lsn"]) == rooms.engine.appended_lsn - 2
    assert (9, []) == (len(listed(rooms)), listed(rooms)[6][1])


def test_who_asks_for_the_same_long_list_waits_for_it(
    rooms: Rooms,
    long_list: list[int],
    runner: asyncio.Runner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand at once would else make a thousand slices in each round of the loop."""
    encoded = slices(monkeypatch)

    async def story() -> list[Answer]:
        return await asyncio.gather(*(ask(rooms) for _ in range(5)))

    answers = runner.run(story())
    assert encoded == [3, 3, 2]
    assert 1 == len({one.body for one in answers})
    assert len(long_list) == len(answers[0].json)


def test_who_waits_for_a_long_list_goes_on_when_the_other_one_is_cancelled(
    rooms: Rooms,
    long_list: list[int],
    runner: asyncio.Runner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It encodes the list itself."""
    encoded = slices(monkeypatch)

    async def story() -> Answer:
        first, second = ask(rooms), ask(rooms)
        await is_begun(encoded)
        first.cancel()
        return await second

    assert len(long_list) == len(runner.run(story()).json)
    assert encoded == [3, 3, 3, 2]


def test_a_list_that_is_too_long_to_be_kept_drives_out_no_other(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go itself, but only after all others."""
    count, pages = counted(monkeypatch), BookingPages()
    rooms.book(BOB)
    size = LIST_BYTES + len(found(pages, asked_by(rooms, IDS[BOB])).body)
    monkeypatch.setattr(bookings, "BYTES_KEPT_MAX", size)
    rooms.book(ANN, seat(1), seat(2))
    for user in (ANN, BOB, ANN, BOB):
        found(pages, asked_by(rooms, IDS[user]))
    assert count() == 3


def slices(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bookings each has had."""
    encode, sizes = bookings.encode_bookings, list[int]()

    def noting(some: list[Booking], seats: list[tuple[int, ...]]) -> bytes:
        sizes.append(len(some))
        return encode(some, seats)

    monkeypatch.setattr(bookings, "encode_bookings", noting)
    return sizes


def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many lists have been encoded."""
    encode, count = bookings.encode_bookings, 0

    def counting(*asked: Any) -> bytes:
        nonlocal count
        count += 1
        return encode(*asked)

    monkeypatch.setattr(bookings, "encode_bookings", counting)
    return lambda: count
