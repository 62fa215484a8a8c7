"""A copy of a log that may be written to meanwhile: all that was acknowledged when it began."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from wal.beside import Durable
from wal.files import OS, FileSystem, naming, write_file
from wal.recovery import Segment, sealed_batches
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
    log = Durable(source, fs=fs)
    fs.make_directory(target)
    _write_watermark(fs, target, log.store_id, log.last_lsn)
    for segment, successor in pairwise(log.segments(log.first_lsn)):
        for _ in sealed_batches(segment, successor.path, successor.header):
            pass
        _write(fs, target, segment, successor.header.predecessor.size_bytes)
    _write(fs, target, log.last_segment, len(log.last_segment.data))
    return Copied(log.first_lsn, log.last_lsn)


def _write(fs: FileSystem, target: Path, segment: Segment, size_bytes: int) -> None:
    write_file(fs, target / segment.path.name, segment.data[:size_bytes])


def _write_watermark(fs: FileSystem, target: Path, store_id: bytes, acked_lsn: int) -> None:
    create_watermark(fs, target, store_id)
    path = target / WATERMARK_NAME
    watermark, file = Watermark(fs, target, store_id), fs.open(path)
    try:
        with naming(path):
            watermark.write(acked_lsn)
            fs.fsync(file)
    finally:
        watermark.close()
        fs.close(file)
