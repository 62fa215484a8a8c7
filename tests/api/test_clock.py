"""A clock that goes on by itself, whatever becomes of the system's."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from api import clock as module
from api.clock import Clock
from engine import Engine, Event, Hall, Zone

START_MS = 1_800_000_000_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


class Machine:
    """A machine whose clock can be set; the clock is followed once a second."""

    def __init__(self) -> None:
        self.system_ms, self.monotonic_ms = START_MS, 12_345
        self.clock = Clock(system_ms=lambda: self.system_ms, monotonic_ms=lambda: self.monotonic_ms)
        self.clock.start_from(0)

    def live(self, span_ms: int) -> None:
        """Time passes; at no moment does the clock step back or leap."""
        for _ in range(span_ms // SECOND):
            for _ in range(4):
                before_ms = self.clock.now_ms()
                self.monotonic_ms += SECOND // 4
                self.system_ms += SECOND // 4
                assert 240 <= self.clock.now_ms() - before_ms <= 260
            before_ms = self.clock.now_ms()
            self.clock.follow()
            assert before_ms == self.clock.now_ms()


def alarms(logs: list[Any]) -> list[tuple[str, int]]:
    return [(one["event"], one["by_ms"]) for one in logs if one["log_level"] == "error"]


JUMPS = [HOUR, -HOUR, 24 * HOUR, -24 * HOUR, 5 * SECOND, -5 * SECOND, 800, -800]


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_a_step_is_not_followed_but_made_up_for(jump_ms: int) -> None:
    """By one hundredth of the time that passes, and no more than the step."""
    machine = Machine()
    machine.live(MINUTE)
    machine.system_ms += jump_ms
    for minutes in (1, 10):
        machine.live(minutes * MINUTE)
        passed_ms = machine.monotonic_ms - 12_345
        slewed_ms = machine.clock.now_ms() - START_MS - passed_ms
        assert abs(slewed_ms) <= min(abs(jump_ms), passed_ms // 100)
        assert slewed_ms == 0 or (slewed_ms > 0) == (jump_ms > 0)

    machine.live(10 * MINUTE)
    for _ in range(3 if abs(jump_ms) <= 5 * SECOND else 0):
        assert machine.system_ms == machine.clock.now_ms()
        machine.live(SECOND)


def test_the_rounding_of_clocks_is_not_followed() -> None:
    """Which of two clocks has begun its millisecond first is no news of either."""
    machine = Machine()
    for ahead_ms in (1, -1, 1):
        machine.system_ms = START_MS + machine.monotonic_ms - 12_345 + ahead_ms
        machine.live(10 * SECOND)
        assert START_MS + machine.monotonic_ms - 12_345 == machine.clock.now_ms()


@pytest.mark.parametrize("jump_ms", [*JUMPS, 2 * SECOND, -2 * SECOND, 1_999, -1_999])
def test_a_step_is_an_alarm_and_only_one(jump_ms: int) -> None:
    """Of two seconds or more: less is what time servers do."""
    machine = Machine()
    machine.live(MINUTE)
    with capture_logs() as logs:
        machine.system_ms += jump_ms
        machine.live(5 * MINUTE)
    expected = [("the system's clock has jumped", jump_ms)] if abs(jump_ms) >= 2_000 else []
    assert expected == alarms(logs)


def test_a_step_there_and_back_leaves_nothing_behind() -> None:
    """An operator's slip, mended after a minute: two alarms, each of as much as it was."""
    machine = Machine()
    with capture_logs() as logs:
        machine.system_ms += HOUR
        machine.live(MINUTE)
        machine.system_ms -= HOUR
        machine.live(2 * MINUTE)
    assert machine.system_ms == machine.clock.now_ms()
    assert [HOUR, -HOUR] == [by_ms for _, by_ms in alarms(logs)]


def test_a_clock_that_drifts_is_followed() -> None:
    """Half a percent, ten times what a bad crystal does: never more than a second apart."""
    machine = Machine()
    with capture_logs() as logs:
        for _ in range(600):
            machine.live(SECOND)
            machine.system_ms += 5
            assert abs(machine.system_ms - machine.clock.now_ms()) < SECOND
    assert [] == alarms(logs)


