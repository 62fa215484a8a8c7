"""Figures of the whole for an operator: of all events, of all that is owed, of log and disk.

Nobody keeps sums over all events, because every click would pay for them. They are added up when
somebody asks, a slice at a time: whoever must not hold others up waits between the steps.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from engine.domain import PaymentStatus, ReservationStatus, SeatStatus
from engine.state import State
from engine.store import SNAPSHOTS_DIRECTORY, WAL_DIRECTORY
from snapshots import snapshot_paths
from wal import AnyLog, Figures, GroupCommit, segment_sizes
from wal import Histogram as Histogram  # plain counts, for the rooms above

# Each slice takes the loop some 0.25 ms.
EVENTS_PER_STEP = 250
PAYMENTS_PER_STEP = 250

_SOLD = int(SeatStatus.SOLD)


class Totals(NamedTuple):
    """All events that have been booked, added up; `bookings` are those not cancelled."""

    events: int = 0
    bookings: int = 0
    reserved_seats: int = 0
    sold_seats: int = 0
    revenue_minor: int = 0


class Obligations(NamedTuple):
    """The payments that owe the outside a call, by where they stand, and their reservations."""

    payments: Mapping[PaymentStatus, int]
    reservations: Mapping[ReservationStatus, int]
    parked: int
    owed_back_minor: int


class LogFigures(NamedTuple):
    """How the log gets on. `batches` is None where no thread writes it."""

    appended_lsn: int
    durable_lsn: int
    waiting_bytes: int
    has_room: bool
    batches: Figures | None


class DiskFigures(NamedTuple):
    """What the log and the snapshots take; of the newest snapshot LSN and mtime, 0: none."""

    log_bytes: int
    segments: int
    snapshots: int
    snapshot_bytes: int
    snapshot_lsn: int
    snapshot_at: float


def totals(state: State) -> Iterator[Totals]:
    """Sums that grow by a slice of the events with every step; the last one is the whole."""
    events = bookings = reserved = sold = revenue_minor = 0
    shards = iter(list(state.shards.values()))
    yield Totals()
    while some := list(islice(shards, EVENTS_PER_STEP)):
        events += len(some)
        bookings += sum([one.bookings_live for one in some])
        sold_here = sum([one.seatmap.total(_SOLD) for one in some])
        sold += sold_here
        reserved += sum([len(one.holders) for one in some]) - sold_here
        revenue_minor += sum([one.revenue_minor for one in some])
        yield Totals(events, bookings, reserved, sold, revenue_minor)


def obligations(state: State) -> Iterator[Obligations]:
    """Counts that grow by a slice of the payments with every step; the last one is the whole."""
    payments: Counter[PaymentStatus] = Counter()
    reservations: Counter[ReservationStatus] = Counter()
    parked = owed_back_minor = 0
    unsettled = iter(list(state.unsettled))
    yield Obligations(payments, reservations, parked, owed_back_minor)
    while some := list(islice(unsettled, PAYMENTS_PER_STEP)):
        # One that has been settled and forgotten meanwhile is owed nothing.
        found = [state.payments[one] for one in some if one in state.unsettled]
        payments.update(one.status for one in found)
        reservations.update(one.reservation.status for one in found if one.reservation)
        parked += sum(one.is_parked() for one in found)
        owed_back_minor += sum(one.owed_back_minor() for one in found)
        yield Obligations(payments, reservations, parked, owed_back_minor)


def log_figures(log: AnyLog, group: GroupCommit | None) -> LogFigures:
    return LogFigures(
        appended_lsn=log.appended_lsn,
        durable_lsn=log.durable_lsn,
        waiting_bytes=log.waiting_bytes,
        has_room=log.has_room,
        batches=None if group is None else group.figures,
    )


def disk_figures(directory: Path) -> DiskFigures:
    """Of a data directory that may be written to meanwhile; asks the disk: not for the loop."""
    segments = segment_sizes(directory / WAL_DIRECTORY)
    newest_lsn, newest_at, sizes = 0, 0.0, []
    for lsn, path in snapshot_paths(directory / SNAPSHOTS_DIRECTORY):  # oldest first
        with suppress(FileNotFoundError):  # pruned just now
            found = path.stat()
            newest_lsn, newest_at = lsn, found.st_mtime
            sizes.append(found.st_size)
    return DiskFigures(sum(segments), len(segments), len(sizes), sum(sizes), newest_lsn, newest_at)
