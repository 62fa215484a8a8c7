"""`python -m engine.snapshotter DIR`: one snapshot of a data directory, in a process of its own.

It replays what the log has sealed since the last snapshot, beside the running server, and prints
the LSN it reached, or nothing if nothing was new.
"""

import sys
from collections.abc import Iterator
from errno import ENOSPC
from functools import partial
from pathlib import Path

from engine.collector import collector_off
from engine.dump import dump, load
from engine.errors import LossyDump
from engine.recorded import apply_record
from engine.state import State
from engine.store import (
    STORE_FAULTS,
    WAL_DIRECTORY,
    load_newest,
    naming_broken,
    open_snapshots,
)
from snapshots import make
from wal import SEGMENT_BYTES_MAX, read_sealed
from wal.files import OS

_NO_ROOM = "a snapshot takes {:,} MiB more than is free beside the log's next segment: free them"


@collector_off()
def make_snapshot(directory: Path) -> int | None:
    """Make the next snapshot; returns its LSN, or None if nothing new is sealed.

    Raises STORE_FAULTS and OSError, and nothing is made then.
    """
    snapshots = open_snapshots(directory)
    try:
        with naming_broken(snapshots.directory):
            return make(
                store=snapshots,
                read_sealed=partial(read_sealed, directory / WAL_DIRECTORY),
                load=_loaded,
                apply=apply_record,
                dump=lambda state: _leaving_room(snapshots.directory, dump(state)),
            )
    except LossyDump:
        load_newest(snapshots)  # which sets it aside: the next try begins with the one before
        raise


def _loaded(chunks: Iterator[bytes] | None) -> State:
    return State() if chunks is None else load(chunks)


def _leaving_room(directory: Path, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, as long as the disk keeps the room that the log, or a start, needs to go on.

    Raises OSError (ENOSPC) that tells how much is missing. It asks before each chunk, since nobody
    knows how much a state takes: the last snapshot may be of one before a reset.
    """
    for chunk in chunks:
        room_bytes = OS.free_bytes(directory) - SEGMENT_BYTES_MAX
        if len(chunk) > room_bytes:
            missing_bytes = len(chunk) + sum(map(len, chunks)) - room_bytes
            raise OSError(ENOSPC, _NO_ROOM.format(-(-missing_bytes >> 20)))
        yield chunk


def main(directory: Path) -> None:
    """One snapshot; what is wrong with the store is told in a sentence, and the exit code is 1."""
    try:
        made = make_snapshot(directory)
    except (*STORE_FAULTS, OSError) as fault:
        sys.exit(f"{type(fault).__name__}: {fault}")
    if made is not None:
        sys.stdout.write(f"{made}\n")


if __name__ == "__main__":  # pragma: no cover - only in a process of its own
    main(Path(sys.argv[1]))
