"""Waiting rooms on disk: `<data>/waiting-rooms/<event>.json`, each whole or as it was before.

What has failed may be asked again, and then changes the directory anew. To sync it a second time
without a change wouldn't do: the kernel may have dropped the first one, and say that all is well.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from api.fairness.waiting_room import KeptRoom, WaitingRoom
from api.store import write_own
from catalog.manifest import fsync

WAITING_ROOMS_DIRECTORY = "waiting-rooms"
_SUFFIX = ".json"
_CLOSED = b"null"  # a file of which only the name has to go


class RoomFiles:
    """A file a room. Everything here blocks: not for the loop."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._is_made = False  # the directory, and the disk knows it

    def read(self) -> Iterator[WaitingRoom | Path]:
        """Each room; or the file that can't be read, which has a new name then."""
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            try:
                kept = msgspec.json.decode(path.read_bytes(), type=KeptRoom | None)
                if kept is not None:
                    yield WaitingRoom.restored(kept)
            except ValueError:
                yield path.rename(path.with_suffix(".broken"))

    def write(self, kept: KeptRoom) -> None:
        """Durable when this returns; raises OSError, and the file is as it was."""
        if not (self._is_made and self._directory.is_dir()):
            self._make_directory()
        # Its own alone: seed and key decide who comes first.
        write_own(self._path(kept.event_id), msgspec.json.encode(kept))

    def remove(self, event_id: int) -> None:
        """Durable when this returns; raises OSError."""
        path = self._path(event_id)
        if not self._directory.is_dir():
            return
        if not path.exists():  # the disk may not know it yet
            write_own(path, _CLOSED)
        path.unlink()
        fsync(self._directory)

    def _make_directory(self) -> None:
        self._directory.mkdir(exist_ok=True)
        try:
            fsync(self._directory.parent)
        except OSError:
            with suppress(OSError):
                self._directory.rmdir()
            raise
        self._is_made = True

    def _path(self, event_id: int) -> Path:
        return self._directory / f"{event_id}{_SUFFIX}"
