"""The measurement of the search still runs: its smallest size does everything the full one does."""

import pytest

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
