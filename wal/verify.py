"""The offline check: every checksum, every chain and every link, up to the first fault."""

from dataclasses import dataclass
from pathlib import Path

from wal.errors import WalError
from wal.files import OS, FileSystem
from wal.recovery import Recovery, TornTail, existing_paths, load_header
from wal.segments import named_lsn
from wal.watermark import read_watermark


@dataclass(frozen=True, slots=True)
class Report:
    """What a log holds. `fault` is None for a good log; a torn tail is no fault."""

    segments: int = 0
    first_lsn: int = 0
    last_lsn: int = 0
    fault: WalError | None = None
    torn: TornTail | None = None


def verify(directory: Path, *, fs: FileSystem = OS) -> Report:
    """Read the whole log of a server that does not run; never raises for what it finds on disk."""
    segments, first_lsn, last_lsn = 0, 0, 0
    try:
        paths = existing_paths(fs, directory)
        segments, first_lsn = len(paths), named_lsn(paths[0])
        last_lsn = first_lsn - 1
        acked_lsn = read_watermark(fs, directory, load_header(fs, paths[-1]).store_id)
        recovery = Recovery(fs, directory, after_lsn=first_lsn - 1, acked_lsn=acked_lsn)
        for batch in recovery:
            last_lsn = batch.last_lsn
    except WalError as fault:
        return Report(segments, first_lsn, last_lsn, fault)
    return Report(segments, first_lsn, last_lsn, None, recovery.tail.torn)
