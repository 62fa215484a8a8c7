"""A small volume of its own whose image can be taken at any moment, as a power cut would leave it.

The volume is an ext4 in a file, and that file lies in another ext4. To take an image the outer one
is frozen: from then on the inner kernel's writes wait, and the file is what its disk holds, though
a sync or a commit of the journal may be half done. What the inner page cache has and no writeback
has reached is not in it. So an image is one that a power cut may leave: every write that the disk
has completed, and no other. A file that is copied while it is written to would be none: a late
block could be newer than an early one that was flushed before it. Nor is a frozen inner volume,
since freezing writes everything back. A disk that loses completed writes which no flush has
followed isn't played here; the disk in memory does that.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

VOLUME_BYTES = 96 << 20  # room for the data and three segments of 16 MiB
_OUTER_BYTES = VOLUME_BYTES + (16 << 20)
_FREEZE, _THAW = 0xC0045877, 0xC0045878  # FIFREEZE and FITHAW of linux/fs.h
_FILL_BYTES = 1 << 20


class Volume:
    """Mounted at `path`; made by `mounted_volume`."""

    def __init__(self, outer: Path, file: Path, path: Path) -> None:
        self.path = path
        self._outer = outer
        self._file = file

    def take_image(self, target: Path) -> None:
        """Copy what its disk holds at this moment; writes to it wait meanwhile."""
        with _frozen(self._outer):
            # cp(1) leaves out the holes.
            subprocess.run(["cp", "--sparse=always", self._file, target], check=True)

    def fill(self) -> None:
        """Leave not one byte free; the ballast stays."""
        block = bytes(_FILL_BYTES)
        ballast = os.open(self.path / "ballast", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(ballast, block):
                pass
        except OSError:
            if os.statvfs(self.path).f_bavail:
                raise
        finally:
            os.close(ballast)


@contextmanager
def mounted_volume(directory: Path, size_bytes: int = VOLUME_BYTES) -> Iterator[Volume]:
    """A new volume, all of it in this directory, unmounted when the block ends.

    Raises CalledProcessError, with what mount(8) has said, where none may be mounted.
    """
    outer_file = directory / "outer.ext4"
    _make(outer_file, _OUTER_BYTES, "-O", "^has_journal")
    with mounted(outer_file, directory / "outer") as outer:
        file = outer / "volume.ext4"
        _make(file, size_bytes)
        with mounted(file, directory / "volume") as path:
            yield Volume(outer, file, path)


@contextmanager
def mounted(file: Path, at: Path) -> Iterator[Path]:
    """Mount an image until the block ends; a journal is replayed, as after a power cut.

    A process that outlives its server may still have files open. So the volume leaves the tree at
    once, and its loop device with the last of them.
    """
    at.mkdir()
    _run("mount", "-t", "ext4", "-o", "loop", str(file), str(at))
    try:
        yield at
    finally:
        _run("umount", "--lazy", str(at))
        at.rmdir()


@cache
def can_mount() -> bool:
    """Whether an ext4 can be made, mounted and frozen here."""
    with TemporaryDirectory(prefix="billetter-mount-") as directory:
        try:
            with mounted_volume(Path(directory), size_bytes=8 << 20) as volume:
                volume.take_image(Path(directory) / "image")
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def copied_onto(volume: Volume, data: Path) -> Path:
    """A copy of a data directory that the volume's disk has."""
    copy = Path(shutil.copytree(data, volume.path / "data"))
    _run("sync", "--file-system", str(volume.path))
    return copy


@contextmanager
def _frozen(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, _FREEZE, 0)
        try:
            yield
        finally:
            fcntl.ioctl(handle, _THAW, 0)
    finally:
        os.close(handle)


def _make(file: Path, size_bytes: int, *options: str) -> None:
    with file.open("wb") as out:
        out.truncate(size_bytes)
    _run("mkfs.ext4", "-q", "-F", *options, str(file))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
