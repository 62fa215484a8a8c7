"""The power goes at every single call to the disk, and what was acknowledged is there.

The disk of these tests keeps what was synced and, of the rest, any part: each write whole, torn
by sectors or lost, each change of a name on its own.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.wal.fake_disks import STORE_ID, ForgetfulDisk, PowerCut
from wal.errors import NoLog
from wal.log import Log
from wal.verify import verify

DIRECTORY = Path("/wal")
SEGMENT_BYTES = 4096 + 3 * 512


class Story:
    """What was appended, and how much of it somebody was told of."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.created = False
        self.appended: list[bytes] = []
        self.acked = 0
        self.dropped = 0

    def live(self, disk: ForgetfulDisk, *, batches: int) -> None:
        """Recover, check what came back, append, rotate, drop, close; until the power goes."""
        if not self.created:
            Log.create(DIRECTORY, store_id=STORE_ID, fs=disk)
            self.created = True
        log = Log.open(DIRECTORY, segment_bytes_max=SEGMENT_BYTES, fs=disk, salt=self._salt)
        self._check([payload for _, payload in log.recover(self.dropped)])
        self.acked = len(self.appended)
        for number in range(batches):
            for _ in range(self.random.randrange(1, 4)):
                self.appended.append(self.random.randbytes(self.random.choice((0, 20, 700))))
                log.append(self.appended[-1])
            log.flush()
            self.acked = len(self.appended)
            if number == batches // 2:
                self.dropped = log.sealed_lsn
                log.drop_through(self.dropped)
        log.close()

    def _check(self, records: list[bytes]) -> None:
        kept = self.dropped + len(records)
        assert kept >= self.acked
        assert records == self.appended[self.dropped : kept]
        del self.appended[kept:]

    def _salt(self) -> bytes:
        return self.random.randbytes(8)


def cut_points(random: Random, live: Callable[[ForgetfulDisk], None]) -> Iterator[ForgetfulDisk]:
    """Yield the disk after each possible power cut of `live`, which begins on an empty disk."""
    for calls in count():
        disk = ForgetfulDisk()
        disk.calls_left = calls
        try:
            live(disk)
        except PowerCut:
            yield disk.after_power_cut(random)
        else:
            return


@pytest.mark.parametrize("seed", range(8))
def test_power_cut_at_every_call(seed: int) -> None:
    """Wherever the power goes, recovery gives all that was acknowledged, in order, and goes on."""
    random = Random(seed)
    story = Story(random)

    def live(disk: ForgetfulDisk) -> None:
        nonlocal story
        story = Story(random)
        story.live(disk, batches=9)

    for disk in cut_points(random, live):
        if not story.created and not any(path.suffix == ".wal" for path in disk.names_seen):
            with pytest.raises(NoLog):
                Log.open(DIRECTORY, fs=disk)
            continue
        story.created = True
        assert verify(DIRECTORY, fs=disk).fault is None
        story.live(disk, batches=4)
        story.live(disk, batches=0)


@pytest.mark.parametrize("seed", range(150))
def test_power_cut_again_and_again(seed: int) -> None:
    """Power cuts in recovery, and in the recovery from those, change nothing."""
    random = Random(seed)
    disk, story = ForgetfulDisk(), Story(random)
    story.live(disk, batches=5)
    for _ in range(6):
        disk.calls_left = random.randrange(80)
        try:
            story.live(disk, batches=5)
        except PowerCut:
            disk = disk.after_power_cut(random)
        else:
            disk.calls_left = None
    story.live(disk, batches=1)


def test_failed_sync_that_lied() -> None:
    """A batch the disk refused, but the page cache shows, is durable before it is built upon."""
    random = Random(0)
    disk = ForgetfulDisk()
    Log.create(DIRECTORY, store_id=STORE_ID, fs=disk)
    log = Log.open(DIRECTORY, segment_bytes_max=SEGMENT_BYTES, fs=disk)
    list(log.recover())
    log.append(b"acknowledged")
    log.flush()
    log.append(b"refused by the disk, shown by the page cache")
    disk.refusing = True
    with pytest.raises(OSError, match="refused"):
        log.flush()
    log.close()
    disk.refusing = False

    log = Log.open(DIRECTORY, segment_bytes_max=SEGMENT_BYTES, fs=disk)
    recovered = [payload for _, payload in log.recover()]
    assert recovered == [b"acknowledged", b"refused by the disk, shown by the page cache"]
    log.append(b"built upon it")
    log.flush()

    log = Log.open(DIRECTORY, fs=disk.after_power_cut(random))
    assert [payload for _, payload in log.recover()] == [*recovered, b"built upon it"]
