"""The directory of one engine: its log, its snapshots, and what may be wrong with them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from engine.dump import load
from engine.errors import LogLost, LossyDump, StateDiverged, UnknownFormat
from engine.state import State
from snapshots import Corrupt as BadSnapshot
from snapshots import SnapshotError, SnapshotStore, broken_paths, snapshot_paths
from wal import Corrupt, Log, NoLog, WalError, read_store_id
from wal import end_process as end_process  # what fail stop means, for the rooms above
from wal.segments import segment_name

# What opening a store may raise, besides OSError; each says what is wrong with which file.
STORE_FAULTS = (WalError, SnapshotError, StateDiverged, UnknownFormat, LogLost)
_Read = TypeVar("_Read")

# A server that makes a snapshot while its log is read may drop what was to be read next. Reading
# takes seconds and a snapshot is made after minutes, so the second try is mostly the last one; more
# are for whoever has small snapshots made, or a slow disk.
TRIES = 5
WAL_DIRECTORY = "wal"
SNAPSHOTS_DIRECTORY = "snapshots"
_WAY_OUT = "restore a backup, or copy its snapshots there: with new enough ones nothing is lost"


def create_store(directory: Path, *, store_id: bytes) -> None:
    """Prepare an empty store; `store_id` is 16 random bytes that mark its files.

    Raises LogExists and LogLost: there is one, or was. What tells of it later is made last.
    """
    store_exists(directory)  # which raises LogLost
    Log.create(directory / WAL_DIRECTORY, store_id=store_id)
    SnapshotStore(directory / SNAPSHOTS_DIRECTORY, store_id=store_id)


def store_exists(directory: Path) -> bool:
    """True where `create_store` has made a log; raises LogLost where that is gone."""
    log, snapshots = directory / WAL_DIRECTORY, directory / SNAPSHOTS_DIRECTORY
    try:
        return bool(read_store_id(log))
    except Corrupt:
        return True
    except NoLog:
        if snapshots.is_dir():  # one that was interrupted before the log was there has none
            lost = f"{log}: no log here, though {snapshots} shows that there was one"
            raise LogLost(f"{lost}; mount the right volume, or restore a backup") from None
        return False


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


@contextmanager
def naming_broken(snapshots: Path) -> Iterator[None]:
    """Where a log can't be read, tell of the snapshots, too, that might have led past that."""
    try:
        yield
    except Corrupt as fault:
        broken = broken_paths(snapshots)
        if not broken:
            raise
        reason = f"{fault.reason}{_listed(broken)}: {_WAY_OUT}"
        raise Corrupt(
            fault.file, offset=fault.offset, reason=reason, last_good_lsn=fault.last_good_lsn
        ) from fault


def without_beginning(directory: Path, first_lsn: int, rotten: Iterable[Path] = ()) -> Corrupt:
    """What is wrong where no good snapshot leads to the first record that a log has.

    `rotten` are those that nobody has set aside yet.
    """
    broken = _listed([*broken_paths(directory / SNAPSHOTS_DIRECTORY), *rotten])
    reason = f"the log begins here, and no good snapshot leads to it{broken}: {_WAY_OUT}"
    file = directory / WAL_DIRECTORY / segment_name(first_lsn)
    return Corrupt(file, offset=0, reason=reason, last_good_lsn=0)


def _listed(broken: list[Path]) -> str:
    return f"; broken snapshots ({', '.join(map(str, broken))})" if broken else ""


def covered_lsn(directory: Path) -> int:
    """The LSN through which the log may be dropped; reads two snapshots whole."""
    return open_snapshots(directory).covered_lsn()


class StoreMoved(Exception):
    """The server has dropped what was about to be read: begin again."""

    def __init__(self) -> None:
        super().__init__("the server drops its log faster than it can be read; try again later")


def read_patiently(read: Callable[[], _Read]) -> _Read:
    """What `read` returns, begun again where the server drops what it reads; then it is raised."""
    for _ in range(TRIES - 1):
        with suppress(StoreMoved, FileNotFoundError):
            return read()
    return read()


def load_oldest(
    directory: Path, *, first_lsn: int, load: Callable[[Iterable[bytes]], State] = load
) -> tuple[State, int]:
    """The oldest state from which a log goes on that begins with `first_lsn`, and its LSN.

    For a look beside the server: nothing is locked or set aside. Raises StoreMoved where those that
    fit the log were dropped meanwhile, and Corrupt where none of them is good.
    """
    if first_lsn == 1:
        return State(), 0
    has_moved, rotten = False, []
    for lsn, path in snapshot_paths(directory / SNAPSHOTS_DIRECTORY):
        if lsn < first_lsn - 1:
            continue
        try:
            with open_snapshots(directory).open(lsn) as snapshot:
                return load(snapshot.chunks()), lsn
        except FileNotFoundError:
            has_moved = True  # dropped, or set aside; a newer one tells less, and truly
        except (BadSnapshot, LossyDump):
            rotten.append(path)
    if has_moved:
        raise StoreMoved
    raise without_beginning(directory, first_lsn, rotten)
