"""A user's bookings: make, list, pay, cancel."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from typing import NamedTuple

import msgspec
import orjson

from api.body import Int64
from api.endpoint import Call
from api.problems import BOOKING_NOT_PAYABLE, NO_GATEWAY, NO_PROVIDER, Refusal
from api.reply import JSON, Reply, compact, in_parts, json_reply, message, reply
from api.service import Service
from engine import Booking, BookingStatus, Sale
from engine.errors import BookingClosed

# Of encoded lists with what finds them. Their seats, which are the engine's own, take a tenth more;
# where many have changed since they were asked for, two and a half times more.
BYTES_KEPT_MAX = 32 << 20
# What a list takes beside its bytes: tuples, headers, an entry. A test measures it.
LIST_BYTES = 768
# More than so many are encoded in slices: nobody may keep the loop busy with a million.
ENCODED_AT_ONCE_MAX = 1_000
BOOKINGS_PER_SLICE = 250

_Seats = tuple[int, ...]

_NO_BOOKINGS = json_reply([])
_CANCELLED = message("Бронь успешно отменена")


class CreateBooking(msgspec.Struct):
    event_id: Int64


class OneBooking(msgspec.Struct):
    booking_id: Int64


def create_booking(call: Call[CreateBooking]) -> Reply:
    """201 with the id; refused while the event's waiting room hasn't called the user."""
    engine, entrance = call.service.engine, call.service.entrance
    if entrance.is_guarded and not call.is_repeated:
        entrance.require_turn(engine, call.user_id, call.input.event_id, call.now_ms)
    booking_id = engine.create_booking(
        user_id=call.user_id, event_id=call.input.event_id, now_ms=call.now_ms, key=call.key
    )
    return json_reply({"id": booking_id}, 201)


class _Kept(NamedTuple):
    """A user's list as it was encoded: true as long as the bookings hold the same seats."""

    bookings: list[Booking]
    seats: list[_Seats]
    answer: Reply

    @property
    def size(self) -> int:
        """How many bytes keeping it takes."""
        return LIST_BYTES + len(self.answer.body)


class BookingPages:
    """Users' lists of bookings, encoded again only when something in them has changed.

    Encoding 900 bookings takes 435 us, looking whether any has changed 25.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._kept_bytes = 0
        # Whose long list is being encoded. Whoever asks for the same one waits for it.
        self._encoding: dict[int, asyncio.Event] = {}

    def find(self, call: Call[None]) -> Reply | Awaitable[Reply]:
        """All bookings of the caller, newest last."""
        bookings = call.service.engine.bookings_of(call.user_id)
        if not bookings:
            return _NO_BOOKINGS
        seats = [booking.seats for booking in bookings]
        answer = self._kept_answer(call.user_id, bookings, seats)
        if answer is not None:
            return in_parts(answer)
        if len(bookings) > ENCODED_AT_ONCE_MAX:
            return self._find_long(call)
        answer = compact(reply(200, JSON, encode_bookings(bookings, seats)))
        self._keep(call.user_id, _Kept(bookings, seats, answer))
        return in_parts(answer)

    async def _find_long(self, call: Call[None]) -> Reply:
        """The list as it is at one moment, though others have their turn while it is encoded."""
        user_id = call.user_id
        while (other := self._encoding.get(user_id)) is not None:
            await other.wait()
        bookings = call.service.engine.bookings_of(user_id)
        seats = [booking.seats for booking in bookings]
        answer = self._kept_answer(user_id, bookings, seats)
        if answer is not None:
            return in_parts(answer)
        self._encoding[user_id] = ended = asyncio.Event()
        try:
            await call.durable()  # it tells of what is in the log now, and of nothing later
            answer = reply(200, JSON, b"[%b]" % b",".join(await _pieces(bookings, seats)))
        finally:
            del self._encoding[user_id]
            ended.set()
        self._keep(user_id, _Kept(bookings, seats, answer))
        return in_parts(answer)

    def _kept_answer(
        self, user_id: int, bookings: list[Booking], seats: list[_Seats]
    ) -> Reply | None:
        kept = self._kept.get(user_id)
        # Another list, after a reset, may have as many bookings with as few seats.
        if kept is None or kept.bookings is not bookings or kept.seats != seats:
            return None
        self._kept.move_to_end(user_id)
        return kept.answer

    def _keep(self, user_id: int, found: _Kept) -> None:
        replaced = self._kept.pop(user_id, None)
        if replaced is not None:
            self._kept_bytes -= replaced.size
        if found.size > BYTES_KEPT_MAX:
            return  # or it would drive out all the others
        self._kept[user_id] = found
        self._kept_bytes += found.size
        while self._kept_bytes > BYTES_KEPT_MAX:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.size


def encode_bookings(bookings: list[Booking], seats: list[_Seats]) -> bytes:
    """The contract's list of bookings, each with the seats that it held at some moment."""
    return orjson.dumps(
        [
            {
                "id": booking.booking_id,
                "event_id": booking.event_id,
                "seats": [{"id": seat_id} for seat_id in held],
            }
            for booking, held in zip(bookings, seats, strict=True)
        ]
    )


