"""The real thing: the installed command as child processes on 127.0.0.1, and small demo data."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import store
from catalog import demo

READY_SECONDS_MAX = 60
USER = (demo.EMAIL, demo.PASSWORD)
MERCHANT = ("--merchant-id", "demo-merchant", "--merchant-password", "demo-password")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """A child process group that answers at `url`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, user: tuple[str, str] | None = USER) -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=user, timeout=30)

    def kill(self) -> None:
        """kill -9, the supervisor and its worker."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> int:
        """Ask it to stop as an operator would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)


@contextmanager
def child(
    arguments: list[str],
    *,
    url: str,
    ready: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run `billetter …` until the block ends; waits until `ready` answers."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "api", *arguments],
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    server = Server(url, process, log)
    try:
        wait_until_ready(server, ready)
        yield server
    finally:
        if process.poll() is None:
            server.kill()


def wait_until_ready(server: Server, path: str) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            if httpx.get(server.url + path, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    server.kill() if server.process.poll() is None else None
    pytest.fail(f"{server.url} did not become ready:\n{server.log.read_text()[-3_000:]}")


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> demo.Files:
    """Of a stadium, 40 other events and 300 users."""
    directory = tmp_path_factory.mktemp("files")
    return demo.write(directory, today=date(2027, 1, 10), users=300, events=41, archive=100)


@pytest.fixture(scope="session")
def small_store(small_files: demo.Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised data directory of the small files."""
    files = small_files
    data = tmp_path_factory.mktemp("stores") / "data"
    store.initialise(
        data,
        users=files.users,
        events=files.events,
        archive=files.archive,
        halls=files.halls,
        timezone=store.time_zone("Asia/Almaty"),
        progress=False,
    )
    return data


@pytest.fixture
def data(small_store: Path, tmp_path: Path) -> Path:
    """A copy of the small store, of this test's own."""
    return Path(shutil.copytree(small_store, tmp_path / "data"))


StartServer = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[StartServer]:
    """Start `billetter serve` on a data directory; ended with the test."""
    with ExitStack() as stack:

        def start(data: Path, *options: Any) -> Server:
            port = free_port()
            arguments = ["serve", "--data", str(data), "--port", str(port), *map(str, options)]
            server = child(
                arguments,
                url=f"http://127.0.0.1:{port}",
                ready="/readyz",
                log=tmp_path / "serve.log",
            )
            return stack.enter_context(server)

        yield start


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Both outside services, with their default behaviour."""
    log = tmp_path_factory.mktemp("emulators") / "log"
    with ExitStack() as stack:
        started = {}
        for name in ("gateway", "provider"):
            port = free_port()
            started[name] = stack.enter_context(
                child(
                    ["emulate", name, "--port", str(port)],
                    url=f"http://127.0.0.1:{port}",
                    ready="/__emu/settings",
                    log=log,
                )
            )
        yield started


@pytest.fixture
def shop(data: Path, serve: StartServer, emulators: dict[str, Server]) -> Server:
    """A server that takes money and sells the stadium."""
    return serve(data, *selling(emulators))


def selling(emulators: dict[str, Server]) -> tuple[str, ...]:
    """The options that connect a new shop to both emulators, which forget what others sold."""
    for emulator in emulators.values():
        httpx.post(f"{emulator.url}/__emu/reset").raise_for_status()
    gateway, provider = emulators["gateway"], emulators["provider"]
    return ("--gateway-url", gateway.url, "--provider-url", provider.url, *MERCHANT)
