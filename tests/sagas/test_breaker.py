"""When calls are let through, and when they wait for a service that is down."""

import pytest
import structlog

from sagas.breaker import (
    ASKING_MAX,
    FAILURES_MAX,
    PROBE_INTERVAL_MS,
    PROBES_AHEAD_MAX,
    Breaker,
)
from sagas.outcome import Unknown
from sagas.wire import Reply
from tests.sagas.world import FakeClock

LOST = Unknown("ConnectError")


def answer(status: int, retry_after_s: float = 0.0) -> Reply:
    return Reply(status, b"", retry_after_s)


def broken(clock: FakeClock) -> Breaker:
    """One that has just been opened."""
    breaker = Breaker("test", clock_ms=clock.ms)
    for _ in range(FAILURES_MAX):
        assert not breaker.is_open()
        assert breaker.call_at_ms() == 0
        breaker.note(LOST)
    assert breaker.is_open()
    return breaker


def test_an_outage_stops_the_calls() -> None:
    """After so many failures in a row calls wait, and one a second is let through to see."""
    clock = FakeClock()
    breaker = broken(clock)
    probe_at_ms = clock.now_ms + PROBE_INTERVAL_MS
    assert breaker.call_at_ms() == probe_at_ms
    clock.now_ms = probe_at_ms
    assert breaker.call_at_ms() == 0
    assert breaker.call_at_ms() == probe_at_ms + PROBE_INTERVAL_MS
    assert breaker.is_open()


def test_a_crowd_waits_longer() -> None:
    """Some of it come for each of the next probes, all others for the last of them."""
    clock = FakeClock()
    breaker = broken(clock)
    probes = range(1, PROBES_AHEAD_MAX + 1)
    for _ in range(2):
        asked = [breaker.call_at_ms() for _ in range(ASKING_MAX * PROBES_AHEAD_MAX + 3)]
        told = [
            clock.now_ms + probe * PROBE_INTERVAL_MS for probe in probes for _ in range(ASKING_MAX)
        ]
        assert asked == told + told[-1:] * 3
        clock.now_ms += PROBE_INTERVAL_MS
        assert breaker.call_at_ms() == 0


def test_who_listens_hears_of_the_end() -> None:
    """At the first answer after an outage, when calls are let through already."""
    breaker = broken(FakeClock())
    heard: list[bool] = []
    breaker.listen(lambda: heard.append(breaker.is_open()))
    for reply in (LOST, answer(500), answer(200), answer(200)):
        breaker.note(reply)
    assert heard == [False]


@pytest.mark.parametrize("status", [200, 204, 302, 404, 409, 401])
def test_an_answer_opens_the_way(status: int) -> None:
    """Any answer of the service's own, a refusal too, shows that it is there."""
    breaker = broken(FakeClock())
    breaker.note(answer(status))
    assert not breaker.is_open()
    assert breaker.call_at_ms() == 0


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_service_that_says_it_is_down(status: int) -> None:
    """It counts like no answer at all."""
    breaker = Breaker("test", clock_ms=FakeClock().ms)
    for _ in range(FAILURES_MAX):
        breaker.note(answer(status))
    assert breaker.is_open()


def test_an_error_about_one_payment() -> None:
    """A 500 may be one payment's own trouble: it neither opens the breaker nor closes it."""
    breaker = Breaker("test", clock_ms=FakeClock().ms)
    for _ in range(FAILURES_MAX * 3):
        breaker.note(answer(500))
    assert not breaker.is_open()
    breaker = broken(FakeClock())
    assert breaker.is_silent()
    breaker.note(answer(500))
    assert breaker.is_open()
    assert not breaker.is_silent()
    breaker.note(LOST)
    assert breaker.is_silent()


@pytest.mark.parametrize("trouble", [answer(500), LOST])
def test_a_service_that_answers_nobody(trouble: Reply | Unknown) -> None:
    """Whoever looks is told so, though errors stop no calls; any answer ends it."""
    breaker = Breaker("test", clock_ms=FakeClock().ms)
    breaker.note(answer(404))
    for _ in range(FAILURES_MAX):
        assert breaker.is_answering()
        breaker.note(trouble)
    assert not breaker.is_answering()
    breaker.note(answer(404))
    assert breaker.is_answering()


def test_failures_that_are_not_in_a_row() -> None:
    """Now and then a lost answer is nothing to stop for, and each answer ends the row."""
    breaker = Breaker("test", clock_ms=FakeClock().ms)
    for losses in (*[1] * FAILURES_MAX, FAILURES_MAX - 1):
        breaker.note(answer(200))
        for _ in range(losses):
            breaker.note(LOST)
        assert not breaker.is_open()


def test_has_answered_since() -> None:
    """Only an answer that says something of the service counts as one."""
    clock = FakeClock()
    breaker = Breaker("test", clock_ms=clock.ms)
    for nothing in (LOST, answer(503), answer(500)):
        breaker.note(nothing)
        assert not breaker.has_answered_since(0)
    breaker.note(answer(409))
    assert breaker.has_answered_since(clock.now_ms - 1)
    assert not breaker.has_answered_since(clock.now_ms)


def test_a_service_that_asks_for_a_pause() -> None:
    """The longest of its wishes is granted, whoever was told."""
    clock = FakeClock()
    breaker = Breaker("test", clock_ms=clock.ms)
    for wish_s in (0, 60, 5, 0, 0):
        assert breaker.call_at_ms() == 0
        breaker.note(answer(429, wish_s))
    asked_at_ms = clock.now_ms
    assert breaker.call_at_ms() == asked_at_ms + PROBE_INTERVAL_MS  # there may be an answer
    clock.now_ms += 59_999
    assert breaker.call_at_ms() == asked_at_ms + 60_000
    clock.now_ms += 1
    assert breaker.call_at_ms() == 0


def test_a_pause_that_is_over_before_its_time() -> None:
    """An answer ends the pause: the next outage has a probe each second again."""
    clock = FakeClock()
    breaker = Breaker("test", clock_ms=clock.ms)
    breaker.note(answer(429, 60))
    breaker.note(answer(200))
    for _ in range(FAILURES_MAX):
        breaker.note(LOST)
    clock.now_ms += PROBE_INTERVAL_MS
    assert breaker.call_at_ms() == 0


def test_what_is_told_of_an_outage() -> None:
    """Its begin and its end, once each, however many calls fail and succeed."""
    breaker = Breaker("test", clock_ms=FakeClock().ms)
    with structlog.testing.capture_logs() as told:
        for reply in [LOST] * 2 * FAILURES_MAX + [answer(200)] * 3 + [LOST]:
            breaker.note(reply)
    assert [("error", "test"), ("warning", "test")] == [
        (line["log_level"], line["service"]) for line in told
    ]
