"""The end of a process whose log has failed."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from wal.commit import EXIT_CODE, end_process

SECONDS_MAX = 20  # only so that an end that never comes fails its test instead of hanging it


def test_end_process(directory: Path) -> None:
    """In production a failed fsync ends the process at once, with its reason on stderr."""
    script = """
import asyncio, sys
from pathlib import Path
from wal import GroupCommit, Log, OsFileSystem

class Refusing(OsFileSystem):
    def fdatasync(self, file):
        raise OSError(5, "the disk is gone")

async def main():
    log = Log.open(Path(sys.argv[1]), segment_bytes_max=0, fs=Refusing())
    list(log.recover())
    commit = GroupCommit(log)
    commit.start()
    log.append(b"record")
    try:
        await commit.durable()
    finally:
        print("told somebody")

asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(directory)]
    child = subprocess.run(command, capture_output=True, check=False)
    assert (child.returncode, child.stdout) == (EXIT_CODE, b"")
    assert b"the disk is gone" in child.stderr


def test_end_process_says_why(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The reason is on stderr before the end, and the end is immediate."""
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    end_process(OSError(5, "the disk is gone"))
    assert codes == [EXIT_CODE]
    assert "the disk is gone" in capfd.readouterr().err


def test_end_process_says_where(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A machine has several disks: the file that was refused is told with the reason."""
    monkeypatch.setattr("os._exit", lambda _: None)
    end_process(OSError(28, "No space left", "/data/wal/next.wal.tmp"))
    said = capfd.readouterr().err
    assert "ending, so nothing wrong is told: OSError" in said  # as deploy/alerts.yml has it
    assert "No space left: '/data/wal/next.wal.tmp'" in said


def test_a_failure_without_words_ends_the_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the memory doesn't suffice for a sentence: the end needs none."""

    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise MemoryError

    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    with suppress(MemoryError):
        end_process(Unspeakable())
    assert [EXIT_CODE] == codes


def test_a_full_pipe_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And the end is as immediate."""
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    monkeypatch.setattr("select.select", lambda *_: ([], [], []))
    end_process(OSError(5, "the disk is gone"))
    assert ([EXIT_CODE], "") == (codes, capfd.readouterr().err)


@pytest.mark.parametrize("room_bytes", [0, 4096])
def test_the_end_waits_for_nobody_who_reads(room_bytes: int) -> None:
    """A stderr that is a full pipe, or nearly full, keeps no process alive."""
    script = "from wal import end_process; end_process(OSError(5, 'disk ' * 2_000))"
    unread, stderr = os.pipe()
    os.set_blocking(stderr, False)
    with suppress(BlockingIOError):
        while True:
            os.write(stderr, bytes(4096))
    os.read(unread, room_bytes)
    os.set_blocking(stderr, True)
    command = [sys.executable, "-c", script]
    child = subprocess.run(command, stderr=stderr, timeout=SECONDS_MAX, check=False)
    assert child.returncode == EXIT_CODE
    os.close(unread)
    os.close(stderr)
