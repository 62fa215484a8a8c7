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
        self._is_made = False  # the directory, and the disk knows it

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
        if not (self._is_made and self._directory.is_dir()):
            self._directory.mkdir(exist_ok=True)
            fsync(self._directory.parent)
            self._is_made = True
        # Its own alone: seed and key decide who comes first.
        write_own(self._path(kept.event_id), msgspec.json.encode(kept))

    def remove(self, event_id: int) -> None:
        """Durable when this returns; raises OSError."""
        self._path(event_id).unlink(missing_ok=True)
        if self._directory.is_dir():  # also where the file is gone: the disk may not know it yet
            fsync(self._directory)

    def _path(self, event_id: int) -> Path:
        return self._directory / f"{event_id}{_SUFFIX}"
