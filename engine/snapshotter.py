"""`python -m engine.snapshotter DIR`: one snapshot of a data directory, in a process of its own.

It replays what the log has sealed since the last snapshot, beside the running server, and prints
the LSN it reached, or nothing if nothing was new.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engine.apply import apply
from engine.collector import collector_off
from engine.dump import dump, load
from engine.errors import LossyDump
from engine.mutations import decode
from engine.state import State
from engine.store import STORE_FAULTS, WAL_DIRECTORY, load_newest, open_snapshots
from snapshots import make
from wal import read_sealed


@collector_off()
def make_snapshot(directory: Path) -> int | None:
    """Make the next snapshot; returns its LSN, or None if nothing new is sealed.

    Raises STORE_FAULTS and OSError, and nothing is made then.
    """
    snapshots = open_snapshots(directory)
    try:
        return make(
            store=snapshots,
            read_sealed=partial(read_sealed, directory / WAL_DIRECTORY),
            load=_loaded,
            apply=_applied,
            dump=dump,
        )
    except LossyDump:
        load_newest(snapshots)  # which sets it aside: the next try begins with the one before
        raise


def _loaded(chunks: Iterator[bytes] | None) -> State:
    return State() if chunks is None else load(chunks)


def _applied(state: State, lsn: int, payload: bytes) -> None:
    apply(state, decode(payload))


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
