"""The shell: what it does when the log can't, when apply breaks, and after a crash."""

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import Engine, Event, Key, engine, mutations
from engine.errors import BadPlan, Busy, LogLost
from engine.snapshotter import make_snapshot
from engine.store import SNAPSHOTS_DIRECTORY, WAL_DIRECTORY, covered_lsn, open_snapshots
from tests.scenario import EVENTS, HALL, START_MS, check, picture, seat_of
from wal import Locked, Log, LogFailed, MemoryLog, NoLog, OsFileSystem

STORE_ID = b"sixteen bytes id"


# One line of each kind that would make a record, after BEGUN.
BEGUN = """
    ann      create_booking event=7                -> booking=a
    ann      select_seat booking=a seat=7/1:1      -> ok
    ann      initiate_payment booking=a            -> order=p
    bob      create_booking event=1                -> booking=b
    bob      select_seat booking=b seat=1:1        -> ok
"""
RECORDS = [
    "ann create_booking event=2",
    "ann create_booking event=2 key=k/1",
    "bob select_seat booking=b seat=1:2",
    "bob select_seat booking=b seat=1:1 key=k/1",
    "bob release_seat seat=1:1",
    "bob initiate_payment booking=b",
    "bob cancel_booking booking=b",
    "operator reset",
    "gateway register order=p",
    "gateway refuse order=p",
    "provider start order=p",
    "provider refuse order=p",
]


@pytest.mark.parametrize("line", RECORDS)
def test_a_log_that_is_behind_refuses_everything(line: str) -> None:
    """Busy, and nothing has changed; later the same line goes through."""
    made = "booking=z" if "create" in line else "order=z" if "initiate" in line else "ok"
    check(f"""
        {BEGUN}
        log behind
        {line} -> Busy
        log well
        {line} -> {made}
    """)


def test_reading_and_refusing_need_no_log() -> None:
    """What makes no record is answered as ever while the log is behind."""
    check(f"""
        {BEGUN}
        log behind
        ann select_seat booking=a seat=7/1:1       -> BookingClosed
        bob select_seat booking=b seat=1:1         -> nothing
        ann initiate_payment booking=a             -> order=p nothing
        seat 1:1 RESERVED
    """)


def test_a_deadline_outlives_a_log_that_is_behind() -> None:
    """What couldn't be logged stays due."""
    story = check(BEGUN)
    story.tell("log behind\n later 1h")
    for _ in range(2):
        with pytest.raises(Busy):
            story.engine.expire_due(now_ms=story.now_ms, at_most=10)
    story.tell("""
        booking b CREATED 1:1
        log well
        tick 0ms                                   -> 2
        booking a CANCELLED
        booking b CANCELLED
    """)
    story.check_recovery()


def test_answers_outlive_a_log_that_is_behind() -> None:
    """They are forgotten once their end is logged, and not before."""
    story = check("ann create_booking event=2 key=k/1 -> booking=a ok")
    story.tell("log behind\n later 24h")
    with pytest.raises(Busy):
        story.engine.expire_due(now_ms=story.now_ms, at_most=10)
    story.tell("""
        ann create_booking event=2 key=k/1         -> booking=a nothing
        log well
        tick 0ms                                   -> 1
        ann create_booking event=2 key=k/1         -> booking=b ok
    """)


def test_a_failed_log_is_not_busy() -> None:
    """Whether the disk has what came before is unknown: that is told as it is."""
    story = check(BEGUN)
    before = story.engine.digest()
    story.log.refusal = LogFailed("the log failed before")
    with pytest.raises(LogFailed):
        story.engine.reset(now_ms=story.now_ms)

    assert before == story.engine.digest()


def test_a_broken_apply_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is in the log and the state isn't: nobody may go on from there (I8)."""
    ends: list[BaseException] = []
    broken = KeyError("no such booking")
    log = MemoryLog()
    sold = Engine(EVENTS, log=log, fail_stop=ends.append)

    def break_down(*_: object) -> None:
        raise broken

    monkeypatch.setattr(engine, "apply", break_down)
    with pytest.raises(KeyError):
        sold.create_booking(user_id=1, event_id=1, now_ms=START_MS)
    assert [broken] == ends
    assert 1 == len(log.records)


