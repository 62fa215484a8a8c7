"""The provider's places, read once and kept in a file."""

import asyncio
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from engine import Hall, seat_id_of
from sagas import BadPlaces, ProviderClient, load, preload
from sagas.provider_client import PAGE_SIZE_MAX
from tests.descriptors import Asked, opened_files
from tests.sagas.world import FakeClock, a_breaker, reply

HALL = Hall(30, 50, ())
EVENT = 3
Row = dict[str, Any]


def place(row: int, seat: int, *, number: int | None = None) -> Row:
    """The place of a seat; `number` gives it another id than the usual one."""
    chosen = row * 10_000 + seat if number is None else number
    return {"id": str(UUID(int=chosen)), "row": row, "seat": seat, "is_free": True}


def whole_hall() -> list[Row]:
    return [place(row, seat) for row in range(1, 31) for seat in range(1, 51)]


class Venue:
    """Serves pages of `rows`; `before_page` may change the rows or answer in their place."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.asked: list[int] = []

    def before_page(self, page: int) -> httpx.Response | None:
        return None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        self.asked.append(page)
        answer = self.before_page(page)
        first = (page - 1) * PAGE_SIZE_MAX
        return answer or reply(200, self.rows[first : first + PAGE_SIZE_MAX])


def read(venue: Venue, target: Path, told: list[tuple[int, int]] | None = None) -> dict[int, str]:
    async def whole() -> dict[int, str]:
        clock = FakeClock()
        client = ProviderClient(
            base_url="http://p.test", breaker=a_breaker(), transport=httpx.MockTransport(venue)
        )
        reading = asyncio.create_task(
            preload(
                client,
                HALL,
                EVENT,
                target,
                lambda found, wanted: (told if told is not None else []).append((found, wanted)),
                sleep=clock.sleep,
            )
        )
        while not reading.done():
            await clock.advance(1)
            await asyncio.sleep(0.001)  # the file is written by a thread
        await client.aclose()
        return await reading

    return asyncio.run(whole())


def test_whole_hall(tmp_path: Path) -> None:
    """Every seat of the hall gets its place, and the file says the same as the walk."""
    told: list[tuple[int, int]] = []
    places = read(Venue(whole_hall()), tmp_path / "places", told)
    assert len(places) == 1_500
    seat_id = seat_id_of(event_id=EVENT, row=12, number=7)
    assert places[seat_id] == str(UUID(int=120_007))
    loaded = load(tmp_path / "places")
    assert dict(loaded) == places
    assert loaded.event_id == EVENT
    assert told[-1] == (1_500, 1_500)
    assert [path.name for path in tmp_path.iterdir()] == ["places"]


def test_seats_without_places(tmp_path: Path) -> None:
    """Another event's seat, and a seat outside the hall, has no place."""
    read(Venue(whole_hall()), tmp_path / "places")
    loaded = load(tmp_path / "places")
    assert seat_id_of(event_id=EVENT + 1, row=1, number=1) not in loaded
    assert seat_id_of(event_id=EVENT, row=31, number=1) not in loaded
    assert seat_id_of(event_id=EVENT, row=1, number=51) not in loaded


def test_pages_that_shift(tmp_path: Path) -> None:
    """Places that come in between two pages, and push others back, are found by another walk."""
    venue = Venue(whole_hall()[40:])

    def insert(page: int) -> None:
        if page == 2 and len(venue.rows) < 1_500:
            venue.rows = whole_hall()

    venue.before_page = insert  # type: ignore[method-assign]
    assert len(read(venue, tmp_path / "places")) == 1_500
    # A walk that misses, one that finds, one that proves that there is nothing more.
    assert venue.asked == [1, 2, 3] * 3


def test_places_that_never_rest(tmp_path: Path) -> None:
    """Where each walk finds another place nobody can say that it was the last one."""
    venue = Venue(whole_hall())

    def insert(page: int) -> None:
        if page == 1:
            venue.rows.append(place(31, 1, number=1_000_000 + len(venue.rows)))

    venue.before_page = insert  # type: ignore[method-assign]
    with pytest.raises(BadPlaces, match="don't come to rest"):
        read(venue, tmp_path / "places")


def test_page_that_fails(tmp_path: Path) -> None:
    """A page that can't be read is asked for again."""
    venue = Venue(whole_hall())
    answers = [reply(500, b""), reply(200, b'[{"id":'), reply(429, b"")]
    venue.before_page = (  # type: ignore[method-assign]
        lambda page: answers.pop() if page == 2 and answers else None
    )
    assert len(read(venue, tmp_path / "places")) == 1_500
    assert venue.asked[:5] == [1, 2, 2, 2, 2]


def test_page_that_always_fails(tmp_path: Path) -> None:
    """A page that stays unreadable ends the reading, and nothing is written."""
    venue = Venue(whole_hall())
    venue.before_page = lambda page: reply(500, b"")  # type: ignore[method-assign]
    with pytest.raises(BadPlaces, match=r"page 1 of the provider's places can't be read"):
        read(venue, tmp_path / "places")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (whole_hall()[1:-1], "2 seats have no place, the first is row 1 seat 1"),
        ([*whole_hall(), place(2, 3, number=7)], "row 2 seat 3 has more than one place"),
        ([place(row, 1) for row in range(1, 9_999)], "lists more than 8000 places"),
    ],
)
def test_wrong_places(tmp_path: Path, rows: list[Row], reason: str) -> None:
    """A seat without a place or with two, or another hall altogether, is said by name."""
    (tmp_path / "places").write_bytes(b"old")
    with pytest.raises(BadPlaces, match=reason):
        read(Venue(rows), tmp_path / "places")
    assert (tmp_path / "places").read_bytes() == b"old"


def test_duplicates_and_strangers(tmp_path: Path) -> None:
    """The same place twice is one; a place outside the hall, however far, is nobody's seat."""
    strangers = [(1_001, 1), (1, 10_001), (0, 1), (-1, 1), (31, 1), (1, 51), (2, 0)]
    far = [place(row, seat, number=n) for n, (row, seat) in enumerate(strangers)]
    rows = [*whole_hall()[:5], *whole_hall(), *far]
    places = read(Venue(rows), tmp_path / "places")
    assert places == read(Venue(whole_hall()), tmp_path / "same")


def test_every_flipped_bit(tmp_path: Path) -> None:
    """A damaged file is an error, wherever the damage is."""
    read(Venue(whole_hall()), tmp_path / "places")
    good = (tmp_path / "places").read_bytes()
    for at in (*range(40), len(good) - 1):
        bad = bytearray(good)
        bad[at] ^= 1
        (tmp_path / "places").write_bytes(bad)
        with pytest.raises(BadPlaces):
            load(tmp_path / "places")
    for size in (0, 3, 27, len(good) - 1):
        (tmp_path / "places").write_bytes(good[:size])
        with pytest.raises(BadPlaces):
            load(tmp_path / "places")


def test_it_is_on_disk_when_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read it once more takes minutes, in which nothing of the event can be sold."""
    asked, before = Asked(monkeypatch), opened_files()
    read(Venue(whole_hall()), tmp_path / "places")
    assert asked.lacks(tmp_path) == []
    assert asked[-1] == ("fsync", tmp_path)
    assert opened_files() == before


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that can't be written whole doesn't take the old one's place."""

    def fail(file: int) -> None:
        raise OSError("no space left")

    (tmp_path / "places").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        read(Venue(whole_hall()), tmp_path / "places")
    assert (tmp_path / "places").read_bytes() == b"old"
