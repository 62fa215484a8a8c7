"""The log as its owner sees it."""

import errno
import os
import stat
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.wal.fake_disks import FaultyDisk
from wal.anylog import AnyLog, Pending
from wal.errors import Backlogged, Corrupt, Locked, LogExists, LogFailed, NoLog, WalError
from wal.files import FileSystem, OsFileSystem
from wal.format import BATCH_BYTES_MAX, RECORD_BYTES_MAX
from wal.log import PENDING_BYTES_MAX, Log
from wal.recovery import load_header, read_sealed

SEGMENT_BYTES = 4096 + 4 * 512


def opened(
    directory: Path, *, fs: FileSystem | None = None, after_lsn: int = 0, size: int = SEGMENT_BYTES
) -> Log:
    log = Log.open(directory, segment_bytes_max=size, fs=fs or OsFileSystem())
    list(log.recover(after_lsn))
    return log


def records_of(directory: Path) -> list[bytes]:
    log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES)
    records = [payload for _, payload in log.recover()]
    log.close()
    return records


def names_of(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_append_flush_reopen(directory: Path) -> None:
    """What was flushed is there after reopening, and numbering goes on."""
    log = opened(directory)
    assert [log.append(b"one"), log.append(b"two")] == [1, 2]
    assert (log.appended_lsn, log.durable_lsn) == (2, 0)
    log.flush()
    assert log.durable_lsn == 2
    log.close()

    log = opened(directory)
    assert (log.appended_lsn, log.durable_lsn) == (2, 2)
    assert log.append(b"three") == 3
    log.close()
    assert records_of(directory) == [b"one", b"two", b"three"]


def test_append_writes_nothing(directory: Path) -> None:
    """Appending and taking touch no disk."""
    disk = FaultyDisk()
    log = opened(directory, fs=disk.fs)
    disk.calls.clear()
    log.append(b"record")
    assert log.take() is not None
    assert disk.calls == []
    log.close()


@pytest.mark.parametrize("size", [1 << 20, SEGMENT_BYTES])
def test_one_batch_one_sync(directory: Path, size: int) -> None:
    """A thousand records that wait together cost one write and one fdatasync.

    So they do in an empty segment that is too small for them: no other would be larger.
    """
    disk = FaultyDisk()
    log = opened(directory, fs=disk.fs, size=size)
    for number in range(1000):
        log.append(b"%d" % number)
    disk.calls.clear()
    pending = log.take()
    assert pending is not None
    log.write(pending)
    assert disk.calls == ["pwrite", "fdatasync", "pwrite"]  # the last one is the watermark
    assert log.durable_lsn == 1000
    log.close()


def test_a_log_is_an_any_log(directory: Path) -> None:
    """The log on disk offers what the engine asks of any log."""
    log: AnyLog = opened(directory)
    assert log.has_room
    log.close()


def test_create_refuses_an_existing_log(directory: Path) -> None:
    """Creating never overwrites."""
    with pytest.raises(LogExists):
        Log.create(directory, store_id=bytes(16))


def test_create_refuses_a_log_that_lost_its_segments(directory: Path) -> None:
    """What somebody was told of is not begun anew, though nothing of it is left to see."""
    log = opened(directory)
    log.append(b"record")
    log.close()
    for path in directory.glob("*.wal"):
        path.unlink()
    with pytest.raises(LogExists):
        Log.create(directory, store_id=bytes(16))


def test_create_is_repeated_until_it_is_done(directory: Path) -> None:
    """A creation that died before its segment was there, and told of nothing, is done again."""
    (directory / f"{1:020d}.wal").unlink()
    Log.create(directory, store_id=bytes(16))
    opened(directory).close()


def test_create_is_repeated_from_its_first_step(tmp_path: Path) -> None:
    """A creation that died while it wrote the watermark is done again, too."""
    (tmp_path / "watermark.tmp").write_bytes(b"half")
    Log.create(tmp_path, store_id=bytes(16))
    opened(tmp_path).close()
    assert names_of(tmp_path) == [f"{1:020d}.wal", "LOCK", "watermark"]


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    """Who bought what is nobody else's business on the machine, whatever the umask allows."""
    umask = os.umask(0)
    try:
        Log.create(tmp_path / "wal", store_id=bytes(16))
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "wal").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "wal").iterdir()} == {0o600}


