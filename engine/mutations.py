"""What happened. This file is the on-disk schema of the log's records.

Each mutation is a decided fact in the past tense, encoded as a MessagePack array that begins with
its integer tag. A tag is never reused; a new field goes at the end and has a default. Everything a
replay needs is inside: `apply` looks nowhere else. A field that only a newer program knows is not
passed over, or what that program wrote there would be lost.

Each class says when it is recorded and what comes of it. Every status that it leads to stands in
`transitions`, everything that it changes in `apply`. An `order_id` names one of our payments.
"""

import msgspec

from engine.domain import Event, Receipt
from engine.errors import UnknownFormat


class _Mutation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """`at_ms` is when it was decided: never before the record before it."""

    at_ms: int


class BookingCreated(_Mutation, frozen=True, tag=1):
    """A user has begun a basket, with nothing in it: it has no deadline yet."""

    booking_id: int
    user_id: int
    # The plan and prices, with the first booking of an event: from then on a new catalog can't
    # change what is already being sold.
    event: Event | None = None


class SeatSelected(_Mutation, frozen=True, tag=2):
    """A FREE seat is RESERVED for a booking, which ends at `expires_at_ms` if nobody pays."""

    booking_id: int
    seat_id: int
    expires_at_ms: int


class SeatReleased(_Mutation, frozen=True, tag=3):
    """Its owner gave a RESERVED seat back: it is FREE, and a payment under way is called off."""

    booking_id: int
    seat_id: int


class BookingCancelled(_Mutation, frozen=True, tag=4):
    """Its user ended it, paid for or not: its seats are FREE, its money is owed back."""

    booking_id: int


class BookingExpired(_Mutation, frozen=True, tag=5):
    """Its deadline passed before the money was ours: it ends as if it were cancelled."""

    booking_id: int


class PaymentInitiated(_Mutation, frozen=True, tag=6):
    """We mean to collect a booking's money; the gateway is told only when this is durable."""

    booking_id: int
    order_id: int
    amount_minor: int
    expires_at_ms: int
    # The seats that the provider must be asked for.
    partner_seats: tuple[int, ...] = ()


class PaymentRegistered(_Mutation, frozen=True, tag=7):
    """The gateway has made a page for it, under an id of its own; recorded once for an attempt."""

    order_id: int
    payment_id: str
    url: str
    # The customer's time to pay begins when there is a page to pay at; 0: as it was.
    expires_at_ms: int = 0


class PaymentRefused(_Mutation, frozen=True, tag=8):
    """The gateway wouldn't begin, or never has: a booking that waits is CREATED, its seats held."""

    order_id: int


class PaymentAuthorized(_Mutation, frozen=True, tag=9):
    """The gateway holds the customer's money; it is ours only when it is captured."""

    order_id: int


class PaymentCaptured(_Mutation, frozen=True, tag=10):
    """The money is ours: the booking is CONFIRMED and never expires, its seats are SOLD."""

    order_id: int


class PaymentFailed(_Mutation, frozen=True, tag=11):
    """Nothing was taken and nothing will be: a booking that still waits for it is CANCELLED."""

    order_id: int


class ReturnOwed(_Mutation, frozen=True, tag=12):
    """Money came for an attempt that was over, FAILED or RETURNED: it must go back."""

    order_id: int


class PaymentReturned(_Mutation, frozen=True, tag=13):
    """The gateway has voided or refunded in full what was owed back."""

    order_id: int


class ReservationStarted(_Mutation, frozen=True, tag=14):
    """The provider has opened an order for us, which holds no place yet."""

    order_id: int
    provider_order: str


class ReservationSubmitted(_Mutation, frozen=True, tag=15):
    """The provider holds every place for us: only now may the money be captured."""

    order_id: int


class ReservationConfirmed(_Mutation, frozen=True, tag=16):
    """The places are ours for ever, and after a refund are sold without asking again."""

    order_id: int


class ReservationCancelled(_Mutation, frozen=True, tag=17):
    """The provider has let all places go; after a ReservationDoubted we ask for them anew."""

    order_id: int


class ReservationRefused(_Mutation, frozen=True, tag=18):
    """The provider can't give us every place: the booking is CANCELLED, its money owed back."""

    order_id: int


class StateReset(_Mutation, frozen=True, tag=19):
    """Every seat FREE, no bookings, no receipts; what is owed outside stays owed."""


class ReceiptsExpired(_Mutation, frozen=True, tag=20):
    """Every receipt whose time is not after `at_ms` is forgotten."""


class ReservationDoubted(_Mutation, frozen=True, tag=22):
    """Whose a place is can't be told from this order: it is given up, and another one begun."""

    order_id: int


class PaymentParked(_Mutation, frozen=True, tag=23):
    """The gateway's next call is beyond any retry: an operator must know of it.

    No status changes, and the next change of one ends it. A booking whose capture is parked may
    expire.
    """

    order_id: int
    reason: str


class ReservationParked(_Mutation, frozen=True, tag=24):
    """The provider's next call is beyond any retry: an operator must know of it.

    No status changes, and the next change of one ends it.
    """

    order_id: int
    reason: str


class StateChecked(_Mutation, frozen=True, tag=25):
    """A slice of the state had this digest; a replay must come to the same, or to nothing."""

    event_id: int
    first_sequence: int
    digest: bytes
    version: int


class SeatsSelected(_Mutation, frozen=True, tag=26):
    """SeatSelected for several at once: side by side in one row, from the first one on."""

    booking_id: int
    first_seat_id: int
    count: int
    expires_at_ms: int

    @property
    def seats(self) -> tuple[int, ...]:
        return tuple(range(self.first_seat_id, self.first_seat_id + self.count))


class SeatAdmitted(_Mutation, frozen=True, tag=27):
    """Whoever has this SOLD seat's ticket is inside: it lets in nobody else, nor is it returned."""

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
