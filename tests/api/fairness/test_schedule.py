"""The schedule: who is called when, by arithmetic alone."""

from hypothesis import given
from hypothesis import strategies as st

from api.fairness.schedule import STRETCHES_MAX, Schedule

NOW_MS = 1_800_000_000_000
PACES = st.integers(1, 100_000)


def test_one_after_another() -> None:
    """The first at once, the others at even distances, nobody before the beginning."""
    schedule = Schedule.begin(NOW_MS, 600)
    assert [0, 100, 200, 300] == [schedule.call_ms(number) - NOW_MS for number in range(4)]
    moments = (-1, 0, 99, 100, 60_000)
    assert [0, 1, 1, 2, 601] == [schedule.called(NOW_MS + after) for after in moments]


def test_a_change_of_pace_calls_nobody_back() -> None:
    """Who was called stays so at the old moment; the others come at the new pace."""
    schedule = Schedule.begin(NOW_MS, 60)
    schedule.change(NOW_MS + 2_500, 600)
    expected = [0, 1_000, 2_000, 2_600, 2_700]
    assert expected == [schedule.call_ms(number) - NOW_MS for number in range(5)]
    assert 600 == schedule.per_minute


def test_old_stretches_are_forgotten() -> None:
    """However often the pace changes, so many are kept; what is called doesn't change by it."""
    schedule = Schedule.begin(NOW_MS, 60)
    for second in range(1, 1_000):
        schedule.change(NOW_MS + second * 1_000, 60 + second % 2)
    assert STRETCHES_MAX == len(schedule.stretches)
    assert 1_000 == schedule.called(NOW_MS + 999_000)
    assert schedule.call_ms(0) <= NOW_MS + 999_000


@given(
    PACES,
    st.lists(st.tuples(st.integers(-5_000, 120_000), PACES), max_size=8),
    st.integers(0, 1_000_000),
)
def test_a_number_is_called_at_its_moment_and_not_before(
    per_minute: int, changes: list[tuple[int, int]], number: int
) -> None:
    """`call_ms` is the first moment of `called`, whatever changes there were."""
    schedule, now_ms = Schedule.begin(NOW_MS, per_minute), NOW_MS
    for later_ms, pace in changes:
        now_ms += later_ms
        schedule.change(now_ms, pace)
    call_ms = schedule.call_ms(number)
    assert schedule.called(call_ms - 1) <= number < schedule.called(call_ms)
    assert call_ms <= schedule.call_ms(number + 1)
