"""The data directory: made whole or not at all, never anew in silence, checked without a trace."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api import store
from api.store import StoreError
from catalog import BadInput, Catalog, CatalogError, demo
from engine import STORE_FAULTS, Engine, Sale
from engine.errors import LogLost
from engine.snapshotter import make_snapshot
from tests.descriptors import Asked

ALMATY = ZoneInfo("Asia/Almaty")
LATER = date(2027, 2, 10)
NOW_MS = 1_800_000_000_000


def initialise(data: Path, files: demo.Files, **other: Any) -> None:
    given: dict[str, Any] = {**files._asdict(), "timezone": ALMATY, "progress": False, **other}
    store.initialise(data, **given)


def tree(directory: Path) -> dict[str, str]:
    """Every file and directory below, with a digest of what it holds and when it was changed."""
    return {
        str(path.relative_to(directory)): (
            f"{path.stat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest()}"
            if path.is_file()
            else ""
        )
        for path in directory.rglob("*")
    }


def opened(data: Path) -> Engine:
    catalog = Catalog.open(data / store.CATALOG_DIRECTORY)
    events = store.events_on_sale(catalog)
    catalog.close()
    return Engine.open(data, events)


def book(data: Path, *, seats: int = 1, event_id: int = 2) -> dict[int, list[int]]:
    """Make a booking in a closed store; returns everything user 1 has."""
    engine = opened(data)
    booking_id = engine.create_booking(user_id=1, event_id=event_id, now_ms=NOW_MS)
    free = engine.deal(event_id=event_id, row=None, limit=seats)
    for seat in free:
        engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat.seat_id, now_ms=NOW_MS)
    booked = bookings(engine)
    engine.seal_log()
    engine.close()
    return booked


def bookings(engine: Engine) -> dict[int, list[int]]:
    return {one.booking_id: sorted(one.seats) for one in engine.bookings_of(1)}


def test_a_new_directory_is_complete(data: Path) -> None:
    """Catalog, log, a place for snapshots and a key are there; it needs nothing more to be used."""
    assert {"catalog", "snapshots", "tickets.key", "wal"} == {path.name for path in data.iterdir()}
    assert store.is_initialised(data)
    store.require(data)

    assert {} == bookings(opened(data))


def test_a_new_directory_is_on_disk(
    files: demo.Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, with the names that lead to it, when its maker is told that it is there."""
    asked = Asked(monkeypatch)
    data = tmp_path / "far" / "data"
    initialise(data, files)
    store.ticket_key(data)

    assert [] == asked.lacks(tmp_path / "far")
    assert ("fsync", tmp_path) in asked
    last_of_data = max(at for at, (_, path) in enumerate(asked) if path == data)
    assert last_of_data > max(at for at, (_, path) in enumerate(asked) if path.parent == data)


def test_tickets_have_a_key_of_their_own(data: Path, files: demo.Files, tmp_path: Path) -> None:
    """Drawn with the directory, for its owner's eyes only, and never drawn again."""
    key, path = store.ticket_key(data), data / store.TICKET_KEY
    assert (32, key) == (len(key), path.read_bytes())
    assert 0o600 == path.stat().st_mode & 0o777
    assert [] == list(data.glob("*.tmp"))
    initialise(data, files, replace_catalog=True)
    assert key == store.ticket_key(data)

    initialise(tmp_path / "other", files)
    assert key != store.ticket_key(tmp_path / "other")


def test_a_directory_from_before_there_were_tickets_gets_a_key(data: Path) -> None:
    """Also where the drawing of one was interrupted; until then nothing is wrong with it."""
    (data / store.TICKET_KEY).unlink()
    (data / f"{store.TICKET_KEY}.tmp").write_bytes(b"half a k")
    assert "" == store.verify(data).fault
    key = store.ticket_key(data)
    assert (32, key) == (len(key), store.ticket_key(data))


