"""Disks that fail on purpose: one refuses chosen calls, one forgets what was not synced."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, cast

from wal.files import FileSystem, OsFileSystem
from wal.log import Log
from wal.watermark import create_watermark

SECTOR_BYTES = 512
STORE_ID = b"sixteen bytes id"


class PowerCut(BaseException):
    """Nothing runs after this; a BaseException, so that no handler takes it for a mere error."""


class FaultyDisk:
    """The real disk, with `fault(name, arguments)` called before every call of the seam.

    What `fault` raises is raised; what it returns, if not None, is returned instead of calling.
    """

    def __init__(self, fault: Callable[[str, tuple[Any, ...]], object] | None = None) -> None:
        self.fault = fault
        self.calls: list[str] = []
        self._real = OsFileSystem()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            outcome = self.fault(name, arguments) if self.fault else None
            return method(*arguments, **options) if outcome is None else outcome

        return call

    @property
    def fs(self) -> FileSystem:
        """Itself, as what it stands in for."""
        return cast(FileSystem, self)

    def refuse(self, name: str, error: int, *, on_call: int = 1) -> None:
        """From now on fail the nth call of this name with this errno; the others succeed."""
        seen = 0

        def fault(called: str, _: tuple[Any, ...]) -> None:
            nonlocal seen
            seen += called == name
            if called == name and seen == on_call:
                raise OSError(error, f"refused {name}")

        self.fault = fault


class Inode:
    """A file's bytes as the process reads them, and as they would survive."""

    def __init__(self, durable: bytes = b"") -> None:
        self.seen = bytearray(durable)
        self.durable = bytearray(durable)
        self.unsynced: list[tuple[int, bytes]] = []

    def write(self, data: bytes, offset: int) -> None:
        _put(self.seen, data, offset)
        self.unsynced.append((offset, data))

    def sync(self) -> None:
        for offset, data in self.unsynced:
            _put(self.durable, data, offset)
        self.unsynced.clear()

    def after_power_cut(self, random: Random) -> bytes:
        """Each unsynced write is kept, lost, or kept in some of its sectors."""
        survived = bytearray(self.durable)
        for offset, data in self.unsynced:
            fate = random.random()
            for start in range(0, len(data), SECTOR_BYTES):
                if fate < 0.3 or (fate < 0.7 and random.random() < 0.5):
                    _put(survived, data[start : start + SECTOR_BYTES], offset + start)
        return bytes(survived)


