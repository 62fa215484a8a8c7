"""Reading a log back: damaged, cut, incomplete and foreign ones too."""

import errno
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.wal.fake_disks import small_log
from torture.corpus import Corpus
from wal.errors import Corrupt, NoLog
from wal.files import OS
from wal.format import (
    FRAME_BYTES_MAX,
    SECTOR_BYTES,
    SegmentHeader,
    decode_segment_header,
    encode_segment_header,
)
from wal.recovery import Recovery, read_records, read_sealed, read_store_id


def read(small: Corpus, *, acked_lsn: int = 0) -> tuple[list[bytes], Recovery]:
    recovery = Recovery(small.disk, small.directory, acked_lsn=acked_lsn)
    return [record for batch in recovery for record in batch.records], recovery


def facts(fault: Corrupt) -> tuple[Path, int, int]:
    """What a person needs to act on it: where it lies, and the last record that is good."""
    return fault.file, fault.offset, fault.last_good_lsn


def first_lsns(small: Corpus) -> list[int]:
    return [int(path.stem) for path in small.segments]


def refused_pread(number: int) -> Callable[[str, int], int]:
    """The trouble of a disk on which this read fails, counted from 0."""
    numbers = count()

    def trouble(name: str, size: int) -> int:
        if name == "pread" and next(numbers) == number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return size

    return trouble


def test_whole_log(small: Corpus) -> None:
    """An undamaged log comes back whole, numbered from 1, with nothing torn."""
    assert len(small.segments) > 2
    assert small.recover() == list(enumerate(small.records, start=1))
    assert read(small)[1].tail.torn is None


def test_new_log(directory: Path) -> None:
    """A log in which nothing was ever written lacks no record that somebody knows of."""
    assert list(Recovery(OS, directory)) == []
    assert list(read_records(directory)) == []


@pytest.mark.parametrize("after_lsn", range(28))
def test_after_lsn(small: Corpus, after_lsn: int) -> None:
    """Recovery can begin after any record, in the middle of a batch too."""
    assert small.recover(after_lsn) == list(enumerate(small.records, start=1))[after_lsn:]


def test_snapshot_ahead_of_log(small: Corpus) -> None:
    """A log that ends before the snapshot has lost records that were durable."""
    with pytest.raises(Corrupt, match="record 99 was in the snapshot and is gone"):
        small.recover(after_lsn=99)


def test_every_cut_of_the_last_segment(small: Corpus) -> None:
    """The last segment, cut anywhere behind its header, gives exactly the whole batches before."""
    path = small.segments[-1]
    whole = bytes(small.content(path))
    earlier = sum(len(batch) for batch in small.batches) - _records_in_last(small)
    ends = _batch_ends(small)
    for cut in range(4096, len(whole) + 1):
        small.put(path, whole[:cut])
        records, recovery = read(small)
        kept = sum(count for end, count in ends if end <= cut)
        assert records == small.records[: earlier + kept]
        is_edge = not whole[max(end for end, _ in [(4096, 0), *ends] if end <= cut) : cut].strip(
            b"\0"
        )
        assert (recovery.tail.torn is None) == is_edge


def test_cut_then_append_then_reopen(small: Corpus) -> None:
    """After a torn batch the log goes on, and what is appended then survives too."""
    path = small.segments[-1]
    end = _batch_ends(small)[-1][0]
    del small.content(path)[end - 1 :]
    small.forget_acknowledged()
    log = small.open()
    survived = [payload for _, payload in log.recover()]
    assert survived == small.records[: -len(small.batches[-1])]
    assert log.torn is not None
    assert small.content(path.with_name(f"{path.stem}.{log.torn.offset}.broken")) == log.torn.data
    assert log.append(b"more") == len(survived) + 1
    log.close()
    assert [payload for _, payload in small.recover()] == [*survived, b"more"]


def test_every_cut_of_a_sealed_segment(small: Corpus) -> None:
    """A segment that has a successor may lose nothing but the zeros behind its end."""
    path = small.segments[-2]
    whole = bytes(small.content(path))
    for cut in range(len(whole.rstrip(b"\0"))):
        small.put(path, whole[:cut])
        with pytest.raises(Corrupt):
            read(small)


