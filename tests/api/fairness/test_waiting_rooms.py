"""Open rooms and the disk: nobody is told a number that the disk doesn't know."""

import asyncio
from pathlib import Path

import pytest
import structlog

from api.fairness import waiting_rooms
from api.fairness.room_files import RoomFiles
from api.fairness.waiting_room import KeptRoom, WaitingRoom
from api.fairness.waiting_rooms import RESERVED_MIN, WaitingRooms
from api.problems import BUSY, TOO_MANY_ROOMS, WAITING_ROOM, Refusal

NOW_MS = 1_800_000_000_000


class CountedFiles(RoomFiles):
    """Counts its writes, and fails when told to."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.writes = 0
        self.fails = False

    def write(self, kept: KeptRoom) -> None:
        self.writes += 1
        if self.fails:
            raise OSError("no space")
        super().write(kept)

    def remove(self, event_id: int) -> None:
        if self.fails:
            raise OSError("read-only")
        super().remove(event_id)


@pytest.fixture
def files(tmp_path: Path) -> CountedFiles:
    return CountedFiles(tmp_path / "waiting-rooms")


def opened(rooms: WaitingRooms, event_id: int = 1, *, opens_at_ms: int = NOW_MS) -> WaitingRoom:
    return rooms.open(
        event_id, opens_at_ms=opens_at_ms, per_minute=600, pass_minutes=10, now_ms=NOW_MS
    )


def on_disk(files: RoomFiles) -> list[int]:
    """Below which number each room on disk says that they may have been given."""
    return [one.given for one in files.read() if isinstance(one, WaitingRoom)]


async def come(rooms: WaitingRooms, room: WaitingRoom, user_id: int) -> None:
    room.place(user_id, "", NOW_MS)
    await rooms.durable(room)


def test_the_disk_knows_every_number_that_was_told(files: CountedFiles) -> None:
    """One after another, and far fewer writes than people."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        for user_id in range(1_000):
            await come(rooms, room, user_id)
            assert [room.given] <= on_disk(files)

    asyncio.run(story())
    assert files.writes < 20


def test_a_crowd_shares_a_write(files: CountedFiles) -> None:
    """A thousand at once wait for the same."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        await asyncio.gather(*(come(rooms, room, user_id) for user_id in range(1_000)))
        assert [1_000] <= on_disk(files)

    asyncio.run(story())
    assert files.writes <= 3


def test_so_many_numbers_are_reserved_as_come(files: CountedFiles) -> None:
    """Twice as many as since the last write; while nobody comes, a crash wastes few."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        for user_id in range(1_000):
            room.place(user_id, "", NOW_MS)
        await rooms.durable(room)
        assert [3_000] == on_disk(files)
        opened(rooms)
        await rooms.durable(room)
        assert [1_000 + RESERVED_MIN] == on_disk(files)

    asyncio.run(story())


def test_a_change_is_on_disk_when_it_is_told(files: CountedFiles) -> None:
    """The pace, and how long a pass lasts."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        await rooms.durable(opened(rooms))
        room = rooms.open(1, opens_at_ms=NOW_MS, per_minute=6, pass_minutes=1, now_ms=NOW_MS)
        await rooms.durable(room)
        (read,) = files.read()
        assert isinstance(read, WaitingRoom)
        assert (6, 1) == (read.schedule.per_minute, read.pass_minutes)

    asyncio.run(story())


def test_after_a_crash_numbers_go_on_behind_all_that_were_told(files: CountedFiles) -> None:
    """What was reserved and not given is lost: turns that nobody takes."""

    async def first_life() -> int:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        for user_id in range(10):
            await come(rooms, room, user_id)
        return room.given

    given = asyncio.run(first_life())
    rooms = WaitingRooms(files)
    rooms.load()
    assert given <= rooms.rooms[1].given <= given + RESERVED_MIN


def test_a_stop_loses_nothing(files: CountedFiles) -> None:
    """The next server goes on with the very next number."""

    async def first_life() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        for user_id in range(10):
            await come(rooms, room, user_id)
        await rooms.stop()

    asyncio.run(first_life())
    assert [10] == on_disk(files)


@pytest.mark.parametrize("rounds", range(6))
def test_calls_that_end_during_a_stop_are_on_disk(files: CountedFiles, rounds: int) -> None:
    """A number, a room that is opened and one that is closed, whenever they come."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        for one in (room, opened(rooms, 2)):
            await come(rooms, one, 5)
        stopping = asyncio.create_task(rooms.stop())
        for _ in range(rounds):
            await asyncio.sleep(0)
        calls = (come(rooms, room, 6), rooms.close(2), come(rooms, opened(rooms, 3), 7))
        await asyncio.gather(stopping, *calls)

    asyncio.run(story())
    again = WaitingRooms(files)
    again.load()
    assert {1: 2, 3: 1} == {one: room.given for one, room in again.rooms.items()}


