"""The last acknowledged LSN, remembered beside the log."""

import errno
import os
from pathlib import Path

import pytest

from torture.crash_fs import CrashFS
from torture.diary import STORE_ID
from wal.errors import Corrupt
from wal.watermark import Watermark, create_watermark, read_watermark

DIRECTORY = Path("/wal")
PATH = DIRECTORY / "watermark"
SLOT_BYTES = 36


def empty() -> CrashFS:
    disk = CrashFS()
    disk.make_directory(DIRECTORY)
    return disk


def written(*lsns: int) -> CrashFS:
    disk = empty()
    create_watermark(disk, DIRECTORY, STORE_ID)
    watermark = Watermark(disk, DIRECTORY, STORE_ID)
    for lsn in lsns:
        watermark.write(lsn)
    watermark.close()
    return disk


def facts(fault: Corrupt) -> tuple[Path, int, int]:
    """What a person is told of a bad watermark: it vouches for no record at all."""
    return fault.file, fault.offset, fault.last_good_lsn


@pytest.mark.parametrize(("lsns", "last"), [((), 0), ((1,), 1), ((1, 2), 2), ((1, 2, 9), 9)])
def test_last_one_counts(lsns: tuple[int, ...], last: int) -> None:
    """The last LSN written is the one read."""
    assert read_watermark(written(*lsns), DIRECTORY, STORE_ID) == last


def test_every_byte_changed() -> None:
    """A changed byte costs one slot at most: the LSN read is the last or the one before."""
    disk = written(7, 8)
    content = disk.inodes[PATH].seen
    seen = set()
    for place in range(len(content)):
        content[place] ^= 0xFF
        seen.add(read_watermark(disk, DIRECTORY, STORE_ID))
        content[place] ^= 0xFF
    assert seen == {7, 8}


def test_a_watermark_that_cannot_be_read_says_so() -> None:
    """A disk that refuses to tell is no better than one that tells wrong."""
    disk = written(7, 8)

    def trouble(name: str, size: int) -> int:
        if name == "pread":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return size

    disk.trouble = trouble
    with pytest.raises(Corrupt, match="cannot be read: Input/output error") as caught:
        read_watermark(disk, DIRECTORY, STORE_ID)
    assert facts(caught.value) == (PATH, 0, 0)


@pytest.mark.parametrize("place", range(SLOT_BYTES))
def test_both_slots_bad(place: int) -> None:
    """With no slot left the log is not trusted, whichever byte it is that changed."""
    disk = written(7, 8)
    disk.inodes[PATH].seen[place] ^= 1
    disk.inodes[PATH].seen[4096 + place] ^= 1
    with pytest.raises(Corrupt, match="no slot can be read") as caught:
        read_watermark(disk, DIRECTORY, STORE_ID)
    assert (PATH, 0, 0) == facts(caught.value)


def test_every_cut() -> None:
    """A slot that is cut short anywhere is not read, and is no other error."""
    disk = written(7)
    content = disk.inodes[PATH].seen
    for size in range(4096 + SLOT_BYTES, 4095, -1):
        del content[size:]
        last = 7 if size == 4096 + SLOT_BYTES else 0
        assert read_watermark(disk, DIRECTORY, STORE_ID) == last


def test_missing() -> None:
    """A watermark that is gone is not taken for LSN 0."""
    with pytest.raises(Corrupt, match="missing") as caught:
        read_watermark(empty(), DIRECTORY, STORE_ID)
    assert (PATH, 0, 0) == facts(caught.value)


def test_of_another_store() -> None:
    """The watermark of another store is refused."""
    with pytest.raises(Corrupt, match="another store") as caught:
        read_watermark(written(7), DIRECTORY, b"another store id")
    assert (PATH, 0, 0) == facts(caught.value)
