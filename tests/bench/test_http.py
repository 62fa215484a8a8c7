"""The benchmark of HTTP still runs; without wrk it says that nothing was measured."""

from pathlib import Path

import pytest

from bench import wrk
from bench.http import SMOKE_SCENARIOS, WRK_MISSING
from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server
SUCCESS = {"select": "200"}
SIDE = {"per_s", "p50_ms", "p99_ms", "p999_ms", "max_ms", "refused", "errors", "cpu_us", "others"}


@pytest.mark.skipif(not wrk.is_installed(), reason="wrk is not installed")
def test_every_figure_is_there(smoke: Smoke) -> None:
    """A second of a scenario: everything is sold to whom it should be, nothing fails."""
    results = smoke("bench.http")

    assert set(SMOKE_SCENARIOS) == set(results["scenarios"])
    for name, by_connections in results["scenarios"].items():
        (figures,) = by_connections.values()
        assert {SUCCESS[name]} == set(figures["warm_up_statuses"])
        assert min(figures["ratio"], figures["cpu_ratio"]) > 0
        for side in ("ours", "hello"):
            assert SIDE == set(figures[side])
            assert (0, {}) == (figures[side]["refused"], figures[side]["errors"])
    assert results["ceilings"]["sharing a core"]["ratio"] > 0


def test_a_machine_without_wrk_is_told_so(smoke: Smoke, tmp_path: Path) -> None:
    """The results say what is missing, and hold no figure."""
    results = smoke("bench.http", PATH=str(tmp_path))

    assert WRK_MISSING == results["missing"]
    assert "scenarios" not in results
