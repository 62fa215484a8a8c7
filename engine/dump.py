"""The whole state as chunks of bytes, and back (I9).

Chunks are MessagePack arrays that begin with what they hold. The dump is canonical: states that a
replay can't tell apart have the same bytes, so a digest of the dump is a digest of the state. The
last chunk holds it: a state that is loaded must dump to the same, or the dump has lost something.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from heapq import heapify
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec

from engine.apply import file_payment, hold_seat, remember
from engine.domain import (
    Booking,
    BookingStatus,
    Event,
    Payment,
    PaymentStatus,
    Receipt,
    Reservation,
    ReservationStatus,
    SeatStatus,
    event_of_booking,
)
from engine.errors import LossyDump
from engine.rows import booking_row, payment_row
from engine.state import Shard, State

# Chunks of a few megabytes: large enough to be cheap, small enough to be verified in memory.
ROWS_PER_CHUNK = 50_000
DIGEST_BYTES = 16
# Rises with every change of what is dumped: another version's digest is of something else.
VERSION = 1
# Snapshots of this version and later ones hold all that is kept today; older ones may lack some.
WHOLE_SINCE = 1

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def dump(state: State) -> Iterator[bytes]:
    """The state as chunks, its digest last; `load` makes an equal state of them."""
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for chunk in _chunks(state):
        total.update(chunk)
        yield chunk
    yield _encode(["digest", total.hexdigest(), VERSION if state.is_whole else 0])


def load(chunks: Iterable[bytes]) -> State:
    """The state that was dumped. Raises on anything that `dump` doesn't write.

    LossyDump where what was loaded isn't what was dumped, though every byte was.
    """
    state, dumped, version = State(), "", 0
    for chunk in chunks:
        kind, *fields = _decode(chunk)
        if kind == "digest":
            dumped, version = fields
        else:
            _LOAD[kind](state, *fields)
    heapify(state.deadlines)
    state.is_whole = version >= WHOLE_SINCE
    if version == VERSION and dumped != (loaded := digest(state)):
        raise LossyDump(f"state {dumped} was dumped, and state {loaded} loaded")
    return state


def digest(state: State) -> str:
    """128 bits of BLAKE2b over the dump, in hex."""
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for chunk in _chunks(state):
        total.update(chunk)
    return total.hexdigest()


def _chunks(state: State) -> Iterator[bytes]:
    yield _encode(["state", state.last_at_ms, state.last_order_id])
    for event_id in sorted(state.shards):
        shard = state.shards[event_id]
        yield _encode(["shard", shard.event, shard.sequence, sorted(shard.owned)])
    bookings = sorted(
        (one for shard in state.shards.values() for one in shard.bookings.values()),
        key=attrgetter("ordinal"),
    )
    yield from _rows("bookings", map(booking_row, bookings))
    yield from _rows("payments", (payment_row(state.payments[at]) for at in sorted(state.payments)))
    yield from _rows("receipts", state.receipts_by_age)


def _rows(kind: str, rows: Iterable[Any]) -> Iterator[bytes]:
    remaining = iter(rows)
    while some := list(islice(remaining, ROWS_PER_CHUNK)):
        yield _encode([kind, some])


def _load_state(state: State, last_at_ms: int, last_order_id: int) -> None:
    state.last_at_ms, state.last_order_id = last_at_ms, last_order_id


def _load_shard(state: State, event: list[Any], sequence: int, owned: list[int]) -> None:
    shard = Shard(msgspec.convert(event, Event))
    shard.sequence = sequence
    shard.owned.update(owned)
    state.shards[shard.event.event_id] = shard


def _load_bookings(state: State, rows: list[list[Any]]) -> None:
    for booking_id, user_id, created_at_ms, status, expires_at_ms, order_id, seats in rows:
        booking = Booking(
            booking_id=booking_id,
            event_id=event_of_booking(booking_id),
            user_id=user_id,
            created_at_ms=created_at_ms,
            ordinal=state.bookings_made,
        )
        booking.status = BookingStatus(status)
        booking.expires_at_ms = expires_at_ms
        booking.order_id = order_id
        state.bookings_made += 1
        if expires_at_ms:
            state.deadlines.append((expires_at_ms, booking_id))
        state.user_bookings.setdefault(user_id, []).append(booking)
        _file_booking(state.shards[booking.event_id], booking, seats)


def _file_booking(shard: Shard, booking: Booking, seats: list[int]) -> None:
    shard.bookings[booking.booking_id] = booking
    if booking.status is not BookingStatus.CANCELLED:
        shard.bookings_live += 1
    for seat_id in seats:
        hold_seat(shard, booking, seat_id)
    if booking.status is BookingStatus.CONFIRMED:
        for seat_id in seats:
            index = shard.event.hall.index_of(seat_id)
            assert index is not None
            shard.seatmap.change(index, SeatStatus.SOLD)
            shard.revenue_minor += shard.event.hall.price_at(index)


def _load_payments(state: State, rows: list[list[Any]]) -> None:
    for row in rows:
        order_id, booking_id, user_id, amount, at_ms, status, payment_id, url, held, *newer = row
        payment = Payment(
            order_id=order_id,
            booking_id=booking_id,
            user_id=user_id,
            amount_minor=amount,
            initiated_at_ms=at_ms,
        )
        payment.status = PaymentStatus(status)
        payment.payment_id, payment.url = payment_id, url
        payment.parked, payment.history = newer or ("", b"")  # older snapshots lack them
        if held is not None:
            payment.reservation = _reservation(*held)
        file_payment(state, payment)
        if payment_id:
            state.order_of_payment_id[payment_id] = order_id
        if not payment.is_settled():
            state.unsettled[order_id] = None


def _reservation(
    seats: list[int], status: str, provider_order: str, parked: str = ""
) -> Reservation:
    reservation = Reservation(tuple(seats))
    reservation.status = ReservationStatus(status)
    reservation.provider_order = provider_order
    reservation.parked = parked
    return reservation


def _load_receipts(state: State, rows: list[list[Any]]) -> None:
    for row in rows:
        remember(state, msgspec.convert(row, Receipt))


_LOAD: dict[str, Callable[..., None]] = {
    "state": _load_state,
    "shard": _load_shard,
    "bookings": _load_bookings,
    "payments": _load_payments,
    "receipts": _load_receipts,
}
