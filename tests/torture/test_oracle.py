"""What a diary may show after an accident."""

from random import Random

import pytest

from torture.corpus import SMALL_SEGMENT_BYTES, Corpus, small_batches
from torture.crash_fs import CrashFS
from torture.diary import WAL, Diary
from torture.oracle import OPENED, REFUSED, judged
from torture.tally import Violation
from wal import Log

BATCHES = [[b"one", b"two"], [b"three"]]


def disk() -> CrashFS:
    return Corpus(BATCHES, segment_bytes_max=SMALL_SEGMENT_BYTES).disk.copied()


def damaged() -> CrashFS:
    log = Corpus(BATCHES, segment_bytes_max=SMALL_SEGMENT_BYTES)
    log.content(log.segments[0])[4096] ^= 1
    return log.disk


def test_what_is_right() -> None:
    """All records, or a refusal where there should or may be one."""
    assert judged(disk(), [b"one", b"two", b"three"]) == OPENED
    assert judged(damaged(), None) == REFUSED
    assert judged(damaged(), [b"one", b"two", b"three"], or_refused=True) == REFUSED


def test_silently_short() -> None:
    """Less than there should be, and nobody was told."""
    with pytest.raises(Violation, match="silently short: 3 records, and there are 4"):
        judged(disk(), [b"one", b"two", b"three", b"four"])


def test_silently_wrong() -> None:
    """Other records than were written."""
    with pytest.raises(Violation, match="silently wrong"):
        judged(disk(), [b"one", b"2", b"three"])


def test_opened_and_should_not_have_been() -> None:
    """Damage that nobody noticed."""
    with pytest.raises(Violation, match="should have been refused"):
        judged(disk(), None)


def test_refused_and_should_not_have_been() -> None:
    """A good log must open."""
    with pytest.raises(Violation, match=r"refused: .*at byte 4096"):
        judged(damaged(), [b"one", b"two", b"three"])


def test_refused_and_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever refuses leaves the log as it is."""
    broken = damaged()
    opened = Log.open

    def spoil(*arguments: object, **options: object) -> Log:
        broken.unlink(WAL / "watermark")
        return opened(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Log, "open", spoil)
    with pytest.raises(Violation, match="the log has changed"):
        judged(broken, None)


def test_it_must_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written after the accident has to be there too."""
    monkeypatch.setattr(Diary, "write", lambda *_: None)
    with pytest.raises(Violation, match="written after the accident"):
        judged(disk(), [b"one", b"two", b"three"])


def test_small_batches_are_the_same_for_a_seed() -> None:
    """Whoever has the seed has the log."""
    assert small_batches(Random(1)) == small_batches(Random(1)) != small_batches(Random(2))
