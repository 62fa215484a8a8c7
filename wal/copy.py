"""A copy of a log that may be written to meanwhile: all that was acknowledged when it began.

It takes no lock, so the writer never waits. Sealed segments don't change, and of the last one only
batches are taken that the watermark knows of: they have been on disk since before it was read.
"""

from pathlib import Path
from typing import NamedTuple

from wal.errors import Corrupt
from wal.files import OS, FileSystem, write_file
from wal.format import Misplaced, Unreadable, decode_batch, first_position
from wal.recovery import Segment, existing_paths, load_segment, read_store_id, sealed_batches
from wal.segments import named_lsn
from wal.watermark import WATERMARK_NAME, Watermark, create_watermark, read_watermark


class Copied(NamedTuple):
    """The records that a copy holds."""

    first_lsn: int
    last_lsn: int


def copy_log(source: Path, target: Path, *, fs: FileSystem = OS) -> Copied:
    """Copy a log into a new directory, durably, checking every batch on the way.

    Raises Corrupt and NoLog, and FileNotFoundError if a segment was dropped before its turn came:
    then remove the target and begin again.
    """
    store_id = read_store_id(source, fs=fs)
    acked_lsn = read_watermark(fs, source, store_id)
    paths = [path for path in existing_paths(fs, source) if named_lsn(path) <= acked_lsn + 1]
    fs.make_directory(target)
    _write_watermark(fs, target, store_id, acked_lsn)
    segment = load_segment(fs, paths[0])
    for path in paths[1:]:
        following = load_segment(fs, path)
        for _ in sealed_batches(segment, path, following.header):
            pass
        _write(fs, target, segment, following.header.predecessor.size_bytes)
        segment = following
    _write(fs, target, segment, _acknowledged_bytes(segment, acked_lsn))
    return Copied(named_lsn(paths[0]), acked_lsn)


def _write(fs: FileSystem, target: Path, segment: Segment, size_bytes: int) -> None:
    write_file(fs, target / segment.path.name, segment.data[:size_bytes])


def _write_watermark(fs: FileSystem, target: Path, store_id: bytes, acked_lsn: int) -> None:
    create_watermark(fs, target, store_id)
    watermark = Watermark(fs, target, store_id)
    watermark.write(acked_lsn)
    watermark.close()
    file = fs.open(target / WATERMARK_NAME)
    try:
        fs.fsync(file)
    finally:
        fs.close(file)


def _acknowledged_bytes(segment: Segment, acked_lsn: int) -> int:
    """Where the batch of the last acknowledged record ends."""
    at = first_position(segment.header)
    while at.first_lsn <= acked_lsn:
        try:
            _, at = decode_batch(segment.data, at)
        except (Unreadable, Misplaced) as fault:
            reason = f"{fault}, yet record {acked_lsn} was acknowledged"
            last_good_lsn = at.first_lsn - 1
            raise Corrupt(
                segment.path, offset=at.offset, reason=reason, last_good_lsn=last_good_lsn
            ) from None
    return at.offset
