"""Whole-state files: a snapshot has its final name only after all of it is on disk and was re-read.

`{lsn:020d}.snapshot` is the state after record `lsn`. One that turns out bad is renamed to
`….snapshot.broken`, kept for a person to look at, and the one before it serves.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from snapshots.errors import Busy, Corrupt, Foreign
from snapshots.format import (
    STORE_ID_BYTES,
    Header,
    read_chunks,
    read_header,
    verify_digest,
    write_snapshot,
)
from wal.files import OS, FileSystem, naming, remove_if_there

SUFFIX = ".snapshot"
BROKEN_SUFFIX = ".broken"
LSN_DIGITS = 20  # names in the order of text are in the order of LSNs
KEEP = 2  # one may rot: the older one, with the log from there on, still gives everything
_NAME = re.compile(rf"[0-9]{{{LSN_DIGITS}}}{re.escape(SUFFIX)}")
_BROKEN = SUFFIX + BROKEN_SUFFIX
_TEMPORARY_NAME = "next.snapshot.tmp"
_LOCK_NAME = "LOCK"


def snapshot_paths(directory: Path, *, fs: FileSystem = OS) -> list[tuple[int, Path]]:
    """(LSN, file) of the snapshots there are, oldest first, good or not; none: no directory."""
    try:
        names = sorted(name for name in fs.names(directory) if _NAME.fullmatch(name))
    except FileNotFoundError:
        return []
    return [(int(name.removesuffix(SUFFIX)), directory / name) for name in names]


def broken_paths(directory: Path, *, fs: FileSystem = OS) -> list[Path]:
    """What was found bad and set aside, and is still there, oldest first; none: no directory."""
    try:
        names = sorted(name for name in fs.names(directory) if name.endswith(_BROKEN))
    except FileNotFoundError:
        return []
    return [directory / name for name in names]


class Snapshot:
    """A snapshot of which every byte has been checked. Close it, or use it in a `with`."""

    def __init__(self, fs: FileSystem, file: int, path: Path, lsn: int) -> None:
        self._fs = fs
        self._file: int | None = file
        self.path = path
        self.lsn = lsn

    def chunks(self) -> Iterator[bytes]:
        """Yield the chunks as they were saved, checking each again; raises Corrupt."""
        assert self._file is not None, "closed"
        return read_chunks(self._fs, self._file, self.path)

    def close(self) -> None:
        if self._file is not None:
            self._fs.close(self._file)
            self._file = None

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SnapshotStore:
    """The snapshots of one store in a directory of their own, made if it is missing.

    `broken` lists what this object found to be bad and set aside; report it.
    """

    def __init__(self, directory: Path, *, store_id: bytes, fs: FileSystem = OS) -> None:
        if len(store_id) != STORE_ID_BYTES:
            raise ValueError(f"a store id has {STORE_ID_BYTES} bytes")
        fs.make_directory(directory)
        self.directory = directory
        self.broken: list[Corrupt] = []
        self._store_id = store_id
        self._fs = fs

    def save(self, lsn: int, chunks: Iterable[bytes]) -> Path:
        """Write the state after record `lsn`, durably, and return its file.

        Raises OSError, Corrupt if the file does not read back as it was written, Busy, and what
        `chunks` raises; no snapshot has been added then, the others are untouched, and what was
        written of it is gone: on a full disk the log needs the space.
        """
        temporary, path = self._temporary, self._path(lsn)
        with self._locked():
            remove_if_there(self._fs, temporary)  # of a maker that died
            try:
                self._write(temporary, Header(lsn, self._store_id), chunks)
                self._fs.rename(temporary, path)
            except Exception:
                with suppress(OSError):  # why it failed says more than why its remains stay
                    remove_if_there(self._fs, temporary)
                raise
            self._fs.sync_directory(self.directory)
        return path

    def remove_unfinished(self) -> None:
        """Give back the space of a snapshot whose maker died; one that is being made stays."""
        if self._temporary.name in self._fs.names(self.directory):
            with suppress(Busy), self._locked():
                remove_if_there(self._fs, self._temporary)

    def load_newest(self) -> Snapshot | None:
        """Return the newest good snapshot, or None if there is none; the caller closes it.

        Raises Foreign for a good file of another store or version. Reads the file once to check
        it; `chunks` reads it again.
        """
        return next(self._good(), None)

    def covered_lsn(self) -> int:
        """Return the LSN through which the log may be dropped: that of the second newest good one.

        0 if fewer than two are good. Reads both files whole: not for the event loop.
        """
        # A maker that died between rename and sync has left a name that a power cut would take.
        self._fs.sync_directory(self.directory)
        good = [snapshot.lsn for snapshot in self._closing(KEEP)]
        return good[-1] if len(good) == KEEP else 0

    def lsns(self) -> list[int]:
        """Return the LSNs of the files that are there, newest first, good or not."""
        return [lsn for lsn, _ in reversed(snapshot_paths(self.directory, fs=self._fs))]

    def open(self, lsn: int) -> Snapshot:
        """Return the snapshot at `lsn`; the caller closes it. Sets nothing aside.

        Raises Corrupt, Foreign, and FileNotFoundError if there is none.
        """
        return self._checked(self._path(lsn))

    def prune(self, keep: int = KEEP) -> None:
        """Remove what is older than the newest `keep` good ones. Never counts a bad one."""
        assert keep > 0
        with self._locked():
            self._fs.sync_directory(self.directory)  # what a power cut would take makes none old
            good = [snapshot.lsn for snapshot in self._closing(keep)]
            if len(good) == keep:
                for path in self._paths():
                    if path < self._path(good[-1]):
                        self._fs.unlink(path)

    def set_aside(self, fault: Corrupt) -> None:
        """Rename a snapshot in which somebody has found a fault, so that the one before serves."""
        self.broken.append(fault)
        path = fault.file
        with suppress(FileNotFoundError):  # another process was first
            self._fs.rename(path, path.with_name(path.name + BROKEN_SUFFIX))
        self._fs.sync_directory(self.directory)

    def _write(self, path: Path, header: Header, chunks: Iterable[bytes]) -> None:
        file = self._fs.create(path)
        try:
            written = write_snapshot(self._fs, file, path, header, chunks)
            with naming(path):
                self._fs.fsync(file)
            self._fs.drop_cached(file)  # to read what the disk has, not what it was given
            if verify_digest(self._fs, file, path) != written:
                raise Corrupt(path, "it does not read back as it was written")
        finally:
            self._fs.close(file)

    def _closing(self, count: int) -> Iterator[Snapshot]:
        for snapshot in islice(self._good(), count):
            snapshot.close()
            yield snapshot

    def _good(self) -> Iterator[Snapshot]:
        """Every good snapshot, newest first; sets bad ones aside on the way."""
        for path in reversed(self._paths()):
            try:
                yield self._checked(path)
            except FileNotFoundError:
                continue  # pruned by another process just now: newer ones exist
            except Corrupt as fault:
                self.set_aside(fault)

    def _checked(self, path: Path) -> Snapshot:
        file = self._fs.open(path)
        try:
            return Snapshot(self._fs, file, path, self._verified_lsn(file, path))
        except OSError as failure:  # a sector that cannot be read is as bad as a wrong one
            self._fs.close(file)
            raise Corrupt(path, f"cannot be read: {failure.strerror}") from failure
        except BaseException:
            self._fs.close(file)
            raise

    def _verified_lsn(self, file: int, path: Path) -> int:
        header = read_header(self._fs, file, path)
        if header.store_id != self._store_id:
            raise Foreign(f"{path}: a snapshot of another store; put it back to its own log")
        if self._path(header.lsn) != path:
            raise Corrupt(path, f"holds LSN {header.lsn}, not as named")
        verify_digest(self._fs, file, path)
        return header.lsn

    def _paths(self) -> list[Path]:
        """Oldest first; what is not named as we name is none of our business."""
        return [path for _, path in snapshot_paths(self.directory, fs=self._fs)]

    @property
    def _temporary(self) -> Path:
        return self.directory / _TEMPORARY_NAME

    def _path(self, lsn: int) -> Path:
        return self.directory / f"{lsn:0{LSN_DIGITS}d}{SUFFIX}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # An orphaned maker may outlive its server: two must not write one temporary file.
        try:
            lock = self._fs.lock(self.directory / _LOCK_NAME)
        except BlockingIOError:
            raise Busy(f"{self.directory}: another process writes snapshots here") from None
        try:
            yield
        finally:
            self._fs.close(lock)
