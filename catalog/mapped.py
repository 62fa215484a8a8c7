"""Bounds how much of an index is mapped into the process: pages are given back in time.

tantivy maps the files of an index, and a page once read stays in the resident memory of whoever
read it, up to the whole index. The system's page cache has it anyhow, so giving it back costs the
next reader a microsecond or two for each 64 KiB.
"""

import ctypes
import mmap
import os
import weakref
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

# Beyond what the process has mapped when it opens an index: libraries, mostly.
MAPPED_BYTES_MAX = 48 << 20
# Given back at once; all at once would be a millisecond more for one search in twenty.
PART_BYTES = 16 << 20

_madvise = ctypes.CDLL(None, use_errno=True).madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class MappedFiles:
    """The files of a directory that are mapped now; they must stay mapped while it is used."""

    def __init__(self, directory: Path, *, bytes_max: int = MAPPED_BYTES_MAX) -> None:
        self._parts = [part for place in _places(directory.resolve()) for part in _parts(*place)]
        self._turn = cycle(self._parts)
        self._statm = os.open("/proc/self/statm", os.O_RDONLY)
        weakref.finalize(self, os.close, self._statm)
        self._bytes_max = self.mapped_bytes() + bytes_max

    def keep_few(self) -> None:
        """Give pages back, part by part, if they have become too many; any thread may call it.

        Whoever touches a page again gets it again, with the same content: nobody writes to it.
        """
        for _ in self._parts:
            if self.mapped_bytes() <= self._bytes_max:
                return
            begin, end = next(self._turn)
            if _madvise(begin, end - begin, mmap.MADV_DONTNEED) != 0:
                raise OSError(ctypes.get_errno(), "pages of the index can't be given back")

    def mapped_bytes(self) -> int:
        """How much of all mapped files the process has in its resident memory; takes 1 us."""
        return int(os.pread(self._statm, 128, 0).split()[2]) * mmap.PAGESIZE


def _parts(begin: int, end: int) -> Iterator[tuple[int, int]]:
    for at in range(begin, end, PART_BYTES):
        yield at, min(at + PART_BYTES, end)


def _places(directory: Path) -> Iterator[tuple[int, int]]:
    """Where the files begin and end in memory; only what can't be written, or it would be lost."""
    for line in os.fsdecode(Path("/proc/self/maps").read_bytes()).splitlines():
        addresses, rights, _, _, _, *path = line.split(maxsplit=5)
        if path and path[0].startswith(f"{directory}/") and "w" not in rights:
            begin, end = addresses.split("-")
            yield int(begin, 16), int(end, 16)
