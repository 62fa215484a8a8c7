"""Token buckets: so many a second and no more, however the calls are spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.fairness.buckets import Buckets

NOW_MS = 1_800_000_000_000


def granted(buckets: Buckets[str], key: str, now_ms: int, count: int = 1) -> bool:
    if buckets.wait_ms(key, now_ms, count):
        return False
    buckets.take(key, now_ms, count)
    return True


def test_a_burst_and_then_the_rate() -> None:
    """Four at once, and from then on one each half second."""
    buckets: Buckets[str] = Buckets(per_second=2, burst=4)
    now = [granted(buckets, "ann", NOW_MS) for _ in range(6)]
    assert [True] * 4 + [False] * 2 == now
    assert 500 == buckets.wait_ms("ann", NOW_MS)
    assert not granted(buckets, "ann", NOW_MS + 499)
    assert granted(buckets, "ann", NOW_MS + 500)
    assert not granted(buckets, "ann", NOW_MS + 500)


def test_a_pause_saves_no_more_than_a_burst() -> None:
    """After a day there are four again, not a day's worth."""
    buckets: Buckets[str] = Buckets(per_second=2, burst=4)
    assert granted(buckets, "ann", NOW_MS, 4)
    tomorrow = NOW_MS + 86_400_000
    assert 4 == sum(granted(buckets, "ann", tomorrow) for _ in range(9))


def test_one_s_bucket_is_nobody_else_s() -> None:
    """Ann has used hers up; Bob has all of his."""
    buckets: Buckets[str] = Buckets(per_second=1, burst=1)
    assert granted(buckets, "ann", NOW_MS)
    assert granted(buckets, "bob", NOW_MS)
    assert not granted(buckets, "ann", NOW_MS)


def test_what_is_given_back_can_be_taken_again() -> None:
    """And never more than a bucket holds."""
    buckets: Buckets[str] = Buckets(per_second=1, burst=4)
    assert granted(buckets, "ann", NOW_MS, 4)
    buckets.give_back("ann", 3)
    assert 3 == sum(granted(buckets, "ann", NOW_MS) for _ in range(9))
    buckets.give_back("ann", 100)
    buckets.give_back("bob", 100)
    assert 4 == sum(granted(buckets, "ann", NOW_MS) for _ in range(9))
    assert 4 == sum(granted(buckets, "bob", NOW_MS) for _ in range(9))


def test_more_than_a_bucket_holds_is_owed() -> None:
    """Who takes ten of four has to wait until six more have come before the next."""
    buckets: Buckets[str] = Buckets(per_second=1, burst=4)
    assert granted(buckets, "ann", NOW_MS, 10)
    assert 7_000 == buckets.wait_ms("ann", NOW_MS)


def test_full_buckets_take_no_place() -> None:
    """As many as are used within the time that fills one, and no more."""
    buckets: Buckets[str] = Buckets(per_second=1, burst=1)
    for second in range(100):
        assert granted(buckets, f"caller {second}", NOW_MS + second * 1_000)
    assert 1 == len(buckets)


def test_the_table_is_bounded() -> None:
    """Of too many the one used longest ago is forgotten, and begins anew."""
    buckets: Buckets[str] = Buckets(per_second=1, burst=1, kept_max=3)
    for name in ("ann", "bob", "eva", "ida"):
        assert granted(buckets, name, NOW_MS)
    assert 3 == len(buckets)
    assert granted(buckets, "ann", NOW_MS)
    assert not granted(buckets, "ida", NOW_MS)


def test_who_comes_again_is_not_the_one_forgotten() -> None:
    """Else anybody could have what he owes forgotten by the names of others."""
    buckets: Buckets[str] = Buckets(per_second=1, burst=2, kept_max=3)
    for name in ("ann", "bob", "eva", "ann", "ida"):
        assert granted(buckets, name, NOW_MS)
    assert not granted(buckets, "ann", NOW_MS)


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 5)), max_size=60),
)
def test_no_window_holds_more_than_burst_and_rate(
    rate: int, burst: int, asked: list[tuple[int, int]]
) -> None:
    """Between any two moments at most the burst and what has come meanwhile is taken."""
    buckets: Buckets[str] = Buckets(per_second=rate, burst=burst)
    now_ms, taken = NOW_MS, []
    for later_ms, count in asked:
        now_ms += later_ms
        if count <= burst and granted(buckets, "ann", now_ms, count):
            taken.append((now_ms, count))
    for first, (from_ms, _) in enumerate(taken):
        total = 0
        for until_ms, count in taken[first:]:
            total += count
            assert total <= burst + rate * (until_ms - from_ms) / 1_000 + 1e-6


@pytest.mark.parametrize("step_ms", [-1, -3_600_000])
def test_a_clock_that_steps_back_gives_nothing_away(step_ms: int) -> None:
    """Nobody gets a token for it, and the wait is told from the new time on."""
    buckets: Buckets[str] = Buckets(per_second=1, burst=1)
    assert granted(buckets, "ann", NOW_MS)
    assert 1_000 - step_ms == buckets.wait_ms("ann", NOW_MS + step_ms)
