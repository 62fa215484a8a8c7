"""What a user would build instead: bookings and held seats in SQLite, with the engine's checks.

It keeps no counts, no list of free seats and no deadlines to look for, each of which would cost it
more. Its journal is a write-ahead log. `FULL` makes a commit survive a power cut, as ours does;
`NORMAL` makes it survive the end of the process only.
"""

import sqlite3
from pathlib import Path

from engine import BookingStatus, Event, Rules, errors
from engine.domain import event_of_seat

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE event (id INTEGER PRIMARY KEY, rows INTEGER, seats_per_row INTEGER);
CREATE TABLE booking (
    id INTEGER PRIMARY KEY, event_id INTEGER, user_id INTEGER, status TEXT, expires_at_ms INTEGER
);
CREATE INDEX booking_by_user ON booking (user_id);
CREATE TABLE held (seat_id INTEGER PRIMARY KEY, booking_id INTEGER);
"""


class SqliteStore:
    """Sells as the engine does; the first call after a `flush` begins a transaction."""

    def __init__(self, file: Path, event: Event, *, synchronous: str) -> None:
        """A new file; `synchronous` is FULL or NORMAL."""
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._ask = self._connection.execute
        self._connection.executescript(_SCHEMA)
        self._ask(f"PRAGMA synchronous = {synchronous}")
        hall = event.hall
        self._ask(
            "INSERT INTO event VALUES (?, ?, ?)", (event.event_id, hall.rows, hall.seats_per_row)
        )
        self._rules = Rules()

    def create_booking(self, *, user_id: int, event_id: int, now_ms: int) -> int:
        self._begin()
        if self._hall(event_id) is None:
            raise errors.EventNotFound(event_id)
        made = self._ask(
            "INSERT INTO booking (event_id, user_id, status, expires_at_ms) VALUES (?, ?, ?, 0)",
            (event_id, user_id, BookingStatus.CREATED),
        )
        assert made.lastrowid
        return made.lastrowid

    def select_seat(self, *, user_id: int, booking_id: int, seat_id: int, now_ms: int) -> None:
        self._begin()
        found = self._ask(
            "SELECT event_id, user_id, status, expires_at_ms FROM booking WHERE id = ?",
            (booking_id,),
        ).fetchone()
        if found is None:
            raise errors.BookingNotFound(booking_id)
        event_id, owner, status, expires_at_ms = found
        self._require_seat(seat_id)
        if owner != user_id:
            raise errors.NotOwner(booking_id)
        if event_of_seat(seat_id) != event_id:
            raise errors.SeatElsewhere(seat_id)
        if status != BookingStatus.CREATED:
            raise errors.BookingClosed(booking_id)
        holder = self._ask("SELECT booking_id FROM held WHERE seat_id = ?", (seat_id,)).fetchone()
        if holder == (booking_id,):
            return
        if holder is not None:
            raise errors.SeatTaken(seat_id)
        self._ask("INSERT INTO held VALUES (?, ?)", (seat_id, booking_id))
        if not expires_at_ms:
            self._ask(
                "UPDATE booking SET expires_at_ms = ? WHERE id = ?",
                (now_ms + self._rules.hold_ms, booking_id),
            )

    def release_seat(self, *, user_id: int, seat_id: int, now_ms: int) -> None:
        self._begin()
        self._require_seat(seat_id)
        found = self._ask(
            "SELECT user_id, status FROM held JOIN booking ON booking.id = booking_id"
            " WHERE seat_id = ?",
            (seat_id,),
        ).fetchone()
        if found is None:
            raise errors.SeatNotHeld(seat_id)
        owner, status = found
        if owner != user_id:
            raise errors.NotOwner(seat_id)
        if status != BookingStatus.CREATED:
            raise errors.SeatNotHeld(seat_id)
        self._ask("DELETE FROM held WHERE seat_id = ?", (seat_id,))

    def flush(self) -> None:
        if self._connection.in_transaction:
            self._ask("COMMIT")

    def close(self) -> None:
        self.flush()
        self._connection.close()

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._ask("BEGIN IMMEDIATE")

    def _require_seat(self, seat_id: int) -> None:
        event_id, row, number = event_of_seat(seat_id), seat_id // 10_000 % 1_000, seat_id % 10_000
        hall = self._hall(event_id)
        if hall is None or not (0 < row <= hall[0] and 0 < number <= hall[1]):
            raise errors.SeatNotFound(seat_id)

    def _hall(self, event_id: int) -> tuple[int, int] | None:
        """Its rows, and seats in a row."""
        found: tuple[int, int] | None = self._ask(
            "SELECT rows, seats_per_row FROM event WHERE id = ?", (event_id,)
        ).fetchone()
        return found
