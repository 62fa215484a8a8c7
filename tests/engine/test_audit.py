"""The history of one seat or booking, read beside the server that makes it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import BookingStatus, Engine, Event, Hall, Key, SeatStatus, Zone
from engine.audit import Audit, Standing, audit_booking, audit_seat
from engine.domain import seat_id_of
from engine.dump import dump, load_event
from engine.snapshotter import make_snapshot
from engine.store import open_snapshots
from snapshots import snapshot_paths
from wal import Corrupt
from wal.files import OS
from wal.watermark import create_watermark

HALL = Hall(rows=2, seats_per_row=5, zones=(Zone("Вход", 1, 2, 100_00),))
OPERA, BALLET = 1, 2
EVENTS = [Event(OPERA, 10**15, HALL), Event(BALLET, 10**15, HALL)]
ANN, BOB = 1, 2
FREE, RESERVED, SOLD = SeatStatus
STORE_ID = bytes(range(16))
KEY = Key("key-1", b"fingerprint")


def seat(number: int, event_id: int = OPERA) -> int:
    return seat_id_of(event_id=event_id, row=1, number=number)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    Engine.create(tmp_path, store_id=STORE_ID)
    engine = Engine.open(tmp_path, EVENTS, segment_bytes_max=1 << 14)
    yield engine
    engine.check_invariants()
    engine.close()


class Clock:
    at_ms = 1_000

    def __call__(self) -> int:
        self.at_ms += 1
        return self.at_ms


def hold(engine: Engine, clock: Clock, user_id: int, *numbers: int, event_id: int = OPERA) -> int:
    booking_id = engine.create_booking(user_id=user_id, event_id=event_id, now_ms=clock())
    for number in numbers:
        engine.select_seat(
            user_id=user_id,
            booking_id=booking_id,
            seat_id=seat(number, event_id),
            now_ms=clock(),
            key=KEY if (user_id, number) == (ANN, 1) else None,
        )
    return booking_id


def pay(engine: Engine, clock: Clock, user_id: int, booking_id: int) -> int:
    order_id = engine.initiate_payment(user_id=user_id, booking_id=booking_id, now_ms=clock())
    engine.register_payment(order_id=order_id, payment_id=f"{order_id}", url="u", now_ms=clock())
    engine.authorize_payment(order_id=order_id, now_ms=clock())
    engine.capture_payment(order_id=order_id, now_ms=clock())
    return order_id


def told(audit: Audit) -> list[tuple[str, object, int]]:
    """What happened, and how it stood then: status and holder."""
    return [
        (type(one.effect).__name__, one.after.status, one.after.booking_id) for one in audit.steps
    ]


def test_a_seat_from_hand_to_hand(engine: Engine, tmp_path: Path) -> None:
    """Held, paid, given back with its refund, and bought by another.

    Nobody else's records are among it, nor those of the holder's other seats.
    """
    clock = Clock()
    anns = hold(engine, clock, ANN, 2, 1, 3)
    engine.select_together(user_id=ANN, booking_id=anns, count=2, now_ms=clock())
    hold(engine, clock, BOB, 1, event_id=BALLET)
    order_id = pay(engine, clock, ANN, anns)
    engine.cancel_booking(user_id=ANN, booking_id=anns, now_ms=clock())
    bobs = hold(engine, clock, BOB, 1)
    engine.return_payment(order_id=order_id, now_ms=clock())
    engine.flush()

    audit = audit_seat(tmp_path, seat(1))
    assert told(audit) == [
        ("SeatSelected", RESERVED, anns),
        ("PaymentInitiated", RESERVED, anns),
        ("PaymentRegistered", RESERVED, anns),
        ("PaymentAuthorized", RESERVED, anns),
        ("PaymentCaptured", SOLD, anns),
        ("BookingCancelled", FREE, 0),
        ("SeatSelected", RESERVED, bobs),
        ("PaymentReturned", RESERVED, bobs),
    ]
    assert [ANN] * 6 + [BOB, ANN] == [one.user_id for one in audit.steps]
    assert [("key-1", 3)] == [(one.key, one.lsn) for one in audit.steps[:1]]
    assert (0, Standing(FREE)) == (audit.after_lsn, audit.before)


def test_a_booking_from_beginning_to_end(engine: Engine, tmp_path: Path) -> None:
    """Everything of its seats and its payments."""
    clock = Clock()
    booking_id = hold(engine, clock, BOB, 2, 3)
    hold(engine, clock, ANN, 4)
    engine.release_seat(user_id=BOB, seat_id=seat(2), now_ms=clock())
    pay(engine, clock, BOB, booking_id)
    engine.flush()

    audit = audit_booking(tmp_path, booking_id)
    assert [
        "BookingCreated",
        "SeatSelected",
        "SeatSelected",
        "SeatReleased",
        "PaymentInitiated",
        "PaymentRegistered",
        "PaymentAuthorized",
        "PaymentCaptured",
    ] == [what for what, _, _ in told(audit)]
    assert {BOB} == {one.user_id for one in audit.steps}
    assert BookingStatus.CONFIRMED is audit.steps[-1].after.status
    assert (seat(3),) == audit.steps[-1].after.seats
    assert Standing(None) == audit.before


def test_what_is_repeated_with_a_key_is_no_step(engine: Engine, tmp_path: Path) -> None:
    """The first answer was remembered; nothing has happened the second time."""
    clock = Clock()
    booking_id = hold(engine, clock, ANN, 2)
    order_id = engine.initiate_payment(user_id=ANN, booking_id=booking_id, now_ms=clock())
    again = Key("key-2", b"other")
    assert order_id == engine.initiate_payment(
        user_id=ANN, booking_id=booking_id, now_ms=clock(), key=again
    )
    engine.cancel_booking(user_id=ANN, booking_id=booking_id, now_ms=clock())
    engine.flush()

    assert 5 == engine.appended_lsn
    assert [1, 2, 3, 5] == [one.lsn for one in audit_booking(tmp_path, booking_id).steps]


def test_a_reset_ends_it(engine: Engine, tmp_path: Path) -> None:
    """The booking is gone, the seat is free; a seat that nobody held says nothing of it."""
    clock = Clock()
    booking_id = hold(engine, clock, ANN, 2)
    engine.reset(now_ms=clock(), key=KEY)
    engine.flush()

    ended = audit_booking(tmp_path, booking_id)
    assert ("StateReset", None, 0) == told(ended)[-1]
    assert ("key-1", 0) == (ended.steps[-1].key, ended.steps[-1].user_id)  # it is no user's
    assert ("StateReset", FREE, 0) == told(audit_seat(tmp_path, seat(2)))[-1]
    assert [] == told(audit_seat(tmp_path, seat(3)))


def test_nothing_was_ever_recorded(engine: Engine, tmp_path: Path) -> None:
    """Of an event that nobody has booked, nothing but that it is free."""
    assert (0, 0, 0, Standing(FREE), []) == audit_seat(tmp_path, seat(1))
    assert (0, 0, 0, Standing(None), []) == audit_booking(tmp_path, 1_000_000_001)


def pruned(engine: Engine, tmp_path: Path, clock: Clock) -> tuple[int, int]:
    """Ann has paid and two snapshots cover it: the log has dropped what came before.

    Returns her booking and the LSN of the older snapshot.
    """
    booking_id = hold(engine, clock, ANN, 1)
    pay(engine, clock, BOB, hold(engine, clock, BOB, 1, event_id=BALLET))
    pay(engine, clock, ANN, booking_id)
    made = []
    for _ in range(2):
        engine.seal_log()
        engine.flush()
        made.append(make_snapshot(tmp_path))
        hold(engine, clock, BOB, 2 + len(made))
    engine.drop_log_through(made[0] or 0)
    return booking_id, made[0] or 0


def test_where_the_log_is_dropped_it_begins_with_a_snapshot(engine: Engine, tmp_path: Path) -> None:
    """It says from where on all is known, since when, and how it stood there.

    What has happened to other events since then is left out, as they are themselves.
    """
    clock = Clock()
    booking_id, snapshot_lsn = pruned(engine, tmp_path, clock)
    pay(engine, clock, BOB, hold(engine, clock, BOB, 2, event_id=BALLET))
    engine.cancel_booking(user_id=ANN, booking_id=booking_id, now_ms=clock())
    engine.flush()

    audit = audit_seat(tmp_path, seat(1))
    assert snapshot_lsn == audit.after_lsn > 0
    assert Clock.at_ms + snapshot_lsn == audit.at_ms  # a record a millisecond
    assert (SOLD, booking_id, ANN) == audit.before[:3]
    assert [("BookingCancelled", FREE, 0)] == told(audit)
    assert ["BookingCancelled"] == [
        what for what, _, _ in told(audit_booking(tmp_path, booking_id))
    ]


def test_all_is_told_after_a_power_cut(engine: Engine, tmp_path: Path) -> None:
    """Before the next start, when the watermark is older than all that is left of the log."""
    clock = Clock()
    booking_id, _ = pruned(engine, tmp_path, clock)
    engine.cancel_booking(user_id=ANN, booking_id=booking_id, now_ms=clock())
    engine.close()
    create_watermark(OS, tmp_path / "wal", STORE_ID)

    audit = audit_booking(tmp_path, booking_id)
    assert ["BookingCancelled"] == [what for what, _, _ in told(audit)]
    assert engine.appended_lsn == audit.last_lsn


def test_without_the_snapshot_nothing_can_be_said(engine: Engine, tmp_path: Path) -> None:
    """The log begins in the middle, and nobody knows of what. No other try would help."""
    pruned(engine, tmp_path, Clock())
    older, newer = sorted((tmp_path / "snapshots").glob("*.snapshot"))
    aside = older.rename(f"{older}.broken")
    newer.write_bytes(newer.read_bytes()[:-1])
    with pytest.raises(Corrupt, match=re.escape(f"({aside}, {newer}): restore a backup, or")):
        audit_seat(tmp_path, seat(1))

    aside.unlink()
    newer.unlink()
    with pytest.raises(Corrupt, match="no good snapshot leads to it: restore a backup, or"):
        audit_seat(tmp_path, seat(1))


def test_a_snapshot_that_is_set_aside_meanwhile_is_missed_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which looks as if it were pruned; at the next try it isn't there."""
    pruned(engine, tmp_path, Clock())
    listed = snapshot_paths(tmp_path / "snapshots")
    for _, path in listed:
        path.unlink()
    lists = [listed, []]
    monkeypatch.setattr("engine.store.snapshot_paths", lambda _: lists.pop(0))

    with pytest.raises(Corrupt, match="no good snapshot"):
        audit_seat(tmp_path, seat(1))
    assert [] == lists


def test_of_a_snapshot_only_one_event_is_loaded(engine: Engine, tmp_path: Path) -> None:
    """With its payments, and as it is in the whole, which it doesn't pass for."""
    clock = Clock()
    booking_id, snapshot_lsn = pruned(engine, tmp_path, clock)
    with open_snapshots(tmp_path).open(snapshot_lsn) as snapshot:
        state = load_event(snapshot.chunks(), OPERA)
        figures = next(snapshot.chunks())

    state.check_invariants()
    assert [OPERA] == list(state.shards)
    assert booking_id in [one.booking_id for one in state.bookings]
    assert 1 == len(state.payments)
    assert figures == next(dump(state))
    assert not state.is_whole
