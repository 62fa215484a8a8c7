"""The benchmark of size still runs."""

import pytest

from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server
MEMORY = {"own", "mapped", "both", "peak"}
FIGURES = {
    "load": {"seconds", "reference", "ratio", "peak_mb"},
    "fill": {"bookings", "sold_seats", "peak_mb"},
    "serve": {"ready_seconds", "fresh", "used", "peak_mb"},
    "reset": {"sold_seats", "refunds_owed", "seconds", "reference", "ratio", "peak_mb"},
}


def test_every_figure_is_there(smoke: Smoke) -> None:
    """A hundredth of everything."""
    results = smoke("bench.scale")

    assert (10_000, 60_000) == (results["users"], results["archive"])
    for task, names in FIGURES.items():
        assert names == set(results[task]), task
    assert (10_000, 1_000) == (results["fill"]["bookings"], results["fill"]["sold_seats"])
    for moment in ("fresh", "used"):
        memory = results["serve"][moment]
        assert set(memory) == MEMORY
        assert 0 < memory["own"] < memory["both"] <= memory["peak"] + 1
    assert (100_000, 25_000) == (results["reset"]["sold_seats"], results["reset"]["refunds_owed"])
