"""The demo's data: invented, in the published formats, the same every time."""

import csv
import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from catalog import Catalog, Sale, demo, import_files
from tests.catalog.conftest import ALMATY

TODAY = date(2026, 11, 23)


def write(directory: Path, *, seed: int = demo.SEED, progress: bool = False) -> demo.Files:
    """A small demo."""
    return demo.write(
        directory, today=TODAY, users=360, events=200, archive=300, seed=seed, progress=progress
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> demo.Files:
    return write(tmp_path_factory.mktemp("demo") / "new")


@pytest.fixture(scope="module")
def users(files: demo.Files) -> list[dict[str, str]]:
    with files.users.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def events(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    return rows


def contents(files: demo.Files) -> list[bytes]:
    return [path.read_bytes() for path in files]


def test_same_seed_and_day_give_the_same_bytes(files: demo.Files, tmp_path: Path) -> None:
    """Written again, with a progress bar, every file is the same."""
    again = write(tmp_path, progress=True)
    assert contents(again) == contents(files)


def test_another_seed_gives_other_bytes(files: demo.Files, tmp_path: Path) -> None:
    """All but the halls follow the seed."""
    other = write(tmp_path, seed=1)
    differs = [old != new for old, new in zip(contents(files), contents(other), strict=True)]
    assert differs == [True, True, True, False]


def test_more_rows_leave_the_first_ones_as_they_are(files: demo.Files, tmp_path: Path) -> None:
    """A larger demo begins with the smaller one."""
    more = demo.write(tmp_path, today=TODAY, users=400, events=250, archive=350)
    for small, large in zip(files[:3], more[:3], strict=True):
        assert large.read_bytes().startswith(small.read_bytes().removesuffix(b"\n]\n"))


def test_imports_cleanly(files: demo.Files, tmp_path: Path) -> None:
    """The files are accepted, halls differ by the type of an event, all three sales are there."""
    summary = import_files(
        tmp_path / "catalog",
        users=files.users,
        events=files.events,
        archive=files.archive,
        halls=files.halls,
        timezone=ALMATY,
    )
    assert (summary.users, summary.active_events, summary.archived_events) == (360, 200, 300)
    catalog = Catalog.open(tmp_path / "catalog")
    halls = {hall for _, hall in catalog.events.active()}
    assert len(halls) == 6
    concert = catalog.events.hall(1)
    assert concert is not None
    assert (concert.seats_total, concert.sale) == (100_000, Sale.PARTNER)
    musical = catalog.events.hall(2)
    assert musical is not None
    assert (musical.seats_on_sale, musical.sale) == (432, Sale.ALLOTMENT)
    assert {hall.sale for hall in halls - {concert, musical}} == {Sale.OWN}
    [(event_id, title)] = catalog.search("селеста морейра көкдала", None, page=1, page_size=20)
    assert (event_id, title) == (1, "Селеста Морейра: большой концерт в Көкдала")
    catalog.close()


def test_first_user_is_easy_to_remember(users: list[dict[str, str]]) -> None:
    """demo@billetter.kz with the password "demo" may sign in."""
    first = users[0]
    assert (first["user_id"], first["email"]) == ("1", "demo@billetter.kz")
    assert (first["password_plain"], first["is_active"]) == ("demo", "True")


def test_passwords_fit_their_hashes(users: list[dict[str, str]]) -> None:
    """Whoever reads the plain column can sign in with it."""
    for row in users:
        digest = hashlib.sha256(row["password_plain"].encode()).hexdigest()
        assert row["password_hash"] == digest


def test_some_users_are_difficult(users: list[dict[str, str]]) -> None:
    """One email in nine holds Cyrillic letters, one password in eight a colon; a fifth sleeps."""
    assert sum(not row["email"].isascii() for row in users) == len(users) // 9
    assert sum(row["is_active"] == "False" for row in users) == len(users) // 5
    assert sum(":" in row["password_plain"] for row in users) == len(users) // 8
    assert len({row["email"] for row in users}) == len(users)


def test_active_events_lie_ahead_and_archived_ones_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything active can still be visited on the given day, and nothing archived can."""
    monkeypatch.setattr(demo, "ACTIVE_DAYS", 3)
    monkeypatch.setattr(demo, "ARCHIVE_DAYS", 3)
    files = write(tmp_path)

    def days_from_today(path: Path) -> set[int]:
        starts = (datetime.fromisoformat(row["datetime_start"]) for row in events(path))
        return {(start.date() - TODAY).days for start in starts}

    assert days_from_today(files.events) == {1, 2, demo.CONCERT_IN_DAYS}
    assert days_from_today(files.archive) == {-1, -2}


def test_ids_are_as_published(files: demo.Files) -> None:
    """Active events count from 1, archived ones from 100,000."""
    assert [row["id"] for row in events(files.events)] == list(range(1, 201))
    assert [row["id"] for row in events(files.archive)] == list(range(100_000, 100_300))


def test_titles_differ(tmp_path: Path) -> None:
    """Twenty thousand events have more than ten thousand titles."""
    files = demo.write(tmp_path, today=TODAY, users=1, events=1, archive=20_000)
    assert len({row["title"] for row in events(files.archive)}) > 10_000


def test_layout_is_that_of_the_published_files(files: demo.Files) -> None:
    """Two spaces a level, one field a line, Cyrillic as it is."""
    lines = files.events.read_text(encoding="utf-8").splitlines()
    assert lines[:4] == [
        "[",
        "  {",
        '    "id": 1,',
        '    "title": "Селеста Морейра: большой концерт в Көкдала",',
    ]
    assert lines[-2:] == ["  }", "]"]