async def _pieces(bookings: list[Booking], seats: list[_Seats]) -> list[bytes]:
    """What stands between the brackets; newer bookings than there are seats are left out."""
    pieces = []
    for first in range(0, len(seats), BOOKINGS_PER_SLICE):
        end = min(first + BOOKINGS_PER_SLICE, len(seats))
        pieces.append(encode_bookings(bookings[first:end], seats[first:end])[1:-1])
        await asyncio.sleep(0)
    return pieces


async def initiate_payment(call: Call[OneBooking]) -> Reply:
    """302 to the gateway's page, the same one as long as the payment is pending."""
    service, booking_id = call.service, call.input.booking_id
    if not call.is_repeated:
        _require_sellable(service, user_id=call.user_id, booking_id=booking_id)
    try:
        order_id = service.engine.initiate_payment(
            user_id=call.user_id, booking_id=booking_id, now_ms=call.now_ms, key=call.key
        )
    except BookingClosed:  # elsewhere it means that no seat can be added
        raise Refusal(BOOKING_NOT_PAYABLE) from None
    # The gateway may be told only what can't be forgotten (I5).
    await call.durable()
    payment = await service.sagas.registered(order_id, within_seconds=service.limits.page_seconds)
    location = (b"location", payment.url.encode())
    return Reply(302, (location, (b"content-length", b"0")), b"")


async def cancel_booking(call: Call[OneBooking]) -> Reply:
    """Its payment is taken up when the record is durable: nothing is given back before (I5)."""
    service, booking_id = call.service, call.input.booking_id
    booking = service.engine.booking(booking_id)
    order_id = booking.order_id if booking is not None else 0
    service.engine.cancel_booking(
        user_id=call.user_id, booking_id=booking_id, now_ms=call.now_ms, key=call.key
    )
    if order_id:
        await call.durable()
        service.sagas.wake(order_id)
    return _CANCELLED


def _require_sellable(service: Service, *, user_id: int, booking_id: int) -> None:
    """Refuse before anything has changed: a payment that can't begin would cost the seats."""
    booking = service.engine.booking(booking_id)
    if booking is None or booking.user_id != user_id:
        return  # the engine says so better
    if not booking.seats or booking.status is BookingStatus.CONFIRMED:
        return  # there is nothing to pay, whoever is there: it says that, too
    if not service.sagas.can_sell(Sale.OWN):
        raise Refusal(NO_GATEWAY)
    hall = service.catalog.events.hall(booking.event_id)
    if hall is not None and not service.sagas.can_sell(Sale(hall.sale.value)):
        raise Refusal(NO_PROVIDER)
