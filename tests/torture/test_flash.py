"""Flash sales at a real server, and one that sells a seat twice is found out."""

import tempfile
from pathlib import Path

import pytest

from torture.servers import flash
from torture.tally import Tally, Violation

pytestmark = pytest.mark.server
CLIENTS = 200
SEATS = 100
# Every select is told that it has won; the log knows better.
TELLS_EVERYBODY = """
from engine import Engine

select_seat = Engine.select_seat

def generous(engine, *arguments, **named):
    try:
        return select_seat(engine, *arguments, **named)
    except Exception:
        return None

Engine.select_seat = generous
"""


def test_a_flash_sale() -> None:
    """Twice, two clients a seat: a hundred win, and nobody is told wrong."""
    for number in range(2):
        found = Tally()
        assert "sold out" == flash.sale(f"{number}", found, clients=CLIENTS)
        winners = sum(n for name, n in found.outcomes.items() if name.startswith("won at try"))
        assert SEATS == winners
        assert CLIENTS + SEATS <= found.outcomes["calls answered"]


def test_a_server_that_tells_everybody_yes_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one was told of the same seat."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where a violation is kept
    (tmp_path / "sitecustomize.py").write_text(TELLS_EVERYBODY, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Violation, match="Contradiction"):
        flash.sale("generous", Tally(), clients=CLIENTS)