class ForgetfulDisk:
    """A disk in memory that keeps only what was synced, and any part of the rest, after a cut.

    The call after `calls_left` others raises PowerCut. Names live in one flat table: the change of
    a name is durable once its directory has been synced, and may survive by itself otherwise.
    While it is `refusing`, a sync fails as Linux fails it: the pages go on being read but are
    taken for written, so that the next sync succeeds and writes nothing of them.
    """

    def __init__(self) -> None:
        self.names_seen: dict[Path, Inode] = {}
        self.names_durable: dict[Path, Inode] = {}
        self.unsynced: list[tuple[Path | None, Path | None, Inode]] = []  # from, to
        self.open_files: dict[int, Inode] = {}
        self.locked: set[int] = set()
        self.calls_left: int | None = None
        self.refusing = False
        self.calls = 0

    def after_power_cut(self, random: Random) -> "ForgetfulDisk":
        """What the machine finds when it comes up again."""
        survived = dict(self.names_durable)
        for source, target, inode in self.unsynced:
            if random.random() < 0.5:
                _rename(survived, source, target, inode)
        disk = ForgetfulDisk()
        copies = {inode: Inode(inode.after_power_cut(random)) for inode in survived.values()}
        disk.names_seen = {path: copies[inode] for path, inode in survived.items()}
        disk.names_durable = dict(disk.names_seen)
        return disk

    def create(self, path: Path) -> int:
        self._call()
        if path in self.names_seen:
            raise FileExistsError(path)
        inode = Inode()
        self._change(None, path, inode)
        return self._opened(inode)

    def open(self, path: Path, *, writable: bool = False) -> int:
        self._call()
        if path not in self.names_seen:
            raise FileNotFoundError(path)
        return self._opened(self.names_seen[path])

    def close(self, file: int) -> None:
        self.locked.discard(file)
        del self.open_files[file]

    def size_bytes(self, file: int) -> int:
        return len(self.open_files[file].seen)

    def pread(self, file: int, size: int, offset: int) -> bytes:
        self._call()
        return bytes(self.open_files[file].seen[offset : offset + size])

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        self._call()
        self.open_files[file].write(data, offset)
        self._call()
        return len(data)

    def fdatasync(self, file: int) -> None:
        self._call()
        if self.refusing:
            self.open_files[file].unsynced.clear()
            raise OSError("refused")
        self.open_files[file].sync()
        self._call()

    fsync = fdatasync

    def rename(self, source: Path, target: Path) -> None:
        self._call()
        self._change(source, target, self.names_seen[source])

    def unlink(self, path: Path) -> None:
        self._call()
        if path not in self.names_seen:
            raise FileNotFoundError(path)
        self._change(path, None, self.names_seen[path])

    def names(self, directory: Path) -> list[str]:
        self._call()
        return [path.name for path in self.names_seen if path.parent == directory]

    def make_directory(self, directory: Path) -> None:
        self._call()

    def sync_directory(self, directory: Path) -> None:
        self._call()
        self.names_durable = dict(self.names_seen)
        self.unsynced.clear()
        self._call()

    def lock(self, path: Path) -> int:
        self._call()
        if self.locked:
            raise BlockingIOError
        file = self._opened(Inode())
        self.locked.add(file)
        return file

    def free_bytes(self, directory: Path) -> int:
        return 1 << 40

    def _call(self) -> None:
        self.calls += 1
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise PowerCut

    def _opened(self, inode: Inode) -> int:
        file = self.calls
        self.open_files[file] = inode
        return file

    def _change(self, source: Path | None, target: Path | None, inode: Inode) -> None:
        _rename(self.names_seen, source, target, inode)
        self.unsynced.append((source, target, inode))


def _put(content: bytearray, data: bytes, offset: int) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _rename(
    names: dict[Path, Inode], source: Path | None, target: Path | None, inode: Inode
) -> None:
    if source is not None:
        names.pop(source, None)
    if target is not None:
        names[target] = inode


class SmallLog:
    """A closed log of three segments and one to three records in each of its batches."""

    directory = Path("/wal")
    segment_bytes_max = 4096 + 5 * SECTOR_BYTES

    def __init__(self, disk: ForgetfulDisk, store_id: bytes = STORE_ID) -> None:
        self.disk = disk
        self.batches: list[list[bytes]] = []
        Log.create(self.directory, store_id=store_id, fs=disk)
        log = self.open()
        list(log.recover())
        for number in range(14):
            records = [b"%d-%d " % (number, n) * 30 for n in range(number % 3 + 1)]
            self.batches.append(records)
            for record in records:
                log.append(record)
            log.flush()
        log.close()

    @property
    def records(self) -> list[bytes]:
        return [record for batch in self.batches for record in batch]

    def open(self) -> Log:
        return Log.open(self.directory, segment_bytes_max=self.segment_bytes_max, fs=self.disk)

    def recover(self, after_lsn: int = 0) -> list[tuple[int, bytes]]:
        """Open it, read it and close it again, whatever comes."""
        log = self.open()
        try:
            return list(log.recover(after_lsn))
        finally:
            log.close()

    @property
    def segments(self) -> list[Path]:
        return sorted(path for path in self.disk.names_seen if path.suffix == ".wal")

    def content(self, path: Path) -> bytearray:
        """The bytes of a file, to be damaged in place."""
        return self.disk.names_seen[path].seen

    def put(self, path: Path, content: bytes) -> None:
        """Make a file, or another one in its place."""
        self.disk.names_seen[path] = self.disk.names_durable[path] = Inode(content)

    def forget_acknowledged(self) -> None:
        """Set the watermark back to 0, as a power cut may."""
        create_watermark(self.disk, self.directory, STORE_ID)
