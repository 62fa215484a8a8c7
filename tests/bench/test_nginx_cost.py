"""The benchmark of nginx still runs; without nginx or wrk it says that nothing was measured."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench import wrk
from bench.front import NGINX
from bench.http import WRK_MISSING

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parent.parent.parent


def smoke(tmp_path: Path, **environment: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.nginx", "--smoke"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "BENCH_DIR": str(tmp_path), **environment},
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr.decode()[-3_000:]
    results: dict[str, Any] = orjson.loads(ended.stdout)
    return results


@pytest.mark.skipif(not (wrk.is_installed() and NGINX), reason="wrk or nginx is not installed")
def test_every_figure_is_there(tmp_path: Path) -> None:
    """A second of each way: everything is booked, and nobody is refused for coming from here."""
    results = smoke(tmp_path)
    for found in results["scenarios"]["book"].values():
        assert found["ratio"] > 0
        assert ["201"] == list(found["warm_up_statuses"])
        for side in ("through", "alone"):
            assert (0, {}) == (found[side]["refused"], found[side]["errors"])


def test_without_wrk(tmp_path: Path) -> None:
    """Said in the results, not left out."""
    results = smoke(tmp_path, PATH="/nowhere")
    assert WRK_MISSING == results["missing"]
