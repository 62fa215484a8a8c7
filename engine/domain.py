"""The nouns: what an event, a hall, a booking, a payment and a reservation are made of.

Nothing here decides anything. Money is an integer of minor units (tiyn), time an integer of
milliseconds since 1970 in UTC.
"""

from enum import IntEnum, StrEnum
from functools import cached_property
from struct import Struct

import msgspec

from engine.errors import BadPlan

# Ids carry what they belong to and stay below 2**53, because browsers read them.
SEAT_NUMBERS_MAX = 9_999
ROWS_MAX = 999
ROW_SPAN = SEAT_NUMBERS_MAX + 1
SEAT_SPAN = (ROWS_MAX + 1) * ROW_SPAN
BOOKING_SPAN = 1_000_000_000
EVENT_ID_MAX = 2**53 // BOOKING_SPAN - 1
_FIRST_SEAT = ROW_SPAN + 1  # row 1, number 1


def seat_id_of(*, event_id: int, row: int, number: int) -> int:
    """Seat 5 of row 12 of event 7 is 70120005: stable for ever, whatever else the hall grows."""
    return event_id * SEAT_SPAN + row * ROW_SPAN + number


def event_of_seat(seat_id: int) -> int:
    """The id of the event that a seat id names, whether or not there is such a seat."""
    return seat_id // SEAT_SPAN


def place_of_seat(seat_id: int) -> tuple[int, int]:
    """(row, number) of a seat, both from 1."""
    return seat_id % SEAT_SPAN // ROW_SPAN, seat_id % ROW_SPAN


def booking_id_of(*, event_id: int, sequence: int) -> int:
    """The third booking of event 7 is 7000000003."""
    return event_id * BOOKING_SPAN + sequence


def event_of_booking(booking_id: int) -> int:
    """The id of the event that a booking id names, whether or not there is such a booking."""
    return booking_id // BOOKING_SPAN


# A step of a payment's history is one integer: its time and the tag of its mutation.
_STEP = Struct("<Q")
_TAGS = 256
# A sale has six steps; a gateway that takes its word back for ever must not fill the memory.
_HISTORY_BYTES_MAX = 64 * _STEP.size


class SeatStatus(IntEnum):
    """An integer, because a hall keeps one byte a seat; the name is what the world sees."""

    FREE = 0
    RESERVED = 1
    SOLD = 2


class BookingStatus(StrEnum):
    """Where a basket stands; only a CANCELLED one never changes again."""

    CREATED = "CREATED"
    PAYMENT_INITIATED = "PAYMENT_INITIATED"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


class PaymentStatus(StrEnum):
    """Where one attempt to collect money stands; the last three owe the outside nothing."""

    INITIATED = "INITIATED"  # our intent is durable; the gateway may not know of it yet
    PENDING = "PENDING"  # the gateway has a page for it; the customer is at it
    AUTHORIZED = "AUTHORIZED"  # the gateway holds the money; we owe the capture
    RETURN_DUE = "RETURN_DUE"  # nobody may keep this money: the gateway must void or refund it
    CAPTURED = "CAPTURED"  # the money is ours and the tickets are the customer's
    FAILED = "FAILED"  # the gateway took nothing
    RETURNED = "RETURNED"  # voided or refunded in full


PAYMENT_SETTLED = frozenset(
    {PaymentStatus.CAPTURED, PaymentStatus.FAILED, PaymentStatus.RETURNED},
)


class ReservationStatus(StrEnum):
    """Where our order at the seat provider stands; the last two owe it nothing."""

    WANTED = "WANTED"  # our intent is durable; no order of the provider's is known
    STARTED = "STARTED"  # the provider's order exists; places are being selected
    SUBMITTED = "SUBMITTED"  # the provider holds all places for us
    CONFIRM_DUE = "CONFIRM_DUE"  # the money is captured; the provider's confirm comes last
    RENEW_DUE = "RENEW_DUE"  # a place is in doubt: let all of them go and begin anew
    CANCEL_DUE = "CANCEL_DUE"  # the provider must let the places go
    CONFIRMED = "CONFIRMED"  # ours for ever: the provider can't take a confirmed order back
    CANCELLED = "CANCELLED"


RESERVATION_SETTLED = frozenset({ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED})


