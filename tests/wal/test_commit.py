"""Many waiters, one fdatasync."""

import asyncio
import errno
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.wal.fake_disks import FaultyDisk
from wal.commit import WOKEN_PER_ROUND, GroupCommit
from wal.errors import LogFailed
from wal.format import LENGTH_BYTES
from wal.log import Log
from wal.memory import MemoryLog

SYNC_SECONDS_MAX = 20  # only so that a broken commit fails its test instead of hanging it


class SlowDisk(FaultyDisk):
    """A disk on which every fdatasync waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.may_sync = threading.Semaphore(0)
        self.syncing = threading.Event()

    def hold(self) -> None:
        """From now on."""
        self.fault = self._wait
        self.calls.clear()

    def _wait(self, name: str, _: object) -> None:
        if name == "fdatasync":
            self.syncing.set()
            self.may_sync.acquire()

    async def is_syncing(self) -> None:
        """Return when a batch is written and its fdatasync is under way."""
        assert await asyncio.to_thread(self.syncing.wait, SYNC_SECONDS_MAX)

    def let_go(self, count: int = 1) -> None:
        self.may_sync.release(count)

    @property
    def batches(self) -> int:
        return self.calls.count("fdatasync")


def opened(directory: Path, disk: FaultyDisk) -> Log:
    log = Log.open(directory, segment_bytes_max=1 << 16, fs=disk.fs)
    list(log.recover())
    log.prepare()
    return log


def play(
    story: Callable[[Log, GroupCommit], Awaitable[None]], directory: Path, disk: FaultyDisk
) -> None:
    """A log on `disk` and its commit, for as long as the story takes; the disk refuses no stop."""

    async def played() -> None:
        log = opened(directory, disk)
        commit = GroupCommit(log, fail_stop=never)
        commit.start()
        await story(log, commit)
        disk.fault = None
        await commit.stop()
        log.close()

    asyncio.run(played())


def never(failure: BaseException) -> None:
    raise AssertionError(f"unexpected fail-stop: {failure}")


def test_durable_means_durable(directory: Path) -> None:
    """`durable` returns when the disk has the record, and not before."""
    disk = SlowDisk()

    async def story(log: Log, commit: GroupCommit) -> None:
        disk.hold()
        lsn = log.append(b"record")
        waiting = commit.durable()
        await disk.is_syncing()
        assert (waiting.done(), log.durable_lsn) == (False, 0)
        disk.let_go()
        await waiting
        assert log.durable_lsn == lsn

    play(story, directory, disk)


def test_nothing_to_wait_for(directory: Path) -> None:
    """When everything is durable, `durable` returns at once and touches no disk."""
    disk = FaultyDisk()

    async def story() -> None:
        log = opened(directory, disk)
        commit = GroupCommit(log, fail_stop=never)
        commit.start()
        disk.calls.clear()
        assert commit.durable().done()
        await commit.stop()
        assert disk.calls == []
        log.close()

    asyncio.run(story())


def test_group(directory: Path) -> None:
    """Whoever comes while the disk is busy shares the next batch: 2 + 500 records, 2 fsyncs."""
    disk = SlowDisk()

    async def story(log: Log, commit: GroupCommit) -> None:
        disk.hold()

        async def book() -> None:
            log.append(b"record")
            await commit.durable()

        first = [asyncio.create_task(book()) for _ in range(2)]
        await disk.is_syncing()
        crowd = []
        for _ in range(5):
            crowd += [asyncio.create_task(book()) for _ in range(100)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        disk.let_go(502)
        await asyncio.gather(*first, *crowd)
        assert (disk.batches, log.durable_lsn) == (2, 502)

    play(story, directory, disk)


def test_the_next_segment_is_made_ready_behind_a_batch(directory: Path) -> None:
    """No later batch waits until it is there, and a full disk shows while nothing needs it yet."""

    async def story(log: Log, commit: GroupCommit) -> None:
        for size in (40_000, 40_000, 1, 1):  # the second begins the segment that was ready
            log.append(bytes(size))
            await commit.durable()
        assert (directory / "next.wal.tmp").stat().st_size == 1 << 16

    play(story, directory, FaultyDisk())


def test_ready_callbacks_share_a_batch(directory: Path) -> None:
    """Requests that the loop has ready at the same time share the first batch too."""
    disk = FaultyDisk()

    async def story(log: Log, commit: GroupCommit) -> None:
        disk.calls.clear()

        async def book() -> None:
            log.append(b"record")
            await commit.durable()

        await asyncio.gather(*(book() for _ in range(100)))
        assert disk.calls.count("fdatasync") == 1
        assert log.durable_lsn == 100

    play(story, directory, disk)


def test_cancelled_waiter(directory: Path) -> None:
    """A client that hangs up cancels its own waiting: the commit and the others go on."""
    disk = SlowDisk()

    async def story(log: Log, commit: GroupCommit) -> None:
        disk.hold()
        waiting = []
        for _ in range(3):
            log.append(b"record")
            waiting.append(commit.durable())
        await disk.is_syncing()
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.sleep(0)
        disk.let_go()
        await waiting[2]
        assert [task.cancelled() for task in waiting] == [True, True, False]
        assert log.durable_lsn == 3

    play(story, directory, disk)


def test_a_crowd_is_told_bit_by_bit(directory: Path) -> None:
    """Of all who wait for one batch only so many go on in a round of the loop, in order."""
    disk = SlowDisk()
    crowd = 2 * WOKEN_PER_ROUND + 1

    async def story(log: Log, commit: GroupCommit) -> None:
        disk.hold()
        told: list[int] = []
        rounds: list[int] = []

        async def wait(number: int) -> None:
            await commit.durable()
            told.append(number)

        for number in range(crowd):
            log.append(b"record")
            asyncio.create_task(wait(number))  # noqa: RUF006 - held by what it waits for
        await disk.is_syncing()
        disk.let_go()
        while len(told) < crowd:
            await asyncio.sleep(0)
            rounds.append(len(told))
            commit._on_written()  # as if another batch were written meanwhile
        assert list(range(crowd)) == told
        assert [WOKEN_PER_ROUND, 2 * WOKEN_PER_ROUND, crowd] == sorted(set(rounds) - {0})

    play(story, directory, disk)


def test_who_comes_after_a_crowd_is_told_too(directory: Path) -> None:
    """A crowd of several rounds ends its turn: the next batch wakes those who wait for it."""

    async def story(log: Log, commit: GroupCommit) -> None:
        for crowd in (2 * WOKEN_PER_ROUND, 1, WOKEN_PER_ROUND, 1):
            waiting = []
            for _ in range(crowd):
                log.append(b"record")
                waiting.append(commit.durable())
            await asyncio.wait_for(asyncio.gather(*waiting), SYNC_SECONDS_MAX)

    play(story, directory, FaultyDisk())


def test_stop_waits_until_all_are_told(directory: Path) -> None:
    """Also those of a batch that is on disk, whose round has not come."""

    async def story() -> None:
        log = opened(directory, FaultyDisk())
        commit = GroupCommit(log, fail_stop=never)
        commit.start()
        waiting = []
        for _ in range(3 * WOKEN_PER_ROUND):
            log.append(b"record")
            waiting.append(commit.durable())
        await waiting[0]
        await commit.stop()
        await asyncio.sleep(0)
        assert all(one.done() for one in waiting)
        log.close()

    asyncio.run(story())


def test_who_was_not_told_yet_is_told_the_truth_after_a_failure(directory: Path) -> None:
    """What is on disk has happened, although the next batch has failed before all were told."""
    disk = SlowDisk()

    async def story() -> None:
        log = opened(directory, disk)
        commit = GroupCommit(log, fail_stop=lambda _: None)
        commit.start()
        waiting = []
        for _ in range(2 * WOKEN_PER_ROUND):
            log.append(b"record")
            waiting.append(commit.durable())
        await asyncio.sleep(0)
        commit._waking = True  # as between two rounds
        while log.durable_lsn < log.appended_lsn:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.001)
        disk.refuse("pwrite", errno.EIO)
        log.append(b"record")
        late = commit.durable()
        outcomes = await asyncio.gather(*waiting, late, return_exceptions=True)
        assert [None] * len(waiting) == outcomes[:-1]
        assert isinstance(outcomes[-1], LogFailed)
        log.close()

    asyncio.run(story())


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_failure(directory: Path, call: str) -> None:
    """A failed write or fsync stops once, in the writer, and nobody is told of success."""
    disk = SlowDisk()
    failures: list[BaseException] = []
    threads: list[str] = []

    def fail_stop(failure: BaseException) -> None:
        failures.append(failure)
        threads.append(threading.current_thread().name)

    async def story() -> None:
        log = opened(directory, disk)
        commit = GroupCommit(log, fail_stop=fail_stop)
        commit.start()
        disk.refuse(call, errno.EIO)
        waiting = []
        for _ in range(3):
            log.append(b"record")
            waiting.append(commit.durable())
        await asyncio.sleep(0)
        waiting[1].cancel()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [
            LogFailed,
            asyncio.CancelledError,
            LogFailed,
        ]
        with pytest.raises(LogFailed):
            await commit.durable()
        with pytest.raises(LogFailed):
            await commit.stop()
        assert log.durable_lsn == 0
        log.close()

    asyncio.run(story())
    assert [str(failure) for failure in failures] == [f"[Errno 5] refused {call}: '{directory}'"]
    assert threads == ["wal"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_ever_behind_a_fail_stop_that_fails(directory: Path) -> None:
    """Whatever it raises, those who wait are told that the outcome is unknown."""
    disk = FaultyDisk()

    async def story() -> None:
        log = opened(directory, disk)
        commit = GroupCommit(log, fail_stop=never)
        commit.start()
        disk.refuse("fdatasync", errno.EIO)
        log.append(b"record")
        with pytest.raises(LogFailed):
            await asyncio.wait_for(commit.durable(), SYNC_SECONDS_MAX)
        commit.end()
        log.close()

    asyncio.run(story())


def test_more_than_one_batch(directory: Path) -> None:
    """What does not fit in one batch follows in the next by itself."""

    async def story(log: Log, commit: GroupCommit) -> None:
        for _ in range(12):
            log.append(bytes(1 << 20))
        await commit.durable()
        assert log.durable_lsn == 12

    play(story, directory, FaultyDisk())


def test_seal_on_demand(directory: Path) -> None:
    """A seal that is asked for is done by the writer without anybody waiting for a record."""

    async def story(log: Log, commit: GroupCommit) -> None:
        log.append(b"record")
        await commit.durable()
        log.seal()
        commit.wake()
        commit.wake()
        await asyncio.sleep(0)
        log.append(b"behind the seal, because there is one writer")
        await commit.durable()
        assert log.sealed_lsn == 1

    play(story, directory, FaultyDisk())


def test_stop_drains(directory: Path) -> None:
    """Stopping makes everything appended durable and ends the thread."""

    async def story() -> None:
        log = opened(directory, FaultyDisk())
        commit, others = GroupCommit(log, fail_stop=never), set(threading.enumerate())
        commit.start()
        for _ in range(10):
            log.append(b"record")
        await commit.stop()
        assert log.durable_lsn == 10
        assert set(threading.enumerate()) <= others, "those of other tests may be there"
        log.close()

    asyncio.run(story())


def test_loop_gone_without_stop(directory: Path) -> None:
    """A loop that ends without `stop` is no failure of the log."""
    disk = SlowDisk()
    failures: list[BaseException] = []
    log = opened(directory, disk)

    async def story() -> GroupCommit:
        commit = GroupCommit(log, fail_stop=failures.append)
        commit.start()
        disk.hold()
        log.append(b"record")
        waiting = commit.durable()
        await disk.is_syncing()
        waiting.cancel()
        return commit

    commit = asyncio.run(story())
    disk.fault = None
    disk.let_go()
    commit.end()
    assert (failures, log.durable_lsn) == ([], 1)
    log.close()


def test_who_waits_while_the_log_is_closed_is_told(directory: Path) -> None:
    """Nothing is handed over any more, and what the close has made durable is."""

    async def story() -> None:
        log = opened(directory, FaultyDisk())
        commit = GroupCommit(log, fail_stop=never)
        commit.start()
        log.append(b"record")
        waiting = commit.durable()
        commit.end()
        log.close()
        await asyncio.wait_for(waiting, SYNC_SECONDS_MAX)
        assert log.durable_lsn == 1

    asyncio.run(story())


def test_an_end_where_no_thread_could_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start has failed and said why; the close after it has nothing to wait for."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    group = GroupCommit(MemoryLog())

    async def begin() -> None:
        group.start()

    with pytest.raises(RuntimeError, match="can't start new thread"):
        asyncio.run(begin())
    group.end()


def test_memory_log() -> None:
    """Over a log in memory nobody ever waits."""

    async def story() -> None:
        log = MemoryLog()
        commit = GroupCommit(log, fail_stop=never)
        commit.start()
        log.append(b"record")
        await commit.durable()
        commit.wake()
        await asyncio.sleep(0)
        await commit.stop()

    asyncio.run(story())


def test_start_comes_first() -> None:
    """Waiting before `start` is a mistake that shows."""
    commit = GroupCommit(MemoryLog())
    with pytest.raises(AssertionError, match="start it first"):
        commit.wake()


def test_batches_are_counted(directory: Path) -> None:
    """Each one with its time, its records and its bytes; a seal alone is no batch."""
    log = opened(directory, FaultyDisk())
    times = iter((0.0, 0.25, 1.0, 1.5, 2.0, 3.0))

    async def main() -> GroupCommit:
        group = GroupCommit(log, fail_stop=never, clock=lambda: next(times))
        group.start()
        log.append(b"one")
        log.append(b"two")
        await group.durable()
        log.append(b"three")
        await group.durable()
        log.seal()
        group.wake()
        await asyncio.sleep(0)  # the seal is handed over
        await group.stop()
        return group

    figures = asyncio.run(main()).figures
    log.close()
    assert (2, 0.75) == (sum(figures.seconds.counts), figures.seconds.total)
    assert (2, 3) == (sum(figures.batch_records.counts), figures.batch_records.total)
    assert (2, 11 + 3 * LENGTH_BYTES) == (
        sum(figures.batch_bytes.counts),
        figures.batch_bytes.total,
    )
