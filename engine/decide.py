"""May this happen? One function a command: a mutation, None for "already so", or Rejected.

Nothing here changes the state, and nothing here waits: between a decision and its apply no other
command can run, so two buyers of one seat can't interleave. Checks come in one order everywhere:
exists, owner, state.
"""

from collections.abc import Mapping

import msgspec

from engine import errors
from engine.domain import (
    BOOKING_SPAN,
    Booking,
    BookingStatus,
    Event,
    Payment,
    PaymentStatus,
    Sale,
    booking_id_of,
    event_of_seat,
    seat_id_of,
)
from engine.mutations import (
    BookingCancelled,
    BookingCreated,
    BookingExpired,
    PaymentInitiated,
    SeatAdmitted,
    SeatReleased,
    SeatSelected,
    SeatsSelected,
)
from engine.seatmap import WITHHELD
from engine.state import Shard, State
from engine.together import best_together
from engine.transitions import BOOKING


class Rules(msgspec.Struct, frozen=True):
    """What the operator may set. Times in milliseconds, money in minor units."""

    hold_ms: int = 15 * 60_000
    # Shorter than the 15 minutes after which the gateway refuses to capture.
    payment_ms: int = 12 * 60_000
    return_until_ms: int = 12 * 3_600_000
    seats_per_user_max: int = 0  # of one event; 0: no limit
    # What the gateway takes in one payment: an int32 of minor units.
    payment_minor_min: int = 1_000
    payment_minor_max: int = 2_147_483_647
    receipt_ttl_ms: int = 24 * 3_600_000
    receipts_per_user_max: int = 10_000

    def returnable_until_ms(self, event: Event) -> int:
        """The last moment in which a paid booking of the event may be returned."""
        return event.starts_at_ms - self.return_until_ms


def create_booking(
    state: State, events: Mapping[int, Event], *, user_id: int, event_id: int, at_ms: int
) -> BookingCreated:
    """The next number of its event; raises EventNotFound."""
    shard = state.shards.get(event_id)
    if event_id not in events:
        raise errors.EventNotFound(event_id)
    if shard is None:
        booking_id = booking_id_of(event_id=event_id, sequence=1)
        return BookingCreated(at_ms, booking_id, user_id, events[event_id])
    booking_id = booking_id_of(event_id=event_id, sequence=len(shard.bookings))
    return BookingCreated(at_ms, booking_id, user_id)


def select_seat(
    state: State,
    events: Mapping[int, Event],
    rules: Rules,
    *,
    user_id: int,
    booking_id: int,
    seat_id: int,
    at_ms: int,
) -> SeatSelected | None:
    """None: this booking holds it already. No seat is taken from another booking (SeatTaken)."""
    shard, booking = _found_booking(state, booking_id)
    index = shard.event.index_of(seat_id)
    if index is None:
        require_seat(state, events, seat_id)
        _require_owner(booking, user_id)
        raise errors.SeatElsewhere(seat_id)
    if booking.user_id != user_id:
        raise errors.NotOwner(booking_id)
    if shard.seatmap.statuses[index] == WITHHELD:
        raise errors.SeatNotOurs(seat_id)
    if SeatSelected not in BOOKING[booking.status]:
        raise errors.BookingClosed(booking_id)
    holder = shard.holders.get(seat_id)
    if holder is booking:
        return None
    if holder is not None:
        raise errors.SeatTaken(seat_id)
    if rules.seats_per_user_max and (
        shard.seats_by_user.get(user_id, 0) >= rules.seats_per_user_max
    ):
        raise errors.TooManySeats(rules.seats_per_user_max)
    # The first seat starts the clock; later ones don't prolong it.
    expires_at_ms = booking.expires_at_ms or at_ms + rules.hold_ms
    return SeatSelected(at_ms, booking_id, seat_id, expires_at_ms)


def select_together(
    state: State,
    rules: Rules,
    *,
    user_id: int,
    booking_id: int,
    count: int,
    zone: str | None,
    at_ms: int,
) -> SeatsSelected:
    """The best seats side by side; unlike one seat, they are others each time."""
    shard, booking = _found_booking(state, booking_id)
    event = shard.event
    if zone is not None and zone not in (one.name for one in event.hall.zones):
        raise errors.ZoneNotFound(zone)
    _require_owner(booking, user_id)
    if SeatsSelected not in BOOKING[booking.status]:
        raise errors.BookingClosed(booking_id)
    most = rules.seats_per_user_max
    if most and shard.seats_by_user.get(user_id, 0) + count > most:
        raise errors.TooManySeats(most)
    first = None
    if 1 <= count <= event.hall.seats_per_row:
        first = best_together(shard.seatmap.statuses, event.hall, count, zone=zone)
    if first is None:
        raise errors.NoSeatsTogether(count)
    row, number = event.hall.place_at(first)
    first_seat_id = seat_id_of(event_id=event.event_id, row=row, number=number)
    expires_at_ms = booking.expires_at_ms or at_ms + rules.hold_ms
    return SeatsSelected(at_ms, booking_id, first_seat_id, count, expires_at_ms)


