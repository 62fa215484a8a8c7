"""The real thing: the installed command as child processes on 127.0.0.1, and how they end."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS_MAX = 60
ENDED_SECONDS_MAX = 40  # Granian kills a worker that has not ended after 20


class NotReady(Exception):
    """A child has ended, or hung, before it answered: the message has its last words."""


@dataclass
class Server:
    """A child process group that answers at `url`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """kill -9, the supervisor and its worker."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_worker(self) -> None:
        """kill -9 of the worker alone; returns when the supervisor has followed it."""
        os.kill(worker_of(self), signal.SIGKILL)
        self.process.wait(timeout=ENDED_SECONDS_MAX)

    def kill_supervisor(self) -> None:
        """kill -9 of the supervisor alone; returns when its orphan has ended."""
        worker = worker_of(self)
        self.process.kill()
        self.process.wait()
        until_gone(worker)

    def terminate(self) -> int:
        """Ask it to stop as an operator would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=ENDED_SECONDS_MAX)

    def last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3_000:]


@contextmanager
def child(
    arguments: Sequence[str],
    *,
    url: str,
    ready: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run `billetter …` until the block ends; waits until `ready` answers, or raises NotReady."""
    command = [sys.executable, "-m", "api", *arguments]
    with started(command, url=url, log=log, environment=environment) as server:
        wait_until_ready(server, ready)
        yield server


@contextmanager
def started(
    command: Sequence[str],
    *,
    url: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a command as a process group of its own until the block ends; nobody waits for it."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    server = Server(url, process, log)
    try:
        yield server
    finally:
        if process.poll() is None:
            server.kill()


def wait_until_ready(server: Server, path: str) -> None:
    """Return when it answers with 200 there; raises NotReady."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and server.process.poll() is None:
        if _answers(server.port, path):
            return
        time.sleep(0.03)
    raise NotReady(f"{server.url} did not become ready:\n{server.last_words()}")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_of(server: Server) -> int:
    """The process that Granian has started."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    (worker,) = map(int, children.read_text(encoding="ascii").split())
    return worker


def until_gone(process_id: int) -> None:
    """Wait for a process that should end; one that doesn't is ended, and TimeoutError raised."""
    deadline = time.monotonic() + ENDED_SECONDS_MAX
    while _is_running(process_id):
        if time.monotonic() > deadline:
            os.kill(process_id, signal.SIGKILL)
            raise TimeoutError(f"process {process_id} went on")
        time.sleep(0.02)


def _is_running(process_id: int) -> bool:
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
