"""The day at the shop can still be measured, and what doesn't add up is told."""

import pytest

from bench.customers import Stall
from bench.slow_moments import Look, SlowMoments
from bench.soak import stalls_at_even_times, summed
from bench.tasks import Figures
from tests.bench.conftest import Smoke

CALLS = {"book 201", "page 200", "search 200", "select 200", "release 200", "list 200", "pay 302"}
MINUTE = {"calls", "unanswered", "durable", "stall_ms", "resident_mb", "load"}
RIGHT = {"bookings_lost": 0, "seats_lost": 0, "seats_never_told": 0, "seats_of_two": 0}
REFERENCE = {"calls": {"p99_ms": 2.0}, "stall_ms": 1.0}


@pytest.mark.server
def test_every_figure_is_there(smoke: Smoke) -> None:
    """Some seconds: all kinds of work happen, the server dies once, and all adds up."""
    results = smoke("bench.soak")

    assert (0, 1) == (results["violations"], results["kills"])
    assert CALLS <= set(results["statuses"])
    assert min(results["holds_run_out"], results["snapshots"], results["ratio"]) > 0
    end = results["end"]
    assert (True, "", 0) == (end["money_agrees"], end["verify_fault"], end["exit_code"])
    assert end["payments_captured"] >= results["statuses"].get("refund 200", 0)
    for life in results["lives"]:
        assert [MINUTE] * 3 == [set(one) for one in life["minutes"]]
        assert life["cores"]["server"] > 0
        assert 0 <= life["even_share"] <= 1


def run(faults: Figures | None = None, seats_of_two: int = 0, **end: object) -> Figures:
    """A run of one life, right but for what is given."""
    minutes = [
        {"durable": {"p99_ms": one}, "stall_ms": 8 * one, "calls": 9} for one in (1.0, 2.0, 3.0)
    ]
    life = {
        "faults": {**RIGHT, "holds_run_out": 2},
        "minutes": minutes,
        "statuses": {"book 201": 5},
        "unforeseen": {},
        "seats_of_two": seats_of_two,
        "snapshots": 1,
        "snapshots_failed": 0,
        "even_stall_ms": 7.0,
        "idle": {"stall_ms": 0.5},
        "reference": REFERENCE,
    }
    last = {
        "faults": {**RIGHT, "holds_run_out": 3, **(faults or {})},
        "money_agrees": True,
        "seats_sold": 4,
        "seats_listed": 4,
        "verify_fault": "",
        "exit_code": 0,
    }
    return summed([life], {**last, **end})


def test_the_worst_minute_is_the_stall_of_the_run() -> None:
    """And the middle one is compared with the reference."""
    found = run()

    assert (24.0, True) == (found["worst_stall_ms"], found["stall_is_met"])
    assert 7.0 == found["worst_stall_at_even_times_ms"]
    assert (2.0, 1.0) == (found["durable_p99_ms_of_the_middle_minute"], found["ratio"])
    assert (5, 0, 0) == (found["holds_run_out"], found["kills"], found["violations"])


def test_a_stall_in_a_slow_moment_of_the_machine_is_told_apart() -> None:
    """The longest of the other looks counts; none, where every look was touched."""
    looks = [Look(at / 100, at / 100, at / 100 + 0.0001) for at in range(1_000)]
    looks[300] = looks[300]._replace(ended=3.05)
    stalls = [Stall(at, at + 1.0, 30.0 if at == 2 else at) for at in range(1, 9)]
    found = stalls_at_even_times(stalls, SlowMoments(looks))

    assert (0.75, 8) == (found["even_share"], found["even_stall_ms"])
    assert stalls_at_even_times(stalls[1:3], SlowMoments(looks))["even_stall_ms"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"faults": {"seats_lost": 1}},
        {"seats_of_two": 1},
        {"money_agrees": False},
        {"seats_sold": 5},
        {"verify_fault": "a segment is missing"},
        {"exit_code": 1},
    ],
)
def test_whatever_does_not_add_up_is_a_violation(wrong: dict[str, object]) -> None:
    """One each."""
    assert 1 == run(**wrong)["violations"]  # type: ignore[arg-type]
