"""Images of a real server's volume are taken as it sells, and one that never syncs is found out."""

import tempfile
from pathlib import Path

import pytest

from torture.servers import images, volume
from torture.servers.history import UNKNOWN, Op
from torture.tally import Tally, Violation

pytestmark = pytest.mark.server
SEED = 1
mountable = pytest.mark.skipif(not volume.can_mount(), reason="no volume can be mounted here")
# What is written stays in the page cache: a kill would not notice.
NEVER_SYNCS = """
import os

os.fdatasync = lambda file: None
"""


@mountable
@pytest.mark.parametrize(
    ("number", "came_of_it"), [(0, "image"), (images.IMAGES, "image of a full volume")]
)
def test_an_image(
    number: int, came_of_it: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has all that was told before, and another server sells from it; no mount stays."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # others may have mounts of their own
    found = Tally()
    assert came_of_it == images.case(SEED, number, found)
    assert found.outcomes["calls answered"] > images.CLIENTS
    assert found.outcomes["records"] > 0
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


@mountable
def test_a_server_that_never_syncs_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image lacks what was told, though the server's own files had it; no mount stays."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where a violation is kept
    (tmp_path / "sitecustomize.py").write_text(NEVER_SYNCS, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Violation, match=r"Corrupt|it isn't there"):
        images.case(SEED, 0, Tally())
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


def test_calls_as_an_image_knows_them() -> None:
    """Answered before it: told. Under way: unknown. Made after it: not in it."""
    before, during = Op("list", 1, 0, end=1, status=200), Op("list", 1, 1, end=3, status=200)
    unanswered, after = Op("list", 1, 2), Op("list", 1, 5, end=6, status=200)

    known = images.as_of_image([before, during, unanswered, after], began=2, ended=4)

    assert [before, unanswered] == [known[0], known[2]]
    assert (3, UNKNOWN, float("inf")) == (len(known), known[1].status, known[1].end)


def test_where_nothing_may_be_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one case that is left says that nothing was tried."""
    monkeypatch.setattr(images, "can_mount", lambda: False)
    assert 1 == images.count(SEED)
    assert images.NO_MOUNT == images.case(SEED, 0, Tally())
