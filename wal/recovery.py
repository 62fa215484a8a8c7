"""Reads a log back, and decides what a bad batch means. Nothing here changes a file.

A batch is written only after the fdatasync of the one before it has returned. So at a crash at
most one batch is not known to be durable, the last of the last segment, and nobody was told of
it. A bad batch is therefore

  corrupt   in a segment that has a successor: the successor names where it ends;
  corrupt   if an intact batch header of the same segment follows: it was fsynced before that;
  corrupt   if anything but zeros lies further behind it than one batch can reach;
  corrupt   if it is whole and readable but doesn't belong: no torn write looks like that;
  corrupt   if a record that was acknowledged, as the watermark knows, would be gone with it;
  torn      otherwise: it is left out, and reported.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from wal.errors import Corrupt, NoLog
from wal.files import OS, FileSystem, file_bytes, read_file
from wal.format import (
    FILE_BYTES_MAX,
    FRAME_BYTES_MAX,
    SECTOR_BYTES,
    SEGMENT_HEADER_BYTES,
    Batch,
    Misplaced,
    Position,
    Predecessor,
    SegmentHeader,
    Unreadable,
    decode_batch,
    decode_segment_header,
    find_batch,
    first_position,
    is_zero,
)
from wal.segments import named_lsn, paths_from, segment_paths


class TornTail(NamedTuple):
    """What was left of a batch that never became durable; nobody was told of it."""

    file: Path
    offset: int
    data: bytes

    def __str__(self) -> str:
        told = f"{len(self.data)} bytes that were never acknowledged"
        return f"{self.file} at byte {self.offset}: {told}"


class Segment(NamedTuple):
    """A segment in memory, its header checked and its batches not yet."""

    path: Path
    header: SegmentHeader
    data: bytes


class Tail:
    """What reading a log to its end has found there."""

    def __init__(self, segment: Segment) -> None:
        self.header = segment.header
        self.cut = first_position(segment.header)  # before the last whole batch
        self.records: list[bytes] = []  # of the last whole batch, if there is one
        self.torn: TornTail | None = None

    @property
    def last_lsn(self) -> int:
        """Of the last whole batch; 0: there is none in the log."""
        return self.cut.first_lsn + len(self.records) - 1


class Recovery:
    """One pass over the segments from the record after `after_lsn` on, batch by batch.

    Iterate it to the end; then `tail` says where the log may go on. `acked_lsn` is the last
    record that somebody was told of; raises Corrupt where fewer are left.
    """

    tail: Tail

    def __init__(
        self, fs: FileSystem, directory: Path, *, after_lsn: int = 0, acked_lsn: int = 0
    ) -> None:
        self._fs = fs
        self._paths = existing_paths(fs, directory)
        self._after_lsn = after_lsn
        self._acked_lsn = acked_lsn

    def __iter__(self) -> Iterator[Batch]:
        paths = _paths_after(self._paths, self._after_lsn)
        segment = load_segment(self._fs, paths[0])
        for path in paths[1:]:
            following = load_segment(self._fs, path)
            yield from sealed_batches(segment, following.path, following.header)
            segment = following
        self.tail = Tail(segment)
        yield from _tail_batches(segment, self.tail)
        self._require_complete(segment)

    def _require_complete(self, segment: Segment) -> None:
        last_lsn = self.tail.last_lsn
        for lsn, who in ((self._acked_lsn, "acknowledged"), (self._after_lsn, "in the snapshot")):
            if last_lsn < lsn:
                offset = self.tail.torn.offset if self.tail.torn else len(segment.data)
                reason = f"record {lsn} was {who} and is gone"
                raise Corrupt(segment.path, offset=offset, reason=reason, last_good_lsn=last_lsn)


def read_sealed(
    directory: Path, after_lsn: int = 0, *, fs: FileSystem = OS
) -> Iterator[tuple[int, bytes]]:
    """Yield (lsn, payload) of the records after `after_lsn` that lie in sealed segments.

    Takes no lock and changes nothing: another process may be writing. A segment is sealed when
    it has a successor; what a sealed segment holds is durable. Raises Corrupt, and NoLog.
    """
    paths = _paths_after(existing_paths(fs, directory), after_lsn)
    for path, successor in pairwise(paths):
        end = load_header(fs, successor)
        for batch in sealed_batches(load_segment(fs, path), successor, end):
            yield from records_after(batch, after_lsn)


def read_records(
    directory: Path, after_lsn: int = 0, *, fs: FileSystem = OS
) -> Iterator[tuple[int, bytes]]:
    """Yield (lsn, payload) of all whole records after `after_lsn`, of a log that nobody writes.

    For offline checks: takes no lock and changes nothing. Raises Corrupt, and NoLog.
    """
    for batch in Recovery(fs, directory, after_lsn=after_lsn):
        yield from records_after(batch, after_lsn)


def read_store_id(directory: Path, *, fs: FileSystem = OS) -> bytes:
    """Return the 16 bytes that name the store this log belongs to."""
    return load_header(fs, existing_paths(fs, directory)[-1]).store_id


def existing_paths(fs: FileSystem, directory: Path) -> list[Path]:
    """Every segment, oldest first; raise NoLog if there is none: missing is not empty."""
    paths = segment_paths(fs, directory)
    if not paths:
        raise NoLog(directory)
    return paths


def records_after(batch: Batch, after_lsn: int) -> Iterator[tuple[int, bytes]]:
    """The numbered records of a batch, without those up to `after_lsn`."""
    known = max(0, after_lsn + 1 - batch.first_lsn)
    records = batch.records[known:] if known else batch.records
    return zip(range(batch.first_lsn + known, batch.last_lsn + 1), records, strict=True)


def load_header(fs: FileSystem, path: Path) -> SegmentHeader:
    """Read the header of a segment; raise Corrupt unless it is whole and the name is its own."""
    with _readable(path):
        block = read_file(fs, path, size_bytes_max=SEGMENT_HEADER_BYTES)
    return _checked_header(path, block)


def load_segment(fs: FileSystem, path: Path) -> Segment:
    """Read a whole segment; raise Corrupt unless its header is whole and the name is its own."""
    with _readable(path):
        size = file_bytes(fs, path)
        if size > FILE_BYTES_MAX:
            reason = f"{size} bytes long, and no segment is"
            raise _unusable(path, reason, offset=FILE_BYTES_MAX)
        data = read_file(fs, path)
    return Segment(path, _checked_header(path, data[:SEGMENT_HEADER_BYTES]), data)


def sealed_batches(segment: Segment, successor: Path, header: SegmentHeader) -> Iterator[Batch]:
    """Every batch of a segment, up to the very byte, LSN and chain its successor names."""
    _require_linked(segment.header, successor, header)
    end = header.predecessor
    data = segment.data[: end.size_bytes]
    at = first_position(segment.header)
    while at.offset < end.size_bytes:
        try:
            batch, at = decode_batch(data, at)
        except (Unreadable, Misplaced) as fault:
            raise corrupt(segment.path, at, str(fault)) from None
        yield batch
    if (at.first_lsn - 1, at.offset, at.chain) != end[1:]:
        raise corrupt(segment.path, at, "it doesn't end as the next segment says")


def _tail_batches(segment: Segment, tail: Tail) -> Iterator[Batch]:
    at = tail.cut
    while True:
        try:
            batch, after = decode_batch(segment.data, at)
        except Misplaced as fault:
            raise corrupt(segment.path, at, str(fault)) from None
        except Unreadable as fault:
            tail.torn = judge_tail(segment, at, str(fault))
            return
        yield batch
        tail.cut, tail.records, at = at, batch.records, after


def judge_tail(segment: Segment, at: Position, fault: str) -> TornTail | None:
    """What lies behind the last whole batch, which ends at `at`; raises Corrupt."""
    rest = segment.data[at.offset :]
    if is_zero(rest):
        return None
    if find_batch(segment.data, salt=at.salt, start=at.offset + SECTOR_BYTES):
        raise corrupt(segment.path, at, f"{fault}, yet a later batch is intact")
    if not is_zero(rest[FRAME_BYTES_MAX:]):
        raise corrupt(segment.path, at, f"{fault}, and more follows than one batch can leave")
    return TornTail(segment.path, at.offset, rest.rstrip(b"\0"))


def _paths_after(paths: list[Path], after_lsn: int) -> list[Path]:
    wanted = paths_from(paths, after_lsn + 1)
    if not wanted:
        reason = f"the records from {after_lsn + 1} on are in no segment"
        raise Corrupt(paths[0], offset=0, reason=reason, last_good_lsn=after_lsn)
    return wanted


def _checked_header(path: Path, block: bytes) -> SegmentHeader:
    try:
        header = decode_segment_header(block)
    except (Unreadable, Misplaced) as fault:
        raise _unusable(path, str(fault)) from None
    if header.first_lsn != named_lsn(path):
        raise _unusable(path, f"begins with LSN {header.first_lsn}, not as named")
    return header


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise Corrupt for a sector that cannot be read: it is as bad as a wrong one."""
    try:
        yield
    except OSError as failure:
        if failure.errno != errno.EIO:  # gone or forbidden: nothing is wrong with its bytes
            raise
        raise _unusable(path, f"cannot be read: {failure.strerror}") from failure


def _unusable(path: Path, reason: str, *, offset: int = 0) -> Corrupt:
    """Of the whole segment nothing is good; what came before it may be."""
    return Corrupt(path, offset=offset, reason=reason, last_good_lsn=max(0, named_lsn(path) - 1))


def _require_linked(before: SegmentHeader, successor: Path, header: SegmentHeader) -> None:
    end: Predecessor = header.predecessor
    linked = (
        header.store_id == before.store_id
        and header.number == before.number + 1
        and end.number == before.number
        and header.first_lsn == end.last_lsn + 1
    )
    if not linked:
        reason = f"doesn't follow segment {before.number}, which begins with {before.first_lsn}"
        raise Corrupt(successor, offset=0, reason=reason, last_good_lsn=before.first_lsn - 1)


def corrupt(path: Path, at: Position, reason: str) -> Corrupt:
    """What is wrong with a segment at this place."""
    return Corrupt(path, offset=at.offset, reason=reason, last_good_lsn=at.first_lsn - 1)
