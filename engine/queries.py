"""What may be asked. Nothing here changes the state.

Seats are answered as a `SeatPage`; an event that nobody has booked yet is answered from its plan,
without a shard: one empty hall serves all events of the same plan. Of a seat that isn't ours to
sell nothing is told: it is in no list and in no total.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple, overload

from engine.domain import (
    ROW_SPAN,
    Booking,
    Event,
    Hall,
    Payment,
    SeatStatus,
    Span,
    event_of_seat,
    seat_id_of,
)
from engine.errors import EventNotFound
from engine.seatmap import SeatMap
from engine.state import Shard, State

# SeatStatus(1) costs half a microsecond, and a page has twenty of them.
_STATUSES = tuple(SeatStatus)
_STATUS_BYTES = tuple(bytes([status]) for status in SeatStatus)


class SeatView(NamedTuple):
    """A seat as customers see it."""

    seat_id: int
    row: int
    number: int
    status: SeatStatus
    price_minor: int


class SeatPage(Sequence[SeatView]):
    """Some seats of a hall, as they stand now.

    `indexes` is a range or a tuple and `statuses` a byte for each; whatever happens later changes
    neither. The views are made when they are asked for.
    """

    __slots__ = ("event", "indexes", "statuses")

    def __init__(
        self,
        event: Event,
        seatmap: SeatMap,
        indexes: range | tuple[int, ...],
        status: SeatStatus | None = None,
    ) -> None:
        """`status` is that of all of them, where it is known: looking at 20 seats takes 3 us."""
        self.event = event
        self.indexes = indexes
        if status is not None:
            self.statuses = _STATUS_BYTES[status] * len(indexes)
        else:
            self.statuses = bytes(map(seatmap.statuses.__getitem__, indexes))

    def __len__(self) -> int:
        return len(self.indexes)

    def fields(self) -> Iterator[tuple[int, int, int, int, int]]:
        """What the views hold, in a third of the time that it takes to make them."""
        hall = self.event.hall
        width, prices_minor = hall.seats_per_row, hall.row_prices_minor
        first_id = seat_id_of(event_id=self.event.event_id, row=1, number=1)
        for index, status in zip(self.indexes, self.statuses, strict=True):
            row, number = divmod(index, width)
            seat_id = first_id + row * ROW_SPAN + number
            yield seat_id, row + 1, number + 1, status, prices_minor[row]

    @overload
    def __getitem__(self, at: int) -> SeatView: ...
    @overload
    def __getitem__(self, at: slice) -> list[SeatView]: ...
    def __getitem__(self, at: int | slice) -> SeatView | list[SeatView]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        hall, event_id, index = self.event.hall, self.event.event_id, self.indexes[at]
        row, number = hall.place_at(index)
        seat_id = seat_id_of(event_id=event_id, row=row, number=number)
        status = _STATUSES[self.statuses[at]]
        return SeatView(seat_id, row, number, status, hall.price_at(index))


class Analytics(NamedTuple):
    """The figures of one event; `bookings_count` are those that are not cancelled."""

    event_id: int
    total_seats: int
    sold_seats: int
    reserved_seats: int
    free_seats: int
    revenue_minor: int
    bookings_count: int


class ZoneFigures(NamedTuple):
    """The seats of one zone by status; `price_minor` is what each of them costs."""

    name: str
    price_minor: int
    total_seats: int
    free_seats: int
    reserved_seats: int
    sold_seats: int


class Queries:
    """Reads of one engine's state, and the cursors from which free seats are dealt."""

    def __init__(self, state: State, events: Mapping[int, Event]) -> None:
        self._state = state
        self._events = events
        # By the hall and by what of it we sell.
        self._empty_halls: dict[tuple[Hall, tuple[Span, ...]], SeatMap] = {}
        # The index after the last seat dealt, by event and by the row that was asked for: those who
        # ask for one row don't send those who ask for another back to its beginning.
        self._dealt: dict[tuple[int, int | None], int] = {}

    def event(self, event_id: int) -> Event:
        """The event as it is sold, with the hall of its first booking; raises EventNotFound."""
        return self._hall(event_id)[0]

    def seats(
        self,
        *,
        event_id: int,
        status: SeatStatus | None,
        row: int | None,
        offset: int,
        limit: int,
    ) -> SeatPage:
        """Seats in order of row and number, from the `offset`-th that fits on."""
        event, seatmap = self._hall(event_id)
        if row is None:
            found = seatmap.page(status, offset=offset, limit=limit)
            return SeatPage(event, seatmap, found, status)
        if not 1 <= row <= event.hall.rows:
            return SeatPage(event, seatmap, ())
        first = (row - 1) * event.hall.seats_per_row
        last = first + event.hall.seats_per_row
        found = seatmap.row_page(status, first=first, last=last, offset=offset, limit=limit)
        return SeatPage(event, seatmap, found, status)

    def deal(self, *, event_id: int, row: int | None, limit: int) -> SeatPage:
        """The next free seats: successive calls walk on, so that a crowd isn't dealt the same."""
        event, seatmap = self._hall(event_id)
        if row is not None and not 1 <= row <= event.hall.rows:
            return SeatPage(event, seatmap, ())
        first, last = 0, event.hall.seats_total
        if row is not None:
            first = (row - 1) * event.hall.seats_per_row
            last = first + event.hall.seats_per_row
        start = self._dealt.get((event_id, row), first)
        found = _walk(seatmap, start=start, end=last, limit=limit)
        newest = found[-1] if found else None
        if len(found) < limit:
            # Round to the beginning; a seat that is in the tail must not come twice.
            head = _walk(seatmap, start=first, end=start, limit=limit - len(found))
            newest = head[-1] if head else newest
            found = (*head, *found)
        if newest is not None:
            self._dealt[event_id, row] = newest + 1
        return SeatPage(event, seatmap, found, SeatStatus.FREE)

    def payment(self, order_id: int) -> Payment | None:
        """Our attempt by our id. Not to be changed by the caller."""
        return self._state.payments.get(order_id)

    def order_of(self, payment_id: str) -> int | None:
        """Our order id of a payment that the gateway names."""
        return self._state.order_of_payment_id.get(payment_id)

    def unsettled(self) -> list[int]:
        """Order ids of the payments that still owe the outside a call."""
        return list(self._state.unsettled)

    def booking(self, booking_id: int) -> Booking | None:
        """Not to be changed by the caller."""
        return self._state.booking(booking_id)

    def holder(self, seat_id: int) -> Booking | None:
        """The booking that holds the seat. Not to be changed by the caller."""
        shard = self._state.shards.get(event_of_seat(seat_id))
        return None if shard is None else shard.holders.get(seat_id)

    def admitted_at_ms(self, seat_id: int) -> int | None:
        """When somebody was let in with the ticket of this seat; None: nobody was."""
        shard = self._state.shards.get(event_of_seat(seat_id))
        return None if shard is None else shard.admitted.get(seat_id)

    def bookings_of(self, user_id: int) -> list[Booking]:
        """All bookings of a user, newest last. Not to be changed by the caller."""
        return self._state.user_bookings.get(user_id, [])

    def events_on_sale_count(self) -> int:
        return len(self._events)

    def events_booked(self) -> list[int]:
        """The events that anybody has ever booked, by their first booking."""
        return list(self._state.shards)

    def bookings_made(self, event_id: int) -> int:
        """How many bookings of the event there have ever been: the number of the last one."""
        shard = self._state.shards.get(event_id)
        return 0 if shard is None else shard.sequence

    def bookings_from(self, event_id: int, sequence: int, *, limit: int) -> list[Booking]:
        """Of the next `limit` bookings of an event, from this number on, those that are there.

        Not to be changed by the caller.
        """
        shard = self._state.shards.get(event_id)
        found = [] if shard is None else shard.bookings[sequence : sequence + limit]
        return [one for one in found if one is not None]

    def attempts_of(self, booking: Booking) -> list[Payment]:
        """Every attempt to pay for it, oldest first. Not to be changed by the caller."""
        attempts = []
        order_id = self._state.newest_attempts.get(booking.booking_id, 0)
        while order_id:
            payment = self._state.payments[order_id]
            attempts.append(payment)
            order_id = payment.earlier_order_id
        return attempts[::-1]

    def orders_since(self, initiated_at_ms: int) -> list[int]:
        """Order ids of the payments begun after that moment, newest first."""
        newest = reversed(self._state.payments.values())
        recent = takewhile(lambda payment: payment.initiated_at_ms > initiated_at_ms, newest)
        return [payment.order_id for payment in recent]

    def next_deadline_ms(self) -> int | None:
        """When `expire_due` may have something to do; None: nothing is held or remembered."""
        deadlines, by_age = self._state.deadlines, self._state.receipts_by_age
        due_ms = [deadlines[0][0]] if deadlines else []
        if by_age:
            due_ms.append(by_age[0].expires_at_ms)
        return min(due_ms, default=None)

    def analytics(self, event_id: int) -> Analytics:
        """Added up from the counts of the hall, in microseconds; raises EventNotFound."""
        _, seatmap = self._hall(event_id)
        shard = self._state.shards.get(event_id)
        free, reserved, sold = seatmap.totals()
        return Analytics(
            event_id=event_id,
            total_seats=free + reserved + sold,
            sold_seats=sold,
            reserved_seats=reserved,
            free_seats=free,
            revenue_minor=0 if shard is None else shard.revenue_minor,
            bookings_count=0 if shard is None else shard.bookings_live,
        )

    def zones(self, event_id: int) -> list[ZoneFigures]:
        """The seats of each zone, in order of rows; counting a stadium's takes microseconds.

        A zone in which no seat is ours is left out: its price is a price of nothing.
        """
        event, seatmap = self._hall(event_id)
        width = event.hall.seats_per_row
        found = []
        for zone in event.hall.zones:
            counts = seatmap.counts((zone.first_row - 1) * width, zone.last_row * width)
            if any(counts):
                found.append(ZoneFigures(zone.name, zone.price_minor, sum(counts), *counts))
        return found

    def statuses(self, event_id: int) -> bytes:
        """How the hall stands now, a byte a seat: a SeatStatus, or WITHHELD. A stadium's take 3 us.

        In the order of rows and numbers; whatever happens later changes nothing in it.
        """
        return bytes(self._hall(event_id)[1].statuses)

    def _hall(self, event_id: int) -> tuple[Event, SeatMap]:
        shard: Shard | None = self._state.shards.get(event_id)
        if shard is not None:
            return shard.event, shard.seatmap
        event = self._events.get(event_id)
        if event is None:
            raise EventNotFound(event_id)
        plan = event.hall, event.allotment
        seatmap = self._empty_halls.get(plan)
        if seatmap is None:
            seatmap = self._empty_halls[plan] = SeatMap(event.hall.seats_total, event.spans)
        return event, seatmap


def _walk(seatmap: SeatMap, *, start: int, end: int, limit: int) -> range | tuple[int, ...]:
    """At most `limit` free indexes from `start` on, before `end`."""
    found = seatmap.following(SeatStatus.FREE, start=start, limit=limit)
    return found if not found or found[-1] < end else found[: bisect_left(found, end)]
