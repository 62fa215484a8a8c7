"""An append-only log of byte records that survives a crash. It knows nothing of tickets.

A record is an LSN (1, 2, 3 … with no gaps) and bytes. Read format.py, then recovery.py.
"""

from wal.anylog import AnyLog, Pending
from wal.commit import GroupCommit, end_process
from wal.errors import Backlogged, Corrupt, Locked, LogExists, LogFailed, NoLog, WalError
from wal.figures import Figures, Histogram
from wal.files import FileSystem, OsFileSystem
from wal.format import RECORD_BYTES_MAX
from wal.log import PENDING_BYTES_MAX, SEGMENT_BYTES_MAX, Log
from wal.memory import MemoryLog
from wal.recovery import TornTail, read_records, read_sealed, read_store_id
from wal.segments import segment_sizes
from wal.verify import Report, verify

__all__ = [
    "PENDING_BYTES_MAX",
    "RECORD_BYTES_MAX",
    "SEGMENT_BYTES_MAX",
    "AnyLog",
    "Backlogged",
    "Corrupt",
    "Figures",
    "FileSystem",
    "GroupCommit",
    "Histogram",
    "Locked",
    "Log",
    "LogExists",
    "LogFailed",
    "MemoryLog",
    "NoLog",
    "OsFileSystem",
    "Pending",
    "Report",
    "TornTail",
    "WalError",
    "end_process",
    "read_records",
    "read_sealed",
    "read_store_id",
    "segment_sizes",
    "verify",
]