def test_a_damaged_key_is_not_replaced(data: Path) -> None:
    """Every ticket would be worthless: whoever has a backup brings it back."""
    (data / store.TICKET_KEY).write_bytes(b"half a key")
    with pytest.raises(StoreError, match=r"tickets\.key is no key of 32 bytes"):
        store.ticket_key(data)
    assert "tickets.key" in store.verify(data).fault


def test_two_directories_are_two_stores(data: Path, files: demo.Files, tmp_path: Path) -> None:
    """A snapshot of one can't be taken for one of the other."""
    book(data)
    assert make_snapshot(data)
    initialise(tmp_path / "other", files)
    for snapshot in (data / "snapshots").glob("*.snapshot"):
        shutil.copy(snapshot, tmp_path / "other" / "snapshots")

    with pytest.raises(STORE_FAULTS, match="a snapshot of another store"):
        opened(tmp_path / "other")


@pytest.fixture
def bad_users(files: demo.Files, tmp_path: Path) -> Path:
    """Line 4 has no hash."""
    lines = files.users.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[3] = "3,ann@show.go,short,x,A,B,,,True,\n"
    path = tmp_path / "bad.csv"
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["data", "deep/er/data"])
def test_bad_input_leaves_nothing(
    files: demo.Files, bad_users: Path, tmp_path: Path, name: str
) -> None:
    """Neither the directory nor those above it that had to be made."""
    before = tree(tmp_path)
    with pytest.raises(BadInput, match="line 4"):
        initialise(tmp_path / name, files, users=bad_users)

    assert before == tree(tmp_path)


def test_bad_input_leaves_what_was_there(
    files: demo.Files, bad_users: Path, tmp_path: Path
) -> None:
    """A directory that an operator has made stays, empty as it was."""
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput):
        initialise(tmp_path / "data", files, users=bad_users)

    assert [] == list((tmp_path / "data").iterdir())


def test_a_bad_catalog_replaces_nothing(data: Path, files: demo.Files, bad_users: Path) -> None:
    """A working directory works on as before."""
    before = tree(data)
    with pytest.raises(BadInput):
        initialise(data, files, users=bad_users, replace_catalog=True)

    assert before == tree(data)


def test_nothing_is_initialised_twice(data: Path, files: demo.Files) -> None:
    """The message names what can be done instead; nothing has changed."""
    before = tree(data)
    with pytest.raises(StoreError, match=r"initialised already; --replace-catalog .* keeps the"):
        initialise(data, files)

    assert before == tree(data)


def test_a_file_is_no_directory(files: demo.Files, tmp_path: Path) -> None:
    """It is left alone."""
    (tmp_path / "data").write_text("mine")
    with pytest.raises(StoreError, match="is a file; name a directory"):
        initialise(tmp_path / "data", files)

    assert "mine" == (tmp_path / "data").read_text()


def test_a_new_catalog_keeps_the_bookings(data: Path, tmp_path: Path) -> None:
    """The same events with other users and another past: bookings and seats are what they were."""
    booked = book(data, seats=3)
    other = demo.write(tmp_path / "other", today=LATER, users=60, events=9, archive=5)

    initialise(data, other, replace_catalog=True)

    engine = opened(data)
    assert booked == bookings(engine)
    engine.close()
    catalog = Catalog.open(data / store.CATALOG_DIRECTORY)
    assert 60 == catalog.summary.users
    catalog.close()