@pytest.mark.parametrize("change", [1, 0x80, 0xFF])
def test_every_byte_changed(small: Corpus, change: int) -> None:
    """A changed byte is found, or lies in the unacknowledged last batch, or in unused space."""
    records = small.records
    shorter = records[: -len(small.batches[-1])]
    found = torn = 0
    for path in small.segments:
        content = small.content(path)
        for place in range(len(content)):
            content[place] ^= change
            try:
                survived, recovery = read(small)
            except Corrupt:
                found += 1
            else:
                assert survived in (records, shorter)
                if survived == shorter:
                    assert path == small.segments[-1]
                    assert recovery.tail.torn is not None
                    torn += 1
            content[place] ^= change
    size = _batch_ends(small)[-1][0] - _batch_ends(small)[-2][0]
    assert torn == size
    assert found == sum(_used_bytes(small, path) for path in small.segments) - size


def test_acknowledged_batch_is_never_torn(small: Corpus) -> None:
    """A damaged last batch that somebody was told of is corruption, whatever the bytes say."""
    end = _batch_ends(small)[-1][0]
    small.content(small.segments[-1])[end - 1] ^= 1
    with pytest.raises(Corrupt, match=f"record {len(small.records)} was acknowledged and is gone"):
        read(small, acked_lsn=len(small.records))


def test_later_batch_proves_corruption(small: Corpus) -> None:
    """A bad batch with an intact one after it was durable once, so it is not torn."""
    start = _batch_ends(small)[-2][0] - 1
    small.content(small.segments[-1])[start] ^= 1
    with pytest.raises(Corrupt, match="a later batch is intact"):
        read(small)


def test_more_than_one_batch_of_garbage(small: Corpus) -> None:
    """What no single torn write can leave is corruption."""
    content = small.content(small.segments[-1])
    end = _batch_ends(small)[-1][0]
    content.extend(bytes(end + FRAME_BYTES_MAX + 1 - len(content)))
    content[end + FRAME_BYTES_MAX - 1] = 1
    assert read(small)[1].tail.torn is not None
    content[end + FRAME_BYTES_MAX] = 1
    with pytest.raises(Corrupt, match="more follows than one batch can leave"):
        read(small)


def test_corrupt_log_is_left_alone(small: Corpus) -> None:
    """Refusing to start changes no file."""
    small.content(small.segments[0])[4096] ^= 1
    before = {path: bytes(inode.seen) for path, inode in small.disk.inodes.items()}
    with pytest.raises(Corrupt) as caught:
        small.recover()
    assert {path: bytes(inode.seen) for path, inode in small.disk.inodes.items()} == before
    assert (caught.value.file, caught.value.offset) == (small.segments[0], 4096)
    assert caught.value.last_good_lsn == 0


def test_sectors_exchanged(small: Corpus) -> None:
    """Two batches that change places are found, though each is whole."""
    content = small.content(small.segments[1])
    start = 4096
    first, second = content[start : start + 512], content[start + 512 : start + 1024]
    content[start : start + 1024] = second + first
    with pytest.raises(Corrupt):
        read(small)


def test_batch_repeated_at_the_end(small: Corpus) -> None:
    """A stale copy of a batch behind the last one is found: no torn write looks like that."""
    content = small.content(small.segments[-1])
    end = _batch_ends(small)[-1][0]
    content[end : end + SECTOR_BYTES] = content[4096 : 4096 + SECTOR_BYTES]
    with pytest.raises(Corrupt, match="does not belong here"):
        read(small)


@pytest.mark.parametrize("missing", [0, 1])
def test_missing_segment(small: Corpus, missing: int) -> None:
    """A hole is found, at the beginning as in the middle."""
    small.disk.remove(small.segments[missing])
    with pytest.raises(Corrupt):
        read(small)


def test_missing_last_segment(small: Corpus) -> None:
    """A missing last segment is found by what was acknowledged."""
    small.disk.remove(small.segments[-1])
    with pytest.raises(Corrupt, match="was acknowledged and is gone"):
        small.recover()


def test_missing_oldest_segment_behind_a_snapshot(small: Corpus) -> None:
    """Segments that a snapshot covers may be gone; one record less covered, and it is refused."""
    second = int(small.segments[1].stem)
    small.disk.remove(small.segments[0])
    assert small.recover(second - 1)[0] == (second, small.records[second - 1])
    with pytest.raises(Corrupt, match="in no segment"):
        small.recover(second - 2)


