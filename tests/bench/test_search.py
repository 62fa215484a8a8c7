"""The measurement of the search still runs: its smallest size does everything the full one does."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
IMPORTS = {"generate", "build", "build_shuffled"}
PARTS = IMPORTS | {"latency", "cold", "all_mapped", "stall", "serve", "fts5"}


@pytest.mark.server
def test_smoke_size_measures_everything() -> None:
    """Every part has its figures, and the queries that everybody tries find something."""
    command = [sys.executable, "-m", "bench.search", "--smoke"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    results = orjson.loads(done.stdout)
    assert PARTS < set(results)
    for part in ("latency", "cold", "all_mapped"):
        for kind in ("without_date", "with_date"):
            assert results[part][kind]["p50_ms"] > 0
    assert results["build"]["events"] == 13_000
    assert {"date", "cpu", "cores"} < set(results["machine"])
    for query in ("азарт", "концерты", "Что? Где? Когда?", 'Экспозиция "Звездные войны"'):
        assert results["latency"][query]
