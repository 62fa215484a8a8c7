"""What the engine is compared with refuses what the engine refuses: else it would do less."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bench.selling import CONCERT, Store, concert
from bench.sqlite import SqliteStore
from engine import Engine, Rejected, seat_id_of

SEAT = seat_id_of(event_id=CONCERT, row=1, number=1)
ANN, BOB = 1, 2


def ours(_: Path) -> Store:
    return Engine([concert()])


def theirs(directory: Path) -> Store:
    return SqliteStore(directory / "sqlite", concert(), synchronous="FULL")


def book(store: Store, user_id: int) -> int:
    return store.create_booking(user_id=user_id, event_id=CONCERT, now_ms=1)


def refusals(store: Store) -> list[str]:
    """Both book, Ann holds a seat; then everything that must not be."""
    ann, bob = book(store, ANN), book(store, BOB)
    store.select_seat(user_id=ANN, booking_id=ann, seat_id=SEAT, now_ms=1)
    store.select_seat(user_id=ANN, booking_id=ann, seat_id=SEAT, now_ms=1)

    def select(user_id: int, booking_id: int, seat_id: int) -> Callable[[], None]:
        return lambda: store.select_seat(
            user_id=user_id, booking_id=booking_id, seat_id=seat_id, now_ms=1
        )

    def release(user_id: int, seat_id: int) -> Callable[[], None]:
        return lambda: store.release_seat(user_id=user_id, seat_id=seat_id, now_ms=1)

    outside = seat_id_of(event_id=CONCERT, row=101, number=1)
    tries: list[Callable[[], object]] = [
        lambda: store.create_booking(user_id=ANN, event_id=CONCERT + 1, now_ms=1),
        select(BOB, bob, SEAT),
        select(BOB, ann, SEAT + 1),
        select(BOB, bob + 1, SEAT + 1),
        select(BOB, bob, outside),
        select(BOB, bob, SEAT + 10_000_000),
        release(BOB, SEAT),
        release(ANN, SEAT + 1),
        release(ANN, outside),
    ]
    found = []
    for one in tries:
        with pytest.raises(Rejected) as refused:
            one()
        found.append(type(refused.value).__name__)
    store.release_seat(user_id=ANN, seat_id=SEAT, now_ms=1)
    store.select_seat(user_id=BOB, booking_id=bob, seat_id=SEAT, now_ms=1)
    return found


def test_sqlite_refuses_what_the_engine_refuses(tmp_path: Path) -> None:
    """The same calls, the same refusals, and a seat that was let go is another's."""
    with closing(ours(tmp_path)) as engine, closing(theirs(tmp_path)) as sqlite:
        assert refusals(engine) == refusals(sqlite)


def test_what_was_flushed_is_in_the_file(tmp_path: Path) -> None:
    """A commit ends the transaction that the first call has begun; the rest is lost."""
    store = SqliteStore(tmp_path / "sqlite", concert(), synchronous="FULL")
    book(store, ANN)
    store.flush()
    book(store, ANN)
    with closing(sqlite3.connect(tmp_path / "sqlite")) as seen:
        assert [(1,)] == seen.execute("SELECT count(*) FROM booking").fetchall()
    store.close()
