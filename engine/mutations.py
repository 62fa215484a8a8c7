"""What happened. This file is the on-disk schema of the log's records.

Each mutation is a decided fact in the past tense, encoded as a MessagePack array that begins with
its integer tag. A tag is never reused; a new field goes at the end and has a default. Everything a
replay needs is inside: `apply` looks nowhere else. A field that only a newer program knows is not
passed over, or what that program wrote there would be lost.
"""

import msgspec

from engine.domain import Event, Receipt
from engine.errors import UnknownFormat


class _Mutation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    at_ms: int


class BookingCreated(_Mutation, frozen=True, tag=1):
    booking_id: int
    user_id: int
    # The plan and prices, with the first booking of an event: from then on a new catalog can't
    # change what is already being sold.
    event: Event | None = None


class SeatSelected(_Mutation, frozen=True, tag=2):
    booking_id: int
    seat_id: int
    expires_at_ms: int


class SeatReleased(_Mutation, frozen=True, tag=3):
    booking_id: int
    seat_id: int


class BookingCancelled(_Mutation, frozen=True, tag=4):
    booking_id: int


class BookingExpired(_Mutation, frozen=True, tag=5):
    booking_id: int


class PaymentInitiated(_Mutation, frozen=True, tag=6):
    booking_id: int
    order_id: int
    amount_minor: int
    expires_at_ms: int
    # The seats that the provider must be asked for.
    partner_seats: tuple[int, ...] = ()


class PaymentRegistered(_Mutation, frozen=True, tag=7):
    order_id: int
    payment_id: str
    url: str
    # The customer's time to pay begins when there is a page to pay at; 0: as it was.
    expires_at_ms: int = 0


class PaymentRefused(_Mutation, frozen=True, tag=8):
    """The gateway would not begin: the attempt is over, the booking is CREATED again."""

    order_id: int


class PaymentAuthorized(_Mutation, frozen=True, tag=9):
    order_id: int


class PaymentCaptured(_Mutation, frozen=True, tag=10):
    order_id: int


class PaymentFailed(_Mutation, frozen=True, tag=11):
    order_id: int


class ReturnOwed(_Mutation, frozen=True, tag=12):
    """Money came, or may come, for a booking that no longer waits for it."""

    order_id: int


class PaymentReturned(_Mutation, frozen=True, tag=13):
    order_id: int


class ReservationStarted(_Mutation, frozen=True, tag=14):
    order_id: int
    provider_order: str


class ReservationSubmitted(_Mutation, frozen=True, tag=15):
    order_id: int


class ReservationConfirmed(_Mutation, frozen=True, tag=16):
    order_id: int


class ReservationCancelled(_Mutation, frozen=True, tag=17):
    order_id: int


class ReservationRefused(_Mutation, frozen=True, tag=18):
    """The provider has sold a place to somebody else: the booking can't be honoured."""

    order_id: int


class StateReset(_Mutation, frozen=True, tag=19):
    """Every seat FREE, no bookings; what is owed outside stays owed."""


class ReceiptsExpired(_Mutation, frozen=True, tag=20):
    """Every receipt whose time is not after `at_ms` is forgotten."""


class ReservationDoubted(_Mutation, frozen=True, tag=22):
    """Whose a place is can't be told from this order: it is given up, and another one begun."""

    order_id: int


class PaymentParked(_Mutation, frozen=True, tag=23):
    """The gateway's next call is beyond any retry: an operator must know of it."""

    order_id: int
    reason: str


class ReservationParked(_Mutation, frozen=True, tag=24):
    """The provider's next call is beyond any retry: an operator must know of it."""

    order_id: int
    reason: str


class StateChecked(_Mutation, frozen=True, tag=25):
    """A slice of the state had this digest; a replay must come to the same, or to nothing."""

    event_id: int
    first_sequence: int
    digest: bytes
    version: int


class SeatsSelected(_Mutation, frozen=True, tag=26):
    """Seats side by side in one row, from the first one on."""

    booking_id: int
    first_seat_id: int
    count: int
    expires_at_ms: int

    @property
    def seats(self) -> tuple[int, ...]:
        return tuple(range(self.first_seat_id, self.first_seat_id + self.count))


class SeatAdmitted(_Mutation, frozen=True, tag=27):
    """Whoever has the ticket of this seat is inside: nobody else gets in with it."""

    booking_id: int
    seat_id: int


Effect = (
    BookingCreated
    | SeatSelected
    | SeatReleased
    | BookingCancelled
    | BookingExpired
    | PaymentInitiated
    | PaymentRegistered
    | PaymentRefused
    | PaymentAuthorized
    | PaymentCaptured
    | PaymentFailed
    | ReturnOwed
    | PaymentReturned
    | ReservationStarted
    | ReservationSubmitted
    | ReservationConfirmed
    | ReservationCancelled
    | ReservationRefused
    | StateReset
    | ReceiptsExpired
    | ReservationDoubted
    | PaymentParked
    | ReservationParked
    | StateChecked
    | SeatsSelected
    | SeatAdmitted
)


class AnswerRemembered(_Mutation, frozen=True, tag=21):
    """A command that came with an idempotency key: its effect, if any, and its answer, at once."""

    receipt: Receipt
    effect: Effect | None = None


Mutation = Effect | AnswerRemembered


def tag_of(kind: type[Mutation]) -> int:
    """The number that stands for such a mutation in the log."""
    tag = kind.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Mutation).decode


def decode_record(lsn: int, payload: bytes) -> Mutation:
    """The mutation of a record; raises UnknownFormat, which names it."""
    try:
        mutation: Mutation = decode(payload)
    except msgspec.DecodeError as fault:
        raise UnknownFormat(f"record {lsn}", fault) from None
    return mutation
