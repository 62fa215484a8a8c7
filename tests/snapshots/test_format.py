"""The bytes of a snapshot."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.errors import Corrupt, Foreign
from snapshots.format import Header, read_chunks, read_header, verify_digest, write_snapshot
from torture.crash_fs import CrashFS

PATH = Path("/snapshots/test")
HEADER = Header(lsn=7, store_id=b"sixteen bytes id")


def written(chunks: list[bytes], header: Header = HEADER) -> tuple[CrashFS, int]:
    disk = CrashFS()
    disk.make_directory(PATH.parent)
    file = disk.create(PATH)
    write_snapshot(disk, file, PATH, header, chunks)
    return disk, file


def test_golden_bytes() -> None:
    """The format on disk has not changed: a new one needs a new version, and old files read."""
    disk, _ = written([b"one", b"two"])
    assert disk.inodes[PATH].seen.hex() == (
        "424c5452534e4150" "01000000" "0700000000000000" "7369787465656e206279746573206964"
        "251b6c79"
        "03000000" "009aa929" "6f6e65"
        "03000000" "97960f42" "74776f"
        "00000000" "16b6f071fd1f808f02c76b5deb5b0d8feeb93dfb4000313ebd44fde333bf992d"
        "424c545253454e44"
    )  # fmt: skip


@given(st.lists(st.binary(max_size=3000)), st.integers(0, 2**64 - 1))
def test_round_trip(chunks: list[bytes], lsn: int) -> None:
    """Header and chunks read back as written, but for empty chunks."""
    header = HEADER._replace(lsn=lsn)
    disk, file = written(chunks, header)
    assert read_header(disk, file, PATH) == header
    assert list(read_chunks(disk, file, PATH)) == [chunk for chunk in chunks if chunk]
    verify_digest(disk, file, PATH)


def check(disk: CrashFS, file: int) -> None:
    read_header(disk, file, PATH)
    verify_digest(disk, file, PATH)


def test_every_bit_flipped() -> None:
    """No bit of a snapshot can change unnoticed."""
    disk, file = written([b"one" * 10, b"two", b"three"])
    content = disk.inodes[PATH].seen
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt):
            check(disk, file)
        content[bit // 8] ^= 1 << bit % 8


def test_every_cut() -> None:
    """A snapshot cut short anywhere, or with anything behind its end, is refused."""
    disk, file = written([b"one" * 10, b"two", b"three"])
    content = disk.inodes[PATH].seen
    whole = bytes(content)
    for cut in range(len(whole)):
        content[:] = whole[:cut]
        with pytest.raises(Corrupt):
            check(disk, file)
    content[:] = whole + b"\0"
    with pytest.raises(Corrupt, match="digest"):
        check(disk, file)


def test_chunks_exchanged() -> None:
    """Chunks that are exchanged, repeated or missing are found by the digest."""
    disk, file = written([b"one", b"two"])
    content = disk.inodes[PATH].seen
    first, second, rest = content[40:51], content[51:62], content[62:]
    for damaged in (second + first, first + first, first, first + second + second):
        content[40:] = damaged + rest
        with pytest.raises(Corrupt, match="the whole"):
            check(disk, file)


def test_garbage() -> None:
    """A whole header of something else is not a snapshot."""
    disk, file = written([])
    content = disk.inodes[PATH].seen
    content[:8] = b"NOT OURS"
    with pytest.raises(Corrupt, match="checksum"):
        check(disk, file)


def test_other_magic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good checksum over another magic is not a snapshot either."""
    monkeypatch.setattr("snapshots.format._MAGIC", b"NOT OURS")
    disk, file = written([])
    monkeypatch.undo()
    with pytest.raises(Corrupt, match="not a snapshot"):
        check(disk, file)


def test_other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot of another version is good, and refused."""
    monkeypatch.setattr("snapshots.format.FORMAT_VERSION", 2)
    disk, file = written([])
    monkeypatch.undo()
    with pytest.raises(Foreign, match="format version 2"):
        check(disk, file)


def test_enormous_length() -> None:
    """A length that cannot be is refused before memory is asked for."""
    disk, file = written([b"one"])
    disk.inodes[PATH].seen[40:44] = b"\xff\xff\xff\xff"
    with pytest.raises(Corrupt, match="cannot be"):
        check(disk, file)


def test_longest_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest chunk is read again; what could not be read again is not written."""
    monkeypatch.setattr("snapshots.format.CHUNK_BYTES_MAX", 10)
    disk, file = written([b"x" * 10])
    assert list(read_chunks(disk, file, PATH)) == [b"x" * 10]
    with pytest.raises(ValueError, match="11 bytes"):
        written([b"x" * 11])
