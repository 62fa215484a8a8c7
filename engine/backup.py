"""A copy of a store beside the server that writes it: what was acknowledged when it began."""

from contextlib import suppress
from pathlib import Path

from engine.store import SNAPSHOTS_DIRECTORY, WAL_DIRECTORY, StoreMoved, open_snapshots
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
    copied = _copy_snapshots(source, target, through_lsn=log.last_lsn)
    # The log goes back to a snapshot that was there when it was copied; that may be pruned by now.
    if log.first_lsn > max(copied, default=0) + 1:
        raise StoreMoved
    return log.last_lsn


def _copy_snapshots(source: Path, target: Path, *, through_lsn: int) -> list[int]:
    if not (source / SNAPSHOTS_DIRECTORY).is_dir():
        return []  # opening them would make it
    theirs, ours = open_snapshots(source), open_snapshots(target)
    copied = []
    for lsn in theirs.lsns():
        with suppress(FileNotFoundError):
            if lsn <= through_lsn:
                with theirs.open(lsn) as snapshot:
                    ours.save(lsn, snapshot.chunks())
                copied.append(lsn)
    return copied
