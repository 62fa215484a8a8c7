"""A copy taken beside the writer: it holds what was acknowledged, and opens as a log."""

import errno
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.wal.fake_disks import FaultyDisk
from torture.corpus import Corpus
from torture.crash_fs import Fate
from torture.diary import STORE_ID
from wal import Corrupt, Log, NoLog, read_records, verify
from wal.copy import Copied, copy_log
from wal.files import OS
from wal.segments import segment_paths
from wal.watermark import read_watermark


def records_of(directory: Path) -> list[bytes]:
    return [payload for _, payload in read_records(directory)]


@pytest.fixture
def log(directory: Path) -> Iterator[Log]:
    """An open log of several small segments and nine records."""
    log = Log.open(directory, segment_bytes_max=8192)
    list(log.recover())
    for number in range(1, 10):
        log.append(b"record %d " % number * 100)
        log.flush()
    yield log
    log.close()


def test_a_copy_holds_what_was_acknowledged(directory: Path, log: Log, tmp_path: Path) -> None:
    """Beside the open log: every record that is durable, and none that only waits."""
    log.append(b"nobody was told")

    assert Copied(1, 9) == copy_log(directory, tmp_path / "copy")

    assert [b"record %d " % number * 100 for number in range(1, 10)] == records_of(
        tmp_path / "copy"
    )
    report = verify(tmp_path / "copy")
    assert (None, None, 9) == (report.fault, report.torn, report.last_lsn)
    assert report.segments > 2


@pytest.mark.parametrize("more", [1, 5])
def test_a_copy_is_whole_after_a_power_cut(
    directory: Path, log: Log, tmp_path: Path, more: int
) -> None:
    """The watermark is back by a batch, or by several segments: the copy's own knows them all."""
    old = (directory / "watermark").read_bytes()
    for _ in range(more):
        log.append(bytes(3_000))
        log.flush()
    log.close()
    (directory / "watermark").write_bytes(old)

    assert 9 + more == copy_log(directory, tmp_path / "copy").last_lsn

    assert records_of(directory) == records_of(tmp_path / "copy")
    assert 9 + more == read_watermark(OS, tmp_path / "copy", STORE_ID)


def test_a_copy_goes_on(directory: Path, log: Log, tmp_path: Path) -> None:
    """It is opened, appended to and opened again like any log."""
    copy_log(directory, tmp_path / "copy")
    for number in (10, 11):
        copy = Log.open(tmp_path / "copy")
        assert number - 1 == len(list(copy.recover()))
        copy.append(b"more")
        copy.close()

    assert [b"more", b"more"] == records_of(tmp_path / "copy")[9:]


def test_a_copy_knows_what_it_must_hold(directory: Path, log: Log, tmp_path: Path) -> None:
    """A last segment that is lost from the copy is missed: its watermark is the log's."""
    copy_log(directory, tmp_path / "copy")
    *_, last = sorted((tmp_path / "copy").glob("*.wal"))
    last.write_bytes(last.read_bytes()[:4096])

    assert isinstance(verify(tmp_path / "copy").fault, Corrupt)


def test_an_empty_log_is_copied(directory: Path, tmp_path: Path) -> None:
    """A store that has sold nothing yet can be backed up, too."""
    assert Copied(1, 0) == copy_log(directory, tmp_path / "copy")
    assert [] == records_of(tmp_path / "copy")


def test_a_log_without_its_oldest_part(directory: Path, log: Log, tmp_path: Path) -> None:
    """The copy begins where the log begins."""
    log.drop_through(5)

    copied = copy_log(directory, tmp_path / "copy")

    assert 1 < copied.first_lsn <= 6
    assert verify(tmp_path / "copy").first_lsn == copied.first_lsn


def test_a_torn_end_is_left_out(directory: Path, log: Log, tmp_path: Path) -> None:
    """Whatever a crash has left behind the last acknowledged batch stays where it is."""
    log.close()
    *_, last = sorted(directory.glob("*.wal"))
    last.write_bytes(last.read_bytes().rstrip(b"\0").ljust(40_960, b"\0") + b"half a batch")

    assert 9 == copy_log(directory, tmp_path / "copy").last_lsn

    assert verify(tmp_path / "copy").torn is None


@pytest.mark.parametrize("number", [0, 1, -1])
def test_a_damaged_segment_is_not_copied(
    directory: Path, log: Log, tmp_path: Path, number: int
) -> None:
    """The first, a later and the last one: the fault is named where it lies."""
    log.close()
    path = sorted(directory.glob("*.wal"))[number]
    content = bytearray(path.read_bytes())
    content[4096 + 60] ^= 1
    path.write_bytes(content)

    with pytest.raises(Corrupt, match=path.name):
        copy_log(directory, tmp_path / "copy")


def test_a_segment_dropped_meanwhile_is_told(
    small: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller begins again: what is left of the log has a snapshot before it."""
    listed = segment_paths(small.disk, small.directory)
    monkeypatch.setattr("wal.recovery.segment_paths", lambda *_: listed)
    small.disk.remove(listed[0])

    with pytest.raises(FileNotFoundError):
        copy_log(small.directory, small.directory.with_name("copy"), fs=small.disk)


def test_no_log(tmp_path: Path) -> None:
    """Nothing is made of nothing."""
    with pytest.raises(NoLog):
        copy_log(tmp_path / "missing", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("seed", range(20))
def test_a_copy_is_durable(small: Corpus, seed: int) -> None:
    """After a power cut at the end of the copying, everything is there."""
    target = small.directory.with_name("copy")
    copied = copy_log(small.directory, target, fs=small.disk)

    after = small.disk.after_power_cut(partial(Random(seed).choice, list(Fate)))

    report = verify(target, fs=after)
    assert (None, copied.last_lsn) == (report.fault, report.last_lsn)
    assert copied.last_lsn == read_watermark(after, target, STORE_ID)


def test_the_source_is_left_as_it_is(directory: Path, log: Log, tmp_path: Path) -> None:
    """Not a byte changes, and no name."""
    before = Path(shutil.copytree(directory, tmp_path / "before"))
    copy_log(directory, tmp_path / "copy")

    assert {path.name: path.read_bytes() for path in before.iterdir()} == {
        path.name: path.read_bytes() for path in directory.iterdir()
    }


def test_a_watermark_that_cannot_be_written_is_named(
    directory: Path, log: Log, tmp_path: Path
) -> None:
    """As all files of a copy are: it is mostly made on another disk than the log's."""
    disk = FaultyDisk()
    disk.refuse("pwrite", errno.ENOSPC, on_call=2)
    with pytest.raises(OSError, match="refused") as caught:
        copy_log(directory, tmp_path / "copy", fs=disk.fs)
    assert caught.value.filename == str(tmp_path / "copy" / "watermark")
