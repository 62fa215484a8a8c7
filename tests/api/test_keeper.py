"""What happens without a request: holds end, snapshots are made, and nothing stops in silence."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs

from api import keeper as keeper_module
from api.keeper import Keeper
from engine import Engine, Event, Hall, Zone, seat_id_of
from engine.dump import digest
from engine.errors import Busy, StateDiverged
from engine.recorded import replay
from sagas import Sagas
from tests.api.waiting import until
from wal import read_records

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
HALL = Hall(10, 100, (Zone("all", 1, 10, 100_000),))
EVENTS = [Event(1, NOW_MS + 1_000 * HOUR_MS, HALL)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short intervals."""
    for name in ("EXPIRY", "SNAPSHOT"):
        monkeypatch.setattr(keeper_module, f"{name}_INTERVAL_SECONDS", 0.005)
    monkeypatch.setattr(keeper_module, "SNAPSHOT_RETRY_SECONDS", 0.005)
    monkeypatch.setattr(keeper_module, "CHECK_INTERVAL_SECONDS", 3_600)  # it makes records, too
    yield
    structlog.reset_defaults()


class FakeSagas:
    def __init__(self) -> None:
        self.woken: list[int] = []

    def wake(self, order_id: int) -> None:
        self.woken.append(order_id)


class World:
    """A keeper with its engine and clock; `ends` is what would have ended the process."""

    def __init__(self, engine: Engine, directory: Path, snapshot_records: int) -> None:
        self.engine = engine
        self.now_ms = NOW_MS
        self.sagas = FakeSagas()
        self.ends: list[BaseException] = []
        self.keeper = Keeper(
            engine,
            cast(Sagas, self.sagas),
            directory=directory,
            clock_ms=lambda: self.now_ms,
            snapshot_records=snapshot_records,
            fail_stop=self.ends.append,
        )

    def book(self, seat: int) -> int:
        """A booking of one seat; two records."""
        row, number = HALL.place_at(seat)
        booking = self.engine.create_booking(user_id=1, event_id=1, now_ms=self.now_ms)
        seat_id = seat_id_of(event_id=1, row=row, number=number)
        self.engine.select_seat(user_id=1, booking_id=booking, seat_id=seat_id, now_ms=self.now_ms)
        return booking

    async def book_all(self, seats: range) -> None:
        """One batch for each seat."""
        for seat in seats:
            self.book(seat)
            await self.engine.durable()


def live(
    story: Callable[[World], Awaitable[None]],
    *,
    engine: Engine | None = None,
    directory: Path = Path("nowhere"),
    snapshot_records: int = 1_000_000,
) -> World:
    """Tell a story while a keeper runs; in the end everything is stopped in order."""

    async def whole() -> World:
        world = World(engine or Engine(EVENTS), directory, snapshot_records)
        world.engine.start()
        world.keeper.start()
        try:
            await story(world)
        finally:
            await world.keeper.stop()
            await world.engine.stop()
        return world

    return asyncio.run(whole())


def test_a_hold_ends_by_itself() -> None:
    """Durably, and the saga of a payment under way is woken; other bookings stay."""

    async def story(world: World) -> None:
        idle, paying = world.book(0), world.book(1)
        order_id = world.engine.initiate_payment(user_id=1, booking_id=paying, now_ms=world.now_ms)
        world.now_ms += HOUR_MS
        staying = world.book(2)
        await until(lambda: world.engine.analytics(1).reserved_seats == 1)

        assert [order_id] == world.sagas.woken
        kept = world.engine.booking(staying)
        assert kept is not None
        assert "CREATED" == kept.status
        for ended in (idle, paying):
            booking = world.engine.booking(ended)
            assert booking is not None
            assert "CANCELLED" == booking.status

    assert [] == live(story).ends


class Turns:
    """An engine whose `expire_due` gives these answers, and then ends nothing any more."""

    snapshot_lsn = sealed_lsn = appended_lsn = durable_lsn = 0

    def __init__(self, *answers: int | Exception, after: Callable[[], None] = lambda: None) -> None:
        self.answers = list(answers)
        self.asked = 0
        self._after = after

    def expire_due(self, **_: object) -> int:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else 0
        self._after()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def durable(self) -> None: ...


def test_a_log_that_is_behind_is_asked_again() -> None:
    """The deadlines are still there the next time."""
    turns = Turns(Busy(), Busy(), 1)

    async def story(_: World) -> None:
        await until(lambda: turns.asked >= 4)

    assert [] == live(story, engine=cast(Engine, turns)).ends


