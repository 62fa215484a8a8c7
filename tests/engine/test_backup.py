"""A store copied beside its engine makes the state that was acknowledged."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Engine
from engine.backup import copy_store
from engine.snapshotter import make_snapshot
from engine.store import StoreMoved
from engine.verify import verify_store
from snapshots import Corrupt, snapshot_paths
from tests.scenario import EVENTS, START_MS
from wal import Corrupt as CorruptLog
from wal.copy import Copied, copy_log
from wal.files import OS
from wal.watermark import create_watermark

STORE_ID = b"sixteen bytes id"


def sell(store: Engine, bookings: int = 3) -> None:
    """Some bookings, each with a seat, made durable and sealed."""
    for _ in range(bookings):
        booking_id = store.create_booking(user_id=1, event_id=1, now_ms=START_MS)
        free = store.deal(event_id=1, row=None, limit=1)[0]
        store.select_seat(user_id=1, booking_id=booking_id, seat_id=free.seat_id, now_ms=START_MS)
    store.seal_log()
    store.flush()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    Engine.create(source, store_id=STORE_ID)
    return source


@pytest.fixture
def store(source: Path) -> Iterator[Engine]:
    """An open store with two snapshots, without the log before the older one."""
    store = Engine.open(source, EVENTS)
    for _ in range(2):
        sell(store)
        make_snapshot(source)
    store.drop_log_through(6)
    sell(store, bookings=1)
    yield store
    store.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    target = tmp_path / "target"
    target.mkdir()
    return target


def test_a_copy_makes_the_same_state(source: Path, store: Engine, target: Path) -> None:
    """From every snapshot and from the log after it."""
    digest = store.digest()

    assert 14 == copy_store(source, target)

    found = verify_store(target)
    assert ("", digest, 14) == (found.fault, found.digest, found.records)
    assert {12, 6} == set(found.snapshots)


def test_a_copy_is_whole_after_a_power_cut(source: Path, store: Engine, target: Path) -> None:
    """The next start hasn't been yet, and the watermark is older than all that is left of the log.

    A restored shop that lacked bookings would give their numbers out again.
    """
    digest = store.digest()
    store.close()
    create_watermark(OS, source / "wal", STORE_ID)

    assert 14 == copy_store(source, target)

    found = verify_store(target)
    assert ("", digest, 14) == (found.fault, found.digest, found.records)


def test_a_store_without_snapshots_is_copied(source: Path, target: Path) -> None:
    """Its log begins with the first record."""
    store = Engine.open(source, EVENTS)
    sell(store)
    assert 6 == copy_store(source, target)
    assert (store.digest(), "") == (verify_store(target).digest, verify_store(target).fault)
    store.close()


def test_a_directory_of_snapshots_that_is_missing_stays_so(source: Path, target: Path) -> None:
    """What is copied is only looked at."""
    (source / "snapshots").rmdir()
    assert 0 == copy_store(source, target)
    assert not (source / "snapshots").exists()


def test_a_snapshot_made_meanwhile_is_left_out(
    source: Path, store: Engine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows of records that the copied log hasn't."""

    def slow(*paths: Path) -> Copied:
        copied = copy_log(*paths)
        sell(store)
        make_snapshot(source)
        return copied

    monkeypatch.setattr("engine.backup.copy_log", slow)

    assert 14 == copy_store(source, target)

    assert {12} == set(verify_store(target).snapshots)
    assert "" == verify_store(target).fault


def test_a_store_that_moves_on_is_copied_again(
    source: Path, store: Engine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two snapshots later the ones that the copied log needs are gone."""

    def slow(*paths: Path) -> Copied:
        copied = copy_log(*paths)
        for _ in range(2):
            sell(store)
            make_snapshot(source)
        return copied

    monkeypatch.setattr("engine.backup.copy_log", slow)

    with pytest.raises(StoreMoved):
        copy_store(source, target)


def test_a_snapshot_pruned_while_it_is_opened_is_done_without(
    source: Path, store: Engine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer one and the log after it are enough."""
    listed = snapshot_paths(source / "snapshots")
    monkeypatch.setattr("engine.backup.snapshot_paths", lambda _: listed)
    (source / "snapshots" / f"{6:020d}.snapshot").unlink()

    assert 14 == copy_store(source, target)
    monkeypatch.undo()
    assert ((12,), "") == (verify_store(target).snapshots, verify_store(target).fault)


def test_where_all_are_pruned_before_they_are_opened_the_store_has_moved(
    source: Path, store: Engine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has newer ones by now, so nothing is wrong with it."""
    listed = snapshot_paths(source / "snapshots")
    monkeypatch.setattr("engine.backup.snapshot_paths", lambda _: listed)
    for _, path in listed:
        path.unlink()

    with pytest.raises(StoreMoved):
        copy_store(source, target)


def test_a_segment_dropped_meanwhile_is_told(
    source: Path, store: Engine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller removes what was copied and begins again."""

    def slow(*_: Path) -> Copied:
        raise FileNotFoundError

    monkeypatch.setattr("engine.backup.copy_log", slow)
    with pytest.raises(StoreMoved):
        copy_store(source, target)


def test_a_damaged_snapshot_is_not_copied(source: Path, store: Engine, target: Path) -> None:
    """A backup is no place to keep what can't be read; the next snapshot sets it aside."""
    path = source / "snapshots" / f"{12:020d}.snapshot"
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)

    with pytest.raises(Corrupt, match=path.name):
        copy_store(source, target)
    assert path.exists()


def test_without_a_good_snapshot_there_is_no_backup(
    source: Path, store: Engine, target: Path
) -> None:
    """What is broken is named, with a way out: one of an older backup leads on."""
    copy_store(source, target)
    sell(store)
    paths = [path for _, path in snapshot_paths(source / "snapshots")]
    broken = [path.rename(f"{path}.broken") for path in paths]
    another = target / "another"
    another.mkdir()

    with pytest.raises(CorruptLog, match=re.escape(", ".join(map(str, broken)))):
        copy_store(source, another)
    shutil.copy(target / "snapshots" / paths[-1].name, source / "snapshots")
    shutil.rmtree(another / "wal")
    assert store.durable_lsn == copy_store(source, another)
    assert ("", store.digest()) == (verify_store(another).fault, verify_store(another).digest)


def test_a_log_that_lacks_one_record_makes_no_backup(source: Path, target: Path) -> None:
    """The one after the snapshot: nobody would know what it was."""
    store = Engine.open(source, EVENTS)
    sell(store)
    assert 6 == make_snapshot(source)
    for _ in range(2):
        store.create_booking(user_id=1, event_id=1, now_ms=START_MS)
        store.seal_log()
        store.flush()
    store.drop_log_through(7)
    store.close()

    with pytest.raises(CorruptLog, match="no good snapshot leads to it"):
        copy_store(source, target)
