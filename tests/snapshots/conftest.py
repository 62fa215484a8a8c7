"""What the tests of snapshots share."""

from pathlib import Path

import pytest

from snapshots.store import SnapshotStore

STORE_ID = b"sixteen bytes id"


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """An empty store on the real disk."""
    return SnapshotStore(tmp_path / "snapshots", store_id=STORE_ID)
