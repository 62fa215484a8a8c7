"""The log without a disk."""

import pytest

from wal.anylog import AnyLog, Pending
from wal.memory import MemoryLog


def test_everything_is_durable() -> None:
    """An appended record is durable at once, and the other calls do nothing."""
    log = MemoryLog()
    same: AnyLog = log
    assert [same.append(b"one"), same.append(b"two")] == [1, 2]
    assert (same.appended_lsn, same.durable_lsn, same.sealed_lsn) == (2, 2, 0)
    assert same.has_room
    assert same.take() is None
    same.prepare()
    same.flush()
    same.seal()
    same.drop_through(2)
    same.close()
    assert log.records == [b"one", b"two"]


def test_replay() -> None:
    """The records of one log can be replayed from another."""
    log = MemoryLog([b"one", b"two", b"three"])
    assert list(log.recover()) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert list(log.recover(after_lsn=2)) == [(3, b"three")]


def test_nothing_to_write() -> None:
    """Nothing is ever taken, so writing is a mistake that shows."""
    with pytest.raises(AssertionError):
        MemoryLog().write(Pending(1, [b"one"], 7, seal=False))
