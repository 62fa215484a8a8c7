"""The partner's places: known from a file or from the provider, sooner or later."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs

from api import places as places_module
from api.places import PlacesOnSale
from engine import Event, Hall, Sale, Zone, seat_id_of
from sagas import BadPlaces, ProviderClient
from sagas import places as preloading
from sagas.outcome import Done
from sagas.provider_client import Place

HALL = Hall(2, 3, (Zone("all", 1, 2, 100),))
LARGER = Hall(3, 3, (Zone("all", 1, 3, 100),))
CONCERT, OPERA, OURS = 1, 2, 3
EVENTS = [
    Event(CONCERT, 2_000_000_000_000, HALL, Sale.PARTNER),
    Event(OPERA, 2_000_000_000_000, HALL, Sale.PARTNER),
    Event(OURS, 2_000_000_000_000, HALL, Sale.OWN),
]
SEAT = seat_id_of(event_id=CONCERT, row=2, number=3)


class FakeProvider:
    """Lists one hall; counts how often its first page was asked for."""

    def __init__(self, hall: Hall = HALL) -> None:
        self.hall = hall
        self.walks = 0

    async def places(self, *, page: int, **_: object) -> Done[list[Place]]:
        self.walks += page == 1
        if page > 1:
            return Done([])
        return Done([self.place(index) for index in range(self.hall.seats_total)])

    def place(self, index: int) -> Place:
        row, number = self.hall.place_at(index)
        return Place(id=UUID(int=index + 1), row=row, seat=number)

    def client(self) -> ProviderClient:
        return cast(ProviderClient, self)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(preloading, "PAUSE_BETWEEN_WALKS_SECONDS", 0.0)
    monkeypatch.setattr(places_module, "RETRY_SECONDS", 0.01)
    yield
    structlog.reset_defaults()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Not made yet, as after `init`."""
    return tmp_path / "places"


def read(
    directory: Path, provider: FakeProvider | None, events: list[Event] | None = None
) -> PlacesOnSale:
    places = PlacesOnSale(directory)
    given = EVENTS[:1] if events is None else events
    client = None if provider is None else provider.client()
    asyncio.run(places.read(client, given))
    return places


def test_nothing_is_known_before_it_is_read(directory: Path) -> None:
    """A seat without a place is absent, whatever is asked; and nothing is made."""
    places = PlacesOnSale(directory)

    assert (0, [], False) == (len(places), list(places), SEAT in places)
    assert places.get(SEAT) is None
    with pytest.raises(KeyError):
        places[SEAT]
    assert not directory.exists()


def test_places_are_read_from_the_provider_once(directory: Path) -> None:
    """The next start finds them in a file, with the provider down or not configured."""
    provider = FakeProvider()
    first = read(directory, provider)
    walks = provider.walks

    for again in (read(directory, provider), read(directory, None)):
        assert dict(first) == dict(again)
    assert walks == provider.walks > 0
    assert str(UUID(int=6)) == first[SEAT]
    assert (6, True) == (len(first), SEAT in first)
    assert not first.__contains__("a word")
    assert {seat_id_of(event_id=CONCERT, row=r, number=n) for r in (1, 2) for n in (1, 2, 3)} == (
        set(first)
    )


def test_seats_of_other_events_have_no_place(directory: Path) -> None:
    """Neither those of our own events nor rows the hall doesn't have."""
    places = read(directory, FakeProvider(), EVENTS)

    assert {CONCERT, OPERA} == {seat // 10_000_000 for seat in places}
    assert {"1.places", "2.places"} == {path.name for path in directory.iterdir()}
    for seat_id in (
        seat_id_of(event_id=OURS, row=1, number=1),
        seat_id_of(event_id=99, row=1, number=1),
        seat_id_of(event_id=CONCERT, row=3, number=1),
        0,
        -1,
        2**70,
    ):
        assert seat_id not in places
        assert places.get(seat_id) is None


def test_without_a_provider_there_is_nothing_to_read(directory: Path) -> None:
    """And nobody says that something is being read."""
    with capture_logs() as logs:
        places = read(directory, None, EVENTS)

    assert (0, {CONCERT, OPERA}) == (len(places), places.awaited)
    assert [] == logs
    assert not directory.exists()


def failing(failures: list[Exception]) -> Callable[..., Any]:
    """A preload that fails with these, and then does what the real one does."""

    async def preload(*arguments: Any) -> object:
        if failures:
            raise failures.pop(0)
        return await preloading.preload(*arguments)

    return preload


def test_a_provider_that_is_down_is_asked_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is a disk that is full: after a while, and the operator is told what is missing."""
    failures = [BadPlaces("page 1 can't be read"), OSError(28, "No space left on device")]
    monkeypatch.setattr(places_module, "preload", failing(failures))
    slept, sleep = [], asyncio.sleep

    async def soon(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr(places_module, "RETRY_SECONDS", 30.0)
    monkeypatch.setattr(asyncio, "sleep", soon)
    with capture_logs() as logs:
        places = read(directory, FakeProvider())

    assert SEAT in places
    assert ["page 1 can't be read", "[Errno 28] No space left on device"] == [
        line["reason"] for line in logs if line["log_level"] == "error"
    ]
    assert {CONCERT} == {line["event_id"] for line in logs if line["log_level"] == "error"}
    assert [30.0, 30.0] == [seconds for seconds in slept if seconds]
    assert 3 == [line["event"] for line in logs].count("reading the provider's places")


def test_one_event_does_not_wait_for_another(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that lists no such hall for the first event still sells the second."""
    places = PlacesOnSale(directory)
    opera_seat = seat_id_of(event_id=OPERA, row=1, number=1)
    attempts = iter(range(1_000))

    async def preload(client: ProviderClient, hall: Hall, event_id: int, *rest: Any) -> object:
        if event_id == CONCERT and opera_seat not in places:
            next(attempts)
            assert CONCERT in places.awaited
            raise BadPlaces("no such hall")
        return await preloading.preload(client, hall, event_id, *rest)

    monkeypatch.setattr(places_module, "preload", preload)
    asyncio.run(places.read(FakeProvider().client(), EVENTS))

    assert (True, set()) == (SEAT in places, places.awaited)


@pytest.mark.parametrize("damage", ["a flipped bit", "another event's", "another hall's"])
def test_a_file_that_cannot_be_used_is_read_anew(directory: Path, damage: str) -> None:
    """With the reason in the log, and good places in the end."""
    file = directory / "1.places"
    good = dict(read(directory, FakeProvider(LARGER), [Event(1, 1, LARGER, Sale.PARTNER)]))
    if damage == "another event's":
        read(directory, FakeProvider(), EVENTS[1:2])
        (directory / "2.places").rename(file)
    if damage == "another hall's":
        read(directory, FakeProvider())
    if damage == "a flipped bit":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    with capture_logs() as logs:
        places = read(directory, FakeProvider(LARGER), [Event(1, 1, LARGER, Sale.PARTNER)])

    assert good == dict(places)
    assert [str(file)] == [line["file"] for line in logs if line["log_level"] == "error"]


def test_progress_is_told_now_and_then(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a stadium not every page; the last one always."""
    monkeypatch.setattr(places_module, "PROGRESS_PLACES", 4)
    progress = places_module._Progress(EVENTS[0])
    with capture_logs() as logs:
        for found in (1, 3, 4, 5, 6, 6):
            progress(found, 6)

    assert [4, 6] == [line["found"] for line in logs]