@pytest.mark.parametrize("behind_ms", [1, 1_999, 2_000, HOUR])
def test_a_start_is_no_earlier_than_the_log(behind_ms: int) -> None:
    """And time doesn't stand still until the system's clock has come so far."""
    machine = Machine()
    with capture_logs() as logs:
        machine.clock.start_from(START_MS + behind_ms)
    assert START_MS + behind_ms == machine.clock.now_ms()
    expected = [("the system's clock is behind the log", behind_ms)] if behind_ms >= 2_000 else []
    assert expected == alarms(logs)

    with capture_logs() as logs:
        machine.live(10 * MINUTE)
    assert [] == alarms(logs)
    assert 590 * SECOND <= machine.clock.now_ms() - START_MS - behind_ms <= 600 * SECOND


def test_however_long_the_log_is_read_the_start_is_no_earlier() -> None:
    """What passed meanwhile makes up for nothing: the gap wasn't known."""
    machine = Machine()
    machine.live(MINUTE)
    last_ms = machine.system_ms + HOUR
    machine.monotonic_ms += MINUTE
    machine.system_ms += MINUTE
    machine.clock.start_from(last_ms)
    assert last_ms == machine.clock.now_ms()
    machine.live(MINUTE)


def test_a_start_after_the_log_is_at_the_system_s_time() -> None:
    """The server was stopped meanwhile, and holds have run out."""
    machine = Machine()
    with capture_logs() as logs:
        machine.clock.start_from(START_MS - HOUR)
    assert (START_MS, []) == (machine.clock.now_ms(), alarms(logs))


HALL = Hall(1, 3, (Zone("all", 1, 1, 100_000),))
EVENTS = [Event(1, START_MS + 1_000 * HOUR, HALL)]
HOLD_MS, PAYMENT_MS = 15 * MINUTE, 12 * MINUTE


@pytest.mark.parametrize("jump_ms", [0, *JUMPS])
@pytest.mark.parametrize("paying", [False, True], ids=["a hold", "a payment"])
def test_a_hold_lasts_as_long_as_was_promised(jump_ms: int, paying: bool) -> None:
    """Whatever the system's clock does meanwhile: within one hundredth, early or late."""
    machine, engine = Machine(), Engine(EVENTS)
    booking_id = engine.create_booking(user_id=1, event_id=1, now_ms=machine.clock.now_ms())
    engine.select_seat(
        user_id=1, booking_id=booking_id, seat_id=10_010_001, now_ms=machine.clock.now_ms()
    )
    promised_ms = HOLD_MS
    if paying:
        engine.initiate_payment(user_id=1, booking_id=booking_id, now_ms=machine.clock.now_ms())
        promised_ms = PAYMENT_MS
    machine.live(MINUTE)
    machine.system_ms += jump_ms

    held_ms = MINUTE
    while not engine.expire_due(now_ms=machine.clock.now_ms(), at_most=1):
        machine.live(SECOND)
        held_ms += SECOND
    assert abs(held_ms - promised_ms) <= promised_ms // 100 + SECOND


def test_the_clock_is_followed_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the server runs."""
    monkeypatch.setattr(module, "FOLLOW_INTERVAL_SECONDS", 0.001)

    class Followed(Clock):
        times = 0

        def follow(self) -> None:
            self.times += 1
            if self.times == 3:
                enough.set()

    enough = asyncio.Event()

    async def story() -> None:
        task = asyncio.create_task(Followed().watch())
        await enough.wait()
        task.cancel()

    asyncio.run(story())


def test_it_tells_the_system_s_time() -> None:
    """With no clock given, the machine's own."""
    assert abs(Clock().now_ms() - module.system_ms()) < 2_000


def test_clocks_are_read_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the nanoseconds that the system says, since 1970 and since whenever."""
    said = SimpleNamespace(time_ns=lambda: START_MS * 10**6 + 999_999, monotonic_ns=lambda: 10**16)
    monkeypatch.setattr(module, "time", said)
    assert (START_MS, 10**10) == (module.system_ms(), module.monotonic_ms())
