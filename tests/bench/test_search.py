"""The measurement of the search still runs: its smallest size does everything the full one does."""

import pytest

from bench.baseline import committed
from bench.search import RESULTS, beside
from tests.bench.conftest import Smoke

IMPORTS = {"generate", "build", "build_shuffled"}
PARTS = IMPORTS | {"latency", "cold", "all_mapped", "stall", "serve", "fts5"}


@pytest.mark.server
def test_smoke_size_measures_everything(smoke: Smoke) -> None:
    """Every part has its figures, and the queries that everybody tries find something."""
    results = smoke("bench.search")
    assert PARTS < set(results)
    for part in ("latency", "cold", "all_mapped"):
        for kind in ("without_date", "with_date"):
            assert results[part][kind]["p50_ms"] > 0
    assert results["build"]["events"] == 13_000
    assert {"date", "cpu", "cores"} < set(results["machine"])
    for query in ("азарт", "концерты", "Что? Где? Когда?", 'Экспозиция "Звездные войны"'):
        assert results["latency"][query]
    assert set(results["of_baseline"]) == {f"beside_fts5 {one}" for one in results["beside_fts5"]}


def test_the_committed_ratios_are_those_of_the_committed_figures() -> None:
    """Nobody has typed them."""
    results = committed(RESULTS)
    assert results["beside_fts5"] == beside(results)


def test_a_ratio_says_how_many_times_as_long_the_alternative_takes() -> None:
    """For one event of those that each imported, and for the query in the middle."""
    kinds = ("without_date", "with_date")
    ours = {name: {"p50_ms": 2.0} for name in kinds}
    theirs = {name: {"p50_ms": 9.0} for name in kinds}
    results = {
        "build": {"events": 600, "seconds": 60.0},
        "latency": ours,
        "fts5": {"events": 100, "seconds": 8.0, **theirs},
    }
    assert {"import": 0.8, "without_date": 4.5, "with_date": 4.5} == {
        name: one["ratio"] for name, one in beside(results).items()
    }
