"""Pages of mapped files are given back when there are many, and read again as if nothing was."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog import mapped
from catalog.mapped import MappedFiles

SIZE = 16 << 20
NOTHING = -(1 << 40)
SLACK = 4 << 20  # what else may be mapped meanwhile


@contextmanager
def read_through(path: Path, access: int = mmap.ACCESS_READ) -> Iterator[mmap.mmap]:
    """A file of SIZE bytes, mapped, and every page of it touched when it is used."""
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=access) as memory:
        yield memory


def touch(memory: mmap.mmap) -> None:
    assert sum(memory[at] for at in range(0, SIZE, mmap.PAGESIZE)) == 0


def test_many_pages_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part by part, until there are few; what they hold is still there."""
    monkeypatch.setattr(mapped, "PART_BYTES", SIZE // 4)
    directory = tmp_path / "a path of several words"
    directory.mkdir()
    with read_through(directory / "index") as memory:
        files = MappedFiles(directory, bytes_max=SIZE // 2)
        touch(memory)
        many = files.mapped_bytes()
        files.keep_few()
        given_back = many - files.mapped_bytes()
        assert SIZE // 2 - SLACK <= given_back <= SIZE * 3 // 4 + SLACK
        assert memory[:] == bytes(range(256)) * (SIZE // 256)


def test_each_part_has_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given back longest ago goes first, and no more of it than is needed."""
    monkeypatch.setattr(mapped, "PART_BYTES", SIZE // 4)
    advised: list[int] = []

    def advise(begin: int, length: int, advice: int) -> int:
        assert (SIZE // 4, mmap.MADV_DONTNEED) == (length, advice)
        advised.append(begin)
        return 0

    with read_through(tmp_path / "index"):
        files = MappedFiles(tmp_path, bytes_max=0)
        many = 2 * files.mapped_bytes()
        found = iter([many, 0, many, many, 0, many, many, many, 0])
        monkeypatch.setattr(files, "mapped_bytes", lambda: next(found))
        monkeypatch.setattr(mapped, "_madvise", advise)
        for _ in range(3):
            files.keep_few()
    first, second, third, fourth = sorted(set(advised))
    assert advised == [first, second, third, fourth, first, second]


def test_few_pages_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pays for what is not needed."""
    with read_through(tmp_path / "index") as memory:
        files = MappedFiles(tmp_path, bytes_max=SIZE + SLACK)
        touch(memory)
        monkeypatch.setattr(mapped, "_madvise", None)
        files.keep_few()


def test_what_was_written_and_what_lies_elsewhere_is_never_touched(tmp_path: Path) -> None:
    """A private page that was changed would come back as it was in the file."""
    (tmp_path / "index").mkdir()
    with (
        read_through(tmp_path / "index" / "copy", mmap.ACCESS_COPY) as changed,
        read_through(tmp_path / "indexes") as elsewhere,
    ):
        files = MappedFiles(tmp_path / "index", bytes_max=NOTHING)
        changed[:5] = b"ours!"
        touch(elsewhere)
        many = files.mapped_bytes()
        files.keep_few()
        assert changed[:5] == b"ours!"
        assert files.mapped_bytes() > many - SLACK


def test_a_refusal_of_the_system_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't refuse what is mapped; if it does, somebody should know."""
    with read_through(tmp_path / "index"):
        files = MappedFiles(tmp_path, bytes_max=NOTHING)
        monkeypatch.setattr(mapped, "_madvise", lambda *_: -1)
        with pytest.raises(OSError, match="can't be given back"):
            files.keep_few()


def test_nothing_stays_open(tmp_path: Path) -> None:
    """A server opens one index in its life, a test run thousands."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        MappedFiles(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before
