"""The benchmark of slow clients still runs: everybody gets in, and the honest are answered."""

from pathlib import Path

import pytest

from bench import slow
from bench.baseline import committed
from bench.front import NGINX
from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server
FRONTS = {"directly"} | ({"behind nginx"} if NGINX else set())
CROWD = {"slow headers": 20, "slow bodies": 20, "slow readers": 5, "idle": 100}


def test_every_figure_is_there(smoke: Smoke) -> None:
    """A hundredth of everything, directly and behind nginx where it is installed."""
    results = smoke("bench.slow")

    assert FRONTS == FRONTS & set(results)
    for front in FRONTS:
        found = results[front]["all"]
        assert {"load", "alone", "beside", "grew_mb", "crowd", "p99_ratio"} == set(found)
        assert {"201": 30, "200": 20} == found["beside"]["answers"] == found["alone"]["answers"]
        assert CROWD == {kind: one["held"] for kind, one in found["crowd"].items()}


def test_a_machine_without_nginx_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of the results don't take the place of all."""
    path = tmp_path / "slow.json"
    path.write_bytes(b'{"behind nginx": 1}')
    monkeypatch.setattr(slow, "RESULTS", path)
    monkeypatch.setattr(slow, "NGINX", None)
    monkeypatch.setattr(slow, "besieged", lambda *_, **__: {})
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    slow.main([])

    assert {"behind nginx": 1} == committed(path)
    assert f"{slow.NGINX_MISSING}\n" in capsys.readouterr().err
