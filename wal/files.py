"""The few things that must last on a file system, so that a failing one can stand in for it.

Every touch of the disk by the log and by snapshots goes through `FileSystem`. The methods are the
system calls of the same name; errors are OSError, unchanged and never retried.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

TEMPORARY_SUFFIX = ".tmp"  # what never got its final name; a new writer removes it


class FileSystem(Protocol):
    """Files are known by an integer, as file descriptors are."""

    def create(self, path: Path) -> int:
        """Make a file that must not exist yet, and open it for reading and writing."""

    def open(self, path: Path, *, writable: bool = False) -> int:
        """Open a file that must exist."""

    def close(self, file: int) -> None:
        """Give the file back; nothing may depend on it reaching the disk here."""

    def size_bytes(self, file: int) -> int:
        """Return how long the file is."""

    def pread(self, file: int, size: int, offset: int) -> bytes:
        """Read at most `size` bytes; fewer at the end of the file."""

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        """Write some of `data`; return how many bytes of it."""

    def fdatasync(self, file: int) -> None:
        """Return when the contents are on disk, and the length if it changed."""

    def fsync(self, file: int) -> None:
        """Return when the contents and everything known of the file are on disk."""

    def drop_cached(self, file: int) -> None:
        """Ask that the next read come from the disk and not from memory; what isn't synced stays.

        Advice (POSIX_FADV_DONTNEED): a system may decline, so nothing may depend on it alone.
        """

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, atomically, in place of any file of that name."""

    def unlink(self, path: Path) -> None:
        """Remove a name."""

    def names(self, directory: Path) -> list[str]:
        """Return the names in a directory, in no order."""

    def make_directory(self, directory: Path) -> None:
        """Make a directory, durably, in one that exists; one already there is left alone."""

    def sync_directory(self, directory: Path) -> None:
        """Return when the names made, changed and removed in it are on disk."""

    def lock(self, path: Path) -> int:
        """Lock the file, making it if needed; raise BlockingIOError if another holds it."""

    def free_bytes(self, directory: Path) -> int:
        """Return how much may still be written to this file system."""


class OsFileSystem:
    """The real one."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def open(self, path: Path, *, writable: bool = False) -> int:
        return os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)

    def close(self, file: int) -> None:
        os.close(file)

    def size_bytes(self, file: int) -> int:
        return os.fstat(file).st_size

    def pread(self, file: int, size: int, offset: int) -> bytes:
        return os.pread(file, size, offset)

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        return os.pwrite(file, data, offset)

    def fdatasync(self, file: int) -> None:
        os.fdatasync(file)

    def fsync(self, file: int) -> None:
        os.fsync(file)

    def drop_cached(self, file: int) -> None:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def names(self, directory: Path) -> list[str]:
        return os.listdir(directory)

    def make_directory(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self.sync_directory(directory.parent)

    def sync_directory(self, directory: Path) -> None:
        file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with naming(directory):
                os.fsync(file)
        finally:
            os.close(file)

    def lock(self, path: Path) -> int:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with naming(path):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(file)
            raise
        return file

    def free_bytes(self, directory: Path) -> int:
        disk = os.statvfs(directory)
        return disk.f_bavail * disk.f_frsize


OS = OsFileSystem()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError say which file it is about; the system knows it by its descriptor only."""
    try:
        yield
    except OSError as failure:
        failure.filename = failure.filename or str(path)
        raise


def read_file(fs: FileSystem, path: Path, *, size_bytes_max: int | None = None) -> bytes:
    """Return the contents of a file, or only its first `size_bytes_max` bytes."""
    file = fs.open(path)
    try:
        with naming(path):
            size = fs.size_bytes(file)
            if size_bytes_max is not None:
                size = min(size, size_bytes_max)
            return read_at(fs, file, size, 0)
    finally:
        fs.close(file)


def file_bytes(fs: FileSystem, path: Path) -> int:
    """Return how long a file is."""
    file = fs.open(path)
    try:
        return fs.size_bytes(file)
    finally:
        fs.close(file)


def read_at(fs: FileSystem, file: int, size: int, offset: int) -> bytes:
    """Read `size` bytes at `offset`, fewer only if the file ends before."""
    data = fs.pread(file, size, offset)
    while len(data) < size and (more := fs.pread(file, size - len(data), offset + len(data))):
        data += more
    return data


def write_at(fs: FileSystem, file: int, data: bytes, offset: int) -> int:
    """Write all of `data` at `offset` and return where it ends; a write may be short."""
    written = fs.pwrite(file, data, offset)
    while written < len(data):
        written += fs.pwrite(file, data[written:], offset + written)
    return offset + written


def write_file(fs: FileSystem, path: Path, data: bytes) -> None:
    """Put a whole file under its final name only when its contents are on disk."""
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    remove_if_there(fs, temporary)
    file = fs.create(temporary)
    try:
        with naming(temporary):
            write_at(fs, file, data, 0)
            fs.fsync(file)
    finally:
        fs.close(file)
    fs.rename(temporary, path)
    fs.sync_directory(path.parent)


def remove_if_there(fs: FileSystem, path: Path) -> None:
    """Remove a file whose absence is as good."""
    if path.name in fs.names(path.parent):
        fs.unlink(path)
