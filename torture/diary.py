"""The smallest user of a log and snapshots: its state is the list of all records ever written.

It does with them what the engine does, in the same order, so that what breaks a diary would break
the engine too.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from snapshots import SnapshotStore, make
from wal import FileSystem, Log, read_sealed

ROOM = Path("/diary")
WAL = ROOM / "wal"
SNAPSHOTS = ROOM / "snapshots"
STORE_ID = b"sixteen bytes id"
SALT = b"8 bytes."

Entries = list[bytes]


def create(fs: FileSystem, *, store_id: bytes = STORE_ID, salt: bytes = SALT) -> None:
    """Make an empty diary, durably."""
    Log.create(WAL, store_id=store_id, fs=fs, salt=lambda: salt)


class Diary:
    """A diary that is open for writing; opening it reads it."""

    def __init__(
        self, fs: FileSystem, *, segment_bytes_max: int, salt: Callable[[], bytes] = lambda: SALT
    ) -> None:
        """Recover: the newest good snapshot, then every later record. Raises what they raise."""
        self._fs = fs
        self.log = Log.open(WAL, segment_bytes_max=segment_bytes_max, fs=fs, salt=salt)
        try:
            self.snapshots = SnapshotStore(SNAPSHOTS, store_id=self.log.store_id, fs=fs)
            self.entries, lsn = self._newest_snapshot()
            self.entries += [payload for _, payload in self.log.recover(lsn)]
        except BaseException:
            self.log.close()
            raise

    def write(self, entries: Iterable[bytes]) -> None:
        """Write them as one batch; they are durable when this returns."""
        for entry in entries:
            self.log.append(entry)
        self.log.flush()

    def seal(self) -> None:
        """End the segment, so that a snapshot can reach its last record."""
        self.log.seal()
        self.log.flush()

    def make_snapshot(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Make a snapshot of what is sealed; between its chunks the writer goes on, as it may."""

        def dump(state: Entries) -> Iterator[bytes]:
            for entry in state:
                yield b"+" + entry  # a chunk is never empty, an entry may be
                meanwhile()

        make(
            store=self.snapshots,
            read_sealed=partial(read_sealed, WAL, fs=self._fs),
            load=_loaded,
            apply=lambda state, _, payload: state.append(payload),
            dump=dump,
        )

    def drop(self) -> None:
        """Drop the log as far as two snapshots cover it."""
        self.log.drop_through(self.snapshots.covered_lsn())

    def close(self) -> None:
        self.log.close()

    def _newest_snapshot(self) -> tuple[Entries, int]:
        newest = self.snapshots.load_newest()
        if newest is None:
            return [], 0
        with newest:
            return _loaded(newest.chunks()), newest.lsn


def _loaded(chunks: Iterator[bytes] | None) -> Entries:
    return [chunk[1:] for chunk in chunks or ()]
