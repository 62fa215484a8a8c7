"""When keys are looked at."""

import asyncio
from collections.abc import Callable

from sagas.agenda import Agenda, FirstCome
from tests.sagas.world import START_MS, FakeClock


class Looks:
    """Remembers who was looked at when, and says when to look again."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.seen: list[tuple[int, int]] = []
        self.takes_seconds = 0.0
        self.again: Callable[[int], int | None] = lambda key: None
        self.at_once = 0
        self.at_once_max = 0

    async def look(self, key: int) -> int | None:
        self.seen.append((key, self.clock.ms() - START_MS))
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        if self.takes_seconds:
            await self.clock.sleep(self.takes_seconds)
        self.at_once -= 1
        return self.again(key)


def run(story: Callable[[Agenda, Looks, FakeClock], object]) -> Looks:
    async def whole() -> Looks:
        clock = FakeClock()
        looks = Looks(clock)
        agenda = Agenda(looks.look, at_once=3, clock_ms=clock.ms, sleep=clock.sleep)
        agenda.start()
        await story(agenda, looks, clock)  # type: ignore[misc]
        stopping = asyncio.create_task(agenda.stop(within_seconds=1))
        await clock.advance(2)
        await stopping
        return looks

    return asyncio.run(whole())


def test_again_in_time() -> None:
    """A key is looked at when it said it should be, and an earlier one goes first."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        dues = {1: [START_MS + 5_000, None], 2: [START_MS + 1_000, None]}
        looks.again = lambda key: dues[key].pop(0)
        agenda.now(1)
        await clock.advance(0.1)
        agenda.now(2)
        await clock.advance(10)

    assert run(story).seen == [(1, 0), (2, 100), (2, 1_000), (1, 5_000)]


def test_now_replaces_later() -> None:
    """A key asked for now isn't looked at again at the time it had waited for."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        dues = [START_MS + 5_000, START_MS + 9_000, None]
        looks.again = lambda key: dues.pop(0)
        agenda.now(1)
        await clock.advance(1)
        agenda.now(1)
        await clock.advance(20)

    assert run(story).seen == [(1, 0), (1, 1_000), (1, 9_000)]


def test_never_twice_at_once() -> None:
    """However often a key is asked for during a look, it is looked at once more, afterwards."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        looks.takes_seconds = 2
        agenda.now(1)
        await clock.advance(1)
        for _ in range(100):
            agenda.now(1)
        await clock.advance(20)

    looks = run(story)
    assert looks.seen == [(1, 0), (1, 2_000)]
    assert looks.at_once_max == 1


def test_so_many_at_once() -> None:
    """No more looks are under way than there are hands; the others wait their turn, each once."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        looks.takes_seconds = 1
        for key in range(7):
            agenda.now(key)
            agenda.now(key)
        await clock.advance(10)

    looks = run(story)
    assert looks.at_once_max == 3
    # The three that began at once were asked for again while they were under way.
    assert sorted(key for key, _ in looks.seen) == [0, 0, 1, 1, 2, 2, 3, 4, 5, 6]


def test_stop_waits_then_cuts() -> None:
    """A look under way may end by itself within the bound; a longer one is cut, none is begun."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        looks.takes_seconds = 3_600
        for key in range(4):
            agenda.now(key)
        await clock.advance(1)

    looks = run(story)
    assert [key for key, _ in looks.seen] == [0, 1, 2]
    assert looks.at_once == 3


def test_ahead_of_the_others() -> None:
    """Somebody is waiting for it: it goes before those for whom nobody is, and before its turn."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        looks.takes_seconds = 1
        for key in (1, 2, 3, 4, 5):
            agenda.now(key)
        agenda.now(6, ahead=True)
        agenda.now(5, ahead=True)
        agenda.now(5)
        await clock.advance(5)

    assert [key for key, _ in run(story).seen] == [1, 2, 3, 5, 6, 4]


def test_at_a_moment() -> None:
    """A look can be planned, and planned anew; one that is ready or under way isn't put off."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        agenda.at(1, START_MS + 2_000)
        agenda.at(2, START_MS + 1_000)
        agenda.at(2, START_MS + 3_000)
        await clock.advance(2.5)
        looks.takes_seconds = 1
        agenda.now(3)
        agenda.at(3, START_MS + 9_000)
        await clock.advance(10)

    assert run(story).seen == [(1, 2_000), (3, 2_500), (2, 3_000)]


def test_who_is_asked_for_before_the_time_takes_no_more_room() -> None:
    """However often a stranger asks for one that waits for an hour, nothing piles up meanwhile."""

    async def story(agenda: Agenda, looks: Looks, clock: FakeClock) -> None:
        looks.again = lambda key: START_MS + key * 3_600_000 if len(looks.seen) < 1_000 else None
        for _ in range(500):
            for key in (1, 2):
                agenda.now(key)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        assert len(agenda._heap) < 100
        await clock.advance(3 * 3_600)

    assert run(story).seen[-3:] == [(1, 0), (2, 0), (1, 3_600_000)]


def a_line(*patient: int) -> FirstCome:
    """A line in which these can wait."""
    return FirstCome(can_wait=patient.__contains__)


def test_who_can_wait_comes_last() -> None:
    """In the order in which they came; one that goes ahead can't wait any more."""
    line = a_line(1, 2, 3)
    for key in (1, 2, 5, 3, 4):
        line.add(key, ahead=False)
    line.add(3, ahead=True)
    assert [line.take(()) for _ in range(6)] == [3, 5, 4, 1, 2, None]


def test_who_can_not_wait_any_more() -> None:
    """Asked for once more it joins the others; who is among them stays there, and in its place."""
    can_wait = {1, 2}
    line = FirstCome(can_wait=can_wait.__contains__)
    for key in (1, 2, 3, 4):
        line.add(key, ahead=False)
    can_wait.discard(2)
    can_wait.add(3)
    for key in (2, 3, 1):
        line.add(key, ahead=False)
    assert [line.take(()) for _ in range(5)] == [3, 4, 2, 1, None]


def test_nobody_waits_for_ever() -> None:
    """However many come who can't wait, one turn in ten is another's."""
    line = a_line(1, 2)
    for key in range(1, 31):
        line.add(key, ahead=False)
    taken = [line.take(()) for _ in range(30)]
    assert (taken.index(1), taken.index(2)) == (9, 19)
