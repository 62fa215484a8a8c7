"""Everything the engine knows, by event, and what must always be true of it.

`apply` is the only writer. The numbered invariants are those of ARCHITECTURE.md; tests call
`check_invariants` after every step.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heapify

from engine.domain import (
    BOOKING_SPAN,
    Booking,
    BookingStatus,
    Event,
    Payment,
    PaymentStatus,
    Receipt,
    SeatStatus,
)
from engine.seatmap import SeatMap


class Shard:
    """Everything of one event: nothing in it points at another event."""

    __slots__ = (
        "admitted",
        "bookings",
        "bookings_live",
        "event",
        "holders",
        "owned",
        "revenue_minor",
        "seatmap",
        "seats_by_user",
    )

    def __init__(self, event: Event) -> None:
        self.event = event
        # By number, from 1; None: there is none any more. A list, because any of a million is found
        # by one look into memory where a dict takes three, and because it never grows at one blow.
        self.bookings: list[Booking | None] = [None]
        # The booking that holds a seat, by seat id; a FREE seat is absent.
        self.holders: dict[int, Booking] = {}
        self.seatmap = SeatMap(event.hall.seats_total, event.spans)
        self.seats_by_user: dict[int, int] = {}
        # Seats that the provider has confirmed to us: resold without asking again.
        self.owned: set[int] = set()
        # When somebody was let in with the ticket of a seat, by seat id.
        self.admitted: dict[int, int] = {}
        self.bookings_live = 0
        self.revenue_minor = 0

    @property
    def sequence(self) -> int:
        """The last booking's number; it survives a reset, so that no booking id comes twice."""
        return len(self.bookings) - 1

    def forget_bookings(self, sequence: int) -> None:
        """Those up to this number have been, and the next one has the number after it."""
        self.bookings = [None] * (sequence + 1)

    def all_bookings(self) -> Iterator[Booking]:
        """Those there are, by number."""
        return (one for one in self.bookings if one is not None)

    def status_of(self, seat_id: int) -> SeatStatus:
        """Of a seat of the event, which may be held by nobody."""
        holder = self.holders.get(seat_id)
        if holder is None:
            return SeatStatus.FREE
        if holder.status is BookingStatus.CONFIRMED:
            return SeatStatus.SOLD
        return SeatStatus.RESERVED

    def price_of(self, seat_id: int) -> int:
        """In minor units; the seat must be one of the event."""
        index = self.event.index_of(seat_id)
        assert index is not None
        return self.event.hall.price_at(index)


class State:
    """All shards, and the few things that cross them.

    Crossing: the bookings of a user, the order of all bookings, and the payments, which the outside
    names by ids that carry no event.
    """

    __slots__ = (
        "bookings",
        "deadlines",
        "is_whole",
        "last_at_ms",
        "last_order_id",
        "newest_attempts",
        "order_of_payment_id",
        "payments",
        "receipts",
        "receipts_by_age",
        "shards",
        "unsettled",
        "user_bookings",
    )

    def __init__(self) -> None:
        self.shards: dict[int, Shard] = {}
        self.user_bookings: dict[int, list[Booking]] = {}
        # All of them as they were made, so that a snapshot keeps their order.
        self.bookings: list[Booking] = []
        self.payments: dict[int, Payment] = {}
        self.order_of_payment_id: dict[str, int] = {}
        # The order id of a booking's newest attempt, over or not: each names the one before it.
        self.newest_attempts: dict[int, int] = {}
        # Order ids of payments that still owe the outside a call: a dict for its order.
        self.unsettled: dict[int, None] = {}
        self.receipts: dict[int, dict[str, Receipt]] = {}
        self.receipts_by_age: deque[Receipt] = deque()
        # A heap of (expires_at_ms, booking_id). Entries that no longer hold are passed over.
        self.deadlines: list[tuple[int, int]] = []
        self.last_at_ms = 0
        self.last_order_id = 0
        # False: it goes back to a snapshot that lacked what only later versions keep, so that a
        # replay of the whole log knows more, and the two can't be compared.
        self.is_whole = True

    def booking(self, booking_id: int) -> Booking | None:
        """None: it was never made, or was before a reset."""
        shard = self.shards.get(booking_id // BOOKING_SPAN)
        number = booking_id % BOOKING_SPAN
        return None if shard is None or number > shard.sequence else shard.bookings[number]

    def forget_past_deadlines(self) -> None:
        """After a replay: of a log's deadlines most are over, and whoever looks passes over all."""
        held = [one for one in self.bookings if one.expires_at_ms]
        self.deadlines[:] = [(one.expires_at_ms, one.booking_id) for one in held]
        heapify(self.deadlines)

    def check_invariants(self) -> None:
        """Raise AssertionError unless I13 to I17 hold; it looks at everything."""
        for shard in self.shards.values():
            _check_shard(shard)
        for order_id, payment in self.payments.items():
            assert (order_id in self.unsettled) != payment.is_settled(), "I14"
            if payment.payment_id:
                assert self.order_of_payment_id[payment.payment_id] == order_id
            if payment.earlier_order_id:
                earlier = self.payments.get(payment.earlier_order_id)
                assert earlier is not None
                assert earlier.booking_id == payment.booking_id
        assert set(self.unsettled) <= set(self.payments)
        made = [one for shard in self.shards.values() for one in shard.all_bookings()]
        assert len(made) == len(self.bookings)
        assert all(self.booking(one.booking_id) is one for one in self.bookings)
        listed: dict[int, list[Booking]] = {}
        for one in self.bookings:
            listed.setdefault(one.user_id, []).append(one)
        assert listed == self.user_bookings, "each user's bookings, in the order of all"
        self._check_money()

    def _check_money(self) -> None:
        for shard in self.shards.values():
            for booking in shard.all_bookings():
                payment = self.payments.get(booking.order_id)
                if booking.status is BookingStatus.CONFIRMED:
                    assert payment is not None, "I16"
                    assert payment.status is PaymentStatus.CAPTURED, "I16"
                    assert payment.amount_minor == sum(map(shard.price_of, booking.seats)), "I16"
                elif payment is not None:
                    assert payment.status is not PaymentStatus.CAPTURED, "I16"


def _check_shard(shard: Shard) -> None:
    bookings = list(shard.all_bookings())
    held = {seat: one for one in bookings for seat in one.seats}
    assert held == shard.holders, "I13: a seat has one holder, and the holder knows it"
    assert sum(len(one.seats) for one in bookings) == len(held), "I13"
    revenue = live = 0
    by_user: dict[int, int] = {}
    for booking in bookings:
        if booking.status is BookingStatus.CANCELLED:
            assert not booking.seats, "I13: a cancelled booking holds none"
            continue
        live += 1
        if booking.seats:
            by_user[booking.user_id] = by_user.get(booking.user_id, 0) + len(booking.seats)
        if booking.status is BookingStatus.CONFIRMED:
            revenue += sum(map(shard.price_of, booking.seats))
    assert (revenue, live) == (shard.revenue_minor, shard.bookings_live), "I15"
    assert by_user == shard.seats_by_user, "I15"
    for seat_id in shard.admitted:
        assert shard.status_of(seat_id) is SeatStatus.SOLD, "I17"
    shard.seatmap.check_invariants()
    for seat_id in shard.holders:
        index = shard.event.index_of(seat_id)
        assert index is not None
        assert shard.seatmap.statuses[index] == shard.status_of(seat_id), "I15"
    seats_ours = sum(end - first for first, end in shard.event.spans)
    assert shard.seatmap.totals()[SeatStatus.FREE] == seats_ours - len(held), "I15"
