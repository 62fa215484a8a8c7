"""The seats of a hall, and the sales figures of an event: what everybody may look at."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec
import orjson

from api.body import Int64
from api.endpoint import Call
from api.query import choice, page_size, positive, required_integer
from api.reply import JSON, Reply, json_reply, message, reply
from engine import Event, SeatPage, SeatStatus, SeatView

# Encoded seats, over all events: 230 bytes each with their places, some 50 MB.
SEATS_KEPT_MAX = 200_000

_STATUSES = {status.name: status for status in SeatStatus}
_STATUS_NAMES = tuple(status.name for status in SeatStatus)
_SELECTED = message("Место успешно добавлено в бронь")
_RELEASED = message("Место успешно освобождено")


class SeatsQuery(NamedTuple):
    """`page` is None where the client named none, which means something: see `SeatPages.find`."""

    event_id: int
    page: int | None
    page_size: int
    row: int | None
    status: SeatStatus | None


class SelectSeat(msgspec.Struct):
    booking_id: Int64
    seat_id: Int64


class ReleaseSeat(msgspec.Struct):
    seat_id: Int64


def seats_query(values: Mapping[str, str]) -> SeatsQuery:
    return SeatsQuery(
        required_integer(values, "event_id"),
        positive(values, "page"),
        page_size(values),
        positive(values, "row"),
        choice(values, "status", _STATUSES),
    )


def analytics_query(values: Mapping[str, str]) -> int:
    return required_integer(values, "id")


def money(minor: int) -> str:
    """97500.00 for 9750000 tiyn."""
    return f"{minor // 100}.{minor % 100:02d}"


# Twenty to a page, and few different ones: 8 of 11 microseconds go into them otherwise.
_price = lru_cache(maxsize=1_024)(money)


class _Encoded:
    """The seats of one event as they are sent, by status and index, as far as anybody has asked."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.seats: tuple[dict[int, bytes], ...] = tuple({} for _ in SeatStatus)

    def __len__(self) -> int:
        return sum(map(len, self.seats))

    def add(self, page: SeatPage) -> None:
        """Encode what is missing of a page."""
        for index, view in zip(page.indexes, page, strict=True):
            if index not in self.seats[view.status]:
                self.seats[view.status][index] = encode_seat(view)


class SeatPages:
    """Pages of seats, put together from seats that are encoded once in each status.

    Encoding twenty seats takes 14 us, putting them together 2. Whole pages are no good to keep: a
    seat that is taken moves all that are dealt after it.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Encoded] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """How many encoded seats are kept."""
        return self._count

    async def find(self, call: Call[SeatsQuery]) -> Reply:
        """One page; free seats without a page number are dealt, so that a crowd spreads out."""
        event_id, page, size, row, status = call.input
        engine = call.service.engine
        if status is SeatStatus.FREE and page is None:
            return self.encoded(engine.deal(event_id=event_id, row=row, limit=size))
        offset = ((page or 1) - 1) * size
        return self.encoded(
            engine.seats(event_id=event_id, status=status, row=row, offset=offset, limit=size)
        )

    def encoded(self, page: SeatPage) -> Reply:
        """The contract's list of seats."""
        kept = self._of(page.event)
        places = zip(page.statuses, page.indexes, strict=True)
        try:
            found = [kept.seats[status][index] for status, index in places]
        except KeyError:
            self._add(kept, page)
            places = zip(page.statuses, page.indexes, strict=True)
            found = [kept.seats[status][index] for status, index in places]
        return reply(200, JSON, b"[%b]" % b",".join(found))

    def _of(self, event: Event) -> _Encoded:
        kept = self._kept.get(event.event_id)
        if kept is not None and kept.event is event:
            self._kept.move_to_end(event.event_id)
            return kept
        if kept is not None:  # a reset has brought another plan into force
            self._drop(event.event_id)
        kept = self._kept[event.event_id] = _Encoded(event)
        return kept

    def _add(self, kept: _Encoded, page: SeatPage) -> None:
        before = len(kept)
        kept.add(page)
        self._count += len(kept) - before
        while self._count > SEATS_KEPT_MAX:  # of the event that was asked for longest ago
            self._drop(next(iter(self._kept)))

    def _drop(self, event_id: int) -> None:
        self._count -= len(self._kept.pop(event_id))


def encode_seat(view: SeatView) -> bytes:
    """The contract's seat."""
    seat_id, row, number, status, price_minor = view
    return orjson.dumps(
        {
            "id": seat_id,
            "row": row,
            "number": number,
            "status": _STATUS_NAMES[status],
            "price": _price(price_minor),
        }
    )


async def select_seat(call: Call[SelectSeat]) -> Reply:
    call.service.engine.select_seat(
        user_id=call.user_id,
        booking_id=call.input.booking_id,
        seat_id=call.input.seat_id,
        now_ms=call.now_ms,
        key=call.key,
    )
    return _SELECTED


async def release_seat(call: Call[ReleaseSeat]) -> Reply:
    engine, seat_id = call.service.engine, call.input.seat_id
    holder = engine.holder(seat_id)
    # A payment under way ends with the release.
    order_id = holder.order_id if holder else 0
    engine.release_seat(user_id=call.user_id, seat_id=seat_id, now_ms=call.now_ms, key=call.key)
    if order_id:
        await call.durable()
        call.service.sagas.wake(order_id)
    return _RELEASED


async def analytics(call: Call[int]) -> Reply:
    figures = call.service.engine.analytics(call.input)
    return json_reply(
        {
            "event_id": figures.event_id,
            "total_seats": figures.total_seats,
            "sold_seats": figures.sold_seats,
            "reserved_seats": figures.reserved_seats,
            "free_seats": figures.free_seats,
            "total_revenue": money(figures.revenue_minor),
            "bookings_count": figures.bookings_count,
        }
    )
