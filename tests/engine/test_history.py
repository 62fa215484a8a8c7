"""The sale of an event read from the disk is the sale as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Engine, Event, Hall, Rules, Sale, SeatStatus, Zone
from engine.errors import EventNotFound
from engine.history import Change, History
from engine.snapshotter import make_snapshot
from tests.scenario import START_MS, seat_of
from wal import Corrupt

HALL = Hall(3, 10, (Zone("front", 1, 1, 5_000), Zone("back", 2, 3, 1_000)))
# Of event 2 only the first five seats are ours.
EVENTS = (
    Event(1, START_MS + 10**9, HALL),
    Event(2, START_MS + 10**9, HALL, Sale.ALLOTMENT, ((0, 5),)),
)
FREE, RESERVED, SOLD = SeatStatus


class Shop:
    """An open store in which something happens every second."""

    def __init__(self, directory: Path) -> None:
        Engine.create(directory, store_id=b"sixteen bytes id")
        self.directory = directory
        self.at_ms = START_MS
        self.engine = Engine.open(directory, EVENTS, rules=Rules(hold_ms=10**6))

    def now_ms(self) -> int:
        self.at_ms += 1_000
        return self.at_ms

    def book(self, *seats: str, event_id: int = 1) -> int:
        booking_id = self.engine.create_booking(user_id=1, event_id=event_id, now_ms=self.now_ms())
        for one in seats:
            self.engine.select_seat(
                user_id=1, booking_id=booking_id, seat_id=seat_of(one), now_ms=self.now_ms()
            )
        return booking_id

    def pay(self, booking_id: int) -> None:
        order_id = self.engine.initiate_payment(
            user_id=1, booking_id=booking_id, now_ms=self.now_ms()
        )
        self.engine.register_payment(
            order_id=order_id, payment_id=str(order_id), url="u", now_ms=self.now_ms()
        )
        self.engine.authorize_payment(order_id=order_id, now_ms=self.now_ms())
        self.engine.capture_payment(order_id=order_id, now_ms=self.now_ms())

    def seal(self) -> None:
        self.engine.check_state(now_ms=self.now_ms())
        self.engine.seal_log()
        self.engine.flush()

    def history(self, event_id: int = 1) -> History:
        self.engine.flush()
        return History(self.directory, event_id)

    def statuses(self, event_id: int = 1) -> list[int]:
        seats = self.engine.seats(event_id=event_id, status=None, row=None, offset=0, limit=30)
        return [one.status for one in seats]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.engine.close()


def played(history: History) -> list[int]:
    """The statuses in the end."""
    statuses = list(history.statuses)
    for change in history.changes():
        for index in change.indexes:
            statuses[index] = change.status
    return statuses


def test_every_change_is_told_as_it_was(shop: Shop) -> None:
    """One record is one change, at its time, with what had been sold for by then."""
    sold = shop.book("1:1", "2:3")
    held_at = shop.at_ms
    shop.pay(sold)
    paid_at = shop.at_ms
    shop.book("1:2")
    shop.engine.release_seat(user_id=1, seat_id=seat_of("1:2"), now_ms=shop.now_ms())
    released_at = shop.at_ms
    shop.book("2/1:5", event_id=2)
    shop.engine.cancel_booking(user_id=1, booking_id=sold, now_ms=shop.now_ms())

    history = shop.history()

    assert (True, START_MS + 1_000, 0) == (
        history.is_whole,
        history.began_at_ms,
        history.revenue_minor,
    )
    assert bytes(30) == history.statuses
    assert [
        Change(held_at - 1_000, RESERVED, (0,), 0),
        Change(held_at, RESERVED, (12,), 0),
        Change(paid_at, SOLD, (0, 12), 6_000),
        Change(released_at - 1_000, RESERVED, (1,), 6_000),
        Change(released_at, FREE, (1,), 6_000),
        Change(shop.at_ms, FREE, (0, 12), 0),
    ] == list(history.changes())
    assert shop.at_ms == history.last_at_ms


def test_a_dropped_log_leaves_the_story_since_the_older_snapshot(shop: Shop) -> None:
    """What was sold before it is there from the beginning, and said not to be the whole."""
    shop.pay(shop.book("1:1"))
    for seat in ("1:2", "1:3"):
        shop.book(seat)
        shop.seal()
        make_snapshot(shop.directory)
    older_lsn = min(int(one.stem) for one in (shop.directory / "snapshots").glob("*.snapshot"))
    shop.engine.drop_log_through(older_lsn)
    shop.book("1:4")

    history = shop.history()

    assert (False, 5_000) == (history.is_whole, history.revenue_minor)
    assert bytes([SOLD, RESERVED, FREE]) == history.statuses[:3]
    assert shop.statuses() == played(history)


def test_an_undropped_log_tells_all_in_spite_of_snapshots(shop: Shop) -> None:
    for seat in ("1:2", "1:3"):
        shop.book(seat)
        shop.seal()
        make_snapshot(shop.directory)

    history = shop.history()

    assert history.is_whole
    assert shop.statuses() == played(history)


def test_a_reset_is_a_change(shop: Shop) -> None:
    """And the story goes on after it."""
    shop.pay(shop.book("1:1", "3:10"))
    shop.engine.reset(now_ms=shop.now_ms())
    reset_at = shop.at_ms
    shop.book("1:2")

    changes = list(shop.history().changes())

    assert Change(reset_at, FREE, (0, 29), 0) == changes[-2]
    assert shop.statuses() == played(shop.history())


def test_what_is_not_ours_stays_withheld(shop: Shop) -> None:
    shop.book("2/1:5", event_id=2)
    history = shop.history(2)
    assert bytes(5) + bytes([3]) * 25 == history.statuses
    assert [(RESERVED, (4,))] == [(one.status, one.indexes) for one in history.changes()]


def test_what_only_waits_for_the_disk_is_no_story(shop: Shop) -> None:
    """It may still come to nothing."""
    shop.book("1:1")
    shop.engine.flush()
    shop.book("1:2")

    assert 1 == len(list(History(shop.directory, 1).changes()))


def test_the_story_is_whole_after_a_power_cut(shop: Shop) -> None:
    """Before the next start, when the watermark is older than what was acknowledged."""
    old = (shop.directory / "wal" / "watermark").read_bytes()
    shop.book("1:1", "1:2")
    shop.engine.flush()
    (shop.directory / "wal" / "watermark").write_bytes(old)

    assert 2 == len(list(History(shop.directory, 1).changes()))


def test_an_event_that_nobody_has_booked_has_no_story(shop: Shop) -> None:
    shop.book("1:1")
    with pytest.raises(EventNotFound):
        shop.history(2)


def test_a_log_that_is_dropped_meanwhile_is_said_so(shop: Shop) -> None:
    """Whoever reads begins again."""
    for seat in ("1:1", "1:2", "1:3"):
        shop.book(seat)
        shop.seal()
        if seat == "1:1":
            make_snapshot(shop.directory)
    history = shop.history()
    shop.engine.drop_log_through(10**9)

    with pytest.raises(FileNotFoundError):
        list(history.changes())
    with pytest.raises(Corrupt, match="no good snapshot"):  # the only one is older than the log
        History(shop.directory, 1)


def test_progress_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first record read to the last one, 0 to 1; or to nobody, if nobody asks."""
    monkeypatch.setattr("engine.history.RECORDS_PER_REPORT", 1)
    shop.book("1:1", "1:2", "1:3")
    shop.engine.flush()
    told: list[float] = []

    list(History(shop.directory, 1, progress=told.append).changes())

    assert [0.25, 0.5, 0.75, 1.0] == told
    assert 3 == len(list(shop.history().changes()))


def test_progress_begins_where_the_log_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was dropped of it isn't read, so it doesn't count."""
    monkeypatch.setattr("engine.history.RECORDS_PER_REPORT", 1)
    for seat in ("1:1", "1:2"):
        shop.book(seat)
        shop.seal()
        make_snapshot(shop.directory)
    shop.engine.drop_log_through(3)
    shop.book()
    shop.engine.flush()
    told: list[float] = []

    list(History(shop.directory, 1, progress=told.append).changes())

    assert [0.25, 0.5, 0.75, 1.0] == told
