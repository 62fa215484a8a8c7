"""A directory appears under its final name complete and durable, or not at all."""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog import manifest
from catalog.errors import CatalogExists, ImportRunning, NotACatalog

_AT_FDCWD = -100  # "relative to the working directory", as renameat2(2) spells it
_RENAME_EXCHANGE = 2
_REMOVALS_MAX = 5  # in all; one was too few in 1 of 40 tries with the thread made late


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """An empty sibling of `target` to build in; whatever lies there in the end is removed.

    Leftovers of an interrupted import are removed first. Raises ImportRunning while another
    process has a workplace in the same directory.
    """
    building = target.with_name(f".{target.name}.importing")
    with _made_for_good(target.parent), _locked(target):
        try:
            remove(building)
            building.mkdir()
            yield building
        finally:
            remove(building)


@contextmanager
def _made_for_good(directory: Path) -> Iterator[None]:
    """It is there, and what this makes on the way to it is durable, or gone after a failure."""
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):
            for one in missing:
                one.rmdir()
        raise
    for one in missing:
        manifest.fsync(one.parent)


def remove(directory: Path) -> None:
    """Remove a directory that an index was being built in, as far as that is possible.

    A thread of tantivy looks at every new index in its own time, and puts its lock file there. So
    a directory that was just emptied may hold a file again, and is then emptied once more.
    """
    for _ in range(_REMOVALS_MAX):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """One import at a time. The lock is on the parent, which no import renames or removes."""
    parent = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(parent, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImportRunning(target) from None
        yield
    finally:
        os.close(parent)  # and the lock with it, as does the end of the process


def check_target(target: Path, *, replace: bool) -> None:
    """Raise CatalogExists for a target that is taken, NotACatalog for one not to be replaced."""
    if not os.path.lexists(target):
        return
    if not replace:
        raise CatalogExists(target)
    if not (target / manifest.NAME).is_file():
        # What is replaced is deleted: never take somebody's other files for an old catalog.
        raise NotACatalog(target, f"it has no {manifest.NAME}, so it won't be replaced")


def put(building: Path, target: Path, *, replace: bool = False) -> None:
    """Give a finished directory its final name, in one step that a crash can't divide.

    With `replace` an existing target changes places with it, and is left under the name `building`.
    Without, one that has come meanwhile and isn't empty raises OSError.
    """
    if replace and os.path.lexists(target):
        _exchange(building, target)
    else:
        building.rename(target)
    manifest.fsync(target.parent)


def _exchange(one: Path, other: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, "this system can't exchange two names in one step")
    names = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if libc.renameat2(*names, _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(one), None, str(other))
