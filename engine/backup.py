"""A copy of a store beside the server that writes it: what was acknowledged when it began."""

from pathlib import Path

from engine.store import (
    SNAPSHOTS_DIRECTORY,
    WAL_DIRECTORY,
    StoreMoved,
    open_snapshots,
    without_beginning,
)
from snapshots import snapshot_paths
from wal.copy import copy_log


def copy_store(source: Path, target: Path) -> int:
    """Copy log and snapshots into the directory `target`; returns the last LSN of the copy.

    Changes nothing in `source` and takes no lock there. Every batch and every chunk is checked on
    the way. Raises STORE_FAULTS, OSError, and StoreMoved: then remove the target and begin again.
    """
    try:
        log = copy_log(source / WAL_DIRECTORY, target / WAL_DIRECTORY)
    except FileNotFoundError as gone:
        raise StoreMoved from gone
    copied, has_moved = _copy_snapshots(source, target, through_lsn=log.last_lsn)
    # The log goes back to a snapshot that was there when it was copied; that may be pruned by now.
    if log.first_lsn > max(copied, default=0) + 1:
        raise StoreMoved if has_moved else without_beginning(source, log.first_lsn)
    return log.last_lsn


def _copy_snapshots(source: Path, target: Path, *, through_lsn: int) -> tuple[list[int], bool]:
    """Those that were copied, and whether the server has made or dropped any meanwhile."""
    copied, has_moved = [], False
    for lsn, _ in reversed(snapshot_paths(source / SNAPSHOTS_DIRECTORY)):
        if lsn > through_lsn:
            has_moved = True
            continue
        try:
            with open_snapshots(source).open(lsn) as snapshot:
                open_snapshots(target).save(lsn, snapshot.chunks())
            copied.append(lsn)
        except FileNotFoundError:
            has_moved = True
    return copied, has_moved
