"""Events by id, with their halls and the moment they begin."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from catalog import Catalog, Event, NotACatalog
from catalog.event_file import EventRow
from catalog.events import EventTable, event_from, write_active
from catalog.halls import STADIUM, STANDARD, Sale
from tests.catalog.conftest import Data, event


def starts_at_ms(text: str, timezone: str) -> int:
    row = EventRow(**event(1, datetime_start=text))
    return event_from(row, timezone=ZoneInfo(timezone), active=True).starts_at_ms


@pytest.mark.parametrize(
    ("text", "timezone", "expected"),
    [
        ("1970-01-01T00:00:00", "UTC", 0),
        ("2027-05-01T19:30:00", "Asia/Almaty", 1_809_181_800_000),  # five hours east of UTC
        ("2020-05-01T19:30:00", "Asia/Almaty", 1_588_339_800_000),  # six until March 2024
        ("1965-01-01T00:00:00", "UTC", -157_766_400_000),
        ("2027-10-31T02:30:00", "Europe/Berlin", 1_824_942_600_000),  # twice: the first counts
        ("1900-01-01T00:00:00", "Asia/Almaty", -2_209_007_268_000),
        ("2999-12-31T23:59:59", "America/New_York", 32_503_697_999_000),
    ],
)
def test_moment_follows_the_zone_of_the_hall(text: str, timezone: str, expected: int) -> None:
    """Local time becomes milliseconds in UTC by the zone's rules of that day."""
    assert starts_at_ms(text, timezone) == expected


def test_active_and_archived_events_are_found_by_id(
    data: Data, opened: Callable[..., Catalog]
) -> None:
    """Both give the same fields; only `active` tells them apart, and only one has a hall."""
    archive = data.events(event(100_007, title="Давно"), name="archive.json")
    events = opened(events=data.events(event(2)), archive=archive).events
    local = datetime.fromisoformat("2027-05-01T19:30:00")
    about = ("Зал открывается за час.", "stage", local, 1_809_181_800_000, "Сахна")
    assert events.get(2) == Event(2, "Вечер номер 2", *about, active=True)
    assert events.get(100_007) == Event(100_007, "Давно", *about, active=False)
    assert [events.get(number) for number in (1, 0, -5, 100_008, 2**63, 2**70)] == [None] * 6
    assert (events.on_sale(2), events.on_sale(100_007)) == (events.get(2), None)
    assert events.hall(2) == STANDARD
    assert events.hall(100_007) is None
    assert [one.id for one, _ in events.active()] == [2]


def test_active_events_come_with_halls_by_rising_id(
    data: Data, opened: Callable[..., Catalog]
) -> None:
    """The engine gets every event that is sold, and equal halls as one object."""
    events = opened(events=data.events(event(9), event(1), event(4))).events
    found = list(events.active())
    assert [(each.id, hall) for each, hall in found] == [(1, STADIUM), (4, STANDARD), (9, STANDARD)]
    assert found[1][1] is found[2][1]


def test_an_allotment_is_kept(data: Data, opened: Callable[..., Catalog], tmp_path: Path) -> None:
    """The seats that are ours come back as they were; a catalog from before has none."""
    catalog = opened()
    path = tmp_path / "active"
    [(concert, stadium)] = catalog.events.active()
    part = msgspec.structs.replace(stadium, sale=Sale.ALLOTMENT, allotment=((0, 5), (9, 12)))
    write_active(path, [(concert, part)])

    again = EventTable.open(path, archive=catalog._index, timezone=catalog.timezone)
    assert [plan for _, plan in again.active()] == [part]
    stored = msgspec.msgpack.decode(path.read_bytes())
    del stored["halls"][0]["allotment"]
    stored["halls"][0]["sale"] = "own"
    path.write_bytes(msgspec.msgpack.encode(stored))
    before = EventTable.open(path, archive=catalog._index, timezone=catalog.timezone)
    assert [plan.allotment for _, plan in before.active()] == [()]


def test_damaged_file_is_no_table(
    data: Data, tmp_path: Path, opened: Callable[..., Catalog]
) -> None:
    """Missing or cut short, the file of active events is refused by name."""
    catalog = opened()
    index, zone = catalog._index, catalog.timezone
    path = tmp_path / "active"
    with pytest.raises(NotACatalog, match="No such file"):
        EventTable.open(path, archive=index, timezone=zone)
    write_active(path, list(catalog.events.active()))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(NotACatalog, match="truncated"):
        EventTable.open(path, archive=index, timezone=zone)