def test_renamed_segment(small: Corpus) -> None:
    """A segment under another name is refused, and so is a copy beside it."""
    small.put(small.directory / f"{999:020d}.wal", bytes(small.content(small.segments[1])))
    with pytest.raises(Corrupt, match="not as named"):
        read(small)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header._replace(store_id=b"another store id"),
        lambda header: header._replace(number=header.number + 1),
        lambda header: header._replace(predecessor=header.predecessor._replace(number=9)),
        lambda header: header._replace(predecessor=header.predecessor._replace(last_lsn=3)),
    ],
)
def test_unlinked_segment(small: Corpus, change: Callable[[SegmentHeader], SegmentHeader]) -> None:
    """A whole header that names another store, number or predecessor is refused as such."""
    content = small.content(small.segments[1])
    header = decode_segment_header(bytes(content[:4096]))
    content[:4096] = encode_segment_header(change(header))
    with pytest.raises(Corrupt, match="doesn't follow segment 1"):
        read(small)


def test_endless_segment(directory: Path) -> None:
    """A segment that claims to be a terabyte is refused, and not read into memory."""
    path = directory / f"{1:020d}.wal"
    os.truncate(path, 1 << 40)
    with pytest.raises(Corrupt, match=f"{1 << 40} bytes long"):
        list(read_records(directory))


