"""When was the machine itself slow, while something else was measured?

A virtual machine may be slowed by its host, one core or all at once, without a word in /proc/stat.
On each core a process that is served before all others does a small piece of work every other
millisecond: where that takes twice its usual time, or it is woken late, the core was slow, whoever
used it. What holds a core within the kernel for longer than a millisecond can't be told from that.
"""

import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from typing import NamedTuple

INTERVAL_SECONDS = 0.002
LATE_SECONDS = 0.001
PIECE = range(2_000)  # some 30 us: the watchers take 2 % of their cores
# What has piled up meanwhile is worked off afterwards; that, too, is of the slow moment.
AFTER_SECONDS = 0.02


class Look(NamedTuple):
    """When the work was due, begun and done: `perf_counter` seconds."""

    due: float
    began: float
    ended: float


class SlowMoments:
    """Disjoint spans of time, in order; of any process of this machine."""

    def __init__(self, *cores: Sequence[Look]) -> None:
        """What the looks at each core tell, which are in order."""
        self._begins: list[float] = []
        self._ends: list[float] = []
        for began, ended in sorted(span for looks in cores for span in _slow_spans(looks)):
            if self._ends and began <= self._ends[-1]:
                self._ends[-1] = max(ended, self._ends[-1])
            else:
                self._begins.append(began)
                self._ends.append(ended)
        # The time after the last one may be longer than the looks.
        self.share = min(1.0, (sum(self._ends) - sum(self._begins)) / _seconds(cores[0]))

    def touch(self, began: float, ended: float) -> bool:
        """True if any of them is, in part, within that time."""
        at = bisect_right(self._begins, ended) - 1
        return at >= 0 and self._ends[at] >= began


def _slow_spans(looks: Sequence[Look]) -> Iterator[tuple[float, float]]:
    twice = 2 * median(one.ended - one.began for one in looks)
    for before, one in pairwise(looks):
        if one.ended - one.began > twice or one.began - one.due > LATE_SECONDS:
            yield before.ended, one.ended + AFTER_SECONDS


def _seconds(looks: Sequence[Look]) -> float:
    return looks[-1].ended - looks[0].began


class Watch:
    """`moments` are there when it is over."""

    moments: SlowMoments


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch every core as long as the block lasts."""
    watch, cores = Watch(), sorted(os.sched_getaffinity(0))
    spawn = get_context("spawn")
    with ExitStack() as stack:
        watchers = []
        for core in cores:
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_look_on, args=(theirs, core))
            process.start()
            theirs.close()  # so that the end of the process is noticed
            stack.callback(process.join)
            stack.callback(ours.close)  # the process ends with it, too
            watchers.append(ours)
        for one in watchers:
            one.recv()
        yield watch
        for one in watchers:
            one.send(None)
        watch.moments = SlowMoments(*(one.recv() for one in watchers))


def _look_on(parent: Connection, core: int) -> None:
    os.sched_setaffinity(0, {core})
    with suppress(PermissionError):  # then its own waiting for a core counts as slowness, too
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    parent.send(None)
    looks = looks_until(parent.poll)
    with suppress(OSError, EOFError):  # whoever asked has gone
        parent.recv()
        parent.send(looks)


def looks_until(
    is_over: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Look]:
    """At least one."""
    looks: list[Look] = []
    due = clock()
    while not looks or not is_over():
        sleep(max(0.0, due - clock()))
        began = clock()
        sum(PIECE)
        looks.append(Look(due, began, clock()))
        # Reckoned from the look alone: where the core stops between two, the next one is late.
        due = max(due + INTERVAL_SECONDS, looks[-1].ended)
    return looks
