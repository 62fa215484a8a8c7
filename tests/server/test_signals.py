"""Every way to ask a server to stop, under load: it ends in time and loses nothing it has told."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import demo
from tests.server.conftest import StartServer
from torture.servers.child import Server
from torture.servers.clients import Crowd, active_users
from torture.servers.history import Check
from wal import read_records

pytestmark = pytest.mark.server
CALLS_BEFORE_STOP = 500
QUARREL = 40  # users, a connection each
STOP_SECONDS_MAX = 40  # Granian kills a worker that has not ended after 20

Send = Callable[[Server, int], None]


def to_the_supervisor(server: Server, number: int) -> None:
    """As `kill` and systemd do."""
    os.kill(server.process.pid, number)


def to_all(server: Server, number: int) -> None:
    """As a terminal does: the supervisor and its worker."""
    os.killpg(server.process.pid, number)


def to_another_thread(server: Server, number: int) -> None:
    """As the kernel may do with two signals at once: the supervisor's main thread sleeps on."""
    process_id = server.process.pid
    other = next(one for one in os.listdir(f"/proc/{process_id}/task") if one != str(process_id))
    assert 0 == ctypes.CDLL(None).tgkill(process_id, int(other), number)


linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux signals a thread of another process"
)


@pytest.mark.parametrize(
    ("number", "times", "send"),
    [
        (signal.SIGTERM, 1, to_the_supervisor),
        (signal.SIGTERM, 3, to_the_supervisor),
        (signal.SIGTERM, 1, to_all),
        (signal.SIGTERM, 5, to_all),
        pytest.param(signal.SIGTERM, 1, to_another_thread, marks=linux),
        (signal.SIGINT, 1, to_all),
        (signal.SIGINT, 5, to_all),
        (signal.SIGHUP, 1, to_the_supervisor),
        (signal.SIGHUP, 3, to_the_supervisor),
        (signal.SIGHUP, 3, to_all),
    ],
    ids=lambda one: one.name if isinstance(one, signal.Signals) else getattr(one, "__name__", one),
)
def test_a_stop_under_load(
    data: Path,
    serve: StartServer,
    small_files: demo.Files,
    number: signal.Signals,
    times: int,
    send: Send,
) -> None:
    """The log holds all that was told; there was never a second writer, and the next one starts."""
    users = active_users(small_files.users)[:QUARREL]
    check = Check()
    server = serve(data)
    crowd = Crowd(users, seed=times)

    asyncio.run(_stopped(crowd, server, lambda: send(server, number), times))

    check.add(crowd.ops, read_records(data / "wal"))
    assert check.counts["select 200"] > 0
    log = server.log.read_text()
    assert 1 == log.count('"event":"recovered"'), "a second worker was started"
    assert "Locked" not in log
    assert 1 == log.count('"event":"stopped"'), "it was killed in the end"

    again = serve(data)
    asyncio.run(_stopped(crowd, again, lambda: send(again, signal.SIGTERM), 1))
    check.add(crowd.ops, read_records(data / "wal", check.lsn))


async def _stopped(crowd: Crowd, server: Server, send: Callable[[], None], times: int) -> None:
    """Send the signals while the crowd is at it, and wait for the end of the server."""
    acting = asyncio.create_task(crowd.act(server.port, lambda: False))
    while len(crowd.ops) < CALLS_BEFORE_STOP:
        await asyncio.wait([acting], timeout=0.001)
    # Half a request keeps the worker from ending at once: the later signals find it running.
    _, slow = await asyncio.open_connection("127.0.0.1", server.port)
    slow.write(b"POST /api/bookings HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{")
    for _ in range(times):
        await asyncio.sleep(0.05)
        send()
    await asyncio.sleep(0.05)
    slow.write(b"}")
    code = await asyncio.to_thread(server.process.wait, STOP_SECONDS_MAX)
    slow.close()
    await acting
    assert 0 == code, server.log.read_text()[-2_000:]
