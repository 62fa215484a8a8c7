"""The benchmark of recovery still runs, and what it recovers is the same each time."""

from pathlib import Path

from bench.recovery import BATCHES, SMOKE, log
from tests.bench.conftest import Smoke

FIGURES = {
    "log": {"records", "seconds", "reference", "ratio", "digest", "peak_mb"},
    "build": {"bookings", "digest", "peak_mb"},
    "make": {"seconds", "peak_mb"},
    "write": {"mb", "seconds", "reference", "ratio", "peak_mb"},
    "recover": {"seconds", "reference", "ratio", "digest", "peak_mb"},
    "wal": {"record_bytes", *map(str, BATCHES), "peak_mb"},
}


def test_every_figure_is_there(smoke: Smoke, tmp_path: Path) -> None:
    """A hundredth of everything; the recovered log has the same digest in another run."""
    results = smoke("bench.recovery")

    assert FIGURES == {name: set(results[name]) for name in FIGURES}
    assert SMOKE.bookings == results["build"]["bookings"]
    for records in map(str, BATCHES):
        assert min(results["wal"][records][side]["per_s"] for side in ("ours", "plain")) > 0

    assert results["log"]["digest"] == log(tmp_path, SMOKE)["digest"]
