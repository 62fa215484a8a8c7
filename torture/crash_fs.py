"""A disk in memory with two worlds: what a process reads, and what a power cut leaves of it.

Bytes are durable once their file has been synced, a name once its directory has been. Of the rest
a cut keeps any part: each sector of each write and each change of a name has a fate of its own, in
no order. This is worse than the disk we assume: names change one by one, and a sector of a longer
write may come out as garbage. A sector written alone comes out old or new, as we do assume.

A sync that fails does what Linux does: the pages go on being read but are taken for written, so the
next sync succeeds and writes nothing of them.
"""

import errno
from collections.abc import Callable, Iterator
from enum import Enum, auto
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

SECTOR_BYTES = 512
FREE_BYTES = 1 << 40
_GARBAGE = bytes(range(0x80, 0x100)) * (SECTOR_BYTES // 0x80)


class PowerCut(BaseException):
    """Nothing runs after this; a BaseException, so that no handler takes it for a mere error."""


class Fate(Enum):
    """What a power cut makes of one sector or name that was not synced."""

    KEPT = auto()
    LOST = auto()
    GARBLED = auto()  # a name, or a sector that was written alone, is lost instead


Fates = Callable[[], Fate]
# Called before each call of the seam with its name and the bytes it would write; returns how many
# of them it may. What it raises is raised instead of calling.
Trouble = Callable[[str, int], int]
_Change = tuple[Path | None, Path | None, "Inode"]  # the old name, the new one, and of what


def no_trouble(name: str, size: int) -> int:
    """Every call succeeds."""
    return size


def power_cut_after(calls: int) -> Trouble:
    """The power goes before the call that follows so many others."""
    left = iter(range(calls))

    def cut(name: str, size: int) -> int:
        if next(left, None) is None:
            raise PowerCut
        return size

    return cut


class Inode:
    """The bytes of a file: as they are read, and as they would survive."""

    def __init__(self, content: bytes | bytearray = b"") -> None:
        self.seen = bytearray(content)
        self.durable = bytearray(content)
        self.unsynced: list[tuple[int, bytes]] = []  # offset, data

    def write(self, data: bytes, offset: int) -> None:
        _put(self.seen, data, offset)
        self.unsynced.append((offset, data))

    def sync(self) -> None:
        for offset, data in self.unsynced:
            _put(self.durable, data, offset)
        self.unsynced.clear()

    def refuse_sync(self) -> None:
        """What was to be written is forgotten by the disk, and still read."""
        self.unsynced.clear()

    def drop_cached(self) -> None:
        """From now on what is on disk is read, and what waits to be written."""
        self.seen[:] = self.durable
        for offset, data in self.unsynced:
            _put(self.seen, data, offset)

    def pieces(self) -> Iterator[tuple[int, bytes, bool]]:
        """(offset, data, whether it was written alone) of each sector that was not synced."""
        for offset, data in self.unsynced:
            edges = [*range(-(offset % SECTOR_BYTES), len(data), SECTOR_BYTES), len(data)]
            for edge, end in pairwise(edges):
                start = max(0, edge)
                yield offset + start, data[start:end], len(edges) == 2

    def after_power_cut(self, fates: Fates) -> "Inode":
        survived, cached = bytearray(self.durable), bytearray(self.durable)
        for offset, data, alone in self.pieces():
            _put(cached, data, offset)
            fate = fates()
            if fate is Fate.KEPT:  # the whole sector, with what was written to it before
                start = offset - offset % SECTOR_BYTES
                _put(survived, cached[start : start + SECTOR_BYTES], start)
            elif fate is Fate.GARBLED and not alone:
                _put(survived, _GARBAGE[: len(data)], offset)
        return Inode(survived)


class CrashFS:
    """The seam of `wal/files.py`, in memory; `trouble` may be set at any time.

    Directories last from the moment they are made, as the seam promises. `heeds_advice` is whether
    `drop_cached` does anything: a kernel may decline.
    """

    def __init__(self, *, heeds_advice: bool = True) -> None:
        self.trouble: Trouble = no_trouble
        self.calls = 0
        self.free = FREE_BYTES
        self.heeds_advice = heeds_advice
        self.inodes: dict[Path, Inode] = {}
        self.open_files: dict[int, Inode] = {}
        self._read_only: set[int] = set()
        self._directories: set[Path] = set()
        self._durable: dict[Path, Inode] = {}
        self._unsynced: list[_Change] = []
        self._locks: dict[int, Path] = {}

    def copied(self) -> "CrashFS":
        """The same disk once more, with everything synced."""
        return self.after_power_cut(lambda: Fate.KEPT)

    def after_power_cut(self, fates: Fates) -> "CrashFS":
        """What the machine finds when it comes up again."""
        survived = dict(self._durable)
        for change in self._unsynced:
            if fates() is Fate.KEPT:
                _rename(survived, *change)
        disk = CrashFS(heeds_advice=self.heeds_advice)
        disk._directories = set(self._directories)
        for path, inode in survived.items():
            disk.put(path, inode.after_power_cut(fates))
        return disk

    def end_process(self) -> None:
        """Whoever used the disk is gone, with files and locks; the page cache is still there."""
        self.open_files.clear()
        self._read_only.clear()
        self._locks.clear()
        self.trouble = no_trouble

    def put(self, path: Path, inode: Inode) -> None:
        """Make a file, or another one in its place, as if it had always been there."""
        self.inodes[path] = self._durable[path] = inode

    def remove(self, path: Path) -> None:
        """Take a file away, as if it had never been there."""
        del self.inodes[path]
        self._durable.pop(path, None)

    def pending(self) -> int:
        """How many fates a power cut now would ask for."""
        sectors = sum(len(list(inode.pieces())) for inode in set(self.inodes.values()))
        return sectors + len(self._unsynced)

    def digest(self, directory: Path | None = None) -> bytes:
        """Eight bytes that differ between disks, or directories, that read differently."""
        image = blake2b(digest_size=8)
        for path in sorted(path for path in self.inodes if directory in (None, path.parent)):
            image.update(b"%b %d " % (bytes(path), len(self.inodes[path].seen)))
            image.update(self.inodes[path].seen)
        return image.digest()

    def create(self, path: Path) -> int:
        self._call("create")
        self._require_directory(path.parent)
        if path in self.inodes:
            raise FileExistsError(path)
        inode = Inode()
        self._change(None, path, inode)
        return self._opened(inode)

    def open(self, path: Path, *, writable: bool = False) -> int:
        self._call("open")
        file = self._opened(self._found(path))
        if not writable:
            self._read_only.add(file)
        return file

    def close(self, file: int) -> None:
        self._locks.pop(file, None)
        self._read_only.discard(file)
        del self.open_files[file]

    def size_bytes(self, file: int) -> int:
        self._call("size_bytes")
        return len(self.open_files[file].seen)

    def pread(self, file: int, size: int, offset: int) -> bytes:
        self._call("pread")
        return bytes(self.open_files[file].seen[offset : offset + size])

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        size = self._call("pwrite", len(data))
        if file in self._read_only:
            raise OSError(errno.EBADF, "open for reading only")
        self.open_files[file].write(data[:size], offset)
        return size

    def fdatasync(self, file: int) -> None:
        self._sync("fdatasync", file)

    def fsync(self, file: int) -> None:
        self._sync("fsync", file)

    def drop_cached(self, file: int) -> None:
        self._call("drop_cached")
        if self.heeds_advice:
            self.open_files[file].drop_cached()

    def rename(self, source: Path, target: Path) -> None:
        self._call("rename")
        self._require_directory(target.parent)
        self._change(source, target, self._found(source))

    def unlink(self, path: Path) -> None:
        self._call("unlink")
        self._change(path, None, self._found(path))

    def names(self, directory: Path) -> list[str]:
        self._call("names")
        self._require_directory(directory)
        return [path.name for path in self.inodes if path.parent == directory]

    def make_directory(self, directory: Path) -> None:
        self._call("make_directory")
        self._directories.add(directory)

    def sync_directory(self, directory: Path) -> None:
        self._call("sync_directory")
        waiting, self._unsynced = self._unsynced, []
        for change in waiting:
            old, new, _ = change
            if directory in {path.parent for path in (old, new) if path}:
                _rename(self._durable, *change)
            else:
                self._unsynced.append(change)

    def lock(self, path: Path) -> int:
        self._call("lock")
        self._require_directory(path.parent)
        if path in self._locks.values():
            raise BlockingIOError
        file = self._opened(Inode())
        self._locks[file] = path
        return file

    def free_bytes(self, directory: Path) -> int:
        self._call("free_bytes")
        return self.free

    def _call(self, name: str, size: int = 0) -> int:
        self.calls += 1
        return self.trouble(name, size)

    def _sync(self, name: str, file: int) -> None:
        inode = self.open_files[file]
        try:
            self._call(name)
        except OSError:
            inode.refuse_sync()
            raise
        inode.sync()

    def _found(self, path: Path) -> Inode:
        if path not in self.inodes:
            raise FileNotFoundError(path)
        return self.inodes[path]

    def _require_directory(self, directory: Path) -> None:
        if directory not in self._directories:
            raise FileNotFoundError(directory)

    def _opened(self, inode: Inode) -> int:
        file = self.calls
        self.open_files[file] = inode
        return file

    def _change(self, source: Path | None, target: Path | None, inode: Inode) -> None:
        _rename(self.inodes, source, target, inode)
        self._unsynced.append((source, target, inode))


def _put(content: bytearray, data: bytes | bytearray, offset: int) -> None:
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
