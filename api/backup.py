"""`billetter backup` and `restore`: a data directory copied whole, beside a running server.

A backup holds everything that was acknowledged before it began. It has its final name only after
every byte is on disk and the copy has made one state of its snapshots and its log; a restore checks
all of that again before the directory has its name.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from pathlib import Path, PurePath
from shutil import rmtree
from typing import Never

import msgspec
from tqdm import tqdm

from api import store
from catalog.manifest import fsync
from catalog.workplace import put, workplace
from engine.backup import copy_store
from engine.store import SNAPSHOTS_DIRECTORY, WAL_DIRECTORY, StoreMoved, read_patiently
from engine.verify import Findings

NAME = "backup.json"
FORMAT = 1  # rises when an older program could not read a backup any more
SUM_BYTES = 16
READ_BYTES = 1 << 20
_NEXT = "restore another backup"


class Sum(msgspec.Struct, frozen=True):
    """What a file must be; `blake2b` has 128 bits, in hex."""

    size_bytes: int
    blake2b: str


class Manifest(msgspec.Struct, frozen=True):
    """backup.json, written last: every file, the last record and the digest of the state."""

    format: int
    made_at: str
    lsn: int
    digest: str
    files: dict[str, Sum]


def backup(data: Path, target: Path, *, now: datetime, progress: bool = True) -> Manifest:
    """Copy the data directory to `target`, which must not exist; a server may be running.

    Raises StoreError, STORE_FAULTS and OSError; there is no `target` then.
    """
    store.require(data)
    _require_free(target)
    with workplace(target) as building:
        given = [*_files(data / store.CATALOG_DIRECTORY), *_files(data / store.PLACES_DIRECTORY)]
        given += [path for path in (data / store.TICKET_KEY,) if path.exists()]
        with _bar(given, "copy", shown=progress) as bar:
            for path in given:
                _copy(path, building / path.relative_to(data), bar)
        _copy_store(data, building)
        manifest = _sealed(building, now=now, progress=progress)
        put(building, target)
    return manifest


def restore(source: Path, data: Path, *, progress: bool = True) -> Manifest:
    """Make a data directory of a backup; refuse one that is damaged, and a `data` that exists.

    Raises StoreError with the first fault, and OSError; there is no `data` then.
    """
    _require_free(data)
    manifest = read(source)
    with workplace(data) as building:
        with _bar(_files(source), "restore", shown=progress) as bar:
            for name, expected in manifest.files.items():
                if _copy(source / name, building / name, bar) != expected:
                    raise store.StoreError(
                        f"{source / name} is damaged: its checksum differs; {_NEXT}"
                    )
        found = _checked(building)
        if (found.records, found.digest) != (manifest.lsn, manifest.digest):
            said = f"record {manifest.lsn} and state {manifest.digest}"
            raise store.StoreError(f"{source} holds another state than it says: {said}; {_NEXT}")
        _sync_directories(building)
        put(building, data)
    return manifest


def read(source: Path) -> Manifest:
    """What a backup says of itself; raises StoreError for a directory that is none."""
    path = source / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise store.StoreError(f"{source} is no backup: it has no {NAME}") from None
    except (OSError, msgspec.DecodeError) as fault:
        raise store.StoreError(f"{path} can't be read: {fault}") from None
    if manifest.format != FORMAT:
        told = f"{path} has format {manifest.format}, not {FORMAT}"
        raise store.StoreError(f"{told}; restore it with the version that made it")
    for name in manifest.files:
        if not _is_within(name):
            raise store.StoreError(f"{path} names {name!r}, which is no file of a backup")
    return manifest


def _is_within(name: str) -> bool:
    """Whoever restores another's backup writes nothing beside the new directory."""
    path = PurePath(name)
    return (
        bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
    )


def _require_free(target: Path) -> None:
    if os.path.lexists(target):
        raise store.StoreError(f"{target} exists already; name a directory that doesn't")


def _copy_store(data: Path, building: Path) -> None:
    def copy() -> None:
        for directory in (WAL_DIRECTORY, SNAPSHOTS_DIRECTORY):
            rmtree(building / directory, ignore_errors=True)
        copy_store(data, building)

    try:
        read_patiently(copy)
    except StoreMoved as moved:
        raise store.StoreError(f"{data}: {moved}") from None


def _sealed(building: Path, *, now: datetime, progress: bool) -> Manifest:
    """The copy as it will be restored: checked as a whole, summed up and on disk."""
    found = _checked(building)
    paths = _files(building)
    with _bar(paths, "checksums", shown=progress) as bar:
        sums = {str(path.relative_to(building)): _sum(path, bar) for path in paths}
    made_at = now.isoformat(timespec="seconds")
    manifest = Manifest(FORMAT, made_at, found.records, found.digest, sums)
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    with store.naming(building / NAME):
        (building / NAME).write_bytes(content)
    fsync(building / NAME)  # every other file is on disk since it was copied
    _sync_directories(building)
    return manifest


def _checked(building: Path) -> Findings:
    verified = store.verify(building)
    if verified.fault:
        raise store.StoreError(f"the copy is not good: {verified.fault}")
    return verified.findings


def _copy(source: Path, target: Path, bar: "tqdm[Never]") -> Sum:
    """Copy a file, readable for its owner only: it knows people by name; it is on disk then."""
    target.parent.mkdir(parents=True, exist_ok=True)
    total, size_bytes = blake2b(digest_size=SUM_BYTES), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with store.naming(target), open(descriptor, "wb") as copy:
        for piece in _pieces(source):
            copy.write(piece)
            total.update(piece)
            size_bytes += len(piece)
            bar.update(len(piece))
        copy.flush()
        os.fsync(descriptor)
    return Sum(size_bytes, total.hexdigest())


def _sum(path: Path, bar: "tqdm[Never]") -> Sum:
    total, size_bytes = blake2b(digest_size=SUM_BYTES), 0
    for piece in _pieces(path):
        total.update(piece)
        size_bytes += len(piece)
        bar.update(len(piece))
    return Sum(size_bytes, total.hexdigest())


def _pieces(path: Path) -> Iterator[bytes]:
    with store.naming(path), path.open("rb") as file:  # read and written on two disks, mostly
        while piece := file.read(READ_BYTES):
            yield piece


def _files(directory: Path) -> list[Path]:
    """In order of their names; without what locks, or was never finished."""
    found = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return [path for path in found if path.suffix not in (".lock", ".tmp") and path.name != "LOCK"]


def _sync_directories(building: Path) -> None:
    for path in sorted(building.rglob("*")):
        if path.is_dir():
            fsync(path)
    fsync(building)


def _bar(paths: list[Path], said: str, *, shown: bool) -> "tqdm[Never]":
    size_bytes = sum(path.stat().st_size for path in paths)
    return tqdm(total=size_bytes, unit="B", unit_scale=True, desc=said, disable=not shown)
