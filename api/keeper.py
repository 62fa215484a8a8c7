"""What happens without a request: holds end, the state is checked, snapshots are made.

Everything here is a loop that looks at the state and does what is due, so a crash loses nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from api.child import ERROR_BYTES_MAX, beside
from engine import STORE_FAULTS, Engine, covered_lsn, end_process
from engine.errors import Busy
from sagas import Sagas

# A hold ends at most so long after its time; the record, not the clock, frees the seat.
EXPIRY_INTERVAL_SECONDS = 0.2
# So many records a turn: about 5 ms of the loop, and then it is the buyers' turn.
EXPIRIES_PER_TURN_MAX = 500
# So a sold-out stadium of 50,000 bookings is gone through in 50 seconds, for 0.3 % of the loop.
CHECK_INTERVAL_SECONDS = 0.25
SNAPSHOT_INTERVAL_SECONDS = 2.0
SNAPSHOT_RETRY_SECONDS = 60.0
SNAPSHOTTER = ("-m", "engine.snapshotter")

log = structlog.get_logger("keeper")


class SnapshotFailed(Exception):
    """The process that makes snapshots has ended with this on its stderr."""


class Keeper:
    """The background loops of one server."""

    def __init__(
        self,
        engine: Engine,
        sagas: Sagas,
        *,
        directory: Path,
        clock_ms: Callable[[], int],
        snapshot_records: int,
        keep_log: bool = False,
        fail_stop: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._engine = engine
        self._sagas = sagas
        self._directory = directory
        self._clock_ms = clock_ms
        self._snapshot_records = snapshot_records
        self._keep_log = keep_log
        self._checked_lsn = engine.appended_lsn
        self._snapshot_lsn = engine.snapshot_lsn
        self._fail_stop = fail_stop
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """On the running loop, when the engine has been started."""
        self.watch(self._expire())
        self.watch(self._check())
        self.watch(self._snapshot())

    def watch(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run it until it is done or `stop` comes; what it raises ends the process."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._end_process_if_failed)
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        """End all of it, and return when nothing of it runs any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end_process_if_failed(self, task: asyncio.Task[None]) -> None:
        """A loop that stopped silently would let holds live for ever: fail stop instead (I8)."""
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._fail_stop(failure)

    async def _expire(self) -> None:
        logged = 0
        while True:
            # A full turn has left more to do: the crowd whose holds end together waits for no one.
            await asyncio.sleep(0 if logged >= EXPIRIES_PER_TURN_MAX else EXPIRY_INTERVAL_SECONDS)
            try:
                logged = self._engine.expire_due(
                    now_ms=self._clock_ms(),
                    at_most=EXPIRIES_PER_TURN_MAX,
                    ended=self._sagas.wake,
                )
            except Busy:
                logged = 0  # the log is behind; the deadlines are still there next time
            else:
                await self._engine.durable()

    async def _check(self) -> None:
        """Have every replay compared with this very state, as long as anything happens to it."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_SECONDS)
            if self._engine.appended_lsn != self._checked_lsn:
                with suppress(Busy):  # the log is behind, and has more to do
                    self._engine.check_state(now_ms=self._clock_ms())
                self._checked_lsn = self._engine.appended_lsn
                await self._engine.durable()

    async def _snapshot(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_INTERVAL_SECONDS)
            wanted_lsn = self._snapshot_lsn + self._snapshot_records
            if self._engine.sealed_lsn >= wanted_lsn:
                if not await self._make_snapshot():
                    await asyncio.sleep(SNAPSHOT_RETRY_SECONDS)
            elif self._engine.durable_lsn >= wanted_lsn:
                # A segment that fills slowly would make the next recovery long.
                self._engine.seal_log()

    async def _make_snapshot(self) -> bool:
        """True if the log is covered as far as it is sealed now."""
        sealed_lsn = self._engine.sealed_lsn
        try:
            made = await self._run_snapshotter()
            through = 0
            if not self._keep_log:
                through = await asyncio.to_thread(covered_lsn, self._directory)
            # Beside the loop, which has no time to unlink: it changes nothing the engine looks at.
            await asyncio.to_thread(self._engine.drop_log_through, through)
        except (SnapshotFailed, *STORE_FAULTS, OSError) as failure:
            log.error("snapshot failed", reason=str(failure), next_try=SNAPSHOT_RETRY_SECONDS)
            return False
        # An orphan of the server before us may have made it: then there was nothing new.
        self._snapshot_lsn = made or sealed_lsn
        log.info("snapshot made", lsn=self._snapshot_lsn, log_dropped_through=through)
        return True

    async def _run_snapshotter(self) -> int:
        """The LSN of the snapshot that a process of its own has made; 0: there was nothing new."""
        async with beside(*SNAPSHOTTER, str(self._directory)) as child:
            out = await child.stdout.read()
            error = await child.error()
        if error is not None:
            raise SnapshotFailed(error)
        said = out[-ERROR_BYTES_MAX:].decode(errors="replace").strip() or "0"
        if not said.isdecimal():
            raise SnapshotFailed(f"it said {said!r}")
        return int(said)