def release_seat(
    state: State, events: Mapping[int, Event], *, user_id: int, seat_id: int, at_ms: int
) -> SeatReleased:
    """Possible while it is held and not paid for; raises SeatNotHeld otherwise."""
    require_seat(state, events, seat_id)
    shard = state.shards.get(event_of_seat(seat_id))
    holder = None if shard is None else shard.holders.get(seat_id)
    if holder is None:
        raise errors.SeatNotHeld(seat_id)
    _require_owner(holder, user_id)
    if SeatReleased not in BOOKING[holder.status]:
        raise errors.SeatNotHeld(seat_id)
    return SeatReleased(at_ms, holder.booking_id, seat_id)


def initiate_payment(
    state: State, rules: Rules, *, user_id: int, booking_id: int, at_ms: int
) -> PaymentInitiated | None:
    """None: a payment is already under way, and its order id is the booking's."""
    shard, booking = _found_booking(state, booking_id)
    _require_owner(booking, user_id)
    if booking.status is BookingStatus.PAYMENT_INITIATED:
        return None
    if PaymentInitiated not in BOOKING[booking.status]:
        raise errors.BookingClosed(booking_id)
    if not booking.seats:
        raise errors.BookingEmpty(booking_id)
    amount_minor = sum(map(shard.price_of, booking.seats))
    if not rules.payment_minor_min <= amount_minor <= rules.payment_minor_max:
        raise errors.AmountOutOfRange(rules.payment_minor_min, rules.payment_minor_max)
    # Time-based, so that no reset and no lost data directory can bring an order id twice.
    order_id = max(state.last_order_id + 1, at_ms * 1_000)
    partner_seats: tuple[int, ...] = ()
    if shard.event.sale is Sale.PARTNER:
        partner_seats = tuple(seat for seat in booking.seats if seat not in shard.owned)
    expires_at_ms = at_ms + rules.payment_ms
    return PaymentInitiated(at_ms, booking_id, order_id, amount_minor, expires_at_ms, partner_seats)


def cancel_booking(
    state: State, rules: Rules, *, user_id: int, booking_id: int, at_ms: int
) -> BookingCancelled | None:
    """None: it is cancelled already. A paid one until it is too late, or somebody is inside."""
    shard, booking = _found_booking(state, booking_id)
    _require_owner(booking, user_id)
    if booking.status is BookingStatus.CANCELLED:
        return None
    if any(seat_id in shard.admitted for seat_id in booking.seats):
        raise errors.BookingAdmitted(booking_id)
    if booking.status is BookingStatus.CONFIRMED and (
        at_ms > rules.returnable_until_ms(shard.event)
    ):
        raise errors.TooLate(booking_id)
    return BookingCancelled(at_ms, booking_id)


def admit_seat(state: State, *, booking_id: int, seat_id: int, at_ms: int) -> SeatAdmitted:
    """Once for each seat of a paid booking: the second to come is told when the first did."""
    shard, booking = _found_booking(state, booking_id)
    if SeatAdmitted not in BOOKING[booking.status] or seat_id not in booking.seats:
        raise errors.SeatNotSold(seat_id)
    if seat_id in shard.admitted:
        raise errors.AlreadyAdmitted(shard.admitted[seat_id])
    return SeatAdmitted(at_ms, booking_id, seat_id)


def expire_booking(state: State, *, booking_id: int, at_ms: int) -> BookingExpired | None:
    """None: nothing has run out, or the money is just being captured and its saga decides.

    Money that can't be captured, because the places don't come or the gateway won't, is given back.
    """
    booking = state.booking(booking_id)
    if booking is None or not booking.expires_at_ms or booking.expires_at_ms > at_ms:
        return None
    if BookingExpired not in BOOKING[booking.status]:
        return None
    payment = state.payments.get(booking.order_id)
    if payment is not None and is_being_captured(payment):
        return None
    return BookingExpired(at_ms, booking_id)


def is_being_captured(payment: Payment) -> bool:
    """True while the gateway may be taking the money at this very moment."""
    held = payment.status is PaymentStatus.AUTHORIZED and payment.holds_its_places()
    return held and not payment.parked


def require_seat(state: State, events: Mapping[int, Event], seat_id: int) -> None:
    """Raise SeatNotFound unless an event on sale has this seat."""
    event_id = event_of_seat(seat_id)
    shard = state.shards.get(event_id)
    event = events.get(event_id) if shard is None else shard.event
    if event is None or event.index_of(seat_id) is None:
        raise errors.SeatNotFound(seat_id)


def _found_booking(state: State, booking_id: int) -> tuple[Shard, Booking]:
    try:
        shard = state.shards[booking_id // BOOKING_SPAN]
        booking = shard.bookings[booking_id % BOOKING_SPAN]
    except LookupError:
        raise errors.BookingNotFound(booking_id) from None
    if booking is None:
        raise errors.BookingNotFound(booking_id)
    return shard, booking


def _require_owner(booking: Booking, user_id: int) -> None:
    if booking.user_id != user_id:
        raise errors.NotOwner(booking.booking_id)
