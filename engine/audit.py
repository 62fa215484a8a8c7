"""The whole history of one seat or one booking, from log and snapshot; the server may be running.

Of the state only what belongs to one event is loaded, and only its records are applied, by the very
functions of a recovery: so each line tells what the record did and not what it might have done.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.domain import BookingStatus, SeatStatus, event_of_booking, event_of_seat
from engine.dump import load_event
from engine.mutations import AnswerRemembered, Effect, StateReset, decode_record
from engine.recorded import check_recorded
from engine.state import State
from engine.store import WAL_DIRECTORY, load_oldest, read_patiently
from wal.beside import Durable

_NO_SEATS: tuple[int, ...] = ()


class Standing(NamedTuple):
    """How a seat or a booking stands; the ids are those of a seat's holder, 0 while it is FREE."""

    status: SeatStatus | BookingStatus | None  # None: there is no such booking
    booking_id: int = 0
    user_id: int = 0
    order_id: int = 0
    seats: tuple[int, ...] = ()


class Step(NamedTuple):
    """One record about it, and how it stood then. `key` is the idempotency key, or empty."""

    lsn: int
    effect: Effect
    key: str
    user_id: int
    booking_id: int
    order_id: int
    after: Standing


class Audit(NamedTuple):
    """All of it: every record after `after_lsn`; `before` is how it stood there, at `at_ms`."""

    after_lsn: int
    last_lsn: int
    at_ms: int
    before: Standing
    steps: list[Step]


def audit_seat(directory: Path, seat_id: int) -> Audit:
    """Raises StoreMoved, STORE_FAULTS and OSError."""
    return read_patiently(lambda: _audit(directory, _Seat(seat_id)))


def audit_booking(directory: Path, booking_id: int) -> Audit:
    """Raises StoreMoved, STORE_FAULTS and OSError."""
    return read_patiently(lambda: _audit(directory, _Booking(booking_id)))


class _Booking:
    """What belongs to one booking."""

    def __init__(self, booking_id: int) -> None:
        self.event_id = event_of_booking(booking_id)
        self._booking_id = booking_id

    def is_told(self, before: Standing, after: Standing, about: "_About") -> bool:
        return about.booking_id == self._booking_id or before.status is not after.status

    def standing(self, state: State) -> Standing:
        found = state.booking(self._booking_id)
        if found is None:
            return Standing(None)
        return Standing(found.status, found.booking_id, found.user_id, found.order_id, found.seats)


class _Seat:
    """What belongs to one seat: its own records, those of whoever holds it, and of his payments."""

    def __init__(self, seat_id: int) -> None:
        self.event_id = event_of_seat(seat_id)
        self._seat_id = seat_id
        self._orders: set[int] = set()

    def is_told(self, before: Standing, after: Standing, about: "_About") -> bool:
        if about.seats:
            return self._seat_id in about.seats
        is_holders = about.booking_id != 0 and about.booking_id in (
            before.booking_id,
            after.booking_id,
        )
        if is_holders and about.order_id:
            self._orders.add(about.order_id)
        return is_holders or about.order_id in self._orders or before != after

    def standing(self, state: State) -> Standing:
        shard = state.shards.get(self.event_id)
        if shard is None or (holder := shard.holders.get(self._seat_id)) is None:
            return Standing(SeatStatus.FREE)
        status = shard.status_of(self._seat_id)
        return Standing(status, holder.booking_id, holder.user_id, holder.order_id, _NO_SEATS)


_Subject = _Seat | _Booking


def _audit(directory: Path, subject: _Subject) -> Audit:
    log = Durable(directory / WAL_DIRECTORY)
    load = partial(load_event, event_id=subject.event_id)
    state, after_lsn = load_oldest(directory, first_lsn=log.first_lsn, load=load)
    at_ms, before = state.last_at_ms, subject.standing(state)
    steps = list(_steps(state, subject, log.records(after_lsn)))
    return Audit(after_lsn, log.last_lsn, at_ms, before, steps)


def _steps(state: State, subject: _Subject, records: Iterable[tuple[int, bytes]]) -> Iterator[Step]:
    for lsn, payload in records:
        mutation = decode_record(lsn, payload)
        key = ""
        if isinstance(mutation, AnswerRemembered):
            key = mutation.receipt.key
            if mutation.effect is None:
                continue  # asked again: nothing has changed
            mutation = mutation.effect
        about = _about(state, mutation)
        is_reset = isinstance(mutation, StateReset)
        if not is_reset and event_of_booking(about.booking_id) != subject.event_id:
            continue
        before = subject.standing(state)
        check_recorded(state, lsn, mutation)
        after = subject.standing(state)
        if subject.is_told(before, after, about):
            who = about.user_id or after.user_id
            yield Step(lsn, mutation, key, who, about.booking_id, about.order_id, after)


class _About(NamedTuple):
    """Whom and what a record names; 0 and empty: nobody and nothing, or another event's."""

    booking_id: int
    order_id: int
    user_id: int
    seats: tuple[int, ...]


def _about(state: State, effect: Effect) -> _About:
    """Asked before the record is applied, while the payment is still known."""
    booking_id, order_id = getattr(effect, "booking_id", 0), getattr(effect, "order_id", 0)
    if not booking_id:
        payment = state.payments.get(order_id)
        booking_id = 0 if payment is None else payment.booking_id
    booking = state.booking(booking_id)
    user_id = 0 if booking is None else booking.user_id
    return _About(booking_id, order_id, user_id, seats_of(effect))


def seats_of(effect: Effect) -> tuple[int, ...]:
    """The seats that a record names, by id."""
    if seat_id := getattr(effect, "seat_id", 0):
        return (seat_id,)
    seats: tuple[int, ...] = getattr(effect, "seats", _NO_SEATS)
    return seats
