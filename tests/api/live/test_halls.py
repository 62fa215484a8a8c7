"""Which halls are watched: looks at most so often, versions, and what is forgotten."""

import pytest

from api.live.hall import WatchedHall
from api.live.halls import LOOK_SECONDS, VERSIONS_PER_MS, WATCHED_SECONDS, Halls
from engine.errors import EventNotFound

NOW_MS = 1_800_000_000_000


class World:
    """Halls of ten seats, a clock, and how often somebody has looked."""

    def __init__(self, **limits: int) -> None:
        self.now = 100.0
        self.now_ms = NOW_MS
        self.statuses: dict[int, bytes] = dict.fromkeys(range(1, 9), bytes(10))
        self.looks = 0
        self.halls = Halls(clock=lambda: self.now, **limits)

    def seen(self, event_id: int = 1) -> WatchedHall:
        return self.halls.seen(event_id, self._look, self.now_ms)

    def _look(self, event_id: int) -> bytes:
        self.looks += 1
        if event_id not in self.statuses:
            raise EventNotFound(event_id)
        return self.statuses[event_id]


def test_a_crowd_looks_four_times_a_second() -> None:
    """Whoever asks in between sees the last look."""
    world = World()
    before = world.seen().version
    for looks in (1, 2):
        world.statuses[1] = bytes([looks]) + bytes(9)
        for _ in range(5):
            assert before == world.seen().version
        assert looks == world.looks
        world.now += LOOK_SECONDS
        after = world.seen().version
        assert before < after
        before = after


def test_versions_rise_though_the_clock_stands_still() -> None:
    """And though it goes back."""
    world = World()
    versions = [world.seen().version]
    for at in range(1, 4):
        world.statuses[1] = bytes([at % 2]) + bytes(9)
        world.now += LOOK_SECONDS
        world.now_ms -= at - 1
        versions.append(world.seen().version)

    assert sorted(set(versions)) == versions


def test_no_process_gives_a_version_of_the_one_before() -> None:
    """A millisecond later its first version is above all that four looks a second can give."""
    before, after = World(), World()
    after.now_ms += 1

    assert NOW_MS * VERSIONS_PER_MS == before.seen().version
    assert before.seen().version + 4 < after.seen().version < 2**53
    assert b'"whole":true' in after.seen().news(before.seen().version).body


def test_a_hall_that_nobody_asks_for_is_forgotten() -> None:
    """Whoever comes back after that has an unknown version, though nothing has changed."""
    world = World()
    world.seen(1)
    world.now += WATCHED_SECONDS
    version = world.seen(1).version  # asked for in time
    world.now += WATCHED_SECONDS
    world.seen(2)
    assert 2 == len(world.halls)
    world.now += 1
    world.seen(2)

    assert 1 == len(world.halls)
    assert b'"whole":true' in world.seen(1).news(version).body


@pytest.mark.parametrize("limits", [{"halls_kept_max": 3}, {"seats_kept_max": 39}])
def test_too_many_halls_send_the_oldest_away(limits: dict[str, int]) -> None:
    """The one that was asked for the longest time ago."""
    world = World(**limits)
    versions = {event_id: world.seen(event_id).version for event_id in (1, 2, 3)}
    world.seen(1)
    world.seen(4)

    assert 3 == len(world.halls)
    assert versions[1] == world.seen(1).version
    assert versions[2] != world.seen(2).version


def test_a_hall_larger_than_all_that_is_kept_is_seen() -> None:
    """Alone; and what it weighs is known after it has become another one."""
    world = World(seats_kept_max=15)
    world.statuses[1] = bytes(100)
    assert world.seen(1) is world.seen(1)
    world.statuses[1] = bytes(5)
    world.now += LOOK_SECONDS
    world.seen(1)
    world.seen(2)

    assert 2 == len(world.halls)


def test_an_unknown_event_is_nothing_to_watch() -> None:
    """The engine's error goes on, and nothing is kept."""
    world = World()
    with pytest.raises(EventNotFound):
        world.seen(99)

    assert 0 == len(world.halls)
