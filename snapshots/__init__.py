"""Whole-state files, made from the sealed part of a log. They know nothing of tickets.

A snapshot is an LSN and chunks of bytes. Read format.py, then store.py, then maker.py.
"""

from snapshots.errors import Busy, Corrupt, Foreign, SnapshotError
from snapshots.maker import make
from snapshots.store import KEEP, Snapshot, SnapshotStore, broken_paths, snapshot_paths

__all__ = [
    "KEEP",
    "Busy",
    "Corrupt",
    "Foreign",
    "Snapshot",
    "SnapshotError",
    "SnapshotStore",
    "broken_paths",
    "make",
    "snapshot_paths",
]
