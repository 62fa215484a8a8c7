"""Waiting rooms on disk: whole or as before, and a bad one keeps nobody out."""

import errno
import os
import stat
from functools import partial
from pathlib import Path

import pytest

from api import store
from api.fairness import room_files
from api.fairness.room_files import RoomFiles
from api.fairness.waiting_room import WaitingRoom

NOW_MS = 1_800_000_000_000
_LONG_AGO = 1_000_000_000


def new_room(event_id: int, per_minute: int = 600) -> WaitingRoom:
    return WaitingRoom(
        event_id,
        opens_at_ms=NOW_MS,
        per_minute=per_minute,
        pass_minutes=10,
        seed=b"s" * 32,
        key=b"k" * 32,
    )


@pytest.fixture
def files(tmp_path: Path) -> RoomFiles:
    return RoomFiles(tmp_path / "waiting-rooms")


class FailsOnce:
    """Syncs of one directory: the first one fails, and its change is lost."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._has_failed = False
        self.has_changed = False  # since the sync that failed, when the last one was asked for

    def sync(self, path: Path) -> None:
        if path != self._directory:
            return
        if not self._has_failed:
            self._has_failed = True
            os.utime(path, ns=(_LONG_AGO, _LONG_AGO))
            raise OSError(errno.EIO, "no answer")
        self.has_changed = path.stat().st_mtime_ns != _LONG_AGO


def read(files: RoomFiles) -> list[object]:
    return [one.kept() if isinstance(one, WaitingRoom) else one.name for one in files.read()]


def test_what_is_written_is_read(files: RoomFiles) -> None:
    """Every room, as it was; none where none was ever opened."""
    assert [] == read(files)
    rooms = [new_room(1), new_room(2)]
    rooms[0].place(5, "", NOW_MS)
    for room in rooms:
        files.write(room.kept())
    assert [room.kept() for room in rooms] == read(files)


def test_what_is_written_again_replaces_the_first(files: RoomFiles) -> None:
    """And nothing else is left in the directory."""
    files.write(new_room(1).kept())
    files.write(new_room(1, per_minute=60).kept())
    assert [new_room(1, per_minute=60).kept()] == read(files)


def test_secrets_are_the_owner_s(files: RoomFiles, tmp_path: Path) -> None:
    """Nobody else on the machine may read who comes first."""
    files.write(new_room(1).kept())
    (path,) = (tmp_path / "waiting-rooms").iterdir()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_what_is_removed_is_gone(files: RoomFiles) -> None:
    """Once and again."""
    files.write(new_room(1).kept())
    files.remove(1)
    files.remove(1)
    assert [] == read(files)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 1}', b"\xff", b"[1]"])
def test_a_bad_file_is_set_aside(files: RoomFiles, tmp_path: Path, content: bytes) -> None:
    """It is named once, and the others are read."""
    files.write(new_room(2).kept())
    (tmp_path / "waiting-rooms" / "1.json").write_bytes(content)
    assert ["1.broken", new_room(2).kept()] == read(files)
    assert [new_room(2).kept()] == read(files)


@pytest.mark.parametrize("doing", ["write", "remove"])
def test_what_failed_changes_the_directory_anew_when_it_is_asked_again(
    files: RoomFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, doing: str
) -> None:
    """A disk that has dropped the first change, and takes each later one, ends with the second."""
    kept, directory = new_room(1).kept(), tmp_path / "waiting-rooms"
    if doing == "remove":
        files.write(kept)
    disk = FailsOnce(tmp_path if doing == "write" else directory)
    monkeypatch.setattr(store, "fsync", disk.sync)
    monkeypatch.setattr(room_files, "fsync", disk.sync)
    ask = partial(files.write, kept) if doing == "write" else partial(files.remove, 1)
    with pytest.raises(OSError, match="no answer"):
        ask()
    ask()
    assert disk.has_changed
    assert ([kept] if doing == "write" else []) == read(files)


def test_a_room_that_a_crash_left_closed_is_closed(files: RoomFiles, tmp_path: Path) -> None:
    """Its name was still there; what it says is durable before the name goes."""
    files.write(new_room(1).kept())
    (tmp_path / "waiting-rooms" / "1.json").write_bytes(room_files._CLOSED)
    assert [] == read(files)
    files.remove(1)
    assert not list((tmp_path / "waiting-rooms").iterdir())


def test_a_write_that_fails_leaves_the_old_file(
    files: RoomFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk loses no room."""
    files.write(new_room(1).kept())

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        files.write(new_room(1, per_minute=60).kept())
    monkeypatch.undo()
    assert [new_room(1).kept()] == read(files)
