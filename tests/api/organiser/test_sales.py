"""How a sale went is remembered as its figures were, and forgotten as memory wants."""

import asyncio
from contextlib import suppress

import pytest

from api.organiser import sales
from api.organiser.sales import LOOK_SECONDS, MINUTE_MS, Point, Sales, Series
from engine import Engine
from engine.errors import EventNotFound
from tests.api.rooms import CHARITY, CONCERT, EVENTS, NOW_MS, OPERA, SOON, seat

HOUR_MS, DAY_MS = 60 * MINUTE_MS, 1_440 * MINUTE_MS


def point(at_ms: int, sold: int) -> Point:
    return Point(at_ms, sold, 0, 100 - sold, sold * 500)


def test_only_changes_are_kept() -> None:
    series = Series()
    assert [True, False, True] == [
        series.note(one) for one in (point(0, 1), point(1_000, 1), point(2_000, 2))
    ]
    assert [point(0, 1), point(2_000, 2)] == series.since(0, by_second=True)
    assert [point(2_000, 2)] == series.since(2_000, by_second=True)


def test_seconds_are_kept_for_an_hour_and_minutes_for_a_day() -> None:
    """A minute's last figures stand for it; what was true at the beginning is never forgotten."""
    series = Series()
    for number in range(3 * 86_400 // 10):
        series.note(point(number * 10_000, number))
    last_ms = 3 * DAY_MS - 10_000

    seconds = series.since(0, by_second=True)
    minutes = series.since(0, by_second=False)
    assert last_ms - HOUR_MS == seconds[0].at_ms
    assert 361 == len(seconds)
    assert 1_441 == len(minutes)
    assert last_ms - DAY_MS >= minutes[0].at_ms > last_ms - DAY_MS - MINUTE_MS
    assert {50_000} == {one.at_ms % MINUTE_MS for one in minutes}


@pytest.fixture
def engine() -> Engine:
    return Engine(EVENTS)


def hold(engine: Engine, number: int, event_id: int = CONCERT) -> None:
    booking_id = engine.create_booking(user_id=1, event_id=event_id, now_ms=NOW_MS)
    one = seat(number, event_id=event_id)
    engine.select_seat(user_id=1, booking_id=booking_id, seat_id=one, now_ms=NOW_MS)


def look(found: Sales, engine: Engine, now_ms: int) -> None:
    asyncio.run(found.look(engine, lambda: now_ms))


def reserved(found: Sales, engine: Engine, *, minutes: int, now_ms: int) -> list[tuple[int, int]]:
    _, points = found.over(engine, CONCERT, minutes=minutes, now_ms=now_ms)
    return [((one.at_ms - NOW_MS) // 1_000, one.reserved) for one in points]


def test_a_step_tells_what_was_true_at_its_end(engine: Engine) -> None:
    """From the first moment that is known, or the first that was asked for, until now."""
    found = Sales()
    for number in (1, 2):
        hold(engine, number)
        look(found, engine, NOW_MS + number * 2_000)
    hold(engine, 3)  # since the last look

    told = reserved(found, engine, minutes=1, now_ms=NOW_MS + 6_000)
    assert [(2, 1), (3, 1), (4, 2), (5, 2), (6, 3)] == told
    late = reserved(found, engine, minutes=1, now_ms=NOW_MS + 63_500)
    assert [(3, 1), (4, 2), (5, 2)] == late[:3]
    assert 61 == len(late)


@pytest.mark.parametrize(
    ("minutes", "step_seconds"), [(1, 1), (6, 1), (7, 10), (60, 10), (61, 60), (1_440, 300)]
)
def test_a_chart_has_no_more_points_than_a_screen(
    engine: Engine, minutes: int, step_seconds: int
) -> None:
    found = Sales()
    hold(engine, 1)
    look(found, engine, NOW_MS)
    step, points = found.over(engine, CONCERT, minutes=minutes, now_ms=NOW_MS + 2 * DAY_MS)
    assert step_seconds == step
    assert minutes * 60 // step_seconds + 1 == len(points) <= 361


def test_what_nobody_has_booked_is_known_now_alone(engine: Engine) -> None:
    assert [(5, 0)] == reserved(Sales(), engine, minutes=60, now_ms=NOW_MS + 5_000)
    with pytest.raises(EventNotFound):
        Sales().over(engine, 77, minutes=60, now_ms=NOW_MS)


def test_of_too_many_events_each_has_its_turn(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And when nothing has happened none is looked at."""
    monkeypatch.setattr(sales, "EVENTS_PER_LOOK_MAX", 2)
    found = Sales()
    for event_id, number in ((CONCERT, 1), (CHARITY, 1), (OPERA, 8)):
        hold(engine, number, event_id)
    look(found, engine, NOW_MS)
    assert [CONCERT, CHARITY] == [*found._series]
    look(found, engine, NOW_MS)
    assert [CONCERT, CHARITY, OPERA] == [*found._series]

    looked_at: list[int] = []
    monkeypatch.setattr(engine, "analytics", looked_at.append)
    look(found, engine, NOW_MS)
    assert [] == looked_at


def test_buyers_are_served_between_the_events(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are looked at: so many in a round of the loop."""
    monkeypatch.setattr(sales, "EVENTS_PER_ROUND", 2)
    for event_id in (CONCERT, SOON, CHARITY):
        hold(engine, 1, event_id)
    happened: list[str] = []

    def clock_ms() -> int:
        happened.append("a look")
        asyncio.get_running_loop().call_soon(happened.append, "a call")
        return NOW_MS

    asyncio.run(Sales().look(engine, clock_ms))
    assert ["a look", "a look", "a call", "a call", "a look", "a call"] == happened


def test_it_looks_again_and_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the server runs."""
    found = Sales()
    rests: list[float] = []

    async def hold_another(seconds: float) -> None:
        if seconds:
            rests.append(seconds)
            hold(engine, len(rests))
        if len(rests) > 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", hold_another)
    with suppress(asyncio.CancelledError):
        asyncio.run(found.watch(engine, lambda: NOW_MS + 1_000 * len(rests)))

    assert [LOOK_SECONDS] * 4 == rests
    told = reserved(found, engine, minutes=1, now_ms=NOW_MS + 3_500)
    assert [(1, 1), (2, 2), (3, 3), (3, 4)] == told


def test_by_the_second_for_an_hour_by_the_minute_beyond(engine: Engine) -> None:
    """Of the last hour every change is told; what was before it, with its minute's last."""
    found = Sales()
    for number, second in enumerate((0, 20, 600, 5_400), start=1):
        hold(engine, number)
        look(found, engine, NOW_MS + second * 1_000)
        if second == 600:
            told = reserved(found, engine, minutes=60, now_ms=NOW_MS + 600_000)
            assert [(0, 1), (10, 1), (20, 2), (30, 2)] == told[:4]

    told = reserved(found, engine, minutes=120, now_ms=NOW_MS + 5_400_000)
    assert [(20, 2), (80, 2)] == told[:2]


@pytest.mark.parametrize(
    ("most", "changed", "kept"),
    [
        (5, [CONCERT, CHARITY, CONCERT, SOON], [CONCERT, SOON]),
        (4, [CONCERT, CHARITY], [CONCERT, CHARITY]),
        (3, [CONCERT, CHARITY], [CHARITY]),
        (2, [CONCERT, CONCERT], [CONCERT]),
    ],
)
def test_the_quietest_event_is_forgotten_first(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    changed: list[int],
    kept: list[int],
) -> None:
    """As soon as there are too many points of all; one alone keeps its own."""
    monkeypatch.setattr(sales, "POINTS_KEPT_MAX", most)
    found = Sales()
    for number, event_id in enumerate(changed, start=1):
        hold(engine, number, event_id)
        look(found, engine, NOW_MS)
    assert kept == [*found._series]
    assert sum(map(len, found._series.values())) == found._kept