def test_a_stop_on_a_full_disk_is_a_stop(files: CountedFiles) -> None:
    """What follows it must come; what people were told is on disk already."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        await come(rooms, opened(rooms), 5)
        files.fails = True
        with structlog.testing.capture_logs() as logged:
            await rooms.stop()
        assert ["no space"] == [one["reason"] for one in logged]

    asyncio.run(story())
    (given,) = on_disk(files)
    assert given >= 1


def test_the_draw_is_written_before_anybody_hears_of_it(files: CountedFiles) -> None:
    """Or a crash would draw another one."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms, opens_at_ms=NOW_MS + 1)
        for user_id in range(10):
            await come(rooms, room, user_id)
        assert [None] == [one.drawn for one in files.read() if isinstance(one, WaitingRoom)]
        room.settle(NOW_MS + 1)
        await rooms.durable(room)
        assert [10] == [one.drawn for one in files.read() if isinstance(one, WaitingRoom)]

    asyncio.run(story())


def test_a_disk_that_refuses_is_told(files: CountedFiles) -> None:
    """Nobody is told a place meanwhile; when it is back, all goes on."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        files.fails = True
        for _ in range(2):
            with (
                structlog.testing.capture_logs() as logged,
                pytest.raises(Refusal) as refused,
            ):
                await come(rooms, room, 5)
            assert refused.value.problem is BUSY
            assert ["no space"] == [one["reason"] for one in logged]
        files.fails = False
        await come(rooms, room, 5)
        assert 1 == room.given

    asyncio.run(story())


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_closed_room_doesn_t_come_back(files: CountedFiles, rounds: int) -> None:
    """Not by a write that waits or is under way, and not after a restart."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        room = opened(rooms)
        asking = asyncio.create_task(come(rooms, room, 5))
        for _ in range(rounds):
            await asyncio.sleep(0)
        await rooms.close(1)
        await asking
        assert [] == on_disk(files)
        await rooms.close(1)

    asyncio.run(story())


def test_a_room_that_was_on_disk_stays_closed(files: CountedFiles) -> None:
    """After a restart, too; where the disk doesn't let its file go, that is told."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        await rooms.durable(opened(rooms))
        files.fails = True
        with pytest.raises(Refusal) as refused:
            await rooms.close(1)
        assert refused.value.problem is BUSY
        files.fails = False
        await rooms.close(1)

    asyncio.run(story())
    again = WaitingRooms(files)
    again.load()
    assert {} == again.rooms


@pytest.mark.parametrize(
    ("per_minute", "came", "later_ms", "seconds"),
    [(1, 2, 0, b"60"), (60, 6, 500, b"6"), (600, 1, 100, b"1"), (600, 1, 99_000, b"1")],
)
def test_who_is_refused_is_told_when_to_come_again(
    per_minute: int, came: int, later_ms: int, seconds: bytes
) -> None:
    """When he would be let in, but in a second at the soonest and a minute at the latest."""
    rooms = WaitingRooms()
    rooms.require_pass(99, 1, NOW_MS)  # there is no room
    room = rooms.open(1, opens_at_ms=NOW_MS, per_minute=per_minute, pass_minutes=10, now_ms=NOW_MS)
    for user_id in range(came):
        room.place(user_id, "", NOW_MS)
    rooms.require_pass(0, 1, NOW_MS)
    with pytest.raises(Refusal) as refused:
        rooms.require_pass(99, 1, NOW_MS + later_ms)
    assert (WAITING_ROOM, ((b"retry-after", seconds),)) == (
        refused.value.problem,
        refused.value.headers,
    )


def test_a_room_that_is_opened_while_it_is_closed_stays(files: CountedFiles) -> None:
    """With another seed: it is another room."""

    async def story() -> None:
        rooms = WaitingRooms(files)
        old = opened(rooms)
        await rooms.durable(old)
        closing = asyncio.create_task(rooms.close(1))
        await asyncio.sleep(0)
        new = opened(rooms)
        await asyncio.gather(closing, rooms.durable(new))
        (read,) = files.read()
        assert isinstance(read, WaitingRoom)
        assert old.seed != new.seed == read.seed

    asyncio.run(story())


def test_there_are_not_too_many_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused; an open one may be changed."""
    monkeypatch.setattr(waiting_rooms, "ROOMS_MAX", 2)
    rooms = WaitingRooms()
    opened(rooms, 1)
    opened(rooms, 2)
    with pytest.raises(Refusal) as refused:
        opened(rooms, 3)
    assert refused.value.problem is TOO_MANY_ROOMS
    assert opened(rooms, 2) is rooms.rooms[2]


def test_a_room_that_can_t_be_read_is_closed(files: CountedFiles, tmp_path: Path) -> None:
    """The server starts all the same and says so: a queue is no reason to sell nothing."""
    (tmp_path / "waiting-rooms").mkdir()
    (tmp_path / "waiting-rooms" / "1.json").write_bytes(b"{}")
    rooms = WaitingRooms(files)
    with structlog.testing.capture_logs() as logged:
        rooms.load()
    assert {} == rooms.rooms
    assert [str(tmp_path / "waiting-rooms" / "1.broken")] == [one["file"] for one in logged]
