"""Real processes to be measured: a server on a port of its own, ready, and ended afterwards."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from bench.machine import resident_bytes
from bench.tasks import ended_in_order
from torture.servers.ports import free_port

READY_SECONDS_MAX = 60


class Server(NamedTuple):
    """Where it listens, and the process id of its worker."""

    url: str
    worker: int


@contextmanager
def served(
    module: list[str],
    log: Path,
    ready: str,
    *,
    port: int = 0,
    certificate: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A module that takes its port as the last argument; `ready` is the path that tells it is.

    With a `certificate` it is one that speaks TLS.

    Raises TimeoutError if it isn't in READY_SECONDS_MAX, or has ended.
    """
    port = port or free_port()
    url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    trusted = ssl.create_default_context(cafile=certificate)
    command = [sys.executable, "-m", *module, str(port)]
    with ended_in_order():
        with log.open("ab") as file:
            server = subprocess.Popen(
                command, stdout=file, stderr=file, env={**os.environ, **(environment or {})}
            )
        try:
            _wait_for(url + ready, server, trusted)
            yield Server(url, worker_of(server.pid))
        finally:
            server.terminate()
            server.wait()


def serving(data: Path, *options: str) -> list[str]:
    """The shop with that directory and those options, as `served` takes it."""
    return ["api", "serve", "--data", str(data), *options, "--port"]


def worker_of(server: int) -> int:
    """The child of the server's process that is the worker: the one with the most memory."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii").split()
    return max(map(int, children), key=resident_bytes)


def _wait_for(url: str, server: subprocess.Popen[bytes], trusted: ssl.SSLContext) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url, verify=trusted).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise TimeoutError(f"{url} is not answered; see the log beside the data")
