"""Real servers are killed, and a server that tells too early is found out."""

import gc
import math
import tempfile
from pathlib import Path
from random import Random

import pytest

from torture.servers import kills
from torture.servers.history import Contradiction
from torture.servers.kills import Dynasty
from torture.tally import Hang, Tally, Violation
from torture.trials import SERVER_HANG_SECONDS, Trial, run

pytestmark = pytest.mark.server
SEED = 1
LIVES = 10
# Every reply is sent before the disk has its record. A kill leaves what the kernel was given, so
# the disk is slow as well: on a fast one, ten lives may pass without a kill between the two.
TELLS_TOO_EARLY = """
import time
from engine import Engine
from wal import Log

write = Log.write

async def durable(engine):
    engine._commit_group.wake()

def write_slowly(log, pending):
    time.sleep(0.02)
    write(log, pending)

Engine.durable = durable
Log.write = write_slowly
"""


def few(seed: int) -> int:
    return LIVES


def test_lives() -> None:
    """Ten of them, in two processes: nothing told is missing, nothing is done twice."""
    trial = Trial("kills", few, kills.case, 1, SERVER_HANG_SECONDS)

    found = run(trial, seed=SEED, jobs=2, seconds=math.inf, progress=lambda _: None).tally

    assert ([], LIVES) == (found.violations, found.cases)
    deaths = {name: found.outcomes[name] for name, _, _ in kills.DEATHS}
    assert LIVES == sum(deaths.values())
    assert all(deaths.values()), "a seed is wanted with every death among the first lives"
    assert found.outcomes["calls answered"] > LIVES / 2 * kills.CALLS_MIN
    assert found.outcomes["records"] > 100


def test_what_hangs_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory is named, and has what its servers have said."""

    def hang(*_: object) -> None:
        raise Hang("no end in live")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where a violation is kept
    monkeypatch.setattr(Dynasty, "live", hang)
    with pytest.raises(Violation, match="no end in live; kept in ") as told:
        kills.case(SEED, 0, Tally())
    gc.collect()
    assert (Path(str(told.value).partition("kept in ")[2]) / "data").is_dir()


def test_a_server_that_tells_too_early_is_found(tmp_path: Path) -> None:
    """Within a few lives somebody was told of a record that the log doesn't have."""
    (tmp_path / "sitecustomize.py").write_text(TELLS_TOO_EARLY, encoding="utf-8")
    dynasty = Dynasty(SEED, environment={"PYTHONPATH": str(tmp_path)})
    with pytest.raises(Contradiction, match="it isn't there"):
        live_often(dynasty)


def live_often(dynasty: Dynasty) -> None:
    for number in range(LIVES):
        dynasty.live(Random(number), Tally())
