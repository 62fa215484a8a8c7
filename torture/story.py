"""A diary kept through crashes: what was written, and how much of it somebody was told of.

Whatever happens to the disk within what we assume of one, each opening must show an exact prefix of
what was written, no less than what was told; and the log must reach back so far that the newest
snapshot isn't needed (I10), unless one could not be read before and was set aside.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random

from snapshots import SnapshotError
from snapshots.store import BROKEN_SUFFIX
from torture.corpus import snapshots_of
from torture.crash_fs import CrashFS
from torture.diary import ROOM, Diary, create
from torture.tally import Violation
from wal import LogExists, LogFailed, WalError

SEGMENT_BYTES_MAX = 4096 + 4 * 512
ENTRY_BYTES = (0, 20, 20, 700)  # a batch takes one sector, or some
REFUSALS = (OSError, WalError, SnapshotError)


class Story:
    """One life of a diary after another, on one disk after another."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.written: list[bytes] = []
        self.told = 0
        self._created = False

    def live(self, disk: CrashFS, *, rounds: int) -> None:
        """Open and check; write, seal, make snapshots and drop the log; close.

        What ends it passes through. Unless that is a power cut, no file may be left open.
        """
        try:
            if not self._created:
                self._create(disk)
            diary = Diary(disk, segment_bytes_max=SEGMENT_BYTES_MAX, salt=self._salt)
            try:
                self._check(diary.entries)
                for number in range(rounds):
                    self._write(diary)
                    if number % 3 == 2:
                        self._make_snapshot(diary)
            finally:
                self.told = max(self.told, diary.log.durable_lsn)
                diary.close()
        except REFUSALS:
            self._require_closed(disk)
            raise
        self._require_closed(disk)

    def check_end(self, disk: CrashFS) -> None:
        """Everything is there, more can be written, and the newest snapshot is not needed."""
        self.live(disk, rounds=1)
        self.live(disk, rounds=0)
        snapshots = snapshots_of(disk)
        if snapshots and not any(path.suffix == BROKEN_SUFFIX for path in disk.inodes):
            disk.remove(snapshots[-1])
            self.live(disk, rounds=0)

    def _create(self, disk: CrashFS) -> None:
        disk.make_directory(ROOM)
        with suppress(LogExists):  # the life before ended just after making it
            create(disk)
        self._created = True

    def _check(self, entries: list[bytes]) -> None:
        if len(entries) < self.told:
            raise Violation(f"record {self.told} was told of, and {len(entries)} are left")
        if entries != self.written[: len(entries)]:
            raise Violation(f"the {len(entries)} records that are left are not those written")
        del self.written[len(entries) :]
        self.told = len(entries)

    def _write(self, diary: Diary) -> None:
        sizes = [self.random.choice(ENTRY_BYTES) for _ in range(self.random.randrange(1, 4))]
        batch = [self.random.randbytes(size) for size in sizes]
        self.written += batch
        with self._final(diary):
            diary.write(batch)

    def _make_snapshot(self, diary: Diary) -> None:
        with self._final(diary):
            diary.seal()
        # A process of its own makes snapshots: where it fails, the server goes on.
        with suppress(*REFUSALS):
            diary.make_snapshot(meanwhile=self._once(diary))
        with suppress(*REFUSALS):
            diary.drop()

    def _once(self, diary: Diary) -> Callable[[], None]:
        """Writes one batch, the first time it is called."""
        left = [self._write]

        def meanwhile() -> None:
            while left:
                left.pop()(diary)

        return meanwhile

    @contextmanager
    def _final(self, diary: Diary) -> Iterator[None]:
        """A failure of the log must be final: it takes nothing more."""
        try:
            yield
        except REFUSALS:
            try:
                diary.log.append(b"")
            except LogFailed:
                raise
            raise Violation("the log failed, and then took another record") from None

    def _require_closed(self, disk: CrashFS) -> None:
        if disk.open_files:
            raise Violation(f"{len(disk.open_files)} files are still open")

    def _salt(self) -> bytes:
        return self.random.randbytes(8)
