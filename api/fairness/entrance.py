"""What a call is asked before it may begin a booking or take seats, where anything is asked.

The calls look at `is_guarded` first: while nobody is slowed and no room is open, that is all.
"""

from itertools import islice
from typing import NamedTuple

from api.fairness.hoarding import BOOKINGS_SEEN_MAX, Hoarding
from api.fairness.waiting_rooms import WaitingRooms
from engine import Booking, BookingStatus, Engine, event_of_booking

# Who has seats in hand is let in: he is about to pay, and may choose another seat.
_LIVE = (BookingStatus.CREATED, BookingStatus.PAYMENT_INITIATED)


class Taking(NamedTuple):
    """A booking just before it takes seats."""

    booking: Booking
    seats_before: int


class Entrance:
    """Waiting rooms and the brake on hoarding, as one question."""

    def __init__(self, rooms: WaitingRooms, hoarding: Hoarding | None) -> None:
        self._rooms = rooms
        self._hoarding = hoarding
        # Only its truth is asked, by every call that takes a seat: no room open is an empty dict.
        self.is_guarded: object = rooms.rooms if hoarding is None else True

    @property
    def refused(self) -> dict[str, int]:
        """Calls that were refused, by why."""
        held = self._hoarding.refused if self._hoarding is not None else 0
        return {"waiting_room": self._rooms.refused, "hoarding": held}

    def require_turn(self, engine: Engine, user_id: int, event_id: int, now_ms: int) -> None:
        """Raise Refusal where the user has to wait before he may book for the event."""
        if event_id in self._rooms.rooms and not _holds_seats(engine, user_id, event_id):
            self._rooms.require_pass(user_id, event_id, now_ms)

    def begin(
        self, engine: Engine, user_id: int, booking_id: int, count: int, now_ms: int
    ) -> Taking | None:
        """Raise Refusal where the user may not take `count` seats now; else tell `end` later.

        None: he takes none, or it isn't his booking, which the engine says better.
        """
        event_id = event_of_booking(booking_id)
        self.require_turn(engine, user_id, event_id, now_ms)
        booking = engine.booking(booking_id) if count else None
        if self._hoarding is None or booking is None or booking.user_id != user_id:
            return None
        bookings = engine.bookings_of(user_id)
        self._hoarding.require(user_id, event_id, count, bookings, now_ms)
        return Taking(booking, len(booking.seats))

    def end(self, taking: Taking, now_ms: int) -> None:
        """Count what was taken: nothing by a call that was refused, or came twice."""
        booking, seats_before = taking
        taken = len(booking.seats) - seats_before
        if self._hoarding is not None and taken > 0:
            self._hoarding.count(booking.user_id, booking.event_id, taken, now_ms)


def _holds_seats(engine: Engine, user_id: int, event_id: int) -> bool:
    newest = islice(reversed(engine.bookings_of(user_id)), BOOKINGS_SEEN_MAX)
    return any(one.event_id == event_id and one.seats and one.status in _LIVE for one in newest)
