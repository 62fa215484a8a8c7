"""Whoever reads a log beside its writer is told of all that was acknowledged, and of what lasts."""

import errno
from functools import partial
from random import Random

import pytest

from torture.corpus import Corpus
from torture.crash_fs import CrashFS, Fate, Trouble, no_trouble
from torture.diary import ROOM, STORE_ID, WAL
from wal import Corrupt, Log
from wal.beside import Durable
from wal.format import SECTOR_BYTES


def told(disk: CrashFS) -> list[bytes]:
    return [payload for _, payload in Durable(WAL, fs=disk).records(0)]


def opened(disk: CrashFS) -> tuple[Log, list[bytes]]:
    """A log of segments with room for three batches, and what was recovered of it."""
    log = Log.open(WAL, segment_bytes_max=4096 + 3 * SECTOR_BYTES, fs=disk)
    return log, [payload for _, payload in log.recover()]


@pytest.fixture
def disk() -> CrashFS:
    disk = CrashFS()
    disk.make_directory(ROOM)
    Log.create(WAL, store_id=STORE_ID, fs=disk)
    return disk


def test_all_that_was_acknowledged_is_there_before_a_start(small: Corpus) -> None:
    """A power cut has taken the watermark back; the log itself is whole."""
    small.forget_acknowledged()
    assert small.records == told(small.disk)


def test_a_log_without_its_beginning_is_read_before_a_start(small: Corpus) -> None:
    """The watermark is older than all that is left, and says nothing of it."""
    small.forget_acknowledged()
    first_lsn = int(small.segments[1].stem)
    small.disk.remove(small.segments[0])

    log = Durable(WAL, fs=small.disk)

    assert (first_lsn, len(small.records)) == (log.first_lsn, log.last_lsn)
    read = [payload for _, payload in log.records(first_lsn - 1)]
    assert small.records[first_lsn - 1 :] == read


@pytest.mark.parametrize("seed", range(10))
def test_a_power_cut_takes_nothing_back_that_was_told(disk: CrashFS, seed: int) -> None:
    """Looked at in each step of a writer, over several segments and a restart.

    Nothing is missing of what had been acknowledged, though the watermark may be cut back.
    """
    random, acked, looks = Random(seed), 0, 0

    def look(name: str, size: int) -> int:
        nonlocal looks
        disk.trouble = no_trouble
        found = told(disk)
        left = disk.after_power_cut(partial(random.choice, list(Fate)))
        disk.trouble = look
        survived = told(left)
        assert len(found) >= acked
        assert survived[: len(found)] == found
        assert opened(left)[1] == survived
        looks += 1
        return size

    for life in range(2):
        disk.trouble = look
        log, _ = opened(disk)
        for number in range(5):
            log.append(b"record %d of life %d" % (number, life))
            log.flush()
            acked = log.durable_lsn
        log.close()
    assert looks > 100


def test_what_the_disk_has_refused_is_not_told(disk: CrashFS) -> None:
    """The page cache goes on showing it, and the next start won't find it."""
    log, _ = opened(disk)
    log.append(b"acknowledged")
    log.flush()
    log.append(b"refused by the disk")
    disk.trouble = refusing("fdatasync")
    with pytest.raises(OSError, match="refused"):
        log.flush()
    disk.end_process()

    assert [b"acknowledged"] == told(disk) == opened(disk)[1]


def test_a_look_that_cannot_sync_tells_nothing(disk: CrashFS) -> None:
    """What the disk refuses to keep might be gone tomorrow."""
    disk.trouble = refusing("fsync")
    with pytest.raises(OSError, match="refused"):
        told(disk)
    assert [] == [*disk.open_files]


def test_a_torn_end_was_told_to_nobody(small: Corpus) -> None:
    """It is left out, as a start leaves it out."""
    small.forget_acknowledged()
    small.content(small.segments[-1]).extend(b"BLTB, and then the power went")
    assert small.records == told(small.disk)


