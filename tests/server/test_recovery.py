"""The real server ends in every way there is, and the next one knows everything that was told."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.processes import require_free_port
from tests.server.buyer import Buyer
from tests.server.conftest import StartServer
from tests.server.crowd import HALL, NOTHING, Crowd, Told, missing
from torture.servers.child import until_gone, worker_of
from torture.servers.ports import free_port

pytestmark = pytest.mark.server
ENDED_SECONDS_MAX = 30


def verified(data: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "api", "verify", "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lsns(data: Path) -> list[int]:
    return sorted(int(path.name[:20]) for path in (data / "snapshots").glob("*.snapshot"))


def test_after_kill_9_snapshots_and_log_know_everything(data: Path, serve: StartServer) -> None:
    """Under load, with old segments dropped already: all acknowledged is there, and verified."""
    server = serve(data, "--snapshot-records", 300)

    async def book_and_kill() -> Told:
        async with Crowd(server) as crowd:
            await crowd.until(lambda: len(lsns(data)) == 2 and not _first_segment(data).exists())
            server.kill()
            return crowd.told

    told = asyncio.run(book_and_kill())
    assert len(told.bookings) > 300
    found = verified(data)
    assert (0, "good") == (found.returncode, found.stdout.splitlines()[-1]), found.stderr

    again = serve(data)

    assert NOTHING == missing(told, again)
    snapshot_lsn = lsns(data)[-1]
    assert f'"snapshot_lsn":{snapshot_lsn}' in again.log.read_text()
    again.terminate()
    assert 0 == verified(data).returncode


def _first_segment(data: Path) -> Path:
    return data / "wal" / f"{1:020d}.wal"


def test_a_stop_under_load_loses_nothing(data: Path, serve: StartServer) -> None:
    """SIGTERM: exit code 0; who was under way is answered or hung up on, never lied to."""
    server = serve(data)

    async def book_and_stop() -> Told:
        async with Crowd(server) as crowd:
            await crowd.until(lambda: len(crowd.told.seats) > 100)
            code = await asyncio.to_thread(server.terminate)
            assert 0 == code, server.log.read_text()[-2_000:]
            await crowd.until_nobody_answers()
            return crowd.told

    told = asyncio.run(book_and_stop())

    assert {503} >= {odd.status_code for odd in told.odd}
    assert '"event":"stopped"' in server.log.read_text()
    assert NOTHING == missing(told, serve(data))


linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells children of a parent's end"
)


@linux
def test_kill_9_of_the_supervisor_leaves_no_orphan(data: Path, serve: StartServer) -> None:
    """The worker makes everything durable and ends; port and lock are free again."""
    server = serve(data)
    worker = worker_of(server)
    with Buyer(server.url) as buyer:
        booking_id, seats = buyer.hold(HALL, seats=2)
    server.process.kill()
    server.process.wait()
    until_gone(worker)

    assert '"event":"stopped"' in server.log.read_text()
    require_free_port("127.0.0.1", int(server.url.rpartition(":")[2]))
    with Buyer(serve(data).url) as buyer:
        assert {booking_id: seats} == buyer.bookings()


@linux
def test_a_worker_that_dies_ends_the_server(data: Path, serve: StartServer) -> None:
    """Nobody goes on listening without anybody to answer; a supervisor above sees the failure."""
    server = serve(data)
    os.kill(worker_of(server), signal.SIGKILL)

    assert 1 == server.process.wait(timeout=ENDED_SECONDS_MAX)


def test_a_terminal_that_is_closed_stops_the_server(data: Path, serve: StartServer) -> None:
    """SIGHUP is no reload: a second worker would find the log locked by the first."""
    server = serve(data)
    server.process.send_signal(signal.SIGHUP)

    assert 0 == server.process.wait(timeout=ENDED_SECONDS_MAX)
    assert '"event":"stopped"' in server.log.read_text()
    assert "Locked" not in server.log.read_text()


def failed_start(data: Path, *options: object) -> "subprocess.CompletedProcess[str]":
    """`billetter serve`, which is expected to end by itself."""
    command = [sys.executable, "-m", "api", "serve", "--data", data, *options]
    return subprocess.run(
        [str(one) for one in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDED_SECONDS_MAX,
    )


def test_a_directory_has_one_server(data: Path, serve: StartServer) -> None:
    """The second ends by itself and says why; the first goes on."""
    first = serve(data)

    second = failed_start(data, "--port", free_port())

    assert 1 == second.returncode
    assert f"{data}/wal/LOCK: held by another process" in second.stderr
    assert "Traceback" not in second.stderr
    with Buyer(first.url) as buyer:
        assert buyer.hold(HALL)
    assert 0 == first.terminate()


def test_a_port_has_one_server(data: Path, serve: StartServer, tmp_path: Path) -> None:
    """Granian would share it silently: every other client would get the wrong shop."""
    first = serve(data)
    other = Path(shutil.copytree(data, tmp_path / "other"))
    port = first.url.rpartition(":")[2]

    second = failed_start(other, "--port", port)

    message = f"Error: can't listen on 127.0.0.1 port {port}: Address already in use\n"
    assert (1, message) == (second.returncode, second.stderr)
    with Buyer(first.url) as buyer:
        assert buyer.hold(HALL)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(bytes(content).rstrip(b"\0")) // 2] ^= 1
    path.write_bytes(content)


def test_a_log_that_rots_is_not_served(data: Path, serve: StartServer) -> None:
    """The last word of the server is the file and the offset; nothing on disk has changed."""
    for _ in range(2):  # a second start seals what the first has written
        server = serve(data)
        with Buyer(server.url) as buyer:
            buyer.hold(HALL, seats=9)
        server.terminate()
    segment = min((data / "wal").glob("*.wal"))
    flip(segment)
    before = {path.name: path.read_bytes() for path in (data / "wal").iterdir()}

    ended = failed_start(data, "--port", free_port())

    assert 1 == ended.returncode
    assert f"{segment} at byte " in ended.stderr
    assert '"kind":"Corrupt"' in ended.stderr
    assert "Traceback" not in ended.stderr
    assert before == {path.name: path.read_bytes() for path in (data / "wal").iterdir()}
    found = verified(data)
    assert 1 == found.returncode
    assert found.stderr.startswith(f"FAULT: {segment} at byte ")


def test_a_torn_end_is_told(data: Path, serve: StartServer) -> None:
    """Nobody was told of it: the server starts, says what it has left out, and keeps a copy."""
    server = serve(data)
    with Buyer(server.url) as buyer:
        booking_id, seats = buyer.hold(HALL)
    server.terminate()
    segment = max((data / "wal").glob("*.wal"))
    written = segment.read_bytes().rstrip(b"\0")
    segment.write_bytes(written.ljust(-(-len(written) // 512) * 512, b"\0") + b"half a batch")

    again = serve(data)

    with Buyer(again.url) as buyer:
        assert {booking_id: seats} == buyer.bookings()
    assert "12 bytes that were never acknowledged" in again.log.read_text()
    assert 1 == len(list((data / "wal").glob("*.broken")))


def test_no_more_connections_than_allowed(data: Path, serve: StartServer) -> None:
    """Who comes too early waits in the backlog, and is served when somebody has left."""
    server = serve(data, "--connections", 4, "--metrics-open")
    assert "billetter_connections_max 4.0\n" in httpx.get(f"{server.url}/metrics").text
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    worker = worker_of(server)
    before = _sockets(worker)
    crowd = [socket.create_connection(address) for _ in range(12)]
    try:
        late = crowd.pop()
        late.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        late.settimeout(0.5)
        with pytest.raises(TimeoutError):
            late.recv(1)
        assert _sockets(worker) - before <= 4
    finally:
        for one in crowd:
            one.close()
    late.settimeout(ENDED_SECONDS_MAX)
    assert late.recv(12) == b"HTTP/1.1 200"
    late.close()


def _sockets(process_id: int) -> int:
    links: list[Any] = []
    for path in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            links.append(path.readlink().name)
        except FileNotFoundError:
            continue
    return sum(name.startswith("socket:") for name in links)
