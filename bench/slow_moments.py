"""When was the machine itself slow, while something else was measured?

A virtual machine may be slowed by its host, all cores at once and without a word in /proc/stat. A
process that is served before all others does a small piece of work every other millisecond: where
that takes twice its usual time, or it is woken late, the machine was slow, whoever used it.
"""

import os
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from typing import NamedTuple

INTERVAL_SECONDS = 0.002
LATE_SECONDS = 0.001
PIECE = range(2_000)  # some 30 us: the watcher takes 2 % of one core
# What has piled up meanwhile is worked off afterwards; that, too, is of the slow moment.
AFTER_SECONDS = 0.02


class Look(NamedTuple):
    """When the work was due, begun and done: `perf_counter` seconds."""

    due: float
    began: float
    ended: float


class SlowMoments:
    """Disjoint spans of time, in order; of any process of this machine."""

    def __init__(self, looks: Sequence[Look]) -> None:
        """What the looks tell, which are in order."""
        twice = 2 * median(one.ended - one.began for one in looks)
        self._begins: list[float] = []
        self._ends: list[float] = []
        for before, one in pairwise(looks):
            if one.ended - one.began > twice or one.began - one.due > LATE_SECONDS:
                self._add(before.ended, one.ended + AFTER_SECONDS)
        self.share = self._seconds() / (looks[-1].ended - looks[0].began)

    def _add(self, began: float, ended: float) -> None:
        if self._ends and began <= self._ends[-1]:
            self._ends[-1] = ended
        else:
            self._begins.append(began)
            self._ends.append(ended)

    def _seconds(self) -> float:
        return sum(self._ends) - sum(self._begins)

    def touch(self, began: float, ended: float) -> bool:
        """True if any of them is, in part, within that time."""
        at = bisect_right(self._begins, ended) - 1
        return at >= 0 and self._ends[at] >= began


class Watch:
    """`moments` are there when it is over."""

    moments: SlowMoments


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch the machine as long as the block lasts."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_look_on, args=(theirs,))
    process.start()
    theirs.close()  # so that the end of the process is noticed
    ours.recv()
    watch = Watch()
    try:
        yield watch
    finally:
        ours.send(None)
        watch.moments = SlowMoments(ours.recv())
        process.join()


def _look_on(parent: Connection) -> None:
    with suppress(PermissionError):  # then its own waiting for a core counts as slowness, too
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    looks: list[Look] = []
    parent.send(None)
    due = time.perf_counter()
    while not parent.poll():
        due = max(due + INTERVAL_SECONDS, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
        began = time.perf_counter()
        sum(PIECE)
        looks.append(Look(due, began, time.perf_counter()))
    parent.send(looks)
