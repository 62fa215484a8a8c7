"""After a failed fsync the page cache shows what the disk never got; no later one writes it."""

import errno
from collections.abc import Iterator

import pytest

from torture.crash_fs import CrashFS, Fate, no_trouble
from torture.diary import ROOM, STORE_ID, WAL
from wal.log import Log


def opened(disk: CrashFS) -> tuple[Log, list[bytes]]:
    log = Log.open(WAL, segment_bytes_max=4096 + 3 * 512, fs=disk)
    return log, [payload for _, payload in log.recover()]


def refused(*, heeds_advice: bool) -> Iterator[CrashFS]:
    """A disk whose last batch was refused by fdatasync, for every place of it in a segment."""

    def refuse(name: str, size: int) -> int:
        if name == "fdatasync":
            raise OSError(errno.EIO, "refused")
        return size

    for batches in range(1, 6):
        disk = CrashFS(heeds_advice=heeds_advice)
        disk.make_directory(ROOM)
        Log.create(WAL, store_id=STORE_ID, fs=disk)
        log, _ = opened(disk)
        for _ in range(batches):
            log.append(b"acknowledged")
            log.flush()
        log.append(b"refused by the disk")
        disk.trouble = refuse
        with pytest.raises(OSError, match="refused"):
            log.flush()
        log.close()
        disk.trouble = no_trouble
        yield disk


def test_a_refused_batch_is_not_read() -> None:
    """Recovery reads what is on disk, so it doesn't find a batch that never got there."""
    for disk in refused(heeds_advice=True):
        log, records = opened(disk)
        assert set(records) == {b"acknowledged"}
        log.append(b"more")
        log.close()
        left = disk.after_power_cut(lambda: Fate.LOST)
        assert opened(left)[1] == [*records, b"more"]


def test_a_refused_batch_that_is_read_is_written_again() -> None:
    """Where the cache goes on showing it, it is durable before anything is built upon it."""
    for disk in refused(heeds_advice=False):
        log, records = opened(disk)
        assert records[-1] == b"refused by the disk"
        log.append(b"built upon it")
        log.flush()
        left = disk.after_power_cut(lambda: Fate.LOST)
        assert opened(left)[1] == [*records, b"built upon it"]
