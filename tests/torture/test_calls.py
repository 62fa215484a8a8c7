"""The disk refuses and lies to real servers, and a server that doesn't mind is found out."""

import tempfile
from pathlib import Path

import pytest

from torture.servers import calls
from torture.servers.calls import BLOWS, KILL, Blow
from torture.tally import Tally, Violation

pytestmark = pytest.mark.server
SEED = 1
strace = pytest.mark.skipif(not calls.can_trace(), reason="strace is not here, or may not trace")
# A failed sync of a batch is taken for a success.
GOES_ON = """
import contextlib, os

fdatasync = os.fdatasync

def careless(file):
    with contextlib.suppress(OSError):
        fdatasync(file)

os.fdatasync = careless
"""


def number_of(blow: Blow, when: int) -> int:
    """The case in which this blow strikes at this call."""
    return sum(one.times for one in BLOWS[: BLOWS.index(blow)]) + when - 1


@strace
@pytest.mark.parametrize(
    ("blow", "when", "came_of_it"),
    [
        (Blow("fdatasync", "error=EIO", 200), 7, "ended"),
        (Blow("pwrite64", "retval=37", 200), 1, "refused by the next server"),
        (Blow("rename", KILL, 2, while_starting=True), 1, "ended"),
    ],
)
def test_a_blow(blow: Blow, when: int, came_of_it: str) -> None:
    """What was told is there under the next server, or that one refuses what a lie has left."""
    found = Tally()
    assert f"{blow.named}: {came_of_it}" == calls.case(SEED, number_of(blow, when), found)


@strace
def test_a_server_that_does_not_mind_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on after its log was refused, and that alone is a violation."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where a violation is kept
    monkeypatch.setattr(calls, "ENDED_SECONDS_MAX", 0.1)  # nobody waits for what never comes
    (tmp_path / "sitecustomize.py").write_text(GOES_ON, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Violation, match="the server went on"):
        calls.case(SEED, number_of(Blow("fdatasync", "error=EIO", 200), 20), Tally())


def test_without_strace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one case that is left says that nothing was tried."""
    monkeypatch.setattr(calls, "can_trace", lambda: False)
    assert 1 == calls.count(SEED)
    assert calls.NO_STRACE == calls.case(SEED, 0, Tally())