def test_the_whole_file_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice to read from the disk again is about all of a file: a length of 0 is its end."""
    advice: list[tuple[int, ...]] = []
    monkeypatch.setattr("os.posix_fadvise", lambda *arguments: advice.append(arguments))
    disk = OsFileSystem()
    file = disk.create(tmp_path / "file")
    disk.drop_cached(file)
    disk.close(file)
    assert advice == [(file, 0, 0, os.POSIX_FADV_DONTNEED)]


def test_create_refuses_a_short_store_id(tmp_path: Path) -> None:
    """A store id has sixteen bytes."""
    with pytest.raises(ValueError, match="16 bytes"):
        Log.create(tmp_path / "wal", store_id=b"short")


def test_missing_is_not_empty(tmp_path: Path) -> None:
    """Opening never creates: neither in a missing directory nor in an empty one."""
    for directory in (tmp_path / "missing", tmp_path):
        with pytest.raises(NoLog) as told:
            Log.open(directory)
        assert f"{directory}: no log here; create one, or mount the right volume" == str(told.value)
    assert names_of(tmp_path) == []


def test_second_writer_is_refused(directory: Path) -> None:
    """A log that is open cannot be opened again, and can after it is closed."""
    log = opened(directory)
    with pytest.raises(Locked):
        Log.open(directory)
    log.close()
    opened(directory).close()


def test_second_process_is_refused(directory: Path) -> None:
    """The lock holds between processes, and ends with the process that held it."""
    script = (
        "import sys; from pathlib import Path; from wal.log import Log\n"
        "log = Log.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        with pytest.raises(Locked):
            Log.open(directory)
        child.kill()
    opened(directory).close()


def test_lock_is_free_after_a_failed_open(directory: Path) -> None:
    """A log that could not be opened isn't left locked."""
    (directory / f"{1:020d}.wal").write_bytes(b"garbage")
    for _ in range(2):
        with pytest.raises(Corrupt):
            Log.open(directory)


def test_rotation(directory: Path) -> None:
    """A full segment is followed by the next, named by its first LSN, and both are read back."""
    log = opened(directory)
    for number in range(10):
        log.append(b"%d" % number)
        log.flush()
    assert log.sealed_lsn == 8
    log.close()
    expected = [f"{lsn:020d}.wal" for lsn in (1, 5, 9)]
    assert names_of(directory) == [*expected, "LOCK", "watermark"]
    assert records_of(directory) == [b"%d" % number for number in range(10)]


def test_batch_larger_than_a_segment(directory: Path) -> None:
    """A batch that fits in no segment gets one of its own, as long as it needs."""
    big = bytes(range(256)) * 100
    log = opened(directory)
    for payload in (b"before", big, b"after"):
        log.append(payload)
        log.flush()
    log.close()
    assert records_of(directory) == [b"before", big, b"after"]


def test_seal(directory: Path) -> None:
    """A seal makes everything durable readable without the lock; sealing nothing does nothing."""
    disk = FaultyDisk()
    log = opened(directory, fs=disk.fs)
    log.append(b"one")
    log.seal()
    log.flush()
    assert log.sealed_lsn == 1
    assert list(read_sealed(directory)) == [(1, b"one")]
    disk.calls.clear()
    log.seal()
    log.flush()
    assert disk.calls == []
    log.close()


def test_reopening_makes_no_segments(directory: Path) -> None:
    """Opening and closing again and again neither grows the log nor loses its last batch."""
    log = opened(directory)
    for number in range(6):
        log.append(b"%d" % number)
        log.flush()
    log.close()
    seen = set()
    for _ in range(5):
        assert records_of(directory) == [b"%d" % number for number in range(6)]
        seen.add(tuple(names_of(directory)))
    assert len(seen) == 1


