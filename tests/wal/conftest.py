"""What the tests of the log share: small logs, on the real disk and in memory."""

from pathlib import Path

import pytest

from tests.wal.fake_disks import small_log
from torture.corpus import Corpus
from wal.log import Log


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty log on the real disk."""
    directory = tmp_path / "wal"
    Log.create(directory, store_id=b"sixteen bytes id")
    return directory


@pytest.fixture
def small() -> Corpus:
    """A log in memory of several segments, none of them full of anything but batches."""
    return small_log()