def test_the_largest_segment(small: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment of the very limit is read; one byte more, and it is refused."""
    largest = max(len(small.content(path)) for path in small.segments)
    monkeypatch.setattr("wal.recovery.FILE_BYTES_MAX", largest)
    assert read(small)[0] == small.records
    small.content(small.segments[-1]).extend(bytes(largest))
    with pytest.raises(Corrupt) as caught:
        read(small)
    assert facts(caught.value) == (small.segments[-1], largest, first_lsns(small)[-1] - 1)


def test_a_bad_header_says_what_is_good(small: Corpus) -> None:
    """Of a segment whose header is bad nothing is good; of the one before it, everything."""
    for path, first_lsn in zip(small.segments, first_lsns(small), strict=True):
        small.content(path)[40] ^= 1
        with pytest.raises(Corrupt, match="checksum") as caught:
            read(small)
        small.content(path)[40] ^= 1
        assert facts(caught.value) == (path, 0, first_lsn - 1)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_sector_that_cannot_be_read_says_what_is_good(small: Corpus, number: int) -> None:
    """The disk's refusal names the segment, and the last record before it."""
    small.disk.trouble = refused_pread(number)
    with pytest.raises(Corrupt, match="cannot be read: Input/output error") as caught:
        read(small)
    assert facts(caught.value) == (small.segments[number], 0, first_lsns(small)[number] - 1)


def test_a_header_that_cannot_be_read_says_so(small: Corpus) -> None:
    """Who only asks whose log it is hears which file the disk refuses, too."""
    small.disk.trouble = refused_pread(0)
    with pytest.raises(Corrupt, match="cannot be read: Input/output error") as caught:
        read_store_id(small.directory, fs=small.disk)
    assert facts(caught.value) == (small.segments[-1], 0, first_lsns(small)[-1] - 1)


def test_a_segment_that_is_gone_is_not_corrupt(small: Corpus) -> None:
    """A server drops what it no longer needs while others read: they begin again."""
    reading = read_sealed(small.directory, fs=small.disk)
    next(reading)
    small.disk.remove(small.segments[1])
    with pytest.raises(FileNotFoundError):
        list(reading)


@pytest.mark.parametrize("named", [1, 999])
def test_a_wrong_name_says_what_is_good(small: Corpus, named: int) -> None:
    """What comes before the name might be good, for all that this file can tell."""
    path = small.directory / f"{named:020d}.wal"
    small.put(path, bytes(small.content(small.segments[1])))
    with pytest.raises(Corrupt, match="not as named") as caught:
        read(small)
    assert facts(caught.value) == (path, 0, named - 1)


def test_a_foreign_segment_says_what_is_good(small: Corpus) -> None:
    """Where two segments don't belong together, only what is before both is known to be good."""
    other = small_log(b"another store id", salt=b"another.")
    small.put(small.segments[2], bytes(other.content(other.segments[2])))
    with pytest.raises(Corrupt, match="doesn't follow segment 2") as caught:
        read(small)
    assert facts(caught.value) == (small.segments[2], 0, first_lsns(small)[1] - 1)


def test_a_log_that_begins_too_late_says_so(small: Corpus) -> None:
    """The records after the snapshot are missing; what the snapshot holds is good."""
    small.disk.remove(small.segments[0])
    with pytest.raises(Corrupt, match="from 2 on are in no segment") as caught:
        small.recover(1)
    assert facts(caught.value) == (small.segments[0], 0, 1)


def test_foreign_name(small: Corpus) -> None:
    """A name that is not ours is not guessed at; other files are none of our business."""
    small.put(small.directory / "notes.txt", b"hello")
    assert read(small)[0] == small.records
    small.put(small.directory / "1.wal", b"")
    with pytest.raises(Corrupt, match="not our name") as caught:
        read(small)
    assert facts(caught.value) == (small.directory / "1.wal", 0, 0)


@pytest.mark.parametrize("store_id", [b"sixteen bytes id", b"another store id"])
def test_segment_of_another_log(small: Corpus, store_id: bytes) -> None:
    """A good segment of the right name from another log is refused, even from a copy of ours."""
    other = small_log(store_id, salt=b"another.")
    small.put(small.segments[1], bytes(other.content(other.segments[1])))
    with pytest.raises(Corrupt):
        read(small)


def test_no_log(small: Corpus) -> None:
    """A directory that is missing or without a segment is not an empty log."""
    with pytest.raises(NoLog):
        Recovery(small.disk, Path("/elsewhere"))
    with pytest.raises(NoLog):
        read_store_id(Path("/missing"))


def test_store_id(small: Corpus) -> None:
    """The name of the store can be read without opening the log."""
    assert read_store_id(small.directory, fs=small.disk) == b"sixteen bytes id"


@pytest.mark.parametrize("after_lsn", [0, 1, 7])
def test_read_sealed(small: Corpus, after_lsn: int) -> None:
    """A reader without the lock sees every record of the sealed segments, and no other."""
    sealed = int(small.segments[-1].stem) - 1
    expected = list(enumerate(small.records, start=1))[after_lsn:sealed]
    assert list(read_sealed(small.directory, after_lsn, fs=small.disk)) == expected


def test_read_sealed_beyond(small: Corpus) -> None:
    """Whoever has read every sealed record gets nothing more, and nothing is wrong."""
    sealed = int(small.segments[-1].stem) - 1
    assert list(read_sealed(small.directory, sealed, fs=small.disk)) == []


@pytest.mark.parametrize("after_lsn", [0, 1, 7])
def test_read_records(small: Corpus, after_lsn: int) -> None:
    """An offline reader sees every record, those of the last segment too, and changes nothing."""
    before = {path: bytes(inode.seen) for path, inode in small.disk.inodes.items()}
    expected = list(enumerate(small.records, start=1))[after_lsn:]
    assert list(read_records(small.directory, after_lsn, fs=small.disk)) == expected
    assert {path: bytes(inode.seen) for path, inode in small.disk.inodes.items()} == before


def test_read_sealed_finds_damage(small: Corpus) -> None:
    """The maker of snapshots checks what it reads."""
    small.content(small.segments[0])[4096] ^= 1
    with pytest.raises(Corrupt):
        list(read_sealed(small.directory, fs=small.disk))


def _batch_ends(small: Corpus) -> list[tuple[int, int]]:
    """(end offset, number of records) of each batch of the last segment, found by hand."""
    data, offset, ends = small.content(small.segments[-1]), 4096, []
    while data[offset : offset + 4] == b"BLTB":
        payload_bytes = int.from_bytes(data[offset + 4 : offset + 8], "little")
        count = int.from_bytes(data[offset + 32 : offset + 36], "little")
        offset += -(-(52 + payload_bytes) // 512) * 512
        ends.append((offset, count))
    return ends


def _records_in_last(small: Corpus) -> int:
    return sum(count for _, count in _batch_ends(small))


def _used_bytes(small: Corpus, path: Path) -> int:
    data = small.content(path)
    return -(-len(data.rstrip(b"\0")) // 512) * 512
