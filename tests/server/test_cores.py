"""A real server's threads: the loop shares its core, the network, searches and snapshots do not."""

import os
import sys
from pathlib import Path

import httpx
import pytest

from api.cores import NETWORK_THREADS
from bench.serving import worker_of
from tests.server.conftest import StartServer

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cores as Linux has them"),
    pytest.mark.skipif(
        sys.platform.startswith("linux") and len(os.sched_getaffinity(0)) < 2,
        reason="on one core there is nothing to choose",
    ),
]


def cores(worker: int) -> tuple[int, list[int]]:
    """How many the loop's thread may run on, and each of Granian's for the network."""
    network = [
        len(os.sched_getaffinity(int(thread.name)))
        for thread in Path(f"/proc/{worker}/task").iterdir()
        if (thread / "comm").read_text().strip() == NETWORK_THREADS
    ]
    return len(os.sched_getaffinity(worker)), network


@pytest.mark.parametrize("shares", [True, False])
def test_the_loop_shares_its_core_unless_it_is_told_not_to(
    data: Path, serve: StartServer, shares: bool
) -> None:
    """Granian's threads are known by their name: if it ever changes, this shows it."""
    server = serve(data, *([] if shares else ["--any-core"]))
    assert httpx.get(f"{server.url}/api/events?query=rock").is_success
    everywhere = len(os.sched_getaffinity(0))
    loop, network = cores(worker_of(server.process.pid))
    assert (1 if shares else everywhere) == loop
    assert network
    assert {everywhere} == set(network)
