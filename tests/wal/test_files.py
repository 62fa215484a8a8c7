"""The real file system: the kernel is asked for what was promised, and every file is given back."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.descriptors import Asked, opened_files
from tests.wal.fake_disks import FaultyDisk
from wal import Log, read_store_id
from wal.copy import copy_log
from wal.files import OS, file_bytes, read_at, read_file, write_at, write_file


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of 250 different bytes."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(250)))
    return path


def test_a_batch_is_brought_to_disk_by_the_kernel(tmp_path: Path, asked: Asked) -> None:
    """Not only the seam is called: without its system call a log would look as good as it does."""
    Log.create(tmp_path / "wal", store_id=bytes(16))
    log = Log.open(tmp_path / "wal")
    list(log.recover())
    asked.clear()
    log.append(b"record")
    pending = log.take()
    assert pending is not None
    log.write(pending)

    assert [("fdatasync", tmp_path / "wal" / f"{1:020d}.wal")] == asked
    log.close()


def test_each_promise_is_a_system_call(path: Path, asked: Asked) -> None:
    """Of the file itself, or of the directory whose names are meant."""
    file = OS.open(path)
    OS.fsync(file)
    OS.fdatasync(file)
    OS.close(file)
    OS.sync_directory(path.parent)
    OS.make_directory(path.parent / "new")
    write_file(OS, path.parent / "new" / "whole", b"contents")

    room, new = path.parent, path.parent / "new"
    assert [
        ("fsync", path),
        ("fdatasync", path),
        ("fsync", room),
        ("fsync", room),
        ("fsync", new / "whole.tmp"),
        ("fsync", new),
    ] == asked


def test_nothing_stays_open(path: Path, tmp_path: Path) -> None:
    """What was opened for one question, or one promise, is closed; when refused, too."""
    before = opened_files()
    Log.create(tmp_path / "wal", store_id=bytes(16))
    read_store_id(tmp_path / "wal")
    copy_log(tmp_path / "wal", tmp_path / "copy")
    write_file(OS, tmp_path / "whole", b"contents")
    read_file(OS, path)
    file_bytes(OS, path)
    OS.sync_directory(tmp_path)
    lock = OS.lock(tmp_path / "LOCK")
    with pytest.raises(BlockingIOError):
        OS.lock(tmp_path / "LOCK")
    OS.close(lock)

    assert before == opened_files()


@pytest.mark.parametrize(
    ("call", "promise", "name"),
    [
        ("os.fsync", OS.sync_directory, "."),
        ("os.fsync", OS.make_directory, "."),
        ("fcntl.flock", lambda directory: OS.lock(directory / "LOCK"), "LOCK"),
    ],
)
def test_a_promise_that_is_refused_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    promise: Callable[[Path], object],
    name: str,
) -> None:
    """The system tells of a descriptor only, and a person needs to know which disk it is."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "refused")

    monkeypatch.setattr(call, refuse)
    with pytest.raises(OSError, match="refused") as caught:
        promise(tmp_path / "new" if promise == OS.make_directory else tmp_path)
    assert caught.value.filename == str(tmp_path / name)


def test_what_is_read_in_pieces(path: Path) -> None:
    """A read may be short; only the end of the file ends it."""

    def shorten(name: str, arguments: tuple[Any, ...]) -> bytes | None:
        if name != "pread":
            return None
        file, size, offset = arguments
        return os.pread(file, min(size, 100), offset)

    disk = FaultyDisk(shorten).fs
    file = disk.open(path)
    contents = bytes(range(250))
    assert contents == read_at(disk, file, 250, 0)
    assert contents[10:240] == read_at(disk, file, 230, 10)
    assert contents[10:] == read_at(disk, file, 1_000, 10)
    assert b"" == read_at(disk, file, 10, 250)
    disk.close(file)


def test_what_is_written_in_pieces(path: Path) -> None:
    """All of it stands where it should, and it is told where that ends."""

    def shorten(name: str, arguments: tuple[Any, ...]) -> int | None:
        if name != "pwrite":
            return None
        file, data, offset = arguments
        return os.pwrite(file, data[:100], offset)

    disk = FaultyDisk(shorten).fs
    file = disk.open(path, writable=True)
    assert 260 == write_at(disk, file, bytes(250), 10)
    disk.close(file)

    assert bytes(range(10)) + bytes(250) == path.read_bytes()
