"""Threads and their cores: who needs the interpreter shares one, all others run where they like."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api import cores
from api.cores import NETWORK_THREADS, aside, free_network_threads, share_a_core, use_all_cores
from tests.api.rooms import Rooms

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cores as Linux has them"),
    pytest.mark.skipif(
        sys.platform.startswith("linux") and len(os.sched_getaffinity(0)) < 2,
        reason="on one core there is nothing to choose",
    ),
]
ALL = os.sched_getaffinity(0) if sys.platform.startswith("linux") else set[int]()


@contextmanager
def shared() -> Iterator[None]:
    """This thread shares a core with whatever it starts."""
    share_a_core()
    try:
        yield
    finally:
        use_all_cores()


def test_a_thread_and_those_that_it_starts_share_one_core() -> None:
    """And after it nobody does."""
    seen: list[set[int]] = []
    with shared():
        thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
        assert 1 == len(os.sched_getaffinity(0))
        assert [os.sched_getaffinity(0)] == seen
    assert os.sched_getaffinity(0) == ALL


def test_what_would_stop_the_loop_runs_anywhere() -> None:
    """It is no use beside a loop that waits for its core."""
    with shared(), aside("aside") as threads:
        assert threads.submit(os.sched_getaffinity, 0).result() == ALL


def test_a_search_leaves_the_loop_its_core(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Milliseconds of a search are none of the loop's."""
    seen: list[set[int]] = []

    def search(*_: object, **__: object) -> list[tuple[int, str]]:
        seen.append(os.sched_getaffinity(0))
        return []

    monkeypatch.setattr(rooms.catalog, "search", search)
    with shared():
        assert 200 == rooms.call("GET", "/api/events?query=rock").status
    assert [ALL] == seen


def test_threads_for_the_network_are_freed_when_they_come() -> None:
    """They are known by their name, and waited for."""
    with shared():
        asyncio.run(_freed())


async def _freed() -> None:
    freeing = asyncio.create_task(free_network_threads())
    await asyncio.sleep(0.03)
    assert not freeing.done()
    began, ended = threading.Event(), threading.Event()
    network = threading.Thread(target=_named, args=(began, ended))
    network.start()
    began.wait()
    try:
        await freeing
        assert network.native_id is not None
        assert os.sched_getaffinity(network.native_id) == ALL
        assert 1 == len(os.sched_getaffinity(0))
    finally:
        ended.set()
        _until_gone(network)


def _until_gone(thread: threading.Thread) -> None:
    """One in a hundred is still listed when it has ended, and the next test would find it."""
    thread.join()
    while Path(f"/proc/self/task/{thread.native_id}").exists():
        time.sleep(0.001)


def _named(began: threading.Event, ended: threading.Event) -> None:
    Path("/proc/thread-self/comm").write_text(NETWORK_THREADS, encoding="ascii")
    began.set()
    ended.wait()


def test_one_that_has_ended_meanwhile_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between being found and being freed."""

    def set_affinity(thread_id: int, _: set[int]) -> None:
        raise ProcessLookupError(thread_id)

    monkeypatch.setattr(cores, "_name_of", lambda _: NETWORK_THREADS)
    monkeypatch.setattr("os.sched_setaffinity", set_affinity)
    asyncio.run(free_network_threads())


def test_who_never_comes_is_not_looked_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Granian may name them otherwise: it is said, and the server serves all the same."""
    monkeypatch.setattr(cores, "LOOKS_MAX", 2)
    with shared(), capture_logs() as logs:
        asyncio.run(free_network_threads())
    assert ["warning"] == [one["log_level"] for one in logs]


def test_a_server_that_may_use_one_core_only_stays_on_it() -> None:
    """What a container allows is what there is."""
    script = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
allowed = os.sched_getaffinity(0)
from api.cores import share_a_core, use_all_cores
share_a_core()
assert os.sched_getaffinity(0) == allowed
use_all_cores()
assert os.sched_getaffinity(0) == allowed
"""
    subprocess.run([sys.executable, "-c", script], check=True)
