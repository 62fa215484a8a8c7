"""One log, one writer: the lock lives as long as the process that writes.

A flock belongs to the open file, so a lock taken before a fork would be shared with every child
and exclude nobody: take it in the process that writes, after it has started.
"""

import time
from pathlib import Path

from wal.errors import Locked
from wal.files import FileSystem

LOCK_NAME = "LOCK"
ATTEMPTS = 5  # a predecessor that is just exiting gets this long to let go
PAUSE_SECONDS = 0.05


def take_lock(fs: FileSystem, directory: Path) -> int:
    """Return the locked file; closing it, or dying, unlocks it. Raise Locked after 0.25 s."""
    path = directory / LOCK_NAME
    for _ in range(ATTEMPTS):
        try:
            return fs.lock(path)
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)
    raise Locked(path)
