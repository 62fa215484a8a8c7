"""The benchmark of HTTP still runs; without wrk it says that nothing was measured."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench import wrk
from bench.http import SMOKE_SCENARIOS, WRK_MISSING

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parent.parent.parent
SUCCESS = {"select": "200"}
SIDE = {"per_s", "p50_ms", "p99_ms", "p999_ms", "max_ms", "refused", "errors", "cpu_us", "others"}


def smoke(tmp_path: Path, **environment: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.http", "--smoke"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "BENCH_DIR": str(tmp_path), **environment},
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr.decode()[-3_000:]
    results: dict[str, Any] = orjson.loads(ended.stdout)
    return results


@pytest.mark.skipif(not wrk.is_installed(), reason="wrk is not installed")
def test_every_figure_is_there(tmp_path: Path) -> None:
    """A second of a scenario: everything is sold to whom it should be, nothing fails."""
    results = smoke(tmp_path)

    assert set(SMOKE_SCENARIOS) == set(results["scenarios"])
    for name, by_connections in results["scenarios"].items():
        (figures,) = by_connections.values()
        assert {SUCCESS[name]} == set(figures["warm_up_statuses"])
        assert min(figures["ratio"], figures["cpu_ratio"]) > 0
        for side in ("ours", "hello"):
            assert SIDE == set(figures[side])
            assert (0, {}) == (figures[side]["refused"], figures[side]["errors"])
    assert [] == list(tmp_path.iterdir())


def test_a_machine_without_wrk_is_told_so(tmp_path: Path) -> None:
    """The results say what is missing, and hold no figure."""
    results = smoke(tmp_path, PATH=str(tmp_path))

    assert WRK_MISSING == results["missing"]
    assert "scenarios" not in results
