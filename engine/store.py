"""The directory of one engine: its log, its snapshots, and what may be wrong with them."""

from pathlib import Path

from engine.dump import load
from engine.errors import LossyDump, StateDiverged
from engine.state import State
from snapshots import Corrupt as BadSnapshot
from snapshots import SnapshotError, SnapshotStore
from wal import Corrupt, Log, NoLog, WalError, read_store_id

# What opening a store may raise, besides OSError; each says what is wrong with which file.
STORE_FAULTS = (WalError, SnapshotError, StateDiverged)
WAL_DIRECTORY = "wal"
SNAPSHOTS_DIRECTORY = "snapshots"


def create_store(directory: Path, *, store_id: bytes) -> None:
    """Prepare an empty store; `store_id` is 16 random bytes that mark its files."""
    Log.create(directory / WAL_DIRECTORY, store_id=store_id)
    SnapshotStore(directory / SNAPSHOTS_DIRECTORY, store_id=store_id)


def store_exists(directory: Path) -> bool:
    """True where `create_store` has finished, whatever has become of it since."""
    try:
        return bool(read_store_id(directory / WAL_DIRECTORY))
    except NoLog:
        return False
    except Corrupt:
        return True


def open_snapshots(directory: Path) -> SnapshotStore:
    """The snapshots that belong to the log of the same data directory."""
    store_id = read_store_id(directory / WAL_DIRECTORY)
    return SnapshotStore(directory / SNAPSHOTS_DIRECTORY, store_id=store_id)


def load_newest(snapshots: SnapshotStore) -> tuple[State, int]:
    """The state of the newest good snapshot, and its LSN; without any, the state before record 1.

    One that doesn't load to what was dumped is set aside, as one that has rotted is.
    """
    while (snapshot := snapshots.load_newest()) is not None:
        with snapshot:
            try:
                return load(snapshot.chunks()), snapshot.lsn
            except LossyDump as fault:
                snapshots.set_aside(BadSnapshot(snapshot.path, str(fault)))
    return State(), 0


def covered_lsn(directory: Path) -> int:
    """The LSN through which the log may be dropped; reads two snapshots whole."""
    return open_snapshots(directory).covered_lsn()


class StoreMoved(Exception):
    """The server has dropped what was about to be read: begin again."""
