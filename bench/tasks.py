"""A task is measured in a process of its own, so that its peak memory is its own."""

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

Figures = dict[str, Any]
_Size = TypeVar("_Size")
NICENESS = -10


def in_child(task: Callable[[Path, _Size], Figures], directory: Path, size: _Size) -> Figures:
    """Run a task in a fresh process and add its peak memory."""
    with ended_in_order(), get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (task, directory, size))


def measured(task: Callable[[Path, _Size], Figures], directory: Path, size: _Size) -> Figures:
    figures = task(directory, size)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**figures, "peak_mb": round(peak_kib / 1024)}


def spread(seconds: Sequence[float], *, unit: str = "ms") -> Figures:
    """The middle, the tail and the longest of many times, in `ms` or `us`."""
    times = sorted(one * {"ms": 1e3, "us": 1e6}[unit] for one in seconds)
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}
    return {
        f"{name}_{unit}": round(times[int(share * (len(times) - 1))], 3)
        for name, share in shares.items()
    }


def be_served_first() -> None:
    """Have this process, a client, wait less for a core than its parent's other children."""
    with suppress(PermissionError):  # then it waits like everybody
        theirs = os.getpriority(os.PRIO_PROCESS, os.getppid())
        os.setpriority(os.PRIO_PROCESS, 0, theirs + NICENESS)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let a SIGTERM, or a terminal that is closed, end the block as Ctrl-C does.

    Else the servers that it has started would go on for ever, on files that nobody removes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals aren't told here
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, lambda number, _: sys.exit(128 + number)) for one in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopwatch:
    """`with Stopwatch() as ours: …`, and then `ours.seconds`."""

    seconds = 0.0

    def __enter__(self) -> "Stopwatch":
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = round(time.perf_counter() - self._began, 4)
