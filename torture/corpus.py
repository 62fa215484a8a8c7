"""A closed log of known batches on a disk in memory, to be damaged."""

from collections.abc import Collection
from itertools import chain
from pathlib import Path
from random import Random
from typing import NamedTuple

from snapshots.store import SUFFIX
from torture.crash_fs import CrashFS, Inode
from torture.diary import ROOM, SALT, STORE_ID, WAL, Diary, Entries, create
from wal.format import SEGMENT_HEADER_BYTES, decode_batch, decode_segment_header, first_position
from wal.log import Log
from wal.watermark import create_watermark

SMALL_SEGMENT_BYTES = 8192
SMALL_LOG_BYTES = 4 * SMALL_SEGMENT_BYTES
_SMALL_BATCHES = 23
_SIZES = ((100,), (200, 250), (0, 300, 30), (700, 120))  # three batches of one sector, one of two


class BatchEnd(NamedTuple):
    """Where a batch ends in its segment, and its last record."""

    offset: int
    lsn: int


class Corpus:
    """What was written, batch by batch, and the disk that holds it."""

    directory = WAL

    def __init__(
        self,
        batches: list[Entries],
        *,
        segment_bytes_max: int,
        sealed_after: Collection[int] = (),
        store_id: bytes = STORE_ID,
        salt: bytes = SALT,
    ) -> None:
        """Write these batches, and end a segment after those of these numbers, from 1 on."""
        self.disk = CrashFS(heeds_advice=False)  # or damage to what is read would heal itself
        self.batches = batches
        self.segment_bytes_max = segment_bytes_max
        self._salt = salt
        self.disk.make_directory(self.directory.parent)
        Log.create(self.directory, store_id=store_id, fs=self.disk, salt=lambda: salt)
        log = self.open()
        list(log.recover())
        for number, batch in enumerate(batches, start=1):
            for record in batch:
                log.append(record)
            if number in sealed_after:
                log.seal()
            log.flush()
        log.close()

    @property
    def records(self) -> list[bytes]:
        return [record for batch in self.batches for record in batch]

    def open(self) -> Log:
        return Log.open(
            self.directory,
            segment_bytes_max=self.segment_bytes_max,
            fs=self.disk,
            salt=lambda: self._salt,
        )

    def recover(self, after_lsn: int = 0) -> list[tuple[int, bytes]]:
        """Open it, read it and close it again, whatever comes."""
        log = self.open()
        try:
            return list(log.recover(after_lsn))
        finally:
            log.close()

    @property
    def segments(self) -> list[Path]:
        return sorted(path for path in self.disk.inodes if path.suffix == ".wal")

    def ends(self, path: Path) -> list[BatchEnd]:
        """Where the header of a segment ends, and each of its batches."""
        data = bytes(self.disk.inodes[path].seen)
        header = decode_segment_header(data[:SEGMENT_HEADER_BYTES])
        at, ends = first_position(header), []
        while True:
            ends.append(BatchEnd(at.offset, at.first_lsn - 1))
            if not data[at.offset :].strip(b"\0"):
                return ends
            at = decode_batch(data, at)[1]

    def damaged(self, path: Path, content: bytes | bytearray) -> CrashFS:
        """A copy of the disk with another content of one file."""
        disk = self.disk.copied()
        disk.put(path, Inode(content))
        return disk

    def content(self, path: Path) -> bytearray:
        """The bytes of a file, to be damaged in place."""
        return self.disk.inodes[path].seen

    def put(self, path: Path, content: bytes | bytearray) -> None:
        """Make a file, or another one in its place."""
        self.disk.put(path, Inode(content))

    def forget_acknowledged(self) -> None:
        """Set the watermark back to 0, as a power cut may."""
        create_watermark(self.disk, self.directory, STORE_ID)


def small_batches(random: Random) -> list[Entries]:
    """Records for a log of `SMALL_LOG_BYTES` in segments of `SMALL_SEGMENT_BYTES`."""
    return [
        [random.randbytes(size) for size in _SIZES[number % len(_SIZES)]]
        for number in range(_SMALL_BATCHES)
    ]


def diary_with_snapshots(random: Random, *, store_id: bytes = STORE_ID) -> tuple[CrashFS, Entries]:
    """A closed diary of which two snapshots are left, and the log after the older of them."""
    disk = CrashFS(heeds_advice=False)
    disk.make_directory(ROOM)
    create(disk, store_id=store_id)
    diary = Diary(disk, segment_bytes_max=SMALL_SEGMENT_BYTES)
    first, *others = small_batches(random)[:4]
    diary.write(first)
    for batch in others:
        diary.seal()
        diary.make_snapshot()
        diary.drop()
        diary.write(batch)
    diary.close()
    return disk.copied(), [*first, *chain.from_iterable(others)]


def snapshots_of(disk: CrashFS) -> list[Path]:
    """The snapshots on a disk, oldest first."""
    return sorted(path for path in disk.inodes if path.suffix == SUFFIX)
