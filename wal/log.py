"""An append-only log of byte records: a record is on disk once `durable_lsn` has reached it.

`append` only remembers; `take` hands over what waits and `write` makes it durable with one
fdatasync, the next only after the last has returned. Append and take belong to one thread, write
and prepare to one other, or to the same. A log that failed to write or to sync stays failed: the
kernel may have dropped the pages, so a second fsync would lie.

After a restart the log goes on in a new segment. Its first batch is the last whole batch of the
old one over again: that batch may have reached only the page cache, of a machine whose disk
refused it, and must not be built upon before it is durable. (The cache is asked to forget it, and
may decline.) This is why recovery need not know how the last process ended. What this cannot see
is a disk that reports data as written and has lost it earlier in the log, as long as the page cache
still shows it.
"""

import errno
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate, pairwise
from pathlib import Path

from wal.anylog import Pending
from wal.errors import Backlogged, LogExists, LogFailed, WalError
from wal.files import OS, FileSystem, naming, write_file
from wal.format import (
    BATCH_BYTES_MAX,
    FILE_BYTES_MAX,
    LENGTH_BYTES,
    RECORD_BYTES_MAX,
    SALT_BYTES,
    STORE_ID_BYTES,
    SegmentHeader,
)
from wal.lock import take_lock
from wal.recovery import Recovery, Tail, TornTail, existing_paths, load_header, records_after
from wal.segments import (
    OpenSegment,
    Spare,
    first_header,
    named_lsn,
    next_header,
    remove_temporaries,
    segment_paths,
    sync_segment,
)
from wal.watermark import Watermark, create_watermark, read_watermark, remembers_records

SEGMENT_BYTES_MAX = 16 << 20  # read whole by recovery and by the maker of snapshots
PENDING_BYTES_MAX = 16 << 20  # two full batches: more would only wait, and clients give up
_NEW_WORK_BYTES_MAX = PENDING_BYTES_MAX - (RECORD_BYTES_MAX + LENGTH_BYTES)
BROKEN_SUFFIX = ".broken"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def new_salt() -> bytes:
    """What tells the batches of one segment from those of any other."""
    return os.urandom(SALT_BYTES)


