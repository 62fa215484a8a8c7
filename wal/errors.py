"""What can go wrong with a log, each with the facts a person needs to act on it.

WalError
├── NoLog           there is no log here, and opening never makes one
├── LogExists       creating would overwrite a log
├── Locked          another process writes this log
├── Corrupt         the bytes on disk are not what was written: refuse to start, change nothing
├── Backlogged      more is waiting for the disk than may wait: nothing was appended
└── LogFailed       an earlier write or fsync failed: whether its batch survives is unknown
"""

from pathlib import Path


class WalError(Exception):
    """Any trouble of the log that is not a bug of the caller."""


class NoLog(WalError):
    """The directory is missing or holds no segment; perhaps a volume is not mounted."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory}: no log here; create one, or mount the right volume")


class LogExists(WalError):
    """The directory already holds a log; a second one is never created over it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory}: already holds a log; name another directory")


class Locked(WalError):
    """Another process holds the lock: one log has one writer."""

    def __init__(self, path: Path) -> None:
        held = f"{path}: held by another process; one log has one writer"
        super().__init__(f"{held}: stop that one first")


class Corrupt(WalError):
    """The disk does not hold what was acknowledged.

    `offset` is in bytes from the start of `file`; `last_good_lsn` is the last record before it
    that passed every check.
    """

    def __init__(self, file: Path, *, offset: int, reason: str, last_good_lsn: int) -> None:
        super().__init__(f"{file} at byte {offset}: {reason} (last good LSN {last_good_lsn})")
        self.file = file
        self.offset = offset
        self.reason = reason
        self.last_good_lsn = last_good_lsn


class Backlogged(WalError):
    """The disk is too far behind; the record was not appended and nothing has changed."""


class LogFailed(WalError):
    """The log stopped at a failed write or fsync; the outcome of unacknowledged records is open."""
