"""People can still be played: what a few of them do in a moment succeeds."""

import pytest

from bench.load.__main__ import figures
from tests.bench.conftest import Smoke

FIGURES = {"requests", "failures", "p50_ms", "p99_ms", "p999_ms", "max_ms"}
SOLD = {"POST /api/bookings", "GET /api/seats FREE", "PATCH /api/seats/select"}


@pytest.mark.server
def test_a_few_people_buy_without_a_failure(smoke: Smoke) -> None:
    """All journeys at once, for a moment; nothing is left behind."""
    requests = smoke("bench.load")["requests"]

    assert SOLD <= set(requests)
    for one in requests.values():
        assert FIGURES == set(one)
        assert 0 == one["failures"]


def test_percentiles_come_from_counted_times() -> None:
    """Nine hundred and ninety of a thousand took 5 ms, nine 70 and one 400."""
    told = {
        "num_requests": 1_000,
        "num_failures": 2,
        "response_times": {"70": 9, "5": 990, "400": 1},
        "max_response_time": 401.26,
    }

    expected = {"requests": 1_000, "failures": 2, "p50_ms": 5.0, "p99_ms": 5.0, "p999_ms": 70.0}
    assert {**expected, "max_ms": 401.3} == figures(told)
