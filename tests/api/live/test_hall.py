"""A hall from look to look: its map, what is told since a version, and when that can't be told."""

from typing import Any

import orjson
import pytest

from api.live.hall import CHANGES_KEPT_LEAST, LOOKS_KEPT_MAX, SEATS_PER_CHANGE, WatchedHall
from engine import WITHHELD

FREE, RESERVED, SOLD = 0, 1, 2
LARGE = 100_000


def told(hall: WatchedHall, since: int) -> dict[str, Any]:
    news: dict[str, Any] = orjson.loads(hall.news(since).body)
    return news


def news(version: int, **changes: list[int]) -> dict[str, Any]:
    return {"version": version, "whole": False, "free": [], "reserved": [], "sold": [], **changes}


def whole(version: int) -> dict[str, Any]:
    return news(version) | {"whole": True}


def with_seats(statuses: bytes, status: int, *seats: int) -> bytes:
    changed = bytearray(statuses)
    for one in seats:
        changed[one] = status
    return bytes(changed)


def test_the_map_is_the_version_and_the_bits() -> None:
    """Eight bytes, the highest first; withheld is 3."""
    hall = WatchedHall(bytes([FREE, RESERVED, SOLD, WITHHELD, RESERVED]), 258)

    assert b"\0\0\0\0\0\0\1\2" + bytes([0b11_10_01_00, 0b01]) == hall.map()


def test_a_look_that_finds_nothing_takes_no_version() -> None:
    """The map stays the very same object: it isn't packed again."""
    hall = WatchedHall(bytes(10), 1)
    map_before = hall.map()
    hall.look(bytes(10), 2)

    assert 1 == hall.version
    assert hall.map() is map_before
    assert news(1) == told(hall, 1)


def test_changes_are_told_by_status() -> None:
    """Since the version before, and nothing since the one that is; the map has them, too."""
    before = bytes([FREE, FREE, RESERVED, RESERVED])
    hall = WatchedHall(before, 1)
    hall.map()
    hall.look(bytes([RESERVED, FREE, SOLD, FREE]), 5)

    assert news(5, reserved=[0], sold=[2], free=[3]) == told(hall, 1)
    assert news(5) == told(hall, 5)
    assert b"\0\0\0\0\0\0\0\5" + bytes([0b00_10_00_01]) == hall.map()


def test_several_looks_are_told_as_one() -> None:
    """Of a seat that has changed twice the last status counts."""
    hall = WatchedHall(bytes(10), 1)
    for version, statuses in enumerate(
        (with_seats(bytes(10), RESERVED, 1, 2), with_seats(bytes(10), RESERVED, 2)), start=2
    ):
        hall.look(statuses, version)
    hall.look(with_seats(bytes(10), SOLD, 2, 9), 4)

    assert news(4, free=[1], sold=[2, 9]) == told(hall, 1)
    assert news(4, free=[1], sold=[2, 9]) == told(hall, 2)
    assert news(4, sold=[2, 9]) == told(hall, 3)


@pytest.mark.parametrize("since", [0, -1, 3, 5, 7, 2**63])
def test_an_unknown_version_is_told_to_fetch_the_whole(since: int) -> None:
    """Older, later, in between, or of the process before."""
    hall = WatchedHall(bytes(10), 4)
    hall.look(with_seats(bytes(10), SOLD, 1), 6)

    assert whole(6) == told(hall, since)


def test_what_is_asked_again_is_encoded_once() -> None:
    """A thousand watchers share one frame; the next look makes another."""
    hall = WatchedHall(bytes(10), 1)
    hall.look(with_seats(bytes(10), SOLD, 1), 2)
    first = hall.news(1)

    assert hall.news(1) is first
    assert hall.news(77) is hall.news(78)
    assert b"id: 2\ndata: %b\n\n" % first.body == first.frame
    hall.look(bytes(10), 3)
    assert news(3, free=[1]) == told(hall, 1)
    assert whole(3) == told(hall, 77)


@pytest.mark.parametrize(
    ("seats", "most"), [(100, 100), (LARGE, LARGE // SEATS_PER_CHANGE), (1_000, CHANGES_KEPT_LEAST)]
)
def test_where_too_much_has_changed_the_whole_is_fetched(seats: int, most: int) -> None:
    """As after a reset: a list of more would be longer than the map."""
    for changes in (most, most + 1):
        if changes <= seats:
            taken = with_seats(bytes(seats), SOLD, *range(changes))
            hall = WatchedHall(taken, 1)
            hall.look(bytes(seats), 2)
            expected = news(2, free=[*range(changes)]) if changes == most else whole(2)
            assert expected == told(hall, 1)


def test_the_ring_forgets_the_oldest_changes() -> None:
    """So many changes are kept, whether in few looks or in many."""
    hall = WatchedHall(bytes(1_000), 1)
    half = CHANGES_KEPT_LEAST // 2
    for version, first in ((2, 0), (3, half), (4, 2 * half)):
        taken = with_seats(bytes(1_000), SOLD, *range(first + half))
        hall.look(taken, version)

    assert whole(4) == told(hall, 1)
    assert news(4, sold=[*range(half, 3 * half)]) == told(hall, 2)


def test_the_ring_forgets_the_oldest_looks() -> None:
    """However little each of them has found."""
    hall = WatchedHall(bytes(LARGE), 1)
    for at in range(LOOKS_KEPT_MAX + 1):
        hall.look(with_seats(bytes(LARGE), SOLD, at), at + 2)

    assert told(hall, 1)["whole"]
    assert not told(hall, 2)["whole"]


def test_the_ring_begins_anew_after_the_whole() -> None:
    """What was before can't be told, what comes after can, as much of it as ever."""
    most = range(LARGE // SEATS_PER_CHANGE)
    hall = WatchedHall(bytes(LARGE), 1)
    hall.look(with_seats(bytes(LARGE), SOLD, *most), 2)
    hall.look(bytes([SOLD]) * LARGE, 3)
    hall.look(with_seats(bytes([SOLD]) * LARGE, FREE, *most), 4)

    assert [whole(4)] * 2 == [told(hall, 1), told(hall, 2)]
    assert news(4, free=[*most]) == told(hall, 3)


@pytest.mark.parametrize("after", [bytes(9), bytes([WITHHELD]) + bytes(9)])
def test_another_hall_is_fetched_whole(after: bytes) -> None:
    """Of another size, or of which other seats are ours: no list of statuses says that."""
    hall = WatchedHall(bytes(10), 1)
    hall.look(after, 2)

    assert whole(2) == told(hall, 1)
    hall.look(bytes(10), 3)
    assert whole(3) == told(hall, 2)
