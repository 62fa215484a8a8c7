"""Figures of the whole, added up a slice at a time."""

from pathlib import Path

from engine import Engine, Event, Hall, PaymentStatus, ReservationStatus, Sale, Totals, Zone
from engine.domain import seat_id_of
from engine.figures import EVENTS_PER_STEP, PAYMENTS_PER_STEP, disk_figures
from engine.store import open_snapshots

HALL = Hall(rows=1, seats_per_row=5, zones=(Zone("Вход", 1, 1, 100_00),))
PARTNERS = 1
STORE_ID = bytes(range(16))


def engine_of(events: int) -> Engine:
    sales = {PARTNERS: Sale.PARTNER}
    plans = [Event(one, 1, HALL, sales.get(one, Sale.OWN)) for one in range(1, events + 1)]
    return Engine(plans)


def hold(engine: Engine, event_id: int, number: int) -> int:
    booking_id = engine.create_booking(user_id=1, event_id=event_id, now_ms=0)
    seat_id = seat_id_of(event_id=event_id, row=1, number=number)
    engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat_id, now_ms=0)
    return booking_id


def pay(engine: Engine, booking_id: int) -> int:
    """As far as the gateway holds the money; returns the order id."""
    order_id = engine.initiate_payment(user_id=1, booking_id=booking_id, now_ms=0)
    engine.register_payment(order_id=order_id, payment_id=f"{order_id}", url="u", now_ms=0)
    engine.authorize_payment(order_id=order_id, now_ms=0)
    return order_id


def test_totals_are_of_all_events() -> None:
    """Those of one slice and of the next; a cancelled booking holds nothing and counts nothing."""
    engine = engine_of(events=EVENTS_PER_STEP + 2)
    sold = hold(engine, 2, number=1)
    engine.capture_payment(order_id=pay(engine, sold), now_ms=0)
    hold(engine, 2, number=2)
    for event_id in range(3, EVENTS_PER_STEP + 3):
        hold(engine, event_id, number=1)
    engine.cancel_booking(user_id=1, booking_id=hold(engine, 3, number=2), now_ms=0)

    steps = list(engine.totals())
    events, held = EVENTS_PER_STEP + 1, EVENTS_PER_STEP + 1
    assert Totals(events, held + 1, held, 1, 100_00) == steps[-1]
    assert [0, EVENTS_PER_STEP, events] == [one.events for one in steps]


def test_a_sale_that_begins_meanwhile_is_no_harm() -> None:
    """Sums of a moment would need that everybody waits."""
    engine = engine_of(events=3)
    hold(engine, 2, number=1)
    steps = engine.totals()
    next(steps)
    hold(engine, 3, number=1)

    assert [1] == [one.events for one in steps]


def test_obligations_by_where_they_stand() -> None:
    """Payments and places that the outside is owed, what is parked, and the money to give back."""
    engine = engine_of(events=2)
    partners = pay(engine, hold(engine, PARTNERS, number=1))
    engine.initiate_payment(user_id=1, booking_id=hold(engine, 2, number=1), now_ms=0)
    paid = hold(engine, 2, number=2)
    order_id = pay(engine, paid)
    engine.cancel_booking(user_id=1, booking_id=paid, now_ms=0)
    engine.park_payment(order_id=order_id, reason="401", now_ms=0)
    settled = pay(engine, hold(engine, 2, number=3))
    engine.capture_payment(order_id=settled, now_ms=0)

    *_, found = engine.obligations()
    status = PaymentStatus
    assert {status.AUTHORIZED: 1, status.INITIATED: 1, status.RETURN_DUE: 1} == found.payments
    assert engine.payment(partners) is not None
    assert {ReservationStatus.WANTED: 1} == found.reservations
    assert (1, 100_00) == (found.parked, found.owed_back_minor)


def test_what_is_settled_meanwhile_is_owed_nothing() -> None:
    """It may even be forgotten, after a reset."""
    engine = engine_of(events=PAYMENTS_PER_STEP + 2)
    orders = [
        pay(engine, hold(engine, event_id, number=1))
        for event_id in range(2, PAYMENTS_PER_STEP + 3)
    ]
    steps = engine.obligations()
    next(steps)
    next(steps)
    engine.capture_payment(order_id=orders[-1], now_ms=0)

    assert {PaymentStatus.AUTHORIZED: PAYMENTS_PER_STEP} == [*steps][-1].payments


def test_the_disk(tmp_path: Path) -> None:
    """Every segment and every snapshot with its size; the newest snapshot says how far it goes."""
    Engine.create(tmp_path, store_id=STORE_ID)
    segment = next((tmp_path / "wal").glob("*.wal"))
    assert (segment.stat().st_size, 1, 0, 0, 0, 0.0) == disk_figures(tmp_path)

    paths = [open_snapshots(tmp_path).save(lsn, [b"state"]) for lsn in (3, 5)]
    found = disk_figures(tmp_path)
    assert (2, sum(path.stat().st_size for path in paths)) == (
        found.snapshots,
        found.snapshot_bytes,
    )
    assert (5, paths[-1].stat().st_mtime) == (found.snapshot_lsn, found.snapshot_at)


def test_a_directory_without_anything(tmp_path: Path) -> None:
    """Whatever has become of it: nothing there takes nothing."""
    assert (0, 0, 0, 0, 0, 0.0) == disk_figures(tmp_path)


def test_the_log_in_figures() -> None:
    """Of a log in memory nothing waits."""
    engine = engine_of(events=2)
    hold(engine, 2, number=1)

    assert (2, 2, 0, True, None) == engine.log_figures()
