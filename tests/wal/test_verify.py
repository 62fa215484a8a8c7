"""The offline check."""

from pathlib import Path

from torture.corpus import Corpus
from wal.errors import Corrupt, NoLog
from wal.verify import Report, verify


def test_good_log(small: Corpus) -> None:
    """A good log is reported with what it holds."""
    report = verify(small.directory, fs=small.disk)
    assert report == Report(segments=len(small.segments), first_lsn=1, last_lsn=len(small.records))


def test_log_without_its_oldest_part(small: Corpus) -> None:
    """A log whose oldest segments a snapshot has replaced is good."""
    first_lsn = int(small.segments[1].stem)
    small.disk.remove(small.segments[0])
    report = verify(small.directory, fs=small.disk)
    assert (report.fault, report.first_lsn) == (None, first_lsn)


def test_torn_tail_is_no_fault(small: Corpus) -> None:
    """A torn last batch is reported, and is not a fault."""
    small.forget_acknowledged()
    content = small.content(small.segments[-1])
    content.extend(bytes(511) + b"\1")
    report = verify(small.directory, fs=small.disk)
    assert report.fault is None
    assert report.torn is not None
    assert report.last_lsn == len(small.records)


def test_fault(small: Corpus) -> None:
    """The first fault is reported with how far the log is good."""
    small.content(small.segments[1])[4096] ^= 1
    report = verify(small.directory, fs=small.disk)
    assert isinstance(report.fault, Corrupt)
    assert report.fault.file == small.segments[1]
    assert report.last_lsn == int(small.segments[1].stem) - 1


def test_no_log(tmp_path: Path) -> None:
    """No log is a fault too, and nothing is counted in it."""
    report = verify(tmp_path)
    assert isinstance(report.fault, NoLog)
    assert report == Report(segments=0, first_lsn=0, last_lsn=0, fault=report.fault)


def test_new_log(directory: Path) -> None:
    """A log of one segment, in which nothing was ever written, is good."""
    assert verify(directory) == Report(segments=1, first_lsn=1, last_lsn=0)
