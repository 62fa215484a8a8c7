"""An engine with a hall of a hundred thousand seats, and all the way of a booking to its ticket."""

from collections.abc import Sequence
from pathlib import Path

from engine import Engine, Event, Hall, Zone, seat_id_of

ROWS, SEATS_PER_ROW = 100, 1_000
SEATS = ROWS * SEATS_PER_ROW
PRICE_MINOR = 4_000_000
NOW_MS = 1_800_000_000_000


def stadium(event_id: int = 1) -> Event:
    hall = Hall(ROWS, SEATS_PER_ROW, (Zone("all", 1, ROWS, PRICE_MINOR),))
    return Event(event_id, 2_000_000_000_000, hall)


def fresh(directory: Path, events: Sequence[Event]) -> Engine:
    """An engine with a disk, in a directory that it makes."""
    directory.mkdir()
    Engine.create(directory, store_id=bytes(range(16)))
    return Engine.open(directory, events)


def seat_ids() -> list[int]:
    """All of them, by row and number."""
    return [
        seat_id_of(event_id=1, row=row, number=number)
        for row in range(1, ROWS + 1)
        for number in range(1, SEATS_PER_ROW + 1)
    ]


def held(engine: Engine, *, user_id: int, seats: Sequence[int], now_ms: int = NOW_MS) -> int:
    """A booking that holds the seats; its id."""
    booking_id = engine.create_booking(user_id=user_id, event_id=1, now_ms=now_ms)
    for seat_id in seats:
        engine.select_seat(user_id=user_id, booking_id=booking_id, seat_id=seat_id, now_ms=now_ms)
    return booking_id


def sell(engine: Engine, *, user_id: int, seats: Sequence[int], now_ms: int = NOW_MS) -> None:
    """Held, paid for, SOLD."""
    booking_id = held(engine, user_id=user_id, seats=seats, now_ms=now_ms)
    order_id = engine.initiate_payment(user_id=user_id, booking_id=booking_id, now_ms=now_ms)
    engine.register_payment(order_id=order_id, payment_id=str(order_id), url="/", now_ms=now_ms)
    engine.authorize_payment(order_id=order_id, now_ms=now_ms)
    engine.capture_payment(order_id=order_id, now_ms=now_ms)
