"""The offline check of a store: every checksum, every chain, every invariant, and one truth.

The state is made from each snapshot that the log goes on from, and from the first record where the
log still has it; all must come to the same digest, which is what recovery relies on (I9). Only
states that go back to a snapshot of an older version, which may have kept less, are not compared.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from engine.collector import collector_off
from engine.domain import Payment
from engine.dump import digest, load
from engine.recorded import check_record
from engine.state import State
from engine.store import (
    SNAPSHOTS_DIRECTORY,
    WAL_DIRECTORY,
    naming_broken,
    open_snapshots,
    without_beginning,
)
from snapshots import KEEP
from wal import Report, read_records, verify
from wal.files import OS
from wal.lock import LOCK_NAME, take_lock


class Findings(msgspec.Struct, frozen=True):
    """What a store holds; `fault` is the first thing wrong with it, or empty."""

    records: int = 0
    segments: int = 0
    torn_bytes: int = 0
    snapshots: tuple[int, ...] = ()
    events_touched: int = 0
    bookings: int = 0
    payments_unsettled: int = 0
    digest: str = ""
    fault: str = ""


@collector_off()
def verify_store(directory: Path) -> Findings:
    """Check the store of a server that does not run; changes nothing.

    Raises wal.Locked while a server runs. Whatever is wrong with the files is in the findings.
    """
    with _nobody_writing(directory / WAL_DIRECTORY):
        try:
            report = verify(directory / WAL_DIRECTORY)
            if report.fault is not None:
                return Findings(records=report.last_lsn, fault=str(report.fault))
            return _verify_states(directory, report)
        except Exception as fault:
            # Whatever a damaged file makes of the decoder or of apply: it is the finding.
            return Findings(fault=f"{type(fault).__name__}: {fault}")


@collector_off()
def read_unsettled(directory: Path) -> list[Payment]:
    """The payments that still owe the outside a call, from the store of a server that is stopped.

    Raises wal.Locked while a server runs, and STORE_FAULTS for what can't be read.
    """
    with _nobody_writing(directory / WAL_DIRECTORY):
        lsns = _snapshot_lsns(directory)
        with naming_broken(directory / SNAPSHOTS_DIRECTORY):
            state = _replayed(directory, lsns[0] if lsns else None)
        return [state.payments[order_id] for order_id in state.unsettled]


@contextmanager
def _nobody_writing(wal: Path) -> Iterator[None]:
    """Hold the log's lock, so that it stands still; a disk that can't be written to does anyway."""
    lock: int | None = None
    if (wal / LOCK_NAME).exists():
        with suppress(OSError):
            lock = take_lock(OS, wal)
    try:
        yield
    finally:
        if lock is not None:
            OS.close(lock)


def _verify_states(directory: Path, report: Report) -> Findings:
    lsns = _snapshot_lsns(directory)
    origins = _origins(lsns, report.first_lsn)
    if not origins:
        fault = str(without_beginning(directory, report.first_lsn))
        return Findings(records=report.last_lsn, segments=report.segments, fault=fault)
    state = _replayed(directory, origins[0])
    state.check_invariants()
    digests = [digest(state)] if state.is_whole else []
    for origin in origins[1:]:
        try:
            other = _replayed(directory, origin)
        except FileNotFoundError:
            if origin in _snapshot_lsns(directory):
                raise
            continue  # a maker that has outlived its server has just dropped it: newer ones exist
        digests += [digest(other)] if other.is_whole else []
    agree = len(set(digests)) <= 1
    return Findings(
        records=report.last_lsn,
        segments=report.segments,
        torn_bytes=0 if report.torn is None else len(report.torn.data),
        snapshots=tuple(lsns),
        events_touched=len(state.shards),
        bookings=len(state.bookings),
        payments_unsettled=len(state.unsettled),
        digest=digest(state),
        fault="" if agree else f"snapshots {lsns} and log make different states: {digests}",
    )


def _origins(lsns: list[int], first_lsn: int) -> list[int | None]:
    """What the log goes on from: snapshots, newest first, and the state before record 1 (None).

    One that is older than those that are kept may have outlived its log, since a power cut can take
    back its removal. Of those that are kept the log must have all (I10).
    """
    origins = [lsn for at, lsn in enumerate(lsns) if at < KEEP or lsn >= first_lsn - 1]
    return [*origins, None] if first_lsn == 1 else [*origins]


def _snapshot_lsns(directory: Path) -> list[int]:
    if not (directory / SNAPSHOTS_DIRECTORY).is_dir():
        return []  # opening them would make it
    return open_snapshots(directory).lsns()


def _replayed(directory: Path, snapshot_lsn: int | None) -> State:
    """The state from a snapshot on, or from the first record."""
    state = State()
    if snapshot_lsn is not None:
        with open_snapshots(directory).open(snapshot_lsn) as snapshot:
            state = load(snapshot.chunks())
    for lsn, payload in read_records(directory / WAL_DIRECTORY, snapshot_lsn or 0):
        check_record(state, lsn, payload)
    return state
