"""What can go wrong with snapshots.

SnapshotError
├── Corrupt     a file is not what was written; an older snapshot may still be good
├── Foreign     a whole and good file of another store, or of a format this program can't read
└── Busy        another process is writing snapshots here
"""

from pathlib import Path


class SnapshotError(Exception):
    """Any trouble with snapshots that is not a bug of the caller."""


class Corrupt(SnapshotError):
    """The bytes of a snapshot do not match their checksums."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


class Foreign(SnapshotError):
    """The file is good, and not ours: nothing is renamed or skipped; a person has to look."""


class Busy(SnapshotError):
    """Another process holds the lock of the directory."""
