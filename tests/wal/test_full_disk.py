"""A disk that is full refuses new work, and nothing that is under way."""

import asyncio
import errno
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.wal.fake_disks import FaultyDisk
from wal.commit import GroupCommit
from wal.log import Log
from wal.segments import PREPARE_BYTES

SEGMENT_BYTES = 4096 + 4 * 512
SECONDS_MAX = 20  # only so that what never happens fails its test instead of hanging it


def opened(directory: Path, disk: FaultyDisk, *, segment_bytes: int = SEGMENT_BYTES) -> Log:
    log = Log.open(directory, segment_bytes_max=segment_bytes, fs=disk.fs)
    list(log.recover())
    return log


def never(failure: BaseException) -> None:
    raise AssertionError(f"unexpected fail-stop: {failure}")


def test_full_disk_shows_early(directory: Path) -> None:
    """A disk that fills up while space is prepared refuses new work and loses none."""
    disk = FaultyDisk()
    free = 0

    def full(name: str, _: tuple[Any, ...]) -> int | None:
        if name == "free_bytes":
            return free
        if name == "create":
            raise OSError(errno.ENOSPC, "full")
        return None

    log = opened(directory, disk)
    disk.fault = full
    log.append(b"one")
    log.flush()
    assert (log.durable_lsn, log.has_room) == (1, False)
    log.append(b"two")
    log.flush()
    assert (log.durable_lsn, log.has_room) == (2, False)
    disk.fault, free = None, 1 << 40
    log.flush()
    assert log.has_room
    log.append(b"three")
    log.close()
    again = opened(directory, FaultyDisk())
    assert again.durable_lsn == 3
    again.close()


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "fsync"])
def test_a_start_on_a_full_disk_names_the_file(directory: Path, call: str) -> None:
    """What can't be written is named, though the system tells of a descriptor only."""
    disk = FaultyDisk()
    log = Log.open(directory, segment_bytes_max=SEGMENT_BYTES, fs=disk.fs)
    disk.refuse(call, errno.ENOSPC, on_call=2 if call == "fsync" else 1)
    with pytest.raises(OSError, match="refused") as caught:
        list(log.recover())
    assert caught.value.filename == str(directory / "next.wal.tmp")
    log.close()


@pytest.mark.parametrize("refusal", [errno.ENOSPC, errno.EDQUOT])
def test_space_that_none_may_use_is_no_room(directory: Path, refusal: int) -> None:
    """With the inodes or a quota used up, new work is refused however much space is free."""
    disk = FaultyDisk()

    def none_left(name: str, _: tuple[Any, ...]) -> None:
        if name == "create":
            raise OSError(refusal, "refused")

    log = opened(directory, disk)
    disk.fault = none_left
    for lsn in (1, 2, 3):
        log.append(b"a refund")
        log.flush()
        assert (log.durable_lsn, log.has_room) == (lsn, False)
    disk.fault = None
    log.flush()
    disk.calls.clear()
    assert (log.has_room, disk.calls) == (True, [])
    log.close()


def test_a_piece_of_the_next_segment_is_no_room(directory: Path) -> None:
    """A disk that was full has room again when all of the next segment is there."""
    disk = FaultyDisk()
    pieces_left = 0

    def quota(name: str, arguments: tuple[Any, ...]) -> None:
        nonlocal pieces_left
        if name == "pwrite" and len(arguments[1]) == PREPARE_BYTES:
            pieces_left -= 1
            if pieces_left < 0:
                raise OSError(errno.EDQUOT, "refused")

    log = opened(directory, disk, segment_bytes=3 * PREPARE_BYTES)
    disk.fault = quota
    log.append(b"a refund")
    log.flush()
    for pieces in (1, 2, 3):
        pieces_left = pieces
        log.flush()
        assert log.has_room == (pieces == 3)
    log.close()


@pytest.mark.parametrize(("missing_bytes", "has_room"), [(1, False), (0, True)])
def test_room_is_twice_a_segment(directory: Path, missing_bytes: int, *, has_room: bool) -> None:
    """A disk that was full takes new work when the next segment fits, and as much again."""
    disk = FaultyDisk()

    def full(name: str, _: tuple[Any, ...]) -> None:
        if name == "create":
            raise OSError(errno.ENOSPC, "full")

    def nearly_full(name: str, _: tuple[Any, ...]) -> int | None:
        return 2 * SEGMENT_BYTES - missing_bytes if name == "free_bytes" else None

    log = opened(directory, disk)
    disk.fault = full
    log.append(b"a refund")
    log.flush()
    disk.fault = nearly_full
    log.flush()
    assert log.has_room == has_room
    log.close()


@pytest.mark.parametrize("is_known", [False, True])
def test_no_segment_is_ended_where_none_can_follow(directory: Path, *, is_known: bool) -> None:
    """A full disk that is asked for a seal loses nothing by it; with room the seal is made."""
    disk = FaultyDisk()
    is_full = is_known

    def full(name: str, _: tuple[Any, ...]) -> None:
        if is_full and name == "create":
            raise OSError(errno.ENOSPC, "full")

    log = opened(directory, disk, segment_bytes=4 * PREPARE_BYTES)
    disk.fault = full
    log.append(b"one")
    log.flush()
    is_full = True
    log._spare.discard()
    for lsn in (2, 3):
        log.append(b"a refund")
        log.seal()
        log.flush()
        assert (log.durable_lsn, log.sealed_lsn, log.has_room) == (lsn, 0, False)
    is_full = False
    log.flush()
    assert (log.has_room, log.sealed_lsn) == (True, 0)
    log.seal()
    log.flush()
    assert log.sealed_lsn == 3
    log.close()


def test_room_is_found_while_nothing_is_written(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sales that a full disk has stopped go on, though no record is made without them."""
    monkeypatch.setattr("wal.commit.IDLE_SECONDS_MAX", 0.01)
    disk, looked_again = FaultyDisk(), threading.Event()

    def full_at_first(name: str, _: tuple[Any, ...]) -> int | None:
        looks = disk.calls.count("free_bytes")
        if name == "create" and not looks:
            raise OSError(errno.ENOSPC, "full")
        if name == "free_bytes" and looks == 1:
            return 0
        if name == "free_bytes":
            looked_again.set()
        return None

    async def story() -> None:
        log = opened(directory, disk)
        disk.calls.clear()
        disk.fault = full_at_first
        commit = GroupCommit(log, fail_stop=never)
        commit.start()
        log.append(b"record")
        await commit.durable()
        assert await asyncio.to_thread(looked_again.wait, SECONDS_MAX)
        await commit.stop()
        assert log.has_room
        log.close()

    asyncio.run(story())
