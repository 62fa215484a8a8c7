"""The sale of one event as the disk remembers it, record by record; the server may be running.

It goes back as far as the log does: to the first record while nothing has been dropped, else to the
older snapshot. What is read is applied as in a recovery, so it is checked like one.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.domain import Event, SeatStatus
from engine.errors import EventNotFound
from engine.recorded import apply_record
from engine.seatmap import SeatMap
from engine.state import Shard
from engine.store import WAL_DIRECTORY, load_oldest
from wal.beside import Durable

RECORDS_PER_REPORT = 20_000


class Change(NamedTuple):
    """One record has given these seats, by index, this status; what has been sold for till then."""

    at_ms: int
    status: SeatStatus
    indexes: tuple[int, ...]
    revenue_minor: int


class History:
    """What an event's hall was when the story begins, and every change since.

    Raises EventNotFound where nobody has booked it, StoreMoved or FileNotFoundError where the
    server has dropped what was to be read (`read_patiently`), STORE_FAULTS and OSError. `progress`
    is told how much is done, 0 to 1.
    """

    def __init__(
        self, directory: Path, event_id: int, *, progress: Callable[[float], None] | None = None
    ) -> None:
        log = Durable(directory / WAL_DIRECTORY)
        self._state, self._lsn = load_oldest(directory, first_lsn=log.first_lsn)
        self._first_lsn, self._last_lsn = self._lsn, log.last_lsn
        self._records = log.records(self._lsn)
        self._progress = progress
        self._event_id = event_id
        # True: it begins with the first booking that there has been.
        self.is_whole = event_id not in self._state.shards
        while event_id not in self._state.shards:
            if not self._apply_next():
                raise EventNotFound(event_id)
        self._seats = self._watched(self._shard)
        self.event: Event = self._shard.event
        self.began_at_ms = self._state.last_at_ms
        self.revenue_minor = self._shard.revenue_minor
        self.statuses = bytes(self._seats.statuses)

    @property
    def last_at_ms(self) -> int:
        """The time of the last record read."""
        return self._state.last_at_ms

    def changes(self) -> Iterator[Change]:
        """Every change in order; it can be read once."""
        while self._apply_next():
            shard = self._shard
            if shard.seatmap is not self._seats:  # a reset has made another
                yield from self._changed_by_reset(shard)
            elif self._seats.changed:
                yield from self._told(self._seats.changed, shard)
                self._seats.changed = {}

    def _changed_by_reset(self, shard: Shard) -> Iterator[Change]:
        before, self._seats = self._seats.statuses, self._watched(shard)
        after = self._seats.statuses
        moved = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        yield from self._told({at: after[at] for at in moved}, shard)

    def _told(self, changed: dict[int, int], shard: Shard) -> Iterator[Change]:
        for status in SeatStatus:
            indexes = tuple(at for at, one in changed.items() if one == status)
            if indexes:
                yield Change(self._state.last_at_ms, status, indexes, shard.revenue_minor)

    def _apply_next(self) -> bool:
        """False: that was the last record."""
        found = next(self._records, None)
        if found is None:
            return False
        self._lsn, payload = found
        apply_record(self._state, self._lsn, payload)
        if self._progress is not None and self._lsn % RECORDS_PER_REPORT == 0:
            read = self._lsn - self._first_lsn
            self._progress(read / (self._last_lsn - self._first_lsn))
        return True

    @property
    def _shard(self) -> Shard:
        return self._state.shards[self._event_id]

    def _watched(self, shard: Shard) -> "_WatchedSeats":
        seats = shard.seatmap = _WatchedSeats(shard)
        return seats


class _WatchedSeats(SeatMap):
    """A seat map that remembers what has changed, by index."""

    __slots__ = ("changed",)

    def __init__(self, shard: Shard) -> None:
        super().__init__(shard.event.hall.seats_total, shard.event.spans)
        self.statuses[:] = shard.seatmap.statuses
        self.count_anew()
        self.changed: dict[int, int] = {}

    def change(self, index: int, status: int) -> None:
        super().change(index, status)
        self.changed[index] = status
