"""Many waiters, one fdatasync: nobody returns from `durable` before the disk has their records.

One thread writes, strictly one batch after the other. While it waits for the disk the loop goes
on, and whatever is appended meanwhile becomes the next batch: the disk is the clock, and nothing
is ever delayed on purpose. Only the loop appends and takes, only the thread writes.

A failed write or fsync ends the process (BSD's sysexits call 70 an internal software error). It
cannot be retried, because the kernel may have dropped the pages, and it cannot be undone, because
others have seen the state in memory.
"""

import asyncio
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

from wal.anylog import AnyLog, Pending
from wal.errors import LogFailed
from wal.figures import Figures

EXIT_CODE = 70
# A crowd that waits for one batch of a slow disk would keep the loop for itself as long as a
# thousand replies take. As many as may begin in a round: with a quarter of it everybody's writes
# queue here, and 10,000 buyers wait 755 ms for a seat and 32 for a page (now 420 and 391).
WOKEN_PER_ROUND = 256
IDLE_SECONDS_MAX = 1.0  # a disk that was full is looked at so often while nothing is written
STDERR = 2  # the descriptor itself: sys.stderr may be anything


def end_process(failure: BaseException) -> None:
    """Say why on stderr and end at once: no cleanup may run on a state that is not on disk.

    A pipe that is full and that nobody reads would keep the process alive, so it is told nothing.
    """
    try:
        # Not its repr, which leaves out the file.
        why = f"{type(failure).__name__}: {failure}"
        said = f"billetter: ending, so nothing wrong is told: {why}\n".encode()
        _, takes_more, _ = select.select([], [STDERR], [], 0)
        if takes_more:
            os.write(STDERR, said[: select.PIPE_BUF])  # more might wait even so
    finally:
        os._exit(EXIT_CODE)  # whatever has become of stderr, or of the memory for a sentence


class GroupCommit:
    """Makes the records of a log durable from an asyncio loop.

    `fail_stop` is called once, in the writer thread, with what the log raised. If it returns, as
    it does in tests, every waiter gets LogFailed: whether their records survive is unknown.
    """

    def __init__(
        self,
        log: AnyLog,
        *,
        fail_stop: Callable[[BaseException], None] = end_process,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.figures = Figures()
        self._log = log
        self._fail_stop = fail_stop
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._orders: SimpleQueue[Pending | None] = SimpleQueue()
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._waking = False  # more are to be told, in the next round of the loop
        self._writing = False  # a batch is at the thread, or the loop is about to hand one over
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._write_batches, name="wal", daemon=True)

    def start(self) -> None:
        """Start the writer thread; call it on the running loop that will append."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def durable(self) -> asyncio.Future[None]:
        """Done when everything appended so far is on disk; at once if it is already.

        Raises LogFailed, now or later, if that will never be known. Cancelling it cancels the
        waiting only.
        """
        lsn = self._log.appended_lsn
        assert self._loop, "start it first"
        waiter: asyncio.Future[None] = self._loop.create_future()
        if lsn <= self._log.durable_lsn:
            waiter.set_result(None)
            return waiter
        if self._failure or not self._writing:
            self.wake()
        # A future of its own: a shared one would be cancelled for all by the first to hang up.
        self._waiters.append((lsn, waiter))
        return waiter

    def wake(self) -> None:
        """See that what is appended, or a seal, gets to the disk; raises LogFailed if none will."""
        if self._failure:
            raise LogFailed("the log failed before") from self._failure
        if not self._writing:
            self._writing = True
            # After the callbacks that are ready now, so that their records share the batch.
            self._running_loop().call_soon(self._hand_over)

    async def stop(self) -> None:
        """Make everything appended durable, then end the thread; the log stays open."""
        try:
            while self._waiters or self._log.durable_lsn < self._log.appended_lsn:
                await self.durable()
                await asyncio.sleep(0)  # a round of the loop, for those who are woken bit by bit
        finally:
            self.end()

    def end(self) -> None:
        """End the thread, behind what it was given; the log may be closed then, loop or no loop.

        Who waits for more is told when the close has made it durable.
        """
        self._orders.put(None)
        if self._thread.is_alive():  # it was never started where no more threads can be had
            self._thread.join()  # it waits for nothing but this order, or for one last fsync
        self._tell(self._wake_waiters)

    def _hand_over(self) -> None:
        pending = self._log.take()
        self._writing = pending is not None
        if pending is not None:
            self._orders.put(pending)

    def _on_written(self) -> None:
        self._hand_over()
        if not self._waking:
            self._wake_waiters()

    def _wake_waiters(self) -> None:
        for _ in range(WOKEN_PER_ROUND):
            if not self._waiters or self._waiters[0][0] > self._log.durable_lsn:
                self._waking = False
                return
            _, waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
        self._waking = True
        self._running_loop().call_soon(self._wake_waiters)

    def _on_failure(self, failure: BaseException) -> None:
        self._failure = failure
        durable_lsn = self._log.durable_lsn
        while self._waiters:
            lsn, waiter = self._waiters.popleft()
            if waiter.done():
                continue
            if lsn <= durable_lsn:  # it had only not been told yet
                waiter.set_result(None)
            else:
                waiter.set_exception(LogFailed("the outcome is unknown: the log failed"))

    def _write_batches(self) -> None:
        try:
            while (pending := self._next_order()) is not None:
                began = self._clock()
                self._log.write(pending)
                self._tell(self._on_written)
                self._count(pending, self._clock() - began)
                self._log.prepare()
        except BaseException as failure:
            try:
                self._fail_stop(failure)
            finally:
                self._tell(partial(self._on_failure, failure))

    def _next_order(self) -> Pending | None:
        """Wait for it; meanwhile the log may find that a full disk has room again."""
        while True:
            try:
                return self._orders.get(timeout=IDLE_SECONDS_MAX)
            except Empty:
                self._log.prepare()

    def _count(self, pending: Pending, seconds: float) -> None:
        if records := len(pending.records):  # else it was a seal alone
            self.figures.add(seconds=seconds, records=records, payload_bytes=pending.payload_bytes)

    def _tell(self, callback: Callable[[], None]) -> None:
        # A loop that was closed without `stop` is gone, and with it everybody who waited.
        with suppress(RuntimeError):
            self._running_loop().call_soon_threadsafe(callback)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop, "start it first"
        return self._loop