def test_last_batch_is_written_again(directory: Path) -> None:
    """A restart makes the last batch durable anew before anything is built upon it."""
    log = opened(directory)
    for payload in (b"one", b"two", b"three"):
        log.append(payload)
        log.flush()
    log.close()
    disk = FaultyDisk()
    log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES, fs=disk.fs)
    disk.calls.clear()
    list(log.recover())
    assert disk.calls.index("fsync") < disk.calls.index("pread")
    assert log.sealed_lsn == 2
    assert b"three" in (directory / f"{3:020d}.wal").read_bytes()
    log.close()


def test_epoch(directory: Path) -> None:
    """Each opening has an epoch of its own, which all segments it begins carry."""
    epochs = []
    for _ in range(2):
        log = opened(directory)
        for _ in range(10):
            log.append(b"record")
            log.flush()
        log.close()
        paths = sorted(directory.glob("*.wal"))
        epochs.append([load_header(OsFileSystem(), path).epoch for path in paths])
    assert set(epochs[0]) == {1}
    assert set(epochs[1]) == {1, 2}
    assert epochs[1] == sorted(epochs[1])


def test_drop_through(directory: Path) -> None:
    """Only whole segments below the given LSN go, never the one being written."""
    log = opened(directory)
    for number in range(10):
        log.append(b"%d" % number)
        log.flush()
    log.drop_through(3)
    assert len(names_of(directory)) == 3 + 3
    log.drop_through(7)
    assert f"{1:020d}.wal" not in names_of(directory)
    assert f"{5:020d}.wal" in names_of(directory)
    log.drop_through(10)
    log.close()
    log = opened(directory, after_lsn=8)
    assert log.appended_lsn == 10
    log.close()
    with pytest.raises(Corrupt):
        records_of(directory)


def test_nothing_is_promised_before_recovery(directory: Path) -> None:
    """A log that has not been read doesn't know that any record is durable, or sealed."""
    log = Log.open(directory)
    assert (log.appended_lsn, log.durable_lsn, log.sealed_lsn) == (0, 0, 0)
    log.close()


def test_append_needs_recovery(directory: Path) -> None:
    """Nothing is appended before everything is read, nor after the close."""
    log = Log.open(directory)
    with pytest.raises(WalError, match="before it is recovered"):
        log.append(b"record")
    list(log.recover())
    log.append(b"record")
    log.close()
    with pytest.raises(WalError, match="after its close"):
        log.append(b"record")
    log.close()


def test_closing_makes_durable(directory: Path) -> None:
    """Close flushes."""
    log = opened(directory)
    log.append(b"record")
    log.close()
    assert records_of(directory) == [b"record"]


def test_longest_record(directory: Path) -> None:
    """A record of the largest size survives; one byte more is refused and changes nothing."""
    log = opened(directory)
    longest = bytes(RECORD_BYTES_MAX)
    with pytest.raises(ValueError, match="at most"):
        log.append(longest + b"x")
    assert log.append(longest) == 1
    log.close()
    assert records_of(directory) == [longest]


def test_backlog(directory: Path) -> None:
    """Beyond the limit nothing is appended; `has_room` says so before; the disk makes room."""
    log = opened(directory)
    record = bytes(RECORD_BYTES_MAX)
    while log.has_room:
        log.append(record)
    count = log.appended_lsn
    assert count == PENDING_BYTES_MAX // (RECORD_BYTES_MAX + 4)
    with pytest.raises(Backlogged):
        log.append(record)
    assert log.appended_lsn == count
    pending = log.take()
    assert pending is not None
    assert pending.payload_bytes == len(pending.records) * (RECORD_BYTES_MAX + 4)
    assert pending.payload_bytes <= BATCH_BYTES_MAX
    assert log.has_room
    log.write(pending)
    log.close()
    assert records_of(directory) == [record] * count


