"""The benchmark of size still runs."""

import pytest

from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server
FIGURES = {
    "machine": {"date", "cpu", "cores", "memory_gib", "python", "kernel"},
    "import": {"users", "csv_mb", "seconds", "reference", "ratio", "peak_mb"},
    "serve": {"ready_seconds", "resident_mb", "resident_after_logins_mb", "peak_mb"},
    "reset": {"sold_seats", "refunds_owed", "seconds", "reference", "ratio", "peak_mb"},
}


def test_every_figure_is_there(smoke: Smoke) -> None:
    """A hundredth of everything."""
    results = smoke("bench.scale")

    assert results.pop("smoke")
    assert {name: set(results[name]) for name in results} == FIGURES
    assert 10_000 == results["import"]["users"]
    assert (100_000, 25_000) == (results["reset"]["sold_seats"], results["reset"]["refunds_owed"])
