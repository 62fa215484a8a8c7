"""The offline check finds nothing in a good store, and the fault in a bad one."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from engine import BookingStatus, Engine, dump, verify
from engine.snapshotter import make_snapshot
from engine.state import State
from engine.store import SNAPSHOTS_DIRECTORY, WAL_DIRECTORY, open_snapshots
from engine.verify import Findings, read_unsettled, verify_store
from snapshots import SnapshotStore
from snapshots.store import Snapshot
from tests.scenario import EVENTS, START_MS
from wal import Locked

STORE_ID = b"sixteen bytes id"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A store with two snapshots and a record after them; `digest` is in a file beside it."""
    Engine.create(tmp_path, store_id=STORE_ID)
    store = Engine.open(tmp_path, EVENTS)
    for event_id in (1, 2):
        booking_id = store.create_booking(user_id=1, event_id=event_id, now_ms=START_MS)
        store.select_seat(
            user_id=1,
            booking_id=booking_id,
            seat_id=event_id * 10_000_000 + 10_001,
            now_ms=START_MS,
        )
        store.initiate_payment(user_id=1, booking_id=booking_id, now_ms=START_MS)
        store._log.seal()
        store.flush()
        make_snapshot(tmp_path)
    store.create_booking(user_id=1, event_id=1, now_ms=START_MS)
    (tmp_path / "digest").write_text(store.digest())
    store.close()
    return tmp_path


def test_a_good_store(directory: Path) -> None:
    """What it holds is told; both snapshots and the whole log make the same state."""
    found = verify_store(directory)

    assert "" == found.fault
    assert (directory / "digest").read_text() == found.digest
    assert (7, {3, 6}) == (found.records, set(found.snapshots))
    assert (2, 3, 2) == (found.events_touched, found.bookings, found.payments_unsettled)
    assert 0 == found.torn_bytes
    assert found.segments > 1


def test_a_store_whose_log_begins_later(directory: Path) -> None:
    """What two snapshots cover of the log may be gone."""
    whole = verify_store(directory)
    store = Engine.open(directory, EVENTS)
    store.drop_log_through(3)
    store.close()

    found = verify_store(directory)
    assert "" == found.fault
    assert (whole.digest, whole.records) == (found.digest, found.records)
    assert found.segments <= whole.segments


def test_a_snapshot_older_than_the_two_needs_no_log(directory: Path) -> None:
    """A power cut may bring back the name of one that was pruned, when its log is gone for good."""
    whole = verify_store(directory)
    pruned = directory / SNAPSHOTS_DIRECTORY / f"{3:020}.snapshot"
    content = pruned.read_bytes()
    store = Engine.open(directory, EVENTS)
    store.seal_log()
    store.flush()
    make_snapshot(directory)
    assert not pruned.exists()
    store.drop_log_through(6)
    store.close()
    pruned.write_bytes(content)

    found = verify_store(directory)
    assert ("", whole.digest) == (found.fault, found.digest)
    assert (7, 6, 3) == found.snapshots


def test_a_log_that_lacks_what_the_older_of_two_snapshots_needs(directory: Path) -> None:
    """Either of the two may rot, so the log must go on from both."""
    store = Engine.open(directory, EVENTS)
    store.drop_log_through(6)
    store.close()
    assert "the records from 4 on are in no segment" in verify_store(directory).fault