class Log:
    """A log in a directory of its own. Make one with `create`, use it with `open`, then recover."""

    @staticmethod
    def create(
        directory: Path,
        *,
        store_id: bytes,
        fs: FileSystem = OS,
        salt: Callable[[], bytes] = new_salt,
    ) -> None:
        """Make an empty log, durably; raise LogExists or Locked. Its first segment comes last.

        Where a watermark remembers records there was a log, though its segments are gone.
        """
        if len(store_id) != STORE_ID_BYTES:
            raise ValueError(f"a store id has {STORE_ID_BYTES} bytes")
        fs.make_directory(directory)
        lock = take_lock(fs, directory)
        try:
            if segment_paths(fs, directory) or remembers_records(fs, directory):
                fs.sync_directory(directory)  # to say that it exists is to promise that it lasts
                raise LogExists(directory)
            create_watermark(fs, directory, store_id)
            spare = Spare(fs, directory, size_bytes=0)
            try:
                spare.become(first_header(store_id, salt=salt())).close()
            finally:
                spare.close()
        finally:
            fs.close(lock)

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        fs: FileSystem = OS,
        salt: Callable[[], bytes] = new_salt,
    ) -> "Log":
        """Lock an existing log for writing; raise NoLog, Locked or Corrupt.

        Then exhaust `recover`. The log holds its lock until `close`, or until the process ends.
        `segment_bytes_max` is at most FILE_BYTES_MAX.
        """
        assert segment_bytes_max <= FILE_BYTES_MAX
        existing_paths(fs, directory)
        lock = take_lock(fs, directory)
        try:
            return cls(directory, segment_bytes_max=segment_bytes_max, fs=fs, salt=salt, lock=lock)
        except BaseException:
            fs.close(lock)
            raise

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes_max: int,
        fs: FileSystem,
        salt: Callable[[], bytes],
        lock: int,
    ) -> None:
        self.directory = directory
        self.store_id = load_header(fs, existing_paths(fs, directory)[-1]).store_id
        self.torn: TornTail | None = None
        self.appended_lsn = 0
        self.durable_lsn = 0
        self.waiting_bytes = 0
        self._fs = fs
        self._lock: int | None = lock
        self._salt = salt
        self._segment_bytes_max = segment_bytes_max
        self._spare = Spare(fs, directory, size_bytes=segment_bytes_max)
        self._segment: OpenSegment | None = None
        self._watermark: Watermark | None = None
        self._records: list[bytes] = []
        self._seal_wanted = False
        self._disk_full = False
        self._failure: BaseException | None = None

    def recover(self, after_lsn: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield (lsn, payload) of every record after `after_lsn`, without gaps.

        Raises Corrupt with nothing changed on disk. A torn last batch, of which nobody was told,
        is copied to a `.broken` file, left out, and reported in `torn`. When the last record has
        been yielded the log takes appends; abandoned before, it takes none.
        """
        assert self._segment is None, "a log is recovered once"
        sync_segment(self._fs, existing_paths(self._fs, self.directory)[-1])
        acked_lsn = read_watermark(self._fs, self.directory, self.store_id)
        recovery = Recovery(self._fs, self.directory, after_lsn=after_lsn, acked_lsn=acked_lsn)
        for batch in recovery:
            yield from records_after(batch, after_lsn)
        self._go_on(recovery.tail)

    def append(self, payload: bytes) -> int:
        """Give the record the next LSN and return it; nothing is written yet.

        Raises Backlogged if too much is waiting, LogFailed after a failure and ValueError for more
        than RECORD_BYTES_MAX; nothing has changed then.
        """
        size = len(payload)
        if self._failure or self._segment is None or size > RECORD_BYTES_MAX:
            raise self._refusal(size)
        waiting_bytes = self.waiting_bytes + size + LENGTH_BYTES
        if waiting_bytes > PENDING_BYTES_MAX:
            raise Backlogged(f"{self.waiting_bytes} bytes are waiting for the disk")
        self.waiting_bytes = waiting_bytes
        self._records.append(payload)
        self.appended_lsn += 1
        return self.appended_lsn

    @property
    def has_room(self) -> bool:
        """Whether new work may be accepted: one more record of any size fits, on disk too.

        False on a full disk while the current segment still has room for what is under way, until
        `prepare` has found room for the next one.
        """
        if self._failure or self._disk_full:
            return False
        return self.waiting_bytes <= _NEW_WORK_BYTES_MAX

    @property
    def sealed_lsn(self) -> int:
        """The last LSN in a sealed segment: what `read_sealed` can reach."""
        return self._segment.header.first_lsn - 1 if self._segment else 0

    def seal(self) -> None:
        """Ask that the next write also ends the current segment, if it holds anything.

        Where a full disk can't have the next one, the current one goes on: then ask again.
        """
        self._seal_wanted = True

    def take(self) -> Pending | None:
        """Hand over the records that wait, up to one full batch, for `write`; None if none do."""
        if not self._records and not self._seal_wanted:
            return None
        first_lsn = self.appended_lsn - len(self._records) + 1
        taken, size = self._records, self.waiting_bytes
        if size > BATCH_BYTES_MAX:
            count, size = _full_batch(taken)
            taken, self._records = taken[:count], taken[count:]
        else:
            self._records = []
        self.waiting_bytes -= size
        seal, self._seal_wanted = self._seal_wanted, False
        return Pending(first_lsn, taken, size, seal)

    def write(self, pending: Pending) -> None:
        """Make one batch durable, and then advance `durable_lsn`.

        Whatever this raises is final: the log is failed, and nobody may be told of the batch.
        """
        if self._failure:
            raise LogFailed("the log failed before") from self._failure
        assert not pending.records or pending.first_lsn == self.durable_lsn + 1
        with self._failing_for_good():
            self._write(pending)

    def prepare(self) -> None:
        """Write ahead a piece of the next segment, twice as fast as the current one fills.

        It belongs to the writer, between two batches: a thread of its own would contend for the
        interpreter and the disk with the very commits it should not disturb. A full disk is no
        failure yet, because nothing is lost: `has_room` turns False. From then on this tries to
        have the whole next segment, so call it now and then while nothing is written, too.
        """
        with self._failing_for_good():
            if not self._disk_full:
                self._disk_full = not self._prepared(2 * self._open_segment().position.offset)
            elif self._fs.free_bytes(self.directory) >= 2 * self._segment_bytes_max:
                # Only having it tells: a quota, or too few inodes, leave space that none may use.
                self._disk_full = not self._prepared(self._segment_bytes_max)

    def flush(self) -> None:
        """Make everything appended durable, here and now; not while a GroupCommit runs."""
        while pending := self.take():
            self.write(pending)
            self.prepare()
        if self._disk_full:  # with nothing to write, too: nobody else looks for room
            self.prepare()

    def drop_through(self, lsn: int) -> None:
        """Delete the segments that hold nothing after `lsn`, oldest first, so no hole can appear.

        The last segment always stays. Safe in any thread. Pass only what two verified snapshots
        cover.
        """
        for path, successor in pairwise(segment_paths(self._fs, self.directory)):
            if named_lsn(successor) - 1 > lsn:
                return
            self._fs.unlink(path)
            self._fs.sync_directory(self.directory)

    def close(self) -> None:
        """Make everything durable unless the log failed, then let go of the files and the lock."""
        try:
            if self._segment and not self._failure:
                self.flush()
                self._spare.discard()
        finally:
            self._release()

    def _write(self, pending: Pending) -> None:
        segment = self._open_segment()
        if pending.records:
            if not segment.fits(pending.payload_bytes, segment_bytes_max=self._segment_bytes_max):
                segment = self._rotate(segment)
            segment.write(pending.records)
            last_lsn = pending.first_lsn + len(pending.records) - 1
            assert self._watermark
            self._watermark.write(last_lsn)
            self.durable_lsn = last_lsn
        if pending.seal and not segment.is_empty and self._has_next():
            self._rotate(segment)

    def _has_next(self) -> bool:
        """Whether all of the next segment is on disk; without room for it the disk is full."""
        if not self._disk_full:
            self._disk_full = not self._prepared(self._segment_bytes_max)
        return not self._disk_full

    def _prepared(self, size_bytes: int) -> bool:
        """Whether so much of the next segment is on disk; where it has no room, none of it is."""
        try:
            self._spare.grow(size_bytes)
        except OSError as failure:
            if failure.errno not in _NO_SPACE:
                raise
            self._spare.discard()
            return False
        return True

    def _rotate(self, segment: OpenSegment) -> OpenSegment:
        following = self._spare.become(segment.header_of_next(self._salt()))
        self._segment = following
        segment.close()
        return following

    def _go_on(self, tail: Tail) -> None:
        remove_temporaries(self._fs, self.directory)
        if tail.torn:
            name = f"{tail.torn.file.stem}.{tail.torn.offset}{BROKEN_SUFFIX}"
            write_file(self._fs, self.directory / name, tail.torn.data)
            self.torn = tail.torn
        header = self._header_after(tail)
        self._watermark = Watermark(self._fs, self.directory, self.store_id)
        with naming(self.directory):
            self._segment = self._spare.become(header, tail.records)
            self._watermark.write(tail.last_lsn)
        self.appended_lsn = self.durable_lsn = tail.last_lsn

    def _header_after(self, tail: Tail) -> SegmentHeader:
        epoch = tail.header.epoch + 1
        return next_header(tail.header, tail.cut, salt=self._salt(), epoch=epoch)

    @contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        try:
            yield
        except BaseException as failure:
            self._failure = failure
            if isinstance(failure, OSError):  # no `naming`, which each batch would pay for
                failure.filename = failure.filename or str(self.directory)
            raise

    def _open_segment(self) -> OpenSegment:
        assert self._segment, "recover first"
        return self._segment

    def _refusal(self, size_bytes: int) -> Exception:
        if self._failure:
            return LogFailed("the log failed before")
        if self._segment is None:
            return WalError("the log takes no appends before it is recovered, nor after its close")
        return ValueError(f"a record of {size_bytes} bytes; at most {RECORD_BYTES_MAX} may be")

    def _release(self) -> None:
        self._spare.close()
        if self._segment:
            self._segment.close()
            self._segment = None
        if self._watermark:
            self._watermark.close()
            self._watermark = None
        if self._lock is not None:
            self._fs.close(self._lock)
            self._lock = None


def _full_batch(records: list[bytes]) -> tuple[int, int]:
    """How many of the records fill one batch, and their bytes with the lengths."""
    sizes = list(accumulate(len(record) + LENGTH_BYTES for record in records))
    count = bisect_right(sizes, BATCH_BYTES_MAX)
    return count, sizes[count - 1]