def test_a_hall_that_cannot_be_sold_is_refused_at_once() -> None:
    """Not when its first buyer comes."""
    with pytest.raises(BadPlan):
        Engine([Event(0, START_MS, HALL)])


def test_who_ended_is_told() -> None:
    """The timer names the payments that ended with their bookings, for their sagas."""
    story = check(f"{BEGUN}\n later 1h")
    ended: list[int] = []
    story.engine.expire_due(now_ms=story.now_ms, at_most=10, ended=ended.append)

    assert [story.named("p")] == ended


def test_what_can_be_asked_of_one_booking_or_payment() -> None:
    """By our ids and by the gateway's; None where there is nothing."""
    story = check(f"{BEGUN}\n gateway register order=p payment=theirs -> ok")
    order_id = story.named("p")
    payment, booking = story.engine.payment(order_id), story.engine.booking(story.named("a"))

    assert payment is not None
    assert booking is not None
    assert (order_id, order_id) == (booking.order_id, payment.order_id)
    assert order_id == story.engine.order_of("theirs")
    assert [order_id] == story.engine.unsettled()
    assert booking is story.engine.holder(seat_of("7/1:1"))
    assert story.engine.holder(seat_of("7/1:2")) is None
    assert story.engine.holder(seat_of("2/1:1")) is None
    assert story.engine.payment(5) is None
    assert story.engine.booking(5) is None
    assert story.engine.order_of("unknown") is None


def test_an_engine_without_a_log() -> None:
    """As a library it needs nothing but events."""
    sold = Engine(EVENTS)
    booking_id = sold.create_booking(user_id=1, event_id=2, now_ms=START_MS)
    sold.select_seat(
        user_id=1,
        booking_id=booking_id,
        seat_id=seat_of("2/1:1"),
        now_ms=START_MS,
        key=Key("k", b""),
    )
    sold.flush()
    sold.close()

    assert 2 == sold.durable_lsn
    assert (0, 0) == (sold.sealed_lsn, sold.snapshot_lsn)


# On disk


def buy(store: Engine, number: int) -> None:
    """Two records: a booking of event 1 with one seat in the first row."""
    booking_id = store.create_booking(user_id=number, event_id=1, now_ms=START_MS)
    seat_id = seat_of(f"1:{number}")
    store.select_seat(user_id=number, booking_id=booking_id, seat_id=seat_id, now_ms=START_MS)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty store."""
    Engine.create(tmp_path, store_id=STORE_ID)
    return tmp_path


def test_a_missing_store_is_not_made(tmp_path: Path) -> None:
    """Opening what isn't there raises, whether the directory exists or not, and makes nothing."""
    for directory in (tmp_path, tmp_path / "missing"):
        assert not Engine.exists(directory)
        with pytest.raises(NoLog):
            Engine.open(directory, EVENTS)

    assert [] == list(tmp_path.iterdir())


def test_a_new_store_is_empty(directory: Path) -> None:
    """It exists, it opens, and it holds nothing."""
    assert Engine.exists(directory)
    store = Engine.open(directory, EVENTS)

    assert Engine().digest() == store.digest()
    assert (0, 0, 0) == (store.durable_lsn, store.sealed_lsn, store.last_at_ms)
    store.close()


def test_a_store_has_one_owner(directory: Path) -> None:
    """While it is open nobody else opens it; afterwards anybody may."""
    store = Engine.open(directory, EVENTS)
    with pytest.raises(Locked):
        Engine.open(directory, EVENTS)
    store.close()

    Engine.open(directory, EVENTS).close()


def test_a_store_comes_back(directory: Path) -> None:
    """What was flushed is there after the process, again and again."""
    digests = []
    for number in (1, 2, 3):
        store = Engine.open(directory, EVENTS)
        buy(store, number)
        store.flush()
        assert 2 * number == store.durable_lsn
        digests.append((store.digest(), picture(store._state)))
        store.close()

        again = Engine.open(directory, EVENTS)
        again.check_invariants()
        assert digests[-1] == (again.digest(), picture(again._state))
        again.close()
    assert 3 == len({one for one, _ in digests})


