"""Files are read ahead, and nothing that can't be is minded."""

import os
from pathlib import Path

import pytest

from catalog.warm import CHUNK_BYTES, read_ahead


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """By name of file the offsets that the kernel is asked to read; it isn't really asked."""
    asked: dict[str, list[int]] = {}

    def advise(file: int, offset: int, length: int, advice: int) -> None:
        assert (CHUNK_BYTES, os.POSIX_FADV_WILLNEED) == (length, advice)
        name = Path(os.readlink(f"/dev/fd/{file}")).name
        asked.setdefault(name, []).append(offset)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    return asked


def test_every_byte_is_asked_for(tmp_path: Path, asked: dict[str, list[int]]) -> None:
    """Of every file, in pieces that the kernel is willing to read at once."""
    sizes = {"a": 1, "b": 2 * CHUNK_BYTES + 1, "empty": 0}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    before = len(os.listdir("/dev/fd"))
    read_ahead(tmp_path)
    assert {"a": [0], "b": [0, CHUNK_BYTES, 2 * CHUNK_BYTES]} == asked
    assert before == len(os.listdir("/dev/fd"))


def test_a_file_that_cannot_be_read(tmp_path: Path, asked: dict[str, list[int]]) -> None:
    """It is left to whoever needs it, and the others are read."""
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "there").write_bytes(b"1")
    read_ahead(tmp_path)
    assert {"there": [0]} == asked
