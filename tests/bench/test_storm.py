"""The benchmarks of the storm and of the sale still run, and what they find is whole."""

from pathlib import Path

import pytest

from bench import wrk
from bench.http import WRK_MISSING
from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server
STORM = {"per_s", "statuses", "errors", "p50_ms", "p99_ms", "max_ms"}


@pytest.mark.skipif(not wrk.is_installed(), reason="wrk is not installed")
def test_everybody_is_answered_beside_a_storm(smoke: Smoke) -> None:
    """A second of fifty connections: nobody is refused, neither here nor there."""
    (found,) = smoke("bench.storm")["storms"].values()

    assert min(found["ratio"], found["machine_ratio"]) > 0
    assert 0 <= found["machine_slow_share"] <= 1
    for visit in ("alone", "beside_the_storm", "beside_a_storm_elsewhere"):
        assert {"201": 20, "200": 40} == found[visit]["answers"]
        assert 0 <= found[visit]["at_even_times"]["share"] <= 1
    for visit in ("beside_the_storm", "beside_a_storm_elsewhere"):
        assert STORM == set(found[visit]["storm"])
        assert found[visit]["first_second"]["max_ms"] > 0
        assert {} == found[visit]["storm"]["errors"]
    assert {"200", "201"} == set(found["beside_the_storm"]["storm"]["statuses"])


def test_a_machine_without_wrk_is_told_so(smoke: Smoke, tmp_path: Path) -> None:
    """The results say what is missing, and hold no figure."""
    results = smoke("bench.storm", PATH=str(tmp_path))

    assert WRK_MISSING == results["missing"]
    assert "storms" not in results


def test_a_hall_is_sold_to_its_last_seat(smoke: Smoke) -> None:
    """A hundredth of it: every seat once, and all three who know of it say the same."""
    results = smoke("bench.sale")

    concert, few = results["concert"], results["few"]
    assert (1_000, 0, 0) == (
        concert["sold"],
        concert["doubles"],
        concert["bookings_that_disagree"],
    )
    assert (1_000, 0) == (
        concert["analytics"]["reserved_seats"],
        concert["analytics"]["free_seats"],
    )
    assert (100, 0, 0) == (few["sold"], few["doubles"], few["bookings_that_disagree"])
    assert 0 < few["won_at_first"] <= 1
