"""What this process holds open, and what it has asked the kernel to bring to disk."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def opened_files() -> set[Path]:
    return {Path(os.path.realpath(one)) for one in Path("/proc/self/fd").iterdir()}


class Asked(list[tuple[str, Path]]):
    """Every fsync and fdatasync from now on: the call, and the file or directory it was about."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        # As it was the last time, by inode: a file that gets another name stays the same.
        self._size_bytes: dict[int, int] = {}
        for call in ("fsync", "fdatasync"):
            patch.setattr(f"os.{call}", self._noting(call, getattr(os, call)))

    def lacks(self, room: Path) -> list[Path]:
        """What of a directory, itself included, may be gone after a power cut; locks may be."""
        every = [room, *room.rglob("*")]
        return [path for path in every if path.name != "LOCK" and not self._has(path)]

    def _has(self, path: Path) -> bool:
        if path.is_dir() and not any(path.iterdir()):
            return True  # it has no names of its own
        found = path.stat()
        return self._size_bytes.get(found.st_ino) == found.st_size

    def _noting(self, call: str, real: Callable[[int], None]) -> Callable[[int], None]:
        def noted(file: int) -> None:
            real(file)
            self.append((call, Path(f"/proc/self/fd/{file}").readlink()))
            self._size_bytes[os.fstat(file).st_ino] = os.fstat(file).st_size

        return noted
