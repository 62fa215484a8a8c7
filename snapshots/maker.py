"""Makes the next snapshot from the last one and the sealed part of the log.

It runs in a process of its own: the server never pauses, every snapshot is a rehearsal of recovery,
and the old files are read and checked while the live state still exists.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import chain
from typing import TypeVar

from snapshots.store import SnapshotStore

State = TypeVar("State")


def make(
    *,
    store: SnapshotStore,
    read_sealed: Callable[[int], Iterator[tuple[int, bytes]]],
    load: Callable[[Iterator[bytes] | None], State],
    apply: Callable[[State, int, bytes], None],
    dump: Callable[[State], Iterable[bytes]],
) -> int | None:
    """Save the state after the last sealed record and return its LSN; None if nothing is new.

    `read_sealed(after_lsn)` yields (lsn, payload), `load` makes a state from the chunks of a
    snapshot or, for None, the state before record 1; `apply` changes it by one record; `dump` gives
    chunks. What they or the store raise passes through, and no snapshot is added. In the end it
    prunes, whether anything was new or not: the log is dropped next, and what is older goes first.
    """
    with store.load_newest() or nullcontext() as newest:
        lsn = newest.lsn if newest else 0
        records = read_sealed(lsn)
        first = next(records, None)
        if first is None:
            store.prune()  # the maker of the newest one may have died before it did
            return None
        state = load(newest.chunks() if newest else None)
    for lsn, payload in chain([first], records):
        apply(state, lsn, payload)
    store.save(lsn, dump(state))
    store.prune()
    return lsn
