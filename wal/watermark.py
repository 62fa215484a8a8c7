"""Remembers the last acknowledged LSN beside the log, so that a shortened log is noticed.

A checksum cannot tell a last batch that was never finished from one that was acknowledged and
then rotted or was cut away, nor can it miss a whole last segment. This file can. It is written
after the fdatasync of a batch and before anybody is told, without an fsync of its own: it survives
the death of the process exactly, and a power cut up to the last write-back. It may lag behind the
log and never runs ahead of it.

Two slots of 4096 bytes are written in turn, so that a torn write spoils one of them at most:

    offset  bytes  field
         0      8  magic "BLTRACK\\0"
         8     16  store id
        24      8  last acknowledged LSN
        32      4  CRC-32 of bytes 0–31
"""

import errno
import struct
from pathlib import Path
from zlib import crc32

from wal.errors import Corrupt
from wal.files import FileSystem, read_file, write_at, write_file

WATERMARK_NAME = "watermark"
_MAGIC = b"BLTRACK\0"
_SLOT = struct.Struct("<8s16sQ")
_CRC = struct.Struct("<I")
_SLOT_SPACING_BYTES = 4096  # one page each
_SLOTS = 2


def create_watermark(fs: FileSystem, directory: Path, store_id: bytes) -> None:
    """Write both slots with LSN 0."""
    slot = _encode(store_id, 0).ljust(_SLOT_SPACING_BYTES, b"\0")
    write_file(fs, directory / WATERMARK_NAME, slot * _SLOTS)


def read_watermark(fs: FileSystem, directory: Path, store_id: bytes) -> int:
    """Return the last LSN known to be acknowledged; raise Corrupt if neither slot can be read."""
    path = directory / WATERMARK_NAME
    try:
        data = read_file(fs, path, size_bytes_max=_SLOTS * _SLOT_SPACING_BYTES)
    except FileNotFoundError:
        raise Corrupt(path, offset=0, reason="missing", last_good_lsn=0) from None
    except OSError as failure:
        if failure.errno != errno.EIO:
            raise
        reason = f"cannot be read: {failure.strerror}"
        raise Corrupt(path, offset=0, reason=reason, last_good_lsn=0) from failure
    readable = _readable_slots(data)
    if not readable:
        raise Corrupt(path, offset=0, reason="no slot can be read", last_good_lsn=0)
    if any(owner != store_id for owner, _ in readable):
        raise Corrupt(path, offset=0, reason="belongs to another store", last_good_lsn=0)
    return max(lsn for _, lsn in readable)


def remembers_records(fs: FileSystem, directory: Path) -> bool:
    """Whether there was a log here, of any store, of which somebody was told a record."""
    path = directory / WATERMARK_NAME
    if path.name not in fs.names(directory):
        return False
    data = read_file(fs, path, size_bytes_max=_SLOTS * _SLOT_SPACING_BYTES)
    return any(lsn > 0 for _, lsn in _readable_slots(data))


class Watermark:
    """The open file of a log that is being written."""

    def __init__(self, fs: FileSystem, directory: Path, store_id: bytes) -> None:
        self._fs = fs
        self._file = fs.open(directory / WATERMARK_NAME, writable=True)
        self._store_id = store_id
        self._turn = 0

    def write(self, lsn: int) -> None:
        """Remember that everything up to `lsn` is durable."""
        self._turn = (self._turn + 1) % _SLOTS
        slot = _encode(self._store_id, lsn)
        write_at(self._fs, self._file, slot, self._turn * _SLOT_SPACING_BYTES)

    def close(self) -> None:
        self._fs.close(self._file)


def _encode(store_id: bytes, lsn: int) -> bytes:
    slot = _SLOT.pack(_MAGIC, store_id, lsn)
    return slot + _CRC.pack(crc32(slot))


def _readable_slots(data: bytes) -> list[tuple[bytes, int]]:
    slots = (_decode(data, turn * _SLOT_SPACING_BYTES) for turn in range(_SLOTS))
    return [slot for slot in slots if slot]


def _decode(data: bytes, offset: int) -> tuple[bytes, int] | None:
    slot = data[offset : offset + _SLOT.size + _CRC.size]
    if len(slot) < _SLOT.size + _CRC.size:
        return None
    _, store_id, lsn = _SLOT.unpack_from(slot)
    return (store_id, lsn) if slot == _encode(store_id, lsn) else None
