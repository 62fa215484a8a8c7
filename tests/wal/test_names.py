"""The names in a log's directory: none is built upon that a power cut takes back."""

from contextlib import suppress
from itertools import chain, repeat

import pytest

from torture.corpus import Corpus
from torture.crash_fs import CrashFS, Fate, PowerCut, power_cut_after
from torture.diary import ROOM, WAL, create
from wal import verify
from wal.errors import LogExists


def test_a_log_that_exists_lasts() -> None:
    """A creation dies at any call and is done again: then a power cut takes nothing back.

    Who hears that the log exists already may rely on that, though its maker died before the sync.
    """
    finished = 0
    for calls in range(30):
        disk = CrashFS()
        disk.make_directory(ROOM)
        disk.trouble = power_cut_after(calls)
        with suppress(PowerCut):
            create(disk)
            finished += 1
        disk.end_process()
        with suppress(LogExists):
            create(disk)
        left = disk.after_power_cut(lambda: Fate.LOST)
        assert verify(WAL, fs=left).fault is None
    assert 0 < finished < 30


def test_a_power_cut_leaves_no_hole(small: Corpus) -> None:
    """Each segment that is dropped is gone for good before the next one goes."""
    looks = 0

    def look(_: str, size: int) -> int:
        nonlocal looks
        first_is_back = chain([Fate.LOST], repeat(Fate.KEPT)).__next__
        assert verify(WAL, fs=small.disk.after_power_cut(first_is_back)).fault is None
        looks += 1
        return size

    log = small.open()
    list(log.recover())
    small.disk.trouble = look
    log.drop_through(len(small.records))
    look("the end", 0)
    log.close()
    assert len(small.segments) == 1
    assert looks > 4


@pytest.mark.parametrize("name", ["next.wal.tmp", f"{1:020d}.4608.broken.tmp"])
def test_what_a_dead_writer_left_goes(small: Corpus, name: str) -> None:
    """A start removes whatever was not finished, also where it makes no such file itself."""
    small.put(small.directory / name, b"half")
    small.recover()
    assert small.directory / name not in small.disk.inodes


def test_closing_again_leaves_the_next_writer_alone(small: Corpus) -> None:
    """Who has given the log back has nothing in its directory any more."""
    closed = small.open()
    list(closed.recover())
    closed.close()
    log = small.open()
    list(log.recover())
    log.append(b"more")
    log.flush()
    before = small.disk.digest()
    closed.close()
    assert small.disk.digest() == before
    log.close()