class Sale(StrEnum):
    """Who owns the seats of an event."""

    OWN = "own"  # we do
    PARTNER = "partner"  # a provider does, and is asked for every seat
    ALLOTMENT = "allotment"  # somebody else does; a part was given to us, and nobody is asked


# A run of seats by index, in the order of rows and numbers: (first, last + 1).
Span = tuple[int, int]


class Zone(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A priced area: the rows `first_row` to `last_row`, both included."""

    name: str
    first_row: int
    last_row: int
    price_minor: int


class Hall(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, dict=True):
    """Rows of equally many seats; every row lies in exactly one zone, zones in order of rows."""

    rows: int
    seats_per_row: int
    zones: tuple[Zone, ...]

    def check(self) -> None:
        """Raise BadPlan unless the zones cover every row exactly once and ids have room."""
        if not 1 <= self.rows <= ROWS_MAX:
            raise BadPlan(f"a hall has 1 to {ROWS_MAX} rows, not {self.rows}")
        if not 1 <= self.seats_per_row <= SEAT_NUMBERS_MAX:
            raise BadPlan(f"a row has 1 to {SEAT_NUMBERS_MAX} seats, not {self.seats_per_row}")
        next_row = 1
        for zone in self.zones:
            if zone.first_row != next_row or zone.last_row < zone.first_row:
                raise BadPlan(f"zone {zone.name!r} must begin at row {next_row}")
            if zone.last_row > self.rows:
                raise BadPlan(f"zone {zone.name!r} ends at row {zone.last_row} of {self.rows}")
            if zone.price_minor < 0:
                raise BadPlan(f"zone {zone.name!r} has a negative price")
            next_row = zone.last_row + 1
        if next_row != self.rows + 1:
            raise BadPlan(f"no zone covers row {next_row} of {self.rows}")

    @cached_property
    def seats_total(self) -> int:
        """Also those that aren't ours to sell."""
        return self.rows * self.seats_per_row

    @cached_property
    def row_prices_minor(self) -> tuple[int, ...]:
        """The price of a seat by row; row 1 stands at index 0."""
        return tuple(
            zone.price_minor
            for zone in self.zones
            for _ in range(zone.first_row, zone.last_row + 1)
        )

    def index_at(self, row: int, number: int) -> int | None:
        """Where a place stands in the order of rows and numbers, from 0; None: no such place."""
        if 1 <= row <= self.rows and 1 <= number <= self.seats_per_row:
            return (row - 1) * self.seats_per_row + number - 1
        return None

    def place_at(self, index: int) -> tuple[int, int]:
        """(row, number) of the seat at `index`, both from 1."""
        row, number = divmod(index, self.seats_per_row)
        return row + 1, number + 1

    def zone_of_row(self, row: int) -> Zone:
        """The zone in which a row of the hall lies."""
        return next(one for one in self.zones if one.first_row <= row <= one.last_row)

    def price_at(self, index: int) -> int:
        """In minor units, of the seat at `index`; a seat that isn't ours has one as well."""
        return self.row_prices_minor[index // self.seats_per_row]


class Event(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the engine must know of an event to sell it; recorded when its first booking is made."""

    event_id: int
    starts_at_ms: int
    hall: Hall
    sale: Sale = Sale.OWN
    # Sale.ALLOTMENT: the seats that are ours to sell, sorted and disjoint. Otherwise empty.
    allotment: tuple[Span, ...] = ()

    @property
    def spans(self) -> tuple[Span, ...]:
        """The seats that we sell; no other seat of the hall is ever told of."""
        return self.allotment or ((0, self.hall.seats_total),)

    def index_of(self, seat_id: int) -> int | None:
        """Where a seat stands in the hall, as `Hall.index_at`; None: no seat of this event."""
        # Counted from the first seat, so that small numbers are divided: each held seat pays for
        # this twice. And not divmod: a call costs as much as both.
        at = seat_id - self.event_id * SEAT_SPAN - _FIRST_SEAT
        row, number = at // ROW_SPAN, at % ROW_SPAN
        hall = self.hall
        if 0 <= row < hall.rows and number < hall.seats_per_row:
            return row * hall.seats_per_row + number
        return None

    def check(self) -> None:
        """Raise BadPlan unless its ids stay readable for browsers and its hall can be sold."""
        if not 1 <= self.event_id <= EVENT_ID_MAX:
            raise BadPlan(f"ids of events are 1 to {EVENT_ID_MAX}, not {self.event_id}")
        self.hall.check()
        if self.allotment and self.sale is not Sale.ALLOTMENT:
            raise BadPlan(f"sale {self.sale.value!r} has no allotment")
        if not self.allotment and self.sale is Sale.ALLOTMENT:
            raise BadPlan("an allotment has at least one seat")
        least, most = 0, self.hall.seats_total
        for first, end in self.allotment:
            if not least <= first < end <= most:
                raise BadPlan(f"a span of an allotment lies in {least}–{most}, not {first}–{end}")
            least = end


# Of the next three there are hundreds of thousands. None can be part of a cycle, so the collector
# needn't know of them (gc=False); two are never the same because they look alike (eq=False).


class Booking(msgspec.Struct, array_like=True, forbid_unknown_fields=True, eq=False, gc=False):
    """A user's basket. Invariant: a CANCELLED booking holds no seats (I13).

    It is dumped as it is: a field more goes at the end, has a default, and makes another version.
    """

    booking_id: int
    user_id: int
    created_at_ms: int
    status: BookingStatus = BookingStatus.CREATED
    # 0: nothing is held, so nothing can expire.
    expires_at_ms: int = 0
    # The current payment attempt; 0: none. Earlier attempts live on in State.payments.
    order_id: int = 0
    # Replaced and never changed: most bookings share the empty one, and a list of them that is
    # kept elsewhere is known to be true as long as it has the same tuples.
    seats: tuple[int, ...] = ()

    @property
    def event_id(self) -> int:
        return event_of_booking(self.booking_id)


class Reservation(msgspec.Struct, eq=False, gc=False):
    """Our order at the provider for the partner's seats of one payment."""

    seats: tuple[int, ...]
    status: ReservationStatus = ReservationStatus.WANTED
    provider_order: str = ""
    # Why the provider's next call is beyond any retry; empty: it isn't.
    parked: str = ""


class Payment(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """One attempt. Invariant: it is settled, or State.unsettled lists its order_id (I14)."""

    order_id: int
    booking_id: int
    user_id: int
    amount_minor: int
    initiated_at_ms: int
    status: PaymentStatus = PaymentStatus.INITIATED
    # The gateway's name for it and its page; empty until the gateway has answered.
    payment_id: str = ""
    url: str = ""
    # None: every seat of the booking is ours to sell.
    reservation: Reservation | None = None
    # Why the gateway's next call is beyond any retry; empty: it isn't.
    parked: str = ""
    # The attempt of the same booking before this one; 0: none.
    earlier_order_id: int = 0
    # What has happened to it: eight bytes a step, because a concert has a hundred thousand.
    history: bytes = b""

    def is_settled(self) -> bool:
        """True when neither the gateway nor the provider is owed another call."""
        if self.status not in PAYMENT_SETTLED:
            return False
        return self.reservation is None or self.reservation.status in RESERVATION_SETTLED

    def is_parked(self) -> bool:
        """True when the gateway's or the provider's next call is beyond any retry."""
        return bool(self.parked or (self.reservation is not None and self.reservation.parked))

    def owed_back_minor(self) -> int:
        """What the customer is to be given back, which is all or nothing."""
        return self.amount_minor if self.status is PaymentStatus.RETURN_DUE else 0

    def holds_its_places(self) -> bool:
        """True when every seat is ours to give: only then may money be taken."""
        held = self.reservation
        return held is None or held.status is ReservationStatus.SUBMITTED

    def note(self, at_ms: int, tag: int) -> None:
        """Remember that a mutation with this tag has changed the payment or its reservation."""
        if len(self.history) < _HISTORY_BYTES_MAX:
            self.history += _STEP.pack(at_ms * _TAGS + tag)

    def steps(self) -> list[tuple[int, int]]:
        """(at_ms, tag of the mutation) of everything that has happened to it, oldest first."""
        return [divmod(step, _TAGS) for (step,) in _STEP.iter_unpack(self.history)]


class Receipt(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The remembered answer to a command that came with an idempotency key.

    `fingerprint` tells one request from another under the same key; `result` is what the command
    returned: a booking id, an order id, the first of some seats, or nothing.
    """

    user_id: int
    key: str
    fingerprint: bytes
    expires_at_ms: int
    result: int | None = None
