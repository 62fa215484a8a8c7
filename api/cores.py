"""Which cores the worker's threads run on (Linux).

The loop, the log's writer and Granian's thread that hands requests over to the loop hold the
interpreter by turns: on cores of their own each turn has to wake another core. On one core they
book 31,700 times a second instead of 26,100 (256 connections, two cores that wrk shares). Granian's
thread for the network needs no interpreter and runs where there is room, and so does all that takes
long: searches, snapshots, files.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import structlog

LOOK_SECONDS = 0.005
LOOKS_MAX = 2_000
NETWORK_THREADS = "tokio-rt-worker"  # as Granian 2.8 has them named

log = structlog.get_logger("cores")

_has_cores = sys.platform.startswith("linux")
_all_cores = os.sched_getaffinity(0) if _has_cores else set[int]()


def share_a_core() -> None:
    """From now on the calling thread, and those that it starts, run on one core.

    Servers of the same machine choose different ones, as chance will have it.
    """
    if _has_cores:
        ordered = sorted(_all_cores)
        os.sched_setaffinity(0, {ordered[os.getpid() % len(ordered)]})


def use_all_cores(thread_id: int = 0) -> None:
    """Let a thread, the calling one or another, run on any core again."""
    if _has_cores:
        os.sched_setaffinity(thread_id, _all_cores)


def aside(name: str, threads: int | None = None) -> ThreadPoolExecutor:
    """Threads for what would stop the loop, on any core; None: as many as Python thinks fit."""
    return ThreadPoolExecutor(threads, name, initializer=use_all_cores)


async def free_network_threads() -> None:
    """Granian starts them after the application and tells nobody: look until they are there."""
    if not _has_cores:
        return
    for _ in range(LOOKS_MAX):
        if _freed():
            return
        await asyncio.sleep(LOOK_SECONDS)
    log.warning("no threads for the network were found: they share a core with the loop")


def _freed() -> bool:
    found = [one for one in Path("/proc/self/task").iterdir() if _name_of(one) == NETWORK_THREADS]
    for one in found:
        with suppress(ProcessLookupError):  # some of Granian's come and go
            use_all_cores(int(one.name))
    return bool(found)


def _name_of(thread: Path) -> str:
    try:
        return (thread / "comm").read_text(encoding="ascii").strip()
    except OSError:
        return ""  # it has ended
