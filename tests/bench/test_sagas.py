"""The benchmark of the sagas still runs, and whatever it measures has ended well."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = {
    "page": {"load", "ours", "gateway", "p99_above_ms", "answers"},
    "flight": {
        "load",
        "stall_idle_ms",
        "initiated_per_s",
        "stall_initiating_ms",
        "stall_paying_ms",
        "cpu_seconds",
        "sold_per_s",
        "pay_to_confirmed",
        "not_sold",
        "money_agrees",
        "reference",
        "ratio",
    },
    "outage": {"customers", "lost", "sold_after_its_end_s"},
}


def test_every_figure_is_there(tmp_path: Path) -> None:
    """A hundredth of everything: every customer gets the page and the seat, outage or not."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.sagas", "--smoke"],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "BENCH_DIR": str(tmp_path)},
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr.decode()[-3_000:]
    results = orjson.loads(ended.stdout)

    page, flight, outage = results["page"], results["flight"], results["outage"]
    rates = [one for name, one in page.items() if name != "reference"]
    kinds = [one for one in outage.values() if isinstance(one, dict)]
    assert {"page": set(rates[0]), "flight": set(flight), "outage": set(kinds[0])} == FIGURES
    assert [{"302": 20}] * 2 == [one["answers"] for one in rates]
    assert (0, True) == (flight["not_sold"], flight["money_agrees"])
    assert flight["stall_paying_ms"] > 0, "nobody watches the loop"
    assert [(4, 0)] * 3 == [(one["customers"], one["lost"]) for one in kinds]
    assert outage["money_agrees"]
    assert [] == list(tmp_path.iterdir())