@pytest.mark.parametrize("missing_bytes", [0, 1])
def test_room_is_for_the_longest_record(directory: Path, missing_bytes: int) -> None:
    """New work is accepted while one more record of any size fits, to the very byte."""
    log = opened(directory)
    longest = bytes(RECORD_BYTES_MAX)
    for size in (*[RECORD_BYTES_MAX] * 14, RECORD_BYTES_MAX - 16 * 4 + missing_bytes):
        log.append(longest[:size])
    assert log.has_room == (not missing_bytes)
    with pytest.raises(Backlogged) if missing_bytes else nullcontext():
        log.append(longest)
    log.close()


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_failed_write_is_final(directory: Path, call: str) -> None:
    """After a failed write or fsync nothing is durable, tried again or appended."""
    disk = FaultyDisk()
    log = opened(directory, fs=disk.fs)
    log.append(b"one")
    log.flush()
    log.append(b"two")
    disk.refuse(call, errno.EIO)
    with pytest.raises(OSError, match="refused"):
        log.flush()
    assert log.durable_lsn == 1
    assert not log.has_room
    disk.calls.clear()
    with pytest.raises(LogFailed):
        log.append(b"three")
    with pytest.raises(LogFailed):
        log.write(Pending(2, [b"two"], 7, seal=False))
    log.close()
    assert set(disk.calls) <= {"close"}


def test_failed_watermark_is_final(directory: Path) -> None:
    """A batch whose acknowledgement cannot be remembered is not acknowledged."""
    disk = FaultyDisk()
    log = opened(directory, fs=disk.fs)
    log.append(b"one")
    disk.refuse("pwrite", errno.EIO, on_call=2)
    with pytest.raises(OSError, match="refused"):
        log.flush()
    assert log.durable_lsn == 0
    log.close()


def test_short_writes(directory: Path) -> None:
    """A write that takes only some of the bytes is gone on with."""
    disk, real = FaultyDisk(), OsFileSystem()

    def shorten(name: str, arguments: tuple[int, bytes, int]) -> int | None:
        file, data, offset = arguments if name == "pwrite" else (0, b"", 0)
        return real.pwrite(file, data[:100], offset) if len(data) > 100 else None

    log = opened(directory, fs=disk.fs)
    disk.fault = shorten
    log.append(bytes(range(250)))
    log.close()
    assert records_of(directory) == [bytes(range(250))]


def test_failed_preparation_is_final(directory: Path) -> None:
    """Any other failure while preparing means a disk that cannot be trusted."""
    disk = FaultyDisk()
    log = opened(directory, fs=disk.fs)
    log.append(b"one")
    disk.refuse("create", errno.EIO)
    with pytest.raises(OSError, match="refused"):
        log.flush()
    with pytest.raises(LogFailed):
        log.append(b"two")
    log.close()


def test_segments_are_prepared_ahead(directory: Path) -> None:
    """When a segment is full, the zeros of the next are on disk already."""
    disk = FaultyDisk()
    log = opened(directory, fs=disk.fs)
    for _ in range(4):
        log.append(b"record")
        log.flush()
    log.append(b"in the next segment")
    pending = log.take()
    assert pending is not None
    disk.calls.clear()
    log.write(pending)
    header, batch = (
        ["pwrite", "fsync", "rename", "sync_directory", "close"],
        ["pwrite", "fdatasync"],
    )
    assert disk.calls == [*header, *batch, "pwrite"]
    log.close()


def test_nothing_unfinished_is_left(directory: Path) -> None:
    """Closing removes the prepared segment, and opening what a dead writer left of one."""
    log = opened(directory)
    log.append(b"record")
    log.flush()
    assert "next.wal.tmp" in names_of(directory)
    log.close()
    assert "next.wal.tmp" not in names_of(directory)
    (directory / "next.wal.tmp").write_bytes(b"half")
    opened(directory).close()
    assert "next.wal.tmp" not in names_of(directory)


@pytest.mark.parametrize(
    ("call", "count"), [("fsync", 2), ("rename", 1), ("sync_directory", 2), ("pwrite", 3)]
)
def test_failure_while_opening(directory: Path, call: str, count: int) -> None:
    """A disk that fails during recovery leaves the log as it was, unlocked and unharmed."""
    log = opened(directory)
    log.append(b"record")
    log.close()
    files = os.listdir("/proc/self/fd")
    for on_call in range(1, count + 1):
        disk = FaultyDisk()
        disk.refuse(call, errno.EIO, on_call=on_call)
        log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES, fs=disk.fs)
        with pytest.raises(OSError, match="refused"):
            list(log.recover())
        log.close()
        assert records_of(directory) == [b"record"]
    assert len(os.listdir("/proc/self/fd")) == len(files)
