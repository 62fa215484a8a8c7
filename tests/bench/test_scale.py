"""The benchmark of size still runs."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

pytestmark = pytest.mark.server
FIGURES = {
    "machine": {"date", "cpu", "cores", "memory_gib", "python", "kernel"},
    "import": {"users", "csv_mb", "seconds", "reference", "ratio", "peak_mb"},
    "serve": {"ready_seconds", "resident_mb", "resident_after_logins_mb", "peak_mb"},
    "reset": {"sold_seats", "refunds_owed", "seconds", "reference", "ratio", "peak_mb"},
}


def test_every_figure_is_there(tmp_path: Path) -> None:
    """A hundredth of everything."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.scale", "--smoke"],
        capture_output=True,
        env={**os.environ, "BENCH_DIR": str(tmp_path)},
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr.decode()[-3_000:]
    results = orjson.loads(ended.stdout)

    assert results.pop("smoke")
    assert {name: set(results[name]) for name in results} == FIGURES
    assert 10_000 == results["import"]["users"]
    assert (100_000, 25_000) == (results["reset"]["sold_seats"], results["reset"]["refunds_owed"])
    assert [] == list(tmp_path.iterdir())
