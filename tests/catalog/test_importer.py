"""Given files become a catalog, or nothing does."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import (
    BadInput,
    Catalog,
    CatalogExists,
    ImportRunning,
    Summary,
    importer,
    manifest,
    runs,
    verify,
)
from catalog.workplace import workplace
from tests.catalog.conftest import Data, event, user
from tests.descriptors import Asked


def left(data: Data) -> list[str]:
    return sorted(os.listdir(data.target.parent)) if data.target.parent.exists() else []


def python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, because it doesn't end well."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    root = Path(importer.__file__).parents[1]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def refused(data: Data, **files: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        data.load(**files)
    assert left(data) == []
    return caught.value


def test_everything_given_comes_back(data: Data, opened: Callable[..., Catalog]) -> None:
    """Users, active and archived events and halls are found again as they were given."""
    catalog = opened(
        users=data.users(user(3), user(9)),
        events=data.events(event(1), event(2)),
        archive=data.events(event(100_000), name="archive.json"),
        halls=data.text("halls.json", '{"events": {"2": "stadium"}}'),
    )
    expected = Summary(users=2, active_events=2, archived_events=1, seats=200_000)
    assert catalog.summary == expected
    assert verify(data.target) == expected
    found_user = catalog.users.find("user9@example.kz")
    assert found_user is not None
    assert 9 == found_user.user_id
    found = catalog.search(None, None, page=1, page_size=20)
    assert [event_id for event_id, _ in found] == [1, 2, 100_000]
    assert left(data) == ["catalog"]


def test_what_was_imported_outlives_a_power_cut(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file and directory is synced, and last of all the catalog's name."""
    data.target.parent.mkdir()
    asked = Asked(monkeypatch)
    data.load()
    assert [] == asked.lacks(data.target)
    assert ("fsync", data.target.parent) == asked[-1]


def test_what_is_not_ours_to_sell_is_not_counted(data: Data) -> None:
    """Of a hall of a thousand seats, a tenth of it on sale, the summary counts a hundred."""
    part = '{"hall": "standard", "sale": "allotment", "allotment": {"share": 0.1}}'
    data.load(halls=data.text("halls.json", f'{{"events": {{"1": {part}}}}}'))
    assert verify(data.target) == Summary(1, 1, 0, 100)


@pytest.mark.parametrize("progress", [False, True])
def test_archive_is_optional_and_progress_changes_nothing(data: Data, progress: bool) -> None:
    """Without an archive there are only active events."""
    data.load(progress=progress)
    assert verify(data.target) == Summary(1, 1, 0, 100_000)