def test_an_interrupted_init_can_be_run_again(
    files: demo.Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The catalog was there and the log wasn't: not initialised, and then it is."""
    target = tmp_path / "half"

    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(Engine, "create", cut_off)
        with pytest.raises(KeyboardInterrupt):
            initialise(target, files)
    assert (target / "catalog").is_dir()
    assert not store.is_initialised(target)
    with pytest.raises(StoreError, match="is not initialised"):
        store.require(target)

    initialise(target, files)

    store.require(target)
    assert "" == store.verify(target).fault


def test_an_init_that_ended_within_the_log_can_be_run_again(
    files: demo.Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A directory for a log shows that one was begun, and not that there was one."""
    target = tmp_path / "half"

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr("wal.segments.Spare.become", cut_off)
        with pytest.raises(KeyboardInterrupt):
            initialise(target, files)
    assert (target / "wal").is_dir()

    initialise(target, files)

    assert "" == store.verify(target).fault


@pytest.mark.parametrize("catalog", ["kept", "gone", "replaced"])
def test_a_log_that_is_gone_is_not_made_anew(data: Path, files: demo.Files, catalog: str) -> None:
    """Its volume isn't mounted, and an empty log would sell every seat a second time."""
    (data / "wal").rename(data.with_name("elsewhere"))
    (data / "wal").mkdir()
    if catalog == "gone":
        (data / "catalog").rename(data.with_name("lost"))
    before = tree(data)

    lost = f"^{data}/wal: no log here, .*; mount the right volume, or restore a backup$"
    with pytest.raises(LogLost, match=lost):
        store.require(data)
    with pytest.raises(LogLost, match=lost):
        initialise(data, files, replace_catalog=catalog == "replaced")

    assert before == tree(data)
    shutil.rmtree(data / "wal")
    data.with_name("elsewhere").rename(data / "wal")
    assert store.is_initialised(data) == (catalog != "gone")


def test_a_log_without_a_catalog_gets_one(data: Path, files: demo.Files) -> None:
    """Bookings wait for it; a log is never made anew."""
    booked = book(data)
    (data / "catalog").rename(data.with_name("lost"))
    assert not store.is_initialised(data)

    initialise(data, files)

    engine = opened(data)
    assert booked == bookings(engine)
    engine.close()


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    """It may be an unmounted disk: the message says how one is made on purpose."""
    missing = tmp_path / "data"
    with pytest.raises(StoreError, match=f"^{missing} does not exist; .*billetter init --data"):
        store.require(missing)
    assert not missing.exists()


def test_an_empty_directory_is_not_taken(tmp_path: Path) -> None:
    """So may be a mount point."""
    with pytest.raises(StoreError, match=f"^{tmp_path} is not initialised; run: billetter init"):
        store.require(tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_a_log_with_a_bad_header_is_there(data: Path) -> None:
    """What is wrong with it is told by those who open it; it isn't made anew."""
    segment = next((data / "wal").glob("*.wal"))
    flip(segment, at=100)

    store.require(data)

    assert store.verify(data).fault.startswith(f"{segment} at byte 0: ")


def test_events_share_their_halls(data: Path) -> None:
    """The active events with the halls they sell; equal plans are one object in memory."""
    catalog = Catalog.open(data / store.CATALOG_DIRECTORY)
    events = store.events_on_sale(catalog)
    catalog.close()

    assert [1, 2, 3, 4, 5] == [event.event_id for event in events]
    assert [Sale.PARTNER, Sale.ALLOTMENT] + 3 * [Sale.OWN] == [event.sale for event in events]
    assert 100_000 == events[0].hall.seats_total
    assert [((0, 432),)] == [event.allotment for event in events if event.allotment]
    halls = [event.hall for event in events]
    assert len({id(hall) for hall in halls}) == len({str(hall) for hall in halls}) < len(halls)
    for event in events:
        event.check()


def test_an_unknown_time_zone() -> None:
    """Named, with one that is known; nor may a path be read as one."""
    assert ALMATY == store.time_zone("Asia/Almaty")
    for name in ("Asia/Nowhere", "../../etc/passwd", "", "\0"):
        with pytest.raises(StoreError, match="there is no time zone"):
            store.time_zone(name)


@pytest.fixture
def busy_data(data: Path) -> Path:
    """Two snapshots, sealed segments, and records after them."""
    for event_id in (2, 3, 4):
        book(data, seats=4, event_id=event_id)
        if event_id < 4:
            assert make_snapshot(data)
    return data


def test_a_good_directory(busy_data: Path) -> None:
    """Everything is counted, nothing is wrong, and not a byte or a name has changed."""
    before = tree(busy_data)

    found = store.verify(busy_data)

    assert "" == found.fault
    assert (3, 2) == (found.findings.bookings, len(found.findings.snapshots))
    shown = found.shown()
    assert ("40", "5", 15) == (shown["users"], shown["events"], shown["records"])
    assert "torn_bytes" not in shown
    assert before == tree(busy_data)


@pytest.mark.parametrize("missing", ["snapshots", "wal/LOCK"])
def test_looking_makes_nothing(data: Path, missing: str) -> None:
    """What isn't there is not made by looking for it."""
    path = data / missing
    path.rmdir() if path.is_dir() else path.unlink()
    before = tree(data)

    assert "" == store.verify(data).fault
    assert before == tree(data)


def flip(path: Path, *, at: int | None = None) -> None:
    """Change one byte; by default in the middle of what was written."""
    content = bytearray(path.read_bytes())
    content[len(bytes(content).rstrip(b"\0")) // 2 if at is None else at] ^= 1
    path.write_bytes(content)


FLIPPED = {
    "a sealed segment": ("wal/*.wal", min),
    "the header of the last segment": ("wal/*.wal", max),
    "the older snapshot": ("snapshots/*.snapshot", min),
    "the newest snapshot": ("snapshots/*.snapshot", max),
    "the users": ("catalog/users.sqlite", min),
    "the events": ("catalog/active.msgpack", min),
    "the search index": ("catalog/search/*.store", min),
}


@pytest.mark.parametrize(("pattern", "which"), FLIPPED.values(), ids=FLIPPED)
def test_a_flipped_bit_is_found(
    busy_data: Path, pattern: str, which: Callable[[list[Path]], Path]
) -> None:
    """The fault names the file, and the check has changed nothing, not even set it aside."""
    path = which(list(busy_data.glob(pattern)))
    flip(path, at=100 if which is max and path.suffix == ".wal" else None)
    before = tree(busy_data)

    assert path.name in store.verify(busy_data).fault
    assert before == tree(busy_data)


def test_the_log_s_fault_is_told_first(busy_data: Path) -> None:
    """Of several: a catalog can be imported anew."""
    segment = max(busy_data.glob("wal/*.wal"))
    flip(segment, at=100)
    flip(busy_data / "catalog" / "users.sqlite")

    assert store.verify(busy_data).fault.startswith(f"{segment} at byte 0: ")


def test_a_directory_in_use_is_not_checked(data: Path) -> None:
    """What moves can't be checked: that would find faults where there are none."""
    engine = opened(data)
    with pytest.raises(StoreError, match=f"^a server is using {data}; stop it"):
        store.verify(data)
    engine.close()

    assert "" == store.verify(data).fault


def test_a_catalog_that_is_damaged_is_not_opened(data: Path) -> None:
    """A file cut short is noticed at every start, not only by the check."""
    users = data / "catalog" / "users.sqlite"
    users.write_bytes(users.read_bytes()[:-1])
    with pytest.raises(CatalogError, match=r"users\.sqlite"):
        Catalog.open(data / store.CATALOG_DIRECTORY)


def test_what_the_system_knows_by_its_descriptor_is_named(tmp_path: Path) -> None:
    """A name that is known stays, and so do the words of a library."""
    refused = OSError(errno.ENOSPC, "No space")
    of_the_catalog = OSError(errno.ENOSPC, "No space", "/data/catalog")
    of_a_library = OSError("the index says no")
    for failure, told in (
        (refused, f"{tmp_path}: No space; make room there"),
        (of_the_catalog, "/data/catalog: No space; make room there"),
        (of_a_library, "the index says no"),
    ):
        with pytest.raises(OSError, match=r"No space|the index") as caught, store.naming(tmp_path):
            raise failure
        assert store.sentence(caught.value).startswith(told)


def test_a_small_file_that_has_no_room_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever asked for it knows it, not as it is while it is written."""

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space") as caught:
        store.write_own(tmp_path / "own", b"content")
    assert str(tmp_path / "own") == caught.value.filename


def test_a_small_file_is_on_disk_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is told to be there signs tickets at once."""
    asked = Asked(monkeypatch)
    store.write_own(tmp_path / "own", b"content")

    assert [] == asked.lacks(tmp_path)
    assert ("fsync", tmp_path) == asked[-1]
