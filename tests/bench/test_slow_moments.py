"""What the watcher's looks tell of the machine."""

import time
from collections.abc import Sequence

import pytest

from bench.slow_moments import AFTER_SECONDS, Look, SlowMoments, looks_until, watched

PIECE_SECONDS = 0.0001
A_SECOND = range(1_000)  # a look each millisecond


def looks(*, slow: Sequence[int] = (), late: Sequence[int] = ()) -> list[Look]:
    """A second of them; work takes three times as long in the slow ones, or begins late."""
    made = []
    for at in A_SECOND:
        due = at / 1_000
        began = due + 0.002 * (at in late)
        made.append(Look(due, began, began + PIECE_SECONDS * (3 if at in slow else 1)))
    return made


def test_an_even_machine_has_none() -> None:
    """No share of the time, and nothing is touched."""
    moments = SlowMoments(looks())
    assert 0 == moments.share
    assert not moments.touch(0.0, 1.0)


@pytest.mark.parametrize("kind", ["slow", "late"])
def test_slow_work_and_a_late_begin_tell_of_one(kind: str) -> None:
    """It begins at the last good look, and ends when what has piled up is done."""
    moments = SlowMoments(looks(**{kind: [500]}))

    assert moments.share == pytest.approx(0.001 + AFTER_SECONDS, abs=0.003)
    assert not moments.touch(0.0, 0.499)
    assert moments.touch(0.0, 0.4995)
    assert moments.touch(0.0, 1.0)
    assert moments.touch(0.51, 0.511)
    assert not moments.touch(0.53, 1.0)


def test_what_follows_closely_is_one_moment() -> None:
    """Two slow looks within the time after are counted once, and far ones twice."""
    near, far = SlowMoments(looks(slow=[500, 510])), SlowMoments(looks(slow=[100, 500]))

    assert near.share == pytest.approx(0.011 + AFTER_SECONDS, abs=0.002)
    assert far.share == pytest.approx(2 * (0.001 + AFTER_SECONDS), abs=0.004)
    assert far.touch(0.1, 0.1)
    assert not far.touch(0.2, 0.4)
    assert far.touch(0.5, 0.5)


def test_a_core_alone_may_be_slow() -> None:
    """Moments of different cores are all told, and are one where they meet."""
    apart = SlowMoments(looks(slow=[100]), looks(slow=[500]))
    together = SlowMoments(looks(slow=[100]), looks(slow=[105]))

    assert apart.touch(0.1, 0.1)
    assert apart.touch(0.5, 0.5)
    assert apart.share == pytest.approx(2 * (0.001 + AFTER_SECONDS), abs=0.004)
    assert together.share == pytest.approx(0.006 + AFTER_SECONDS, abs=0.002)


def test_a_machine_that_is_always_slow_is_so_for_all_of_the_time() -> None:
    """And not for longer: what piles up after the last look isn't waited for."""
    assert 1 == SlowMoments(looks(late=A_SECOND)).share


@pytest.mark.parametrize("stops", ["asleep", "between"])
def test_a_core_that_stops_is_noticed_whatever_the_watcher_was_at(stops: str) -> None:
    """It may stop while the watcher sleeps, and while it asks whether it is over."""
    now, asked = 0.0, 0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds + 0.05 * (stops == "asleep" and asked == 50)

    def is_over() -> bool:
        nonlocal now, asked
        asked += 1
        now += 0.05 * (stops == "between" and asked == 50)
        return asked == 100

    moments = SlowMoments(looks_until(is_over, clock=lambda: now, sleep=sleep))

    assert moments.touch(0.12, 0.13)
    assert not moments.touch(0.0, 0.095)


def test_a_machine_is_watched_as_long_as_the_block_lasts() -> None:
    """By the clock that every process of it has."""
    began = time.perf_counter()
    with watched() as watch:
        time.sleep(0.2)

    assert 0 <= watch.moments.share <= 1
    assert not watch.moments.touch(began - 2, began - 1)
