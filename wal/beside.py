"""Reads a log whoever may be writing it: all that was acknowledged when it began.

It takes no lock, since a server that starts meanwhile would be refused. And it asks the watermark
only for what must be there, since after a power cut that is older than the log until a server has
recovered. So it goes by the disk itself. What is acknowledged is a whole batch on disk. A whole
batch of which nobody has been told yet is read as well, once it is synced here: then no crash can
take it back, every recovery will find it, and who learns of it now only learns of it early. The
last segment is therefore read before the sync, which says how far to go, and after it, which says
what lasts; all others don't change.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from wal.files import OS, FileSystem
from wal.format import Misplaced, Position, Unreadable, decode_batch, first_position
from wal.recovery import (
    Segment,
    corrupt,
    existing_paths,
    judge_tail,
    load_segment,
    read_store_id,
    records_after,
    sealed_batches,
)
from wal.segments import named_lsn, paths_from, sync_segment
from wal.watermark import read_watermark


class Durable:
    """The records of a log that were on disk when this was made, `first_lsn` to `last_lsn`.

    Making one raises Corrupt and NoLog. Making it or reading its segments meets FileNotFoundError
    where the writer has dropped one before its turn came: then begin again.
    """

    def __init__(self, directory: Path, *, fs: FileSystem = OS) -> None:
        self.store_id = read_store_id(directory, fs=fs)
        acked_lsn = read_watermark(fs, directory, self.store_id)
        self._paths = existing_paths(fs, directory)
        self._fs = fs
        self.last_segment, self.last_lsn = _last_segment(fs, self._paths[-1], acked_lsn)

    @property
    def first_lsn(self) -> int:
        return named_lsn(self._paths[0])

    def segments(self, lsn: int) -> Iterator[Segment]:
        """Those from the one that holds `lsn` on; all but the last one end where the next says."""
        for path in paths_from(self._paths, lsn)[:-1]:
            yield load_segment(self._fs, path)
        yield self.last_segment  # as it was: who writes may have gone on in it

    def records(self, after_lsn: int) -> Iterator[tuple[int, bytes]]:
        """Yield (lsn, payload) of those after `after_lsn`, which is at least `first_lsn` - 1."""
        for segment, successor in pairwise(self.segments(after_lsn + 1)):
            for batch in sealed_batches(segment, successor.path, successor.header):
                yield from records_after(batch, after_lsn)
        data, at = self.last_segment.data, first_position(self.last_segment.header)
        while at.offset < len(data):
            batch, at = decode_batch(data, at)
            yield from records_after(batch, after_lsn)


def _last_segment(fs: FileSystem, path: Path, acked_lsn: int) -> tuple[Segment, int]:
    """As much of it as lasts, without what is beyond, and the last record; raises Corrupt."""
    seen = load_segment(fs, path)
    seen_end, _ = _end(seen)
    sync_segment(fs, path)
    segment = load_segment(fs, path)
    if segment.header != seen.header:  # a server has just started, and begun it anew
        return _last_segment(fs, path, acked_lsn)
    end, fault = _end(segment)
    if end.offset <= seen_end.offset:
        # A writer that overtakes the reader looks like damage: a batch that wasn't there yet, and
        # a later one. But then, by now, it is there.
        judge_tail(seen, end, fault)
    else:
        end = seen_end
    last_lsn = end.first_lsn - 1
    if last_lsn < acked_lsn:
        raise corrupt(path, end, f"{fault}, yet record {acked_lsn} was acknowledged")
    return segment._replace(data=segment.data[: end.offset]), last_lsn


def _end(segment: Segment) -> tuple[Position, str]:
    """Where its whole batches end, and what is wrong with the bytes there; raises Corrupt."""
    at = first_position(segment.header)
    while True:
        try:
            _, at = decode_batch(segment.data, at)
        except Misplaced as fault:
            raise corrupt(segment.path, at, str(fault)) from None
        except Unreadable as fault:
            return at, str(fault)