def test_damage_that_the_watermark_does_not_know_of_is_refused(small: Corpus) -> None:
    """A later batch is whole, so the bad one had been acknowledged: a start refuses it, too."""
    small.forget_acknowledged()
    path = small.segments[-1]
    small.content(path)[4096] ^= 1

    with pytest.raises(Corrupt, match="a later batch is intact") as fault:
        told(small.disk)
    assert (path, 4096) == (fault.value.file, fault.value.offset)


def test_a_batch_of_another_place_is_refused(small: Corpus) -> None:
    """No power cut makes one."""
    small.forget_acknowledged()
    path = small.segments[-1]
    start, end = (end.offset for end in small.ends(path)[-2:])
    content = small.content(path)
    content[end : end + end - start] = content[start:end]

    with pytest.raises(Corrupt, match="does not belong here"):
        told(small.disk)


@pytest.mark.parametrize("look", [1, 2])
def test_a_writer_that_overtakes_the_reader_looks_like_no_damage(small: Corpus, look: int) -> None:
    """One batch was read before it was written and the next one after it, at either look.

    The first of them was not acknowledged when the reading began, so neither is missing.
    """
    content = small.content(small.segments[-1])
    whole, (before, one, other, *_) = bytes(content), small.ends(small.segments[-1])
    overtaken = whole[: before.offset].ljust(one.offset, b"\0") + whole[one.offset :]
    small.forget_acknowledged()
    content[:] = overtaken if look == 1 else whole[: before.offset]

    def written_meanwhile(name: str, size: int) -> int:
        if name == "sync_directory":  # between the looks
            content[:] = whole if look == 1 else overtaken
        return size

    small.disk.trouble = written_meanwhile
    assert small.records[: before.lsn] == told(small.disk)
    content[:] = whole
    small.disk.trouble = no_trouble
    assert small.records == told(small.disk)
    assert before.lsn < one.lsn < other.lsn


@pytest.mark.parametrize("batches", range(5))
def test_a_server_that_starts_meanwhile(disk: CrashFS, batches: int) -> None:
    """It writes its last segment anew, or another one; who reads goes on with what there was."""
    log, _ = opened(disk)
    for number in range(batches):
        log.append(b"record %d" % number)
        log.flush()
    log.close()
    begun = Durable(WAL, fs=disk)

    log, there = opened(disk)
    log.append(b"acknowledged later")
    log.flush()

    assert there == [payload for _, payload in begun.records(0)]


@pytest.mark.parametrize("batches", range(5))
def test_a_server_that_starts_between_two_looks(disk: CrashFS, batches: int) -> None:
    """Where it has written the last segment anew, that is looked at from the beginning."""
    log, _ = opened(disk)
    for number in range(batches):
        log.append(b"record %d" % number)
        log.flush()
    log.close()
    there = told(disk)

    disk.trouble = starting(disk, b"acknowledged later")
    assert there == told(disk)[:batches]
    assert [*there, b"acknowledged later"] == told(disk)


def test_a_server_that_starts_between_two_looks_and_finds_less(disk: CrashFS) -> None:
    """What was seen first was in the page cache only; another batch is there by now."""
    log, _ = opened(disk)
    log.append(b"refused by the disk")
    disk.trouble = refusing("fdatasync")
    with pytest.raises(OSError, match="refused"):
        log.flush()
    disk.end_process()

    disk.trouble = starting(disk, bytes(SECTOR_BYTES))
    assert [bytes(SECTOR_BYTES)] == told(disk)


def starting(disk: CrashFS, record: bytes) -> Trouble:
    """A server starts between the two looks of a reader, and writes a record."""

    def start(name: str, size: int) -> int:
        if name == "sync_directory":
            disk.trouble = no_trouble
            log, _ = opened(disk)
            log.append(record)
            log.flush()
        return size

    return start


def refusing(call: str) -> Trouble:
    def refuse(name: str, size: int) -> int:
        if name == call:
            raise OSError(errno.EIO, "refused")
        return size

    return refuse
