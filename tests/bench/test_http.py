"""The benchmark of HTTP still runs; without wrk it says that nothing was measured."""

from pathlib import Path

import pytest

from bench import wrk
from bench.http import RUNS_MAX, SMOKE_SCENARIOS, WRK_MISSING, Storm, Turn
from bench.serving import Server
from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server
SUCCESS = {"select": "200"}
NOBODY = wrk.Told(0, 1.0, 0, {}, 0, {}, 0.0, 0.0, 0.0, 0.0)
SIDE = {"per_s", "p50_ms", "p99_ms", "p999_ms", "max_ms", "refused", "errors", "cpu_us", "others"}


@pytest.mark.skipif(not wrk.is_installed(), reason="wrk is not installed")
def test_every_figure_is_there(smoke: Smoke) -> None:
    """A second of a scenario: everything is sold to whom it should be, nothing fails."""
    results = smoke("bench.http")

    assert set(SMOKE_SCENARIOS) == set(results["scenarios"])
    for name, by_connections in results["scenarios"].items():
        (figures,) = by_connections.values()
        assert {SUCCESS[name]} == set(figures["warm_up_statuses"])
        assert min(figures["ratio"], figures["cpu_ratio"]) > 0
        for side in ("ours", "hello"):
            assert SIDE == set(figures[side])
            assert (0, {}) == (figures[side]["refused"], figures[side]["errors"])
    assert results["ceilings"]["sharing a core"]["ratio"] > 0


def test_a_machine_without_wrk_is_told_so(smoke: Smoke, tmp_path: Path) -> None:
    """The results say what is missing, and hold no figure."""
    results = smoke("bench.http", PATH=str(tmp_path))

    assert WRK_MISSING == results["missing"]
    assert "scenarios" not in results


def test_a_refusal_is_no_success() -> None:
    """A server that sends everybody away would be the fastest of all."""
    assert 20 == NOBODY._replace(requests=50, refused=10, seconds=2.0).rate


def test_a_run_without_an_answer_is_made_again_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to divide by; but a server that never answers ends the benchmark."""
    costs = [0.0, 0.0, 31.5]
    storm = Storm(Server("http://127.0.0.1:1", 0), Path("none"))
    monkeypatch.setattr(storm, "_run_once", lambda *_, **__: Turn(NOBODY, costs.pop(0), 0.0))

    assert 31.5 == storm.turn(8, seconds=1).cpu_us
    assert [
        "too few were answered in 1 s to count; once more"
    ] * 2 == capsys.readouterr().err.splitlines()

    costs = [0.0] * RUNS_MAX
    with pytest.raises(TimeoutError, match="5 runs of 1 s, and too few"):
        storm.turn(8, seconds=1)