def test_progress_is_shown_only_when_asked_for(
    data: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bar for each file that takes long, and one for the sorting; else none, even for a fault."""
    halls = data.text("halls.json", "{}")
    archive = data.events(event(9), event(8), name="archive.json")
    data.load(archive=archive, halls=halls)
    with pytest.raises(BadInput):
        data.load(users=data.users(user(1, email="a@b"), user(2, email="a@b")), replace=True)
    with pytest.raises(BadInput):
        data.load(events=data.events(event(1, title="")), replace=True)
    assert "" == capsys.readouterr().err
    data.load(archive=archive, halls=halls, progress=True, replace=True)
    bars = {line.split(":")[0].strip() for line in re.split("[\r\n]", capsys.readouterr().err)}
    assert {"users.csv", "events.json", "archive.json", "archive.json by id", ""} == bars


def test_order_of_the_files_means_nothing(data: Data, opened: Callable[..., Catalog]) -> None:
    """Events may come in any order, and archived ids may lie between active ones."""
    catalog = opened(
        events=data.events(event(50), event(2), event(7)),
        archive=data.events(event(60), event(5), event(1), name="archive.json"),
    )
    found = catalog.search(None, None, page=1, page_size=20)
    assert [event_id for event_id, _ in found] == [1, 2, 5, 7, 50, 60]
    assert [one.id for one, _ in catalog.events.active()] == [2, 7, 50]


@pytest.mark.parametrize("run_bytes", [1, 1_000, 2**20])
def test_an_archive_in_any_order_gives_the_same_catalog(
    data: Data,
    opened: Callable[..., Catalog],
    monkeypatch: pytest.MonkeyPatch,
    run_bytes: int,
) -> None:
    """Also where it is sorted in many parts; nothing of them is left."""
    monkeypatch.setattr(runs, "RUN_BYTES", run_bytes)
    past = [event(number, title=f"Опера {number % 3}") for number in range(100, 150)]
    rising = opened(archive=data.events(*past, name="archive.json"))
    mixed = data.events(*past[1::2], *past[::2], name="archive.json")
    sorted_ = opened(archive=mixed, replace=True, progress=True)
    for query in (None, "опера", "опера 2"):
        expected = rising.search(query, None, page=1, page_size=60)
        assert expected == sorted_.search(query, None, page=1, page_size=60)
    assert left(data) == ["catalog"]


def test_repeated_email_is_named_by_both_lines(data: Data) -> None:
    """The sentence gives the lines, and not the email."""
    path = data.users(
        user(1), user(2, email="a@b"), user(3, password_plain="\n"), user(4, email="a@b")
    )
    error = refused(data, users=path)
    assert (error.file, error.line) == (path, 6)
    assert error.reason == "email is already used on line 3"


def test_repeated_active_id_is_named_by_line(data: Data) -> None:
    """The second of two events with one id is the faulty one."""
    path = data.events(event(5), event(2), event(5))
    error = refused(data, events=path)
    assert (error.file, error.line, error.reason) == (path, 19, "id 5 is used by an earlier event")


@pytest.mark.parametrize(
    ("ids", "line", "reason"),
    [
        ([8, 9, 8], 19, "id 8 is used by an earlier event"),
        ([9, 8, 8], 19, "id 8 is used by an earlier event"),
        ([8, 8, 9], 11, "id 8 is used by an earlier event"),
        ([9, 8, 7, 8, 9], 27, "id 8 is used by an earlier event"),
        ([9, 8, 1, 8], 19, "id 1 is used by an active event"),
        ([8, 1, 9], 11, "id 1 is used by an active event"),
        ([0], 3, "id is wrong: expected int >= 1"),
    ],
)
def test_archived_ids_must_be_free(data: Data, ids: list[int], line: int, reason: str) -> None:
    """An archived event takes no id of an active event nor of another archived one."""
    path = data.events(*map(event, ids), name="archive.json")
    error = refused(data, archive=path)
    assert (error.file, error.line, error.reason) == (path, line, reason)


def test_active_ids_are_limited_and_archived_ones_are_not(data: Data) -> None:
    """Seven digits fit into the ids of seats; what isn't sold needs no such room."""
    big = event(10_000_000)
    error = refused(data, events=data.events(big))
    assert (error.line, error.reason) == (3, "id of an active event must not exceed 9000000")
    data.load(
        events=data.events(event(9_000_000)),
        archive=data.events(big, event(2**53 - 1), name="archive.json"),
    )


def test_number_of_active_events_is_limited(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive given in place of the active events is told before memory runs out."""
    monkeypatch.setattr(importer, "ACTIVE_EVENTS_MAX", 2)
    data.load(events=data.events(event(1), event(2)))
    with pytest.raises(BadInput, match=r"line 18: there are more than 2 active events"):
        data.load(events=data.events(event(1), event(2), event(3)), replace=True)


def test_no_active_events_is_a_fault_and_no_archived_ones_is_none(data: Data) -> None:
    """There must be something to sell."""
    error = refused(data, events=data.text("events.json", "[]"))
    assert (error.line, error.reason) == (None, "holds no events")
    data.load(archive=data.text("archive.json", "[ ]"))


def test_hall_of_an_unknown_event_is_a_fault(data: Data) -> None:
    """A rule for an event that isn't there would silently sell at other prices."""
    path = data.text("halls.json", '{"events": {"77": "stadium", "1": "stadium"}}')
    error = refused(data, halls=path)
    assert (error.file, error.reason) == (path, "events: there is no active event 77")


def test_faulty_archive_stops_the_import(data: Data) -> None:
    """Whatever had been built before the fault is gone."""
    path = data.events(event(7), event(8, title=3), name="archive.json")
    assert refused(data, archive=path).line == 12


STEPS = ["write_active", "build_users", "IndexBuilder", "put"]


@pytest.mark.parametrize("step", STEPS)
def test_interruption_leaves_nothing(
    data: Data, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Ctrl-C at any step leaves neither a catalog nor a trace, and the next import works."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(importer, step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            data.load()
    assert left(data) == []
    data.load()
    assert verify(data.target).users == 1


def test_killed_import_leaves_no_catalog(data: Data) -> None:
    """After SIGKILL there is nothing under the final name, and the next import works."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from catalog import importer\n"
        "from tests.catalog.conftest import Data\n"
        "importer.put = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Data(Path(sys.argv[1])).load()\n"
    )
    done = python(program, data.directory)
    assert done.returncode == -signal.SIGKILL
    assert left(data) == [".catalog.importing"]
    data.load()
    assert left(data) == ["catalog"]
    assert verify(data.target).users == 1


@pytest.mark.parametrize(
    ("users", "archive", "step", "file_bytes_max", "part"),
    [
        (1_000, 1, 1, 50_000, "the table of users"),
        (1, 2_900, 1, 30_000, "the search index"),  # noticed when it is finished
        (1, 9_000, 1, 30_000, "the search index"),  # noticed under way
        (1, 2_900, -1, 30_000, "the sorted archive"),
    ],
)
def test_full_disk_leaves_nothing(
    data: Data, users: int, archive: int, step: int, file_bytes_max: int, part: str
) -> None:
    """When a file can't grow, the error is the system's and says what was being written."""
    program = (
        "import random, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.catalog.conftest import Data, event, user\n"
        "data = Data(Path(sys.argv[1]))\n"
        "users = data.users(*map(user, range(1, int(sys.argv[2]) + 1)))\n"
        "ids = range(100, 100 + int(sys.argv[3]))[:: int(sys.argv[5])]\n"
        "past = (event(id, description=random.Random(id).randbytes(300).hex()) for id in ids)\n"
        "archive = data.events(*past, name='archive.json')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)\n"
        "data.load(users=users, archive=archive)\n"
    )
    done = python(program, data.directory, users, archive, file_bytes_max, step)
    assert done.stderr.splitlines()[-1].startswith(f"OSError: {part} can't be written")
    assert left(data) == []


def test_existing_catalog_is_replaced_only_when_asked(data: Data) -> None:
    """Without `replace` the catalog stays as it is; with it the new one is complete."""
    data.load(users=data.users(user(1)))
    more = data.users(user(1), user(2))
    with pytest.raises(CatalogExists):
        data.load(users=more)
    assert verify(data.target).users == 1
    data.load(users=more, replace=True)
    assert verify(data.target).users == 2
    assert left(data) == ["catalog"]


def test_failed_replacement_keeps_the_old_catalog(data: Data) -> None:
    """A fault in the new files costs nothing of what is there."""
    data.load()
    with pytest.raises(BadInput):
        data.load(users=data.users(user(1), user(1)), replace=True)
    assert verify(data.target).users == 1
    assert left(data) == ["catalog"]


def test_open_catalog_survives_its_replacement(data: Data, opened: Callable[..., Catalog]) -> None:
    """A running server goes on with the files it opened."""
    catalog = opened(users=data.users(user(1), user(2)))
    data.load(events=data.events(event(1, title="Другое")), replace=True)
    assert catalog.users.find("user2@example.kz") is not None
    assert catalog.search("вечер", None, page=1, page_size=20) == [(1, "Вечер номер 1")]
    reopened = Catalog.open(data.target)
    assert reopened.search(None, None, page=1, page_size=20) == [(1, "Другое")]
    reopened.close()


def test_importing_again_gives_the_same_ids(data: Data, opened: Callable[..., Catalog]) -> None:
    """Ids come from the files alone, so tickets stay valid across imports."""
    files = {"events": data.events(event(7), event(3)), "users": data.users(user(5))}
    first = opened(**files)
    second = opened(**files, replace=True)
    assert list(first.events.active()) == list(second.events.active())
    assert first.users.find("user5@example.kz") == second.users.find("user5@example.kz")


def test_second_import_at_the_same_time_is_refused(data: Data) -> None:
    """It would destroy the first one's work."""
    with (
        workplace(data.target),
        pytest.raises(ImportRunning),
    ):
        data.load()


def test_a_catalog_that_lies_elsewhere_is_replaced_there(
    data: Data, opened: Callable[..., Catalog], tmp_path: Path
) -> None:
    """Its link in the data directory stays, and nothing of the old one, again and again."""
    there = tmp_path / "large disk"
    data.load()
    there.mkdir()
    data.target.rename(there / "catalog")
    data.target.symlink_to(there / "catalog")
    for number in (2, 3):
        data.load(users=data.users(user(number)), replace=True)

        assert data.target.is_symlink()
        assert [data.target.name] == left(data)
        assert ["catalog"] == os.listdir(there)
        assert 1 == verify(data.target).users


def test_what_took_the_name_of_a_new_catalog_meanwhile_stays(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a catalog is ever replaced, and only when asked."""
    seal = manifest.seal

    def sealed(directory: Path, **told: Any) -> None:
        seal(directory, **told)
        (data.target / "somebody's").mkdir(parents=True)

    monkeypatch.setattr(manifest, "seal", sealed)
    with pytest.raises(OSError, match="not empty"):
        data.load()
    assert ["somebody's"] == os.listdir(data.target)