def test_a_snapshot_that_is_dropped_meanwhile(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a maker that has outlived its server: nothing is wrong with what is left."""
    open_one = SnapshotStore.open

    def drop_and_open(store: SnapshotStore, lsn: int) -> Snapshot:
        if lsn == 3:
            (store.directory / f"{3:020}.snapshot").unlink()
        return open_one(store, lsn)

    monkeypatch.setattr(SnapshotStore, "open", drop_and_open)
    found = verify_store(directory)
    assert ("", 7) == (found.fault, found.records)
    assert (directory / "digest").read_text() == found.digest


def test_a_snapshot_that_is_named_and_not_there(directory: Path) -> None:
    """Nobody has dropped it, and nobody can read it."""
    path = directory / SNAPSHOTS_DIRECTORY / f"{3:020}.snapshot"
    path.unlink()
    path.symlink_to(directory / "nowhere")
    assert "FileNotFoundError" in verify_store(directory).fault


def test_an_empty_store(tmp_path: Path) -> None:
    """Nothing is wrong with nothing."""
    Engine.create(tmp_path, store_id=STORE_ID)

    found = verify_store(tmp_path)
    assert ("", 0, ()) == (found.fault, found.records, found.snapshots)
    assert dump.digest(State()) == found.digest


def test_a_missing_store(tmp_path: Path) -> None:
    """It is said, and nothing is made."""
    assert verify_store(tmp_path / "missing").fault
    assert [] == list(tmp_path.iterdir())


def test_a_store_in_use(directory: Path) -> None:
    """What moves can't be checked: that is said, and is no fault."""
    store = Engine.open(directory, EVENTS)
    with pytest.raises(Locked):
        verify_store(directory)
    store.close()

    assert "" == verify_store(directory).fault


def test_a_log_that_begins_later_without_a_snapshot(directory: Path) -> None:
    """Nobody can make the state any more, and the message says why."""
    store = Engine.open(directory, EVENTS)
    store.drop_log_through(3)
    store.close()
    shutil.rmtree(directory / SNAPSHOTS_DIRECTORY)

    found = verify_store(directory)

    assert "the log begins here, and no good snapshot leads to it: restore" in found.fault
    assert not (directory / SNAPSHOTS_DIRECTORY).exists()


def flip(path: Path) -> None:
    """Change one byte in the middle of what was written."""
    data = bytearray(path.read_bytes())
    data[len(bytes(data).rstrip(b"\0")) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("snapshots", [0, 1, 2])
def test_what_is_owed_is_read_from_any_store(directory: Path, snapshots: int) -> None:
    """With two snapshots, with the first one only, and before there was any."""
    for path in sorted((directory / SNAPSHOTS_DIRECTORY).glob("*.snapshot"))[snapshots:]:
        path.unlink()

    owed = read_unsettled(directory)
    assert [1_000_000_001, 2_000_000_001] == [one.booking_id for one in owed]


def test_a_bad_byte_in_the_log(directory: Path) -> None:
    """The fault names the segment."""
    first = min((directory / WAL_DIRECTORY).glob("*.wal"))
    flip(first)

    assert first.name in verify_store(directory).fault


@pytest.mark.parametrize("which", [min, max], ids=["older", "newer"])
def test_a_bad_byte_in_a_snapshot(directory: Path, which: Callable[[Iterable[Path]], Path]) -> None:
    """The fault names the file; the check itself renames nothing."""
    bad = which((directory / SNAPSHOTS_DIRECTORY).glob("*.snapshot"))
    flip(bad)

    assert bad.name in verify_store(directory).fault
    assert bad.exists()


def test_a_good_file_with_another_truth(directory: Path) -> None:
    """A snapshot whose every checksum is right, but which isn't what the log says."""
    open_snapshots(directory).save(7, dump.dump(State()))

    assert "different states" in verify_store(directory).fault


def test_a_good_file_with_an_impossible_truth(directory: Path) -> None:
    """Every checksum is right, its digest too, and no engine can have come to such a state."""
    with open_snapshots(directory).open(6) as snapshot:
        state = dump.load(snapshot.chunks())
    state.bookings[0].status = BookingStatus.CANCELLED
    open_snapshots(directory).save(6, dump.dump(state))

    assert "AssertionError: I13: a cancelled booking holds none" == verify_store(directory).fault


@pytest.mark.parametrize(("dropped", "is_compared"), [(0, True), (3, True), (4, False)])
def test_an_old_snapshot_from_which_the_log_goes_on_tells_the_same(
    tmp_path: Path, dropped: int, is_compared: bool
) -> None:
    """However many newer ones there are: two, and the one of record 3, which isn't true."""
    Engine.create(tmp_path, store_id=STORE_ID)
    store = Engine.open(tmp_path, EVENTS)
    for bookings in (3, 1, 1, 1):
        for _ in range(bookings):
            store.create_booking(user_id=1, event_id=1, now_ms=START_MS)
        store.seal_log()
        store.flush()
        make_snapshot(tmp_path)
    store.drop_log_through(dropped)
    store.close()
    assert "" == verify_store(tmp_path).fault
    open_snapshots(tmp_path).save(3, dump.dump(State()))

    assert is_compared == bool(verify_store(tmp_path).fault)


def test_records_that_cannot_be_applied(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a record makes of apply is the finding, not a traceback."""

    def break_down(*_: object) -> None:
        raise KeyError("no such booking")

    monkeypatch.setattr(verify, "check_record", break_down)
    assert "KeyError: 'no such booking'" == verify_store(directory).fault


def test_findings_without_a_fault_are_empty() -> None:
    """Nothing found is nothing wrong."""
    assert "" == Findings().fault