def test_a_snapshot_shortens_the_way_back(directory: Path) -> None:
    """Snapshot and the log after it give what the log alone gives, with the deadlines of both."""
    store = Engine.open(directory, EVENTS)
    buy(store, 1)
    store._log.seal()
    store.flush()
    assert 2 == store.sealed_lsn
    assert 2 == make_snapshot(directory)
    assert make_snapshot(directory) is None
    buy(store, 2)
    digest = store.digest()
    store.close()

    again = Engine.open(directory, EVENTS)
    again.check_invariants()
    assert digest == again.digest()
    assert 2 == again.expire_due(now_ms=START_MS + 3_600_000, at_most=10)
    again.close()


def test_the_maker_of_snapshots_is_a_process(directory: Path) -> None:
    """It prints the LSN it reached, beside the running owner, and nothing if nothing is new."""
    store = Engine.open(directory, EVENTS)
    buy(store, 1)
    store._log.seal()
    store.flush()
    command = [sys.executable, "-m", "engine.snapshotter", str(directory)]

    printed = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert [b"2\n", b""] == printed
    store.close()


def test_the_log_is_dropped_only_behind_two_snapshots(directory: Path) -> None:
    """The second newest says how far; the store opens from the newest and the rest (I10)."""
    store = Engine.open(directory, EVENTS)
    covered = []
    for number in (1, 2, 3):
        buy(store, number)
        store._log.seal()
        store.flush()
        make_snapshot(directory)
        covered.append(covered_lsn(directory))
        store.drop_log_through(covered[-1])
    digest = store.digest()
    store.close()

    assert [0, 2, 4] == covered
    again = Engine.open(directory, EVENTS)
    assert digest == again.digest()
    again.close()


