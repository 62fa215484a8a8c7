"""Every single call to the disk fails once, and nothing that was acknowledged is lost."""

import errno
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.wal.fake_disks import FaultyDisk
from wal.errors import Corrupt, WalError
from wal.log import Log

SEGMENT_BYTES = 4096 + 2 * 512


def refuse_call(disk: FaultyDisk, number: int, error: int) -> None:
    """Fail the nth call, whatever it is; closing always succeeds."""

    def fault(name: str, _: tuple[Any, ...]) -> None:
        if len(disk.calls) == number and name != "close":
            raise OSError(error, f"refused {name}")

    disk.fault = fault


def work(disk: FaultyDisk, directory: Path) -> int:
    """Append five batches to a log; return the last LSN that was acknowledged."""
    log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES, fs=disk.fs)
    acked = 0
    try:
        acked = sum(1 for _ in log.recover())
        for number in range(5):
            assert log.append(b"%d" % number) == acked + 1
            log.flush()
            acked = log.durable_lsn
        log.seal()
        log.close()
    except (OSError, WalError):
        acked = max(acked, log.durable_lsn)
        log.close()
    return acked


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_every_call_refused(tmp_path: Path, error: int) -> None:
    """After any one failure the log reopens with all that was acknowledged, and leaks no file."""
    files = len(os.listdir("/proc/self/fd"))
    for number in count(1):
        directory = tmp_path / str(number)
        Log.create(directory, store_id=bytes(16))
        disk = FaultyDisk()
        refuse_call(disk, number, error)
        acked = 0
        with suppress(OSError, Corrupt):  # of opening: nothing was acknowledged then
            acked = work(disk, directory)
        assert len(os.listdir("/proc/self/fd")) == files
        again = FaultyDisk()
        log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES, fs=again.fs)
        records = [payload for _, payload in log.recover()]
        log.close()
        assert len(records) >= acked
        assert records == [b"%d" % lsn for lsn in range(len(records))]
        if len(disk.calls) < number:
            assert number > 60
            return


def opened(directory: Path, disk: FaultyDisk) -> Log:
    log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES, fs=disk.fs)
    list(log.recover())
    return log


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "create"])
def test_what_fails_says_where(directory: Path, call: str) -> None:
    """Whoever reads why a server has ended must know which disk to look at."""
    disk = FaultyDisk()
    log = opened(directory, disk)
    log.append(b"one")
    disk.refuse(call, errno.EIO)
    with pytest.raises(OSError, match="refused") as caught:
        log.flush()
    assert caught.value.filename == str(directory)
    log.close()


@pytest.mark.parametrize("call", ["pwrite", "sync_directory"])
def test_a_start_that_fails_says_where(directory: Path, call: str) -> None:
    """Where its last call is refused, too: that of the watermark, and that of the new name."""
    seen = FaultyDisk()
    opened(directory, seen).close()
    disk = FaultyDisk()
    log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES, fs=disk.fs)
    disk.refuse(call, errno.EIO, on_call=seen.calls.count(call))
    with pytest.raises(OSError, match="refused") as caught:
        list(log.recover())
    assert caught.value.filename == str(directory)
    log.close()
