"""Waiting rooms on disk: `<data>/waiting-rooms/<event>.json`, each whole or as it was before."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from api.fairness.waiting_room import KeptRoom, WaitingRoom
from api.store import write_own
from catalog.manifest import fsync

WAITING_ROOMS_DIRECTORY = "waiting-rooms"
_SUFFIX = ".json"


class RoomFiles:
    """A file a room. Everything here blocks: not for the loop."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> Iterator[WaitingRoom | Path]:
        """Each room; or the file that can't be read, which has a new name then."""
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            try:
                kept = msgspec.json.decode(path.read_bytes(), type=KeptRoom)
                yield WaitingRoom.restored(kept)
            except ValueError:
                yield path.rename(path.with_suffix(".broken"))

    def write(self, kept: KeptRoom) -> None:
        """Durable when this returns; raises OSError, and the file is as it was."""
        if not self._directory.is_dir():
            self._directory.mkdir()
            fsync(self._directory.parent)
        # Its own alone: seed and key decide who comes first.
        write_own(self._path(kept.event_id), msgspec.json.encode(kept))

    def remove(self, event_id: int) -> None:
        """Durable when this returns; raises OSError."""
        path = self._path(event_id)
        if path.exists():
            path.unlink()
            fsync(self._directory)

    def _path(self, event_id: int) -> Path:
        return self._directory / f"{event_id}{_SUFFIX}"
