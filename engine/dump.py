"""The whole state as chunks of bytes, and back (I9).

Chunks are MessagePack arrays that begin with what they hold. The dump is canonical: states that a
replay can't tell apart have the same bytes, so a digest of the dump is a digest of the state. The
last chunk holds it: what a chunk was loaded to is dumped again at once, and the digest of all must
be the same, or the dump or the loading has lost something.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from heapq import heapify
from itertools import islice
from typing import Any, TypeVar

import msgspec

from engine.apply import file_payment, file_receipt
from engine.domain import (
    BOOKING_SPAN,
    Booking,
    BookingStatus,
    Event,
    Payment,
    Receipt,
    Reservation,
    SeatStatus,
    event_of_booking,
)
from engine.errors import LossyDump, UnknownFormat
from engine.rows import PaymentRow, ReservationRow, payment_row
from engine.state import Shard, State

# Chunks of a few megabytes: large enough to be cheap, small enough to be verified in memory.
ROWS_PER_CHUNK = 50_000
# As many as a snapshot takes. What can't be cut, an event or a row, may have two million seats.
CHUNK_BYTES_MAX = 64 << 20
DIGEST_BYTES = 16
# Rises with every change of what is dumped: another version's digest is of something else.
VERSION = 2
# Snapshots of this version and later ones hold all that is kept today; older ones may lack some.
# (Version 1 has no admissions, and when it was written there were none.)
WHOLE_SINCE = 1


class _Chunk(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class _Figures(_Chunk, frozen=True, tag="state"):
    last_at_ms: int
    last_order_id: int


class _Shard(_Chunk, frozen=True, tag="shard"):
    event: Event
    sequence: int
    owned: list[int]
    # Seats with the time when somebody was let in, by seat id.
    admitted: list[tuple[int, int]] = []


class _Bookings(_Chunk, frozen=True, tag="bookings"):
    rows: list[Booking]


class _Payments(_Chunk, frozen=True, tag="payments"):
    rows: list[PaymentRow]


class _Receipts(_Chunk, frozen=True, tag="receipts"):
    rows: list[Receipt]


class _Digest(_Chunk, frozen=True, tag="digest"):
    digest: str
    version: int


_ROWS = (_Bookings, _Payments, _Receipts)
_Part = _Figures | _Shard | _Bookings | _Payments | _Receipts
_Row = TypeVar("_Row", bound=msgspec.Struct)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Part | _Digest).decode


def dump(state: State) -> Iterator[bytes]:
    """The state as chunks, its digest last; `load` makes an equal state of them."""
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for chunk in _chunks(state):
        total.update(chunk)
        yield chunk
    yield _encode(_Digest(total.hexdigest(), VERSION if state.is_whole else 0))


def load(chunks: Iterable[bytes]) -> State:
    """The state that was dumped. Raises on anything that `dump` doesn't write.

    UnknownFormat where a newer program may have written it, LossyDump where what was loaded isn't
    what was dumped, though every byte was.
    """
    state, last = State(), _Digest("", 0)
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in _decoded(chunks):
        if isinstance(part, _Digest):
            last = part
        else:
            total.update(_encode(_LOAD[type(part)](state, part)))
    heapify(state.deadlines)
    for shard in state.shards.values():
        shard.seatmap.count_anew()
    state.is_whole = last.version >= WHOLE_SINCE
    if last.version == VERSION and last.digest != (loaded := total.hexdigest()):
        raise LossyDump(f"state {last.digest} was dumped, and state {loaded} loaded")
    return state


def load_event(chunks: Iterable[bytes], event_id: int) -> State:
    """Of the state that was dumped only what belongs to one event, for whoever looks into it."""
    state = State()
    for part in _decoded(chunks):
        mine = _of_event(part, event_id)
        if mine is not None:
            _LOAD[type(mine)](state, mine)
    heapify(state.deadlines)
    for shard in state.shards.values():
        shard.seatmap.count_anew()
    state.is_whole = False
    return state


def _decoded(chunks: Iterable[bytes]) -> Iterator[_Part | _Digest]:
    try:
        yield from map(_decode, chunks)
    except msgspec.DecodeError as fault:
        raise UnknownFormat("a snapshot", fault) from None


def _of_event(part: _Part | _Digest, event_id: int) -> _Part | None:
    match part:
        case _Figures():
            return part
        case _Shard():
            return part if part.event.event_id == event_id else None
        case _Bookings(rows):
            return _Bookings([one for one in rows if event_of_booking(one.booking_id) == event_id])
        case _Payments(payments):
            return _Payments(
                [one for one in payments if event_of_booking(one.booking_id) == event_id]
            )
    return None


def digest(state: State) -> str:
    """128 bits of BLAKE2b over the dump, in hex."""
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for chunk in _chunks(state):
        total.update(chunk)
    return total.hexdigest()


def _chunks(state: State) -> Iterator[bytes]:
    for part in _parts(state):
        yield from _encoded(part)


def _encoded(part: _Part) -> Iterator[bytes]:
    """The part as a chunk, or as several where long rows make one longer than a snapshot takes.

    Fewer rows for all would change the digest of states, and backups are known by theirs.
    """
    chunk = _encode(part)
    if len(chunk) > CHUNK_BYTES_MAX and isinstance(part, _ROWS) and len(part.rows) > 1:
        half = len(part.rows) // 2
        for rows in part.rows[:half], part.rows[half:]:
            yield from _encoded(msgspec.structs.replace(part, rows=rows))
    else:
        yield chunk


def _parts(state: State) -> Iterator[_Part]:
    yield _Figures(state.last_at_ms, state.last_order_id)
    for event_id in sorted(state.shards):
        yield _shard_part(state.shards[event_id])
    yield from map(_Bookings, _cut(state.bookings))
    payments = (payment_row(state.payments[at]) for at in sorted(state.payments))
    yield from map(_Payments, _cut(payments))
    yield from map(_Receipts, _cut(state.receipts_by_age))


def _shard_part(shard: Shard) -> _Shard:
    admitted = sorted(shard.admitted.items())
    return _Shard(shard.event, shard.sequence, sorted(shard.owned), admitted)


def _cut(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    remaining = iter(rows)
    while some := list(islice(remaining, ROWS_PER_CHUNK)):
        yield some


_CANCELLED, _CONFIRMED = BookingStatus.CANCELLED, BookingStatus.CONFIRMED
_RESERVED, _SOLD = SeatStatus.RESERVED, SeatStatus.SOLD

# Each of these takes a part into the state, and returns it as the state has it then.


def _load_figures(state: State, part: _Figures) -> _Figures:
    state.last_at_ms, state.last_order_id = part.last_at_ms, part.last_order_id
    return _Figures(state.last_at_ms, state.last_order_id)


def _load_shard(state: State, part: _Shard) -> _Shard:
    shard = Shard(part.event)
    shard.forget_bookings(part.sequence)
    shard.owned.update(part.owned)
    shard.admitted.update(part.admitted)
    state.shards[shard.event.event_id] = shard
    return _shard_part(shard)


def _load_bookings(state: State, part: _Bookings) -> _Bookings:
    """A sold-out country has a million of them: what can be done once an event is done so."""
    state.bookings += part.rows
    of_user, deadlines = state.user_bookings, state.deadlines
    of_event: dict[int, list[Booking]] = {}
    for one in part.rows:
        of_event.setdefault(one.booking_id // BOOKING_SPAN, []).append(one)
        of_user.setdefault(one.user_id, []).append(one)
        if one.expires_at_ms:
            deadlines.append((one.expires_at_ms, one.booking_id))
    shards = state.shards
    for event_id, bookings in of_event.items():
        _file_bookings(shards[event_id], bookings)
    ids = [one.booking_id for one in part.rows]
    filed = [shards[one // BOOKING_SPAN].bookings[one % BOOKING_SPAN] for one in ids]
    return _Bookings([one for one in filed if one is not None])


def _file_bookings(shard: Shard, bookings: list[Booking]) -> None:
    """The statuses of seats are only written: `load` counts them when all are there."""
    by_number, holders, by_user = shard.bookings, shard.holders, shard.seats_by_user
    statuses, index_of = shard.seatmap.statuses, shard.event.index_of
    for one in bookings:
        by_number[one.booking_id % BOOKING_SPAN] = one
        if seats := one.seats:
            by_user[one.user_id] = by_user.get(one.user_id, 0) + len(seats)
            seat_status = _SOLD if one.status is _CONFIRMED else _RESERVED
            for seat_id in seats:
                index = index_of(seat_id)
                assert index is not None
                holders[seat_id] = one
                statuses[index] = seat_status
    shard.bookings_live += sum(one.status is not _CANCELLED for one in bookings)
    sold = (seat_id for one in bookings if one.status is _CONFIRMED for seat_id in one.seats)
    shard.revenue_minor += sum(map(shard.price_of, sold))


def _load_payments(state: State, part: _Payments) -> _Payments:
    for row in part.rows:
        payment = Payment(
            order_id=row.order_id,
            booking_id=row.booking_id,
            user_id=row.user_id,
            amount_minor=row.amount_minor,
            initiated_at_ms=row.initiated_at_ms,
            status=row.status,
            payment_id=row.payment_id,
            url=row.url,
            reservation=_reservation(row.reservation),
            parked=row.parked,
            history=row.history,
        )
        file_payment(state, payment)
        if payment.payment_id:
            state.order_of_payment_id[payment.payment_id] = payment.order_id
        if not payment.is_settled():
            state.unsettled[payment.order_id] = None
    return _Payments([payment_row(state.payments[row.order_id]) for row in part.rows])


def _reservation(row: ReservationRow | None) -> Reservation | None:
    if row is None:
        return None
    return Reservation(row.seats, row.status, row.provider_order, row.parked)


def _load_receipts(state: State, part: _Receipts) -> _Receipts:
    for receipt in part.rows:
        file_receipt(state, receipt)
    return _Receipts([state.receipts[one.user_id][one.key] for one in part.rows])


_LOAD: dict[type[_Part], Callable[[State, Any], _Part]] = {
    _Figures: _load_figures,
    _Shard: _load_shard,
    _Bookings: _load_bookings,
    _Payments: _load_payments,
    _Receipts: _load_receipts,
}
