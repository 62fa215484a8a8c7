"""The benchmark of slow clients still runs: everybody gets in, and the honest are answered."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from bench.front import NGINX

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parent.parent.parent
FRONTS = {"directly"} | ({"behind nginx"} if NGINX else set())
CROWD = {"slow headers": 20, "slow bodies": 20, "slow readers": 5, "idle": 100}


def test_every_figure_is_there(tmp_path: Path) -> None:
    """A hundredth of everything, directly and behind nginx where it is installed."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.slow", "--smoke"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "BENCH_DIR": str(tmp_path)},
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr.decode()[-3_000:]
    results = orjson.loads(ended.stdout)

    assert FRONTS == FRONTS & set(results)
    for front in FRONTS:
        found = results[front]["all"]
        assert {"load", "alone", "beside", "grew_mb", "crowd", "p99_ratio"} == set(found)
        assert {"201": 30, "200": 20} == found["beside"]["answers"] == found["alone"]["answers"]
        assert CROWD == {kind: one["held"] for kind, one in found["crowd"].items()}
    assert [] == list(tmp_path.iterdir())