def test_a_crowd_s_holds_end_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a full turn the next follows at once; only after the last one there is a pause."""
    full = keeper_module.EXPIRIES_PER_TURN_MAX

    def pause_long() -> None:
        monkeypatch.setattr(keeper_module, "EXPIRY_INTERVAL_SECONDS", 3_600)

    turns = Turns(full, full, full - 1, after=pause_long)

    async def story(_: World) -> None:
        await until(lambda: turns.asked == 3)
        await asyncio.sleep(0.02)
        assert 3 == turns.asked

    live(story, engine=cast(Engine, turns))


def test_a_broken_loop_ends_the_process() -> None:
    """A server whose holds never end any more is worse than none (I8)."""
    broken = ZeroDivisionError("ours")

    async def story(world: World) -> None:
        await until(lambda: bool(world.ends))

    assert [broken] == live(story, engine=cast(Engine, Turns(broken))).ends


@pytest.fixture
def checking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is checked at short intervals."""
    monkeypatch.setattr(keeper_module, "CHECK_INTERVAL_SECONDS", 0.005)


@pytest.mark.usefixtures("checking")
def test_the_state_is_checked_as_long_as_anything_happens() -> None:
    """One record after some others, and none after itself: an idle server's log stands still."""

    async def story(world: World) -> None:
        for lsn in (3, 6):
            world.book(lsn)
            await until(lambda lsn=lsn: world.engine.appended_lsn == lsn)  # type: ignore[misc]
            await asyncio.sleep(0.05)
            assert lsn == world.engine.appended_lsn

    assert [] == live(story).ends


@pytest.mark.usefixtures("checking")
def test_a_log_that_is_behind_is_not_burdened_with_checks() -> None:
    """The next one comes after it has caught up."""

    class Behind(Turns):
        checks = 0

        def check_state(self, **_: object) -> None:
            self.checks += 1
            self.appended_lsn += 1  # somebody else's, meanwhile
            raise Busy

    behind = Behind()

    async def story(_: World) -> None:
        behind.appended_lsn += 1
        await until(lambda: behind.checks > 0)

    assert [] == live(story, engine=cast(Engine, behind)).ends


@pytest.mark.usefixtures("checking")
def test_a_state_that_isn_t_the_log_s_makes_no_snapshot(directory: Path) -> None:
    """What the server has in memory is compared with the replay; the alarm is in its log."""

    async def story(world: World) -> None:
        world.book(0)
        booking = world.engine.booking(world.book(1))
        assert booking is not None
        booking.expires_at_ms += 1  # by no mutation
        await until(lambda: bool(errors(logs)))

    with capture_logs() as logs:
        live(story, engine=opened(directory), directory=directory, snapshot_records=4)

    assert all("the log makes another state than the server had" in one for one in errors(logs))
    assert [] == lsns(directory)
    with pytest.raises(StateDiverged):
        opened(directory)


def test_what_is_watched_ends_the_process_only_by_failing() -> None:
    """Done is done, and stopped is stopped."""

    async def work(failure: Exception | None = None) -> None:
        if failure is not None:
            raise failure

    async def story(world: World) -> None:
        done = world.keeper.watch(work())
        endless = world.keeper.watch(asyncio.sleep(3_600))
        await until(done.done)
        assert not endless.done()
        await world.keeper.stop()
        assert endless.cancelled()

    assert [] == live(story).ends

    async def sad_story(world: World) -> None:
        world.keeper.watch(work(OSError("lost")))
        await until(lambda: bool(world.ends))

    assert ["lost"] == [str(end) for end in live(sad_story).ends]


SMALL = 8_192  # bytes of a segment: eight batches of one record


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    Engine.create(path, store_id=b"sixteen bytes id")
    return path


def opened(directory: Path, **options: Any) -> Engine:
    return Engine.open(directory, EVENTS, **options)


def names(directory: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in directory.glob(pattern))


def lsns(directory: Path) -> list[int]:
    return [int(name.partition(".")[0]) for name in names(directory, "snapshots/*.snapshot")]


