"""The catalog opened: one door to users, events and search."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from catalog import Catalog, NotACatalog, manifest
from catalog.importer import ACTIVE_EVENTS, INDEX, USERS
from catalog.index import TEXTS
from tests.catalog.conftest import Data, event
from tests.descriptors import opened_files


@pytest.fixture
def catalog(data: Data, opened: Callable[..., Catalog]) -> Catalog:
    evening, morning = "2027-05-01T20:00:00", "2027-05-01T09:00:00"
    active = data.events(
        event(1, title="Опера", datetime_start=evening),
        event(2, title="Балет", description="Азарт.", datetime_start=morning),
    )
    archive = data.events(event(100, title="Опера", datetime_start=evening), name="archive.json")
    return opened(events=active, archive=archive)


OPERA, BALLET, OLD = (1, "Опера"), (2, "Балет"), (100, "Опера")
DAY = date(2027, 5, 1)


@pytest.mark.parametrize(
    ("query", "day", "page", "expected"),
    [
        (None, None, 1, [OPERA, BALLET]),
        (None, None, 2, [OLD]),
        (None, None, 3, []),
        (None, None, 2**63 - 1, []),
        ("", None, 1, [OPERA, BALLET]),
        (None, DAY, 1, [BALLET, OPERA]),
        ("", DAY, 1, [BALLET, OPERA]),
        (None, DAY, 2, [OLD]),
        (None, date(2027, 5, 2), 1, []),
        ("опера", None, 1, [OPERA, OLD]),
        ("опера", DAY, 1, [OPERA, OLD]),
        ("азарта", DAY, 1, [BALLET]),
        ("азарта", date.max, 1, []),
        ("опера", None, 2**63 - 1, []),
        ("?!", None, 1, []),
        ("?!", DAY, 1, []),
    ],
)
def test_pages_of_id_and_title(
    catalog: Catalog,
    query: str | None,
    day: date | None,
    page: int,
    expected: list[tuple[int, str]],
) -> None:
    """Active and archived events come in one list, two to a page here."""
    assert catalog.search(query, day, page=page, page_size=2) == expected


def test_a_page_may_be_of_one_event(catalog: Catalog) -> None:
    """The smallest there is."""
    assert catalog.search(None, None, page=2, page_size=1) == [BALLET]


@pytest.mark.parametrize(("page", "page_size"), [(0, 20), (-1, 20), (1, 0)])
def test_pages_before_the_first_are_a_fault_of_the_caller(
    catalog: Catalog, page: int, page_size: int
) -> None:
    """A negative offset is refused."""
    with pytest.raises(ValueError, match="counted from 1"):
        catalog.search(None, None, page=page, page_size=page_size)


@pytest.mark.parametrize("name", [USERS, ACTIVE_EVENTS, INDEX])
def test_catalog_with_a_missing_part_is_refused(data: Data, name: str) -> None:
    """A file that is gone is noticed at the start and not by the first visitor."""
    data.load()
    (data.target / name).rename(data.directory / "elsewhere")
    with pytest.raises(NotACatalog):
        Catalog.open(data.target)


@pytest.mark.parametrize("name", [ACTIVE_EVENTS, f"{INDEX}/{TEXTS}"])
def test_one_wrong_bit_of_what_is_read_whole_is_told(data: Data, name: str) -> None:
    """Most of them are good MessagePack, and another price."""
    data.load()
    path = data.target / name
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(NotACatalog, match=f"{name} is damaged"):
            Catalog.open(data.target)


@pytest.mark.parametrize("zone", ["Asia/Kokdala", "Asia", "../../etc/passwd", "", "a" * 300])
def test_unknown_time_zone_is_told(data: Data, zone: str) -> None:
    """A machine without this zone can't tell when an event begins."""
    data.load()
    path = data.target / manifest.NAME
    path.write_text(path.read_text().replace("Asia/Almaty", zone))
    with pytest.raises(NotACatalog, match=f"no time zone {zone} is known here"):
        Catalog.open(data.target)


def test_missing_directory_is_no_catalog(tmp_path: Path) -> None:
    """Nothing is created by opening."""
    with pytest.raises(NotACatalog, match=r"it has no catalog\.json"):
        Catalog.open(tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_the_files_of_the_search_are_read_ahead(
    data: Data, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, and those alone: users are looked up a page at a time."""
    asked: list[Path] = []
    monkeypatch.setattr("catalog.catalog.read_ahead", asked.append)
    catalog.warm_up()
    assert [data.target / INDEX] == asked


def test_a_closed_catalog_holds_no_users_open(data: Data, catalog: Catalog) -> None:
    """A process that opens one after the other doesn't run out of files."""
    assert data.target / USERS in opened_files()
    catalog.close()
    assert data.target / USERS not in opened_files()


def test_what_is_on_sale_is_found_before_what_is_past(
    data: Data, opened: Callable[..., Catalog]
) -> None:
    """Of events that match as well as each other, though the past one has the smaller id."""
    archive = data.events(event(3, title="Опера"), name="archive.json")
    catalog = opened(events=data.events(event(7, title="Опера")), archive=archive)
    found = catalog.search("опера", None, page=1, page_size=20)
    assert [event_id for event_id, _ in found] == [7, 3]
    listed = catalog.search(None, None, page=1, page_size=20)
    assert [event_id for event_id, _ in listed] == [3, 7]