def test_a_store_that_fails_to_open_is_let_go(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in recovery, the lock isn't kept."""
    store = Engine.open(directory, EVENTS)
    buy(store, 1)
    store.close()
    with monkeypatch.context() as broken:
        broken.setattr(engine, "apply_record", None)
        with pytest.raises(TypeError):
            Engine.open(directory, EVENTS)

    Engine.open(directory, EVENTS).close()


def test_recovery_leaves_no_deadline_that_is_over(directory: Path) -> None:
    """A day's log has a hundred thousand; the first look after the start would pass over all."""
    store = Engine.open(directory, EVENTS)
    for number in (1, 2):
        buy(store, number)
    ended, held = (store.bookings_of(number)[0].booking_id for number in (1, 2))
    store.initiate_payment(user_id=2, booking_id=held, now_ms=START_MS + 1)
    store.cancel_booking(user_id=1, booking_id=ended, now_ms=START_MS + 1)
    store.close()

    again = Engine.open(directory, EVENTS)
    booking = again.booking(held)
    assert booking is not None
    assert [(booking.expires_at_ms, held)] == again._state.deadlines
    again.close()


def test_recovery_tells_how_far_it_is(directory: Path) -> None:
    """Every hundred thousand records."""
    log = Log.open(directory / WAL_DIRECTORY)
    list(log.recover())
    record = mutations.encode(mutations.StateReset(START_MS))
    for _ in range(200_001):
        log.append(record)
    log.close()
    told: list[int] = []

    Engine.open(directory, EVENTS, progress=told.append).close()
    assert [100_000, 200_000] == told


def test_the_snapshots_are_those_of_the_store(directory: Path) -> None:
    """They lie beside the log and know its store."""
    assert directory / SNAPSHOTS_DIRECTORY == open_snapshots(directory).directory


def test_durable_means_on_disk(directory: Path) -> None:
    """When `durable` returns, a copy of the files would bring everything back; `stop` closes."""

    async def sell() -> None:
        store = Engine.open(directory, EVENTS)
        store.start()
        await store.durable()
        for number in (1, 2, 3):
            buy(store, number)
            await store.durable()
            assert 2 * number == store.durable_lsn
        buy(store, 4)
        await store.stop()

    asyncio.run(sell())
    again = Engine.open(directory, EVENTS)
    assert 8 == again.durable_lsn
    again.close()


def test_a_store_is_closed_without_its_loop(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the loop has ended with a fault: nothing writes any more, and nothing has failed."""
    monkeypatch.setattr("wal.commit.IDLE_SECONDS_MAX", 0.0)
    failures: list[BaseException] = []
    store = Engine.open(directory, EVENTS, fail_stop=failures.append)
    others = set(threading.enumerate())

    async def sell() -> None:
        store.start()
        buy(store, 1)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        asyncio.run(sell())
    store.close()
    assert ([], set()) == (failures, set(threading.enumerate()) - others)
    again = Engine.open(directory, EVENTS)
    assert 2 == again.durable_lsn
    again.close()


def test_a_store_that_fails_to_stop_is_let_go(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stop can't make durable is told; another start isn't refused for it."""

    def refuse(_: OsFileSystem, __: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def sell() -> None:
        store = Engine.open(directory, EVENTS, fail_stop=lambda _: None)
        store.start()
        buy(store, 1)
        with monkeypatch.context() as broken:
            broken.setattr(OsFileSystem, "fdatasync", refuse)
            with pytest.raises(LogFailed):
                await store.stop()

    asyncio.run(sell())
    Engine.open(directory, EVENTS).close()


def test_a_seal_is_made_while_nothing_else_happens(directory: Path) -> None:
    """Whoever wants a snapshot asks for it; no record has to come for that."""

    async def seal() -> None:
        store = Engine.open(directory, EVENTS)
        store.start()
        buy(store, 1)
        assert (2, START_MS) == (store.appended_lsn, store.last_at_ms)
        await store.durable()
        before = store.sealed_lsn
        store.seal_log()
        while store.sealed_lsn == before:  # noqa: ASYNC110 - nothing tells of a seal
            await asyncio.sleep(0)
        assert 2 == store.sealed_lsn
        await store.stop()

    asyncio.run(seal())


def test_a_store_whose_log_is_gone_is_not_made_anew(directory: Path) -> None:
    """Not by the engine as a library either: an empty log would forget every booking."""
    shutil.rmtree(directory / WAL_DIRECTORY)

    with pytest.raises(LogLost):
        Engine.exists(directory)
    with pytest.raises(LogLost):
        Engine.create(directory, store_id=b"another store id")

    assert not (directory / WAL_DIRECTORY).exists()


def test_a_damaged_store_is_there(directory: Path) -> None:
    """Nobody may make a new one in its place."""
    for path in (directory / WAL_DIRECTORY).glob("*.wal"):
        path.write_bytes(b"\xff" * 512)
    assert Engine.exists(directory)


def test_new_work_is_refused_first_when_room_gets_scarce() -> None:
    """Nothing new is begun, while releases and cancels may still use what is left."""
    log = MemoryLog()
    engine = Engine(EVENTS, log=log)
    booking = engine.create_booking(user_id=1, event_id=1, now_ms=1)
    seat = engine.deal(event_id=1, row=None, limit=1)[0].seat_id
    engine.select_seat(user_id=1, booking_id=booking, seat_id=seat, now_ms=1)
    log.has_room = False

    with pytest.raises(Busy):
        engine.create_booking(user_id=1, event_id=1, now_ms=2)
    with pytest.raises(Busy):
        engine.select_seat(user_id=1, booking_id=booking, seat_id=seat + 1, now_ms=2)
    with pytest.raises(Busy):
        engine.select_together(user_id=1, booking_id=booking, count=2, now_ms=2)
    with pytest.raises(Busy):
        engine.initiate_payment(user_id=1, booking_id=booking, now_ms=2)
    engine.release_seat(user_id=1, seat_id=seat, now_ms=2)
    engine.cancel_booking(user_id=1, booking_id=booking, now_ms=2)

    assert engine.holder(seat) is None
    assert engine.analytics(1).bookings_count == 0


def test_an_engine_has_few_enough_attributes_to_be_quick() -> None:
    """CPython keeps up to 30 beside the object, where methods are found at once."""
    assert len(vars(Engine(EVENTS))) <= 30
