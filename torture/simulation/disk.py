"""The disk under our server's log: slow now and then, and honest only about what was synced.

The log is the real one, on a disk in memory. Only its writer's thread is replaced, by a timer.
"""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

from torture.crash_fs import CrashFS, Fate, PowerCut, power_cut_after
from torture.diary import STORE_ID
from torture.power import chance
from wal import Backlogged, GroupCommit, Log
from wal.anylog import Pending

DIRECTORY = Path("/wal")
SEGMENT_BYTES_MAX = 65_536  # so small that a world may fill several
SALT_BYTES = 8
# As many calls as one batch makes, and then some: a crash falls between any two of them.
CALLS_OF_A_BATCH = 10
FSYNC_SECONDS = (0.0005, 0.005)
STALL_SECONDS = (0.1, 20.0)
# The real bound is 16 MiB of records that wait; no small world would ever reach it.
RECORDS_WAITING_MAX = 30


class CrowdedLog(Log):
    """Refuses what would wait behind too much, as the real one does, but much earlier."""

    @property
    def has_room(self) -> bool:
        return self._waiting < RECORDS_WAITING_MAX // 2 and super().has_room

    def append(self, payload: bytes) -> int:
        if self._waiting >= RECORDS_WAITING_MAX:
            raise Backlogged
        return super().append(payload)

    @property
    def _waiting(self) -> int:
        return self.appended_lsn - self.durable_lsn


class Commit(GroupCommit):
    """Group commit whose fsync takes virtual time instead of a thread's."""

    def __init__(self, log: Log, *, disk: "Disk") -> None:
        super().__init__(log)
        self._disk = disk
        # What a crash would meet halfway.
        self.under_way: Pending | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        while self._log.durable_lsn < self._log.appended_lsn:
            await self.durable()

    def _hand_over(self) -> None:
        self.under_way = self._log.take()
        self._writing = self.under_way is not None
        if self._writing:
            self._running_loop().call_later(self._disk.fsync_s(), self._write)

    def _write(self) -> None:
        pending, self.under_way = self.under_way, None
        assert pending is not None
        self._log.write(pending)
        self._on_written()
        self._log.prepare()


class Disk:
    """Outlives the server's lives."""

    def __init__(self, rng: random.Random, *, stalls: float) -> None:
        """`stalls` is the part of all fsyncs that take seconds."""
        self._rng = rng
        self._stalls = stalls
        self._awaiting: list[asyncio.Future[float]] = []
        self._files = CrashFS()
        Log.create(DIRECTORY, store_id=STORE_ID, fs=self._files, salt=self._salt)

    def open(self) -> Log:
        return CrowdedLog.open(
            DIRECTORY, segment_bytes_max=SEGMENT_BYTES_MAX, fs=self._files, salt=self._salt
        )

    def calm_down(self) -> None:
        self._stalls = 0.0

    def fsync_s(self) -> float:
        """How long the one takes that begins now."""
        usual_s, stalled_s = self._rng.uniform(*FSYNC_SECONDS), self._rng.uniform(*STALL_SECONDS)
        seconds = stalled_s if self._rng.random() < self._stalls else usual_s
        for waiter in self._awaiting:
            if not waiter.done():
                waiter.set_result(seconds)
        self._awaiting.clear()
        return seconds

    async def next_fsync(self) -> float:
        """Return as one begins, with how long it takes."""
        beginning: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._awaiting.append(beginning)
        return await beginning

    def lose_power(self, log: Log, under_way: Pending | None) -> None:
        """What was synced stays, of the batch under way any part, and of the rest nothing."""
        if under_way is not None:
            self._files.trouble = power_cut_after(self._rng.randrange(CALLS_OF_A_BATCH))
            with suppress(PowerCut):
                log.write(under_way)
        self._files = self._files.after_power_cut(chance(self._rng))

    def content(self) -> bytes:
        """Every byte that would survive, file by file in the order of their names."""
        files = self._files.after_power_cut(lambda: Fate.LOST).inodes
        return b"".join(bytes(files[path].seen) for path in sorted(files))

    def _salt(self) -> bytes:
        return self._rng.randbytes(SALT_BYTES)
