"""Every bit of a log of 32 KiB is flipped, and every byte set to 00 and FF.

So is every bit and byte of a watermark and of snapshots.

A change of a batch or a header of the log is refused. Two places are free: space that is not used,
and the last batch where nobody was told of it, which is then left out. The watermark has two slots
and there are two snapshots with the log from the older one on, so a change of theirs does nothing.
"""

from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from torture.corpus import (
    SMALL_SEGMENT_BYTES,
    BatchEnd,
    Corpus,
    diary_with_snapshots,
    small_batches,
    snapshots_of,
)
from torture.crash_fs import CrashFS, Inode
from torture.diary import WAL, Entries
from torture.oracle import judged
from torture.tally import Tally
from wal.watermark import WATERMARK_NAME

_BITS = 8
_BYTES = (0x00, 0xFF)
_WAYS = _BITS + len(_BYTES)


class Flip(NamedTuple):
    """A byte of a file and what becomes of it; `told`: the watermark knows of every record."""

    path: Path
    place: int
    way: int
    told: bool

    def applied(self, byte: int) -> int:
        return byte ^ 1 << self.way if self.way < _BITS else _BYTES[self.way - _BITS]


class Flips:
    """A log without snapshots and a diary with some, and every change of a byte of theirs."""

    def __init__(self, seed: int) -> None:
        random = Random(f"flips/{seed}")
        batches = small_batches(random)
        self.log = Corpus(batches, segment_bytes_max=SMALL_SEGMENT_BYTES)
        self._untold = Corpus(batches, segment_bytes_max=SMALL_SEGMENT_BYTES)
        self._untold.forget_acknowledged()
        self._ends = {path: self.log.ends(path) for path in self.log.segments}
        self._diary, self._entries = diary_with_snapshots(random)
        beside = [WAL / WATERMARK_NAME, *snapshots_of(self._diary)]
        self._files = [
            *((path, _size(self.log.disk, path), True) for path in self.log.segments),
            *((path, _size(self.log.disk, path), False) for path in self.log.segments),
            *((path, _size(self._diary, path), True) for path in beside),
        ]

    @property
    def count(self) -> int:
        return _WAYS * sum(size for _, size, _ in self._files)

    def flip(self, number: int) -> Flip:
        """The log twice, told and untold, and then what lies beside it."""
        place, way = divmod(number, _WAYS)
        for path, size, told in self._files:
            if place < size:
                return Flip(path, place, way, told)
            place -= size
        raise IndexError(number)

    def judged(self, flip: Flip) -> str:
        if flip.path not in self._ends:
            return judged(_flipped(self._diary, flip), self._entries)
        disk = (self.log if flip.told else self._untold).disk
        return judged(_flipped(disk, flip), self._expected(flip))

    def _expected(self, flip: Flip) -> Entries | None:
        ends, byte = self._ends[flip.path], self.log.content(flip.path)[flip.place]
        if flip.place >= ends[-1].offset or flip.applied(byte) == byte:
            return self.log.records
        if self._is_in_last_batch(flip, ends) and not flip.told:
            return self.log.records[: ends[-2].lsn]
        return None

    def _is_in_last_batch(self, flip: Flip, ends: list[BatchEnd]) -> bool:
        return flip.path == self.log.segments[-1] and flip.place >= ends[-2].offset


@cache
def flips(seed: int) -> Flips:
    return Flips(seed)


def count(seed: int) -> int:
    return flips(seed).count


def case(seed: int, number: int, found: Tally) -> str:
    """One changed byte, and what recovery makes of it."""
    return flips(seed).judged(flips(seed).flip(number))


def _flipped(disk: CrashFS, flip: Flip) -> CrashFS:
    damaged = disk.copied()
    content = bytearray(damaged.inodes[flip.path].seen)
    content[flip.place] = flip.applied(content[flip.place])
    damaged.put(flip.path, Inode(content))
    return damaged


def _size(disk: CrashFS, path: Path) -> int:
    return len(disk.inodes[path].seen)
