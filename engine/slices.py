"""The state, a slice at a time: what the server has in memory is compared with every replay.

A digest of a sold-out stadium takes more than 100 ms, and the loop would stand still for it. A
slice is some bookings of one event with all their payments, and the figures that every mutation
moves; it takes 0.3 ms. One after another they come round to everything.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from engine.domain import Booking
from engine.rows import payment_row
from engine.state import Shard, State

BOOKINGS_PER_SLICE = 250
DIGEST_BYTES = 8  # against accidents, and it stands in the log four times a second
# Rises with every change of what is digested: a replay compares only what it would digest alike.
VERSION = 2

_encode = msgspec.msgpack.Encoder().encode


class Slice(NamedTuple):
    """`BOOKINGS_PER_SLICE` bookings of an event, by number, from this one on."""

    event_id: int
    first_sequence: int


def following(state: State, last: Slice) -> Slice | None:
    """The slice after `last`, round to the beginning; None: nothing has ever been booked."""
    shard = state.shards.get(last.event_id)
    next_sequence = last.first_sequence + BOOKINGS_PER_SLICE
    if shard is not None and next_sequence <= shard.sequence:
        return Slice(last.event_id, next_sequence)
    later = min((one for one in state.shards if one > last.event_id), default=0)
    event_id = later or min(state.shards, default=0)
    return Slice(event_id, 1) if event_id else None


def digest_of(state: State, one: Slice) -> bytes:
    """The slice's bookings and payments, and the figures of its event and of the whole."""
    shard = state.shards.get(one.event_id)
    if shard is None:
        return b""  # of no slice that was ever checked
    found = shard.bookings[one.first_sequence : one.first_sequence + BOOKINGS_PER_SLICE]
    bookings = [booking for booking in found if booking is not None]
    content = [
        _figures(state, shard),
        bookings,
        [
            payment_row(state.payments[at])
            for booking in bookings
            for at in _attempts(state, booking)
        ],
        _admitted(shard, bookings),
    ]
    return blake2b(_encode(content), digest_size=DIGEST_BYTES).digest()


def _figures(state: State, shard: Shard) -> list[Any]:
    return [
        state.last_order_id,
        len(state.bookings),
        len(state.payments),
        len(state.unsettled),
        len(state.receipts_by_age),
        shard.sequence,
        shard.bookings_live,
        shard.revenue_minor,
        shard.seatmap.totals(),
        len(shard.holders),
        len(shard.owned),
        len(shard.admitted),
    ]


def _admitted(shard: Shard, bookings: list[Booking]) -> list[tuple[int, int]]:
    admitted = shard.admitted
    if not admitted:
        return []
    seats = (seat_id for booking in bookings for seat_id in booking.seats)
    return [(seat_id, admitted[seat_id]) for seat_id in seats if seat_id in admitted]


def _attempts(state: State, booking: Booking) -> Iterator[int]:
    order_id = state.newest_attempts.get(booking.booking_id, 0)
    while order_id:
        yield order_id
        order_id = state.payments[order_id].earlier_order_id
