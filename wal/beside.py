"""Reads a log beside the server that writes it: all that was acknowledged when it began.

It takes no lock, so the writer never waits. Sealed segments don't change, and of the last one only
batches are read that the watermark knows of: they have been on disk since before it was read.
"""

from collections.abc import Iterator
from pathlib import Path

from wal.errors import Corrupt
from wal.files import OS, FileSystem
from wal.format import Batch, Misplaced, Position, Unreadable, decode_batch, first_position
from wal.recovery import (
    Segment,
    existing_paths,
    load_segment,
    read_store_id,
    records_after,
    sealed_batches,
)
from wal.segments import named_lsn, paths_from
from wal.watermark import read_watermark


class Acknowledged:
    """The records of a log that somebody may have been told of, `first_lsn` to `last_lsn`.

    Making one raises Corrupt and NoLog; whoever reads its segments meets FileNotFoundError where
    the writer has dropped one before its turn came: then begin again.
    """

    def __init__(self, directory: Path, *, fs: FileSystem = OS) -> None:
        self.store_id = read_store_id(directory, fs=fs)
        self.last_lsn = read_watermark(fs, directory, self.store_id)
        paths = existing_paths(fs, directory)
        self.paths = [path for path in paths if named_lsn(path) <= self.last_lsn + 1]
        self.first_lsn = named_lsn(paths[0])
        self._fs = fs

    def records(self, after_lsn: int) -> Iterator[tuple[int, bytes]]:
        """Yield (lsn, payload) of those after `after_lsn`, which is at least `first_lsn` - 1."""
        paths = paths_from(self.paths, after_lsn + 1)
        segment = load_segment(self._fs, paths[0])
        for path in paths[1:]:
            following = load_segment(self._fs, path)
            for batch in sealed_batches(segment, path, following.header):
                yield from records_after(batch, after_lsn)
            segment = following
        for batch, _ in self.last_batches(segment):
            yield from records_after(batch, after_lsn)

    def last_batches(self, segment: Segment) -> Iterator[tuple[Batch, Position]]:
        """The acknowledged batches of the last segment, and where each of them ends."""
        at = first_position(segment.header)
        while at.first_lsn <= self.last_lsn:
            try:
                batch, at = decode_batch(segment.data, at)
            except (Unreadable, Misplaced) as fault:
                raise Corrupt(
                    segment.path,
                    offset=at.offset,
                    reason=f"{fault}, yet record {self.last_lsn} was acknowledged",
                    last_good_lsn=at.first_lsn - 1,
                ) from None
            yield batch, at
