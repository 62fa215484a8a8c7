"""A copy of a log that may be written to meanwhile: all that was acknowledged when it began."""

from pathlib import Path
from typing import NamedTuple

from wal.beside import Acknowledged
from wal.files import OS, FileSystem, write_file
from wal.format import first_position
from wal.recovery import Segment, load_segment, sealed_batches
from wal.watermark import WATERMARK_NAME, Watermark, create_watermark


class Copied(NamedTuple):
    """The records that a copy holds."""

    first_lsn: int
    last_lsn: int


def copy_log(source: Path, target: Path, *, fs: FileSystem = OS) -> Copied:
    """Copy a log into a new directory, durably, checking every batch on the way.

    Raises Corrupt and NoLog, and FileNotFoundError if a segment was dropped before its turn came:
    then remove the target and begin again.
    """
    told = Acknowledged(source, fs=fs)
    paths = told.paths
    fs.make_directory(target)
    _write_watermark(fs, target, told.store_id, told.last_lsn)
    segment = load_segment(fs, paths[0])
    for path in paths[1:]:
        following = load_segment(fs, path)
        for _ in sealed_batches(segment, path, following.header):
            pass
        _write(fs, target, segment, following.header.predecessor.size_bytes)
        segment = following
    size_bytes = first_position(segment.header).offset
    for _, after in told.last_batches(segment):
        size_bytes = after.offset
    _write(fs, target, segment, size_bytes)
    return Copied(told.first_lsn, told.last_lsn)


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