def test_snapshots_follow_the_log(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After many rounds snapshot and rest of the log are what the whole log is.

    Every segment is copied before it is dropped, so the whole log is still there to compare.
    """
    whole = tmp_path / "whole"
    whole.mkdir()
    dropped: list[int] = []
    drop = Engine.drop_log_through

    def copy_and_drop(engine: Engine, lsn: int) -> None:
        assert lsn == 0 or lsn <= lsns(directory)[-2]
        dropped.append(lsn)
        for path in (directory / "wal").glob("*.wal"):
            shutil.copy(path, whole)
        drop(engine, lsn)

    monkeypatch.setattr(Engine, "drop_log_through", copy_and_drop)

    # Only after a failure is there a long pause.
    monkeypatch.setattr(keeper_module, "SNAPSHOT_RETRY_SECONDS", 3_600)

    async def story(world: World) -> None:
        for rounds in range(1, 5):
            await world.book_all(range(100 * rounds, 100 * rounds + 60))
            await until(lambda rounds=rounds: len(dropped) >= rounds)  # type: ignore[misc]

    world = live(
        story,
        engine=opened(directory, segment_bytes_max=SMALL),
        directory=directory,
        snapshot_records=100,
    )
    assert [] == world.ends
    assert 2 == len(lsns(directory))
    assert dropped == sorted(dropped)
    assert dropped[0] == 0 < dropped[-1]
    first = names(directory, "wal/*.wal")[0]
    assert int(first.partition(".")[0]) > 1

    for path in (directory / "wal").iterdir():
        if path.name not in ("LOCK",):
            shutil.copy(path, whole)
    again = opened(directory)
    assert lsns(directory)[-1] == again.snapshot_lsn
    assert world.engine.digest() == again.digest() == digest(replay(read_records(whole)))
    again.close()


def test_a_log_that_is_to_be_kept_is_whole(directory: Path) -> None:
    """However many snapshots cover it."""

    async def story(world: World) -> None:
        world.keeper._keep_log = True
        newest = 0
        for rounds in range(1, 5):
            await world.book_all(range(100 * rounds, 100 * rounds + 60))
            await until(lambda newest=newest: max(lsns(directory), default=0) > newest)  # type: ignore[misc]
            newest = max(lsns(directory))

    engine = opened(directory, segment_bytes_max=SMALL)
    world = live(story, engine=engine, directory=directory, snapshot_records=100)

    assert 2 <= len(lsns(directory))
    assert world.engine.digest() == digest(replay(read_records(directory / "wal")))


def test_snapshots_come_in_low_traffic_too(directory: Path) -> None:
    """A segment of sixteen megabytes is sealed early: the next recovery stays short."""

    async def story(world: World) -> None:
        await world.book_all(range(6))
        await until(lambda: lsns(directory) == [12])
        await world.book_all(range(6, 11))
        assert [12] == lsns(directory)
        await world.book_all(range(11, 12))
        await until(lambda: lsns(directory) == [12, 24])

    live(story, engine=opened(directory), directory=directory, snapshot_records=12)

    again = opened(directory)
    assert 24 == again.snapshot_lsn
    again.close()


def test_a_restart_makes_no_snapshot_of_nothing_new(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest snapshot is known, not only the one that the log is dropped through."""

    async def story(world: World) -> None:
        for seats in (range(6), range(6, 12)):
            await world.book_all(seats)
            await until(lambda: world.engine.durable_lsn in lsns(directory))

    live(story, engine=opened(directory), directory=directory, snapshot_records=12)
    started: list[object] = []

    def refuse(*arguments: object) -> object:
        started.append(arguments)
        raise OSError

    monkeypatch.setattr(keeper_module, "beside", refuse)

    async def idle(_: World) -> None:
        await asyncio.sleep(0.1)

    live(idle, engine=opened(directory), directory=directory, snapshot_records=12)
    assert [] == started


NO_LUCK = ("-c", "import sys; sys.exit('no luck')")
NO_NUMBER = ("-c", "print('well')")


def errors(logs: list[Any]) -> list[str]:
    return [line["reason"] for line in logs if line["log_level"] == "error"]


def made(logs: list[Any]) -> list[int]:
    return [line["lsn"] for line in logs if line["event"] == "snapshot made"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [(NO_LUCK, "no luck"), (NO_NUMBER, "it said 'well'"), (None, "[Errno 24] too many")],
    ids=["it fails", "it says nonsense", "it can't be started"],
)
def test_a_snapshot_that_fails_is_tried_again(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...] | None,
    reason: str,
) -> None:
    """The server goes on meanwhile, the log keeps everything, and the reason is told."""

    def refuse(*_: object) -> None:
        raise OSError(24, "too many")

    async def story(world: World) -> None:
        with monkeypatch.context() as broken:
            if command is None:
                broken.setattr(keeper_module, "beside", refuse)
            else:
                broken.setattr(keeper_module, "SNAPSHOTTER", command)
            await world.book_all(range(10))
            await until(lambda: len(errors(logs)) >= 2)
        assert [] == lsns(directory)
        await until(lambda: made(logs) == [20])

    with capture_logs() as logs:
        world = live(story, engine=opened(directory), directory=directory, snapshot_records=20)

    assert {reason} == set(errors(logs))
    assert [] == world.ends
    assert [20] == lsns(directory)


def test_stopping_ends_the_maker_of_snapshots(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop doesn't wait for it, and it doesn't outlive the server."""
    script = "import os, sys, time; d = os.path.join(sys.argv[1], 'pid'); f = open(d, 'w');"
    script += "f.write(str(os.getpid())); f.close(); time.sleep(600)"
    monkeypatch.setattr(keeper_module, "SNAPSHOTTER", ("-c", script))

    def started() -> bool:
        return (directory / "pid").exists() and bool((directory / "pid").read_text())

    async def story(world: World) -> None:
        await world.book_all(range(10))
        await until(started)

    live(story, engine=opened(directory), directory=directory, snapshot_records=10)

    process_id = int((directory / "pid").read_text())
    assert not Path(f"/proc/{process_id}").exists()
