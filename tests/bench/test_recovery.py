"""The benchmark of recovery still runs, and what it recovers is the same each time."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from bench.recovery import BATCHES, SMOKE, log

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = {
    "log": {"records", "seconds", "reference", "ratio", "digest", "peak_mb"},
    "build": {"bookings", "digest", "peak_mb"},
    "make": {"seconds", "peak_mb"},
    "write": {"mb", "seconds", "reference", "ratio", "peak_mb"},
    "recover": {"seconds", "reference", "ratio", "digest", "peak_mb"},
    "wal": {"record_bytes", *map(str, BATCHES), "peak_mb"},
}


def test_every_figure_is_there(tmp_path: Path) -> None:
    """A hundredth of everything; the recovered log has the same digest in another run."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.recovery", "--smoke"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "BENCH_DIR": str(tmp_path)},
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr.decode()[-3_000:]
    results: dict[str, Any] = orjson.loads(ended.stdout)

    assert FIGURES == {name: set(results[name]) for name in FIGURES}
    assert SMOKE.bookings == results["build"]["bookings"]
    for records in map(str, BATCHES):
        assert min(results["wal"][records][side]["per_s"] for side in ("ours", "plain")) > 0
    assert [] == list(tmp_path.iterdir())

    assert results["log"]["digest"] == log(tmp_path, SMOKE)["digest"]
