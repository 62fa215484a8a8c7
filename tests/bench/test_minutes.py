"""Memory that grows is told by its slope, and a minute by what was answered in it."""

import pytest

from bench.minutes import Minutes, Sample, growth

MIB = 2**20


def test_growth_is_told_in_megabytes_an_hour() -> None:
    """One a minute is sixty an hour; what came before the warm-up was over doesn't count."""
    cold = [Sample(at, resident=500 * MIB, own=400 * MIB) for at in (0, 10)]
    warm = [Sample(60 + 60 * at, resident=(100 + at) * MIB, own=50 * MIB) for at in range(4)]

    found = growth(cold + warm, warm_up_seconds=60)

    assert 180 == found["seconds"]
    assert {"first_mb": 100, "last_mb": 103, "mb_per_hour": 60} == found["resident"]
    assert {"first_mb": 50, "last_mb": 50, "mb_per_hour": 0} == found["own"]
    assert {} == growth(cold, warm_up_seconds=60)


def test_a_minute_has_what_was_answered_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Only durable calls have times there; the whole run has all."""
    minutes = Minutes(frozenset({"book"}))
    for number in (1, 2):
        minutes.add("book", 201, 0.004)
        minutes.add("page", 200, 0.5)
        minutes.add_unanswered("book")
        minutes.close(stall_ms=3.5, resident_mb=90.0, load=0.1, name=f"minute {number}")

    first, second = minutes.closed
    assert first == second
    assert (2, 1, 4.0) == (first["calls"], first["unanswered"], first["durable"]["max_ms"])
    assert {"book 201": 2, "page 200": 2, "book unanswered": 2} == minutes.statuses
    assert [0.5, 0.5] == list(minutes.seconds["page"])
    assert "minute 2: 2 calls, 1 unanswered, durable p99 4.0 ms, worst stall 3.5 ms, 90.0 MB" in (
        capsys.readouterr().err
    )
