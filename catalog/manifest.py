"""catalog.json: what a catalog holds and the checksum of each of its files, written last.

A directory without it is no catalog.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from catalog.errors import NotACatalog

NAME = "catalog.json"
FORMAT = 4  # rises when an older program could not read the files any more
_NEXT = "import the files anew"
READ_BYTES = 1 << 20  # one buffer's worth; files of any size are summed up in pieces


class Summary(msgspec.Struct, frozen=True):
    """How much was imported; `seats` counts what is on sale of all active events."""

    users: int
    active_events: int
    archived_events: int
    seats: int


class _Sum(msgspec.Struct, frozen=True):
    size_bytes: int
    crc32: int


class Manifest(msgspec.Struct, frozen=True):
    """The content of catalog.json; `timezone` is the IANA name the dates were read with."""

    format: int
    timezone: str
    summary: Summary
    files: dict[str, _Sum]


def seal(directory: Path, *, timezone: str, summary: Summary) -> None:
    """Make every file of a finished catalog durable and write the manifest over them."""
    for lock in directory.rglob("*.lock"):  # the index's writer left them; readers need none
        lock.unlink()
    files = {str(path.relative_to(directory)): _sum(path) for path in _files(directory)}
    manifest = Manifest(FORMAT, timezone, summary, files)
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (directory / NAME).write_bytes(content)
    for path in [*_files(directory), *_directories(directory)]:
        fsync(path)


def read(directory: Path) -> Manifest:
    """The manifest of a catalog whose files are all there in full size; else NotACatalog."""
    try:
        content = (directory / NAME).read_bytes()
        manifest = msgspec.json.decode(content, type=Manifest)
    except FileNotFoundError:
        raise NotACatalog(directory, f"it has no {NAME}; {_NEXT}") from None
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise NotACatalog(directory, f"{NAME} can't be read ({error}); {_NEXT}") from None
    if manifest.format != FORMAT:
        reason = f"it has format {manifest.format}, not {FORMAT}; {_NEXT}"
        raise NotACatalog(directory, reason)
    for name, expected in manifest.files.items():
        path = directory / name
        if not path.is_file() or path.stat().st_size != expected.size_bytes:
            raise NotACatalog(directory, f"{name} is missing or cut short; {_NEXT}")
    return manifest


def require_whole(directory: Path, manifest: Manifest, *names: str) -> None:
    """Compare every byte of these files with the checksums; raises NotACatalog, and OSError."""
    for name in names:
        if _sum(directory / name) != manifest.files.get(name):
            raise NotACatalog(directory, f"{name} is damaged: its checksum differs; {_NEXT}")


def verify(directory: Path) -> Summary:
    """Compare every byte with the checksums; raises NotACatalog at the first difference."""
    manifest = read(directory)
    require_whole(directory, manifest, *manifest.files)
    return manifest.summary


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError say what it is about, where the system knows only a descriptor."""
    try:
        yield
    except OSError as failure:
        if failure.errno is not None:  # else a library's, in its own words
            failure.filename = failure.filename or str(path)
        raise


def fsync(path: Path) -> None:
    """Wait until the disk has a file's content, or a directory's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file())


def _directories(directory: Path) -> Iterator[Path]:
    yield from (path for path in sorted(directory.rglob("*")) if path.is_dir())
    yield directory


def _sum(path: Path) -> _Sum:
    size_bytes = crc32 = 0
    with naming(path), path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            size_bytes += len(piece)
            crc32 = zlib.crc32(piece, crc32)
    return _Sum(size_bytes, crc32)
