"""A store in which a newer version has written what this one doesn't know."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine import STORE_FAULTS, Engine
from engine.audit import audit_booking
from engine.errors import UnknownFormat
from engine.history import History
from engine.snapshotter import make_snapshot
from engine.store import WAL_DIRECTORY, open_snapshots
from engine.verify import read_unsettled, verify_store
from tests.scenario import EVENTS, START_MS
from wal import Log

BOOKING = 2_000_000_001
READERS: dict[str, Callable[[Path], object]] = {
    "a start": lambda directory: Engine.open(directory, EVENTS),
    "the maker of snapshots": make_snapshot,
    "an audit": lambda directory: audit_booking(directory, BOOKING),
    "a replay": lambda directory: list(History(directory, 2).changes()),
    "what is owed": read_unsettled,
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A booking, and then a record of a kind that there isn't yet."""
    Engine.create(tmp_path, store_id=b"sixteen bytes id")
    store = Engine.open(tmp_path, EVENTS)
    assert BOOKING == store.create_booking(user_id=1, event_id=2, now_ms=START_MS)
    store.close()
    log = Log.open(tmp_path / WAL_DIRECTORY)
    list(log.recover())
    log.append(msgspec.msgpack.encode([99, START_MS, 5]))
    log.seal()
    log.close()
    return tmp_path


@pytest.mark.parametrize("who", READERS)
def test_whoever_reads_it_says_which_record_it_is(directory: Path, who: str) -> None:
    """In a sentence, with what to do: the fault is one of those that a store may have."""
    with pytest.raises(UnknownFormat, match=r"^record 2 is whole.* start that one$") as caught:
        READERS[who](directory)

    assert isinstance(caught.value, STORE_FAULTS)


def test_the_offline_check_says_which_record_it_is(directory: Path) -> None:
    """It is a fault like any other, and raised by nothing."""
    assert "record 2 is whole" in verify_store(directory).fault


def test_a_newer_snapshot_is_not_set_aside(tmp_path: Path) -> None:
    """It is good, and its own version will want it."""
    Engine.create(tmp_path, store_id=b"sixteen bytes id")
    newer = open_snapshots(tmp_path).save(1, [msgspec.msgpack.encode(["tickets", []])])

    with pytest.raises(UnknownFormat, match=r"^a snapshot is whole.* start that one$"):
        Engine.open(tmp_path, EVENTS)

    assert newer.exists()
