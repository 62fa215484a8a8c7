"""The real thing: servers and emulators as child processes, and small demo data."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.demo import initialise
from catalog import demo
from torture.servers.child import Server, child
from torture.servers.ports import free_port

USER = (demo.EMAIL, demo.PASSWORD)
MERCHANT = ("--merchant-id", "demo-merchant", "--merchant-password", "demo-password")
# The servers run on the clock of this machine, and a paid booking may be returned until half a day
# before its event.
FAR_FROM_NOW = date(2099, 1, 10)


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> demo.Files:
    """Of a stadium, 40 other events and 300 users."""
    directory = tmp_path_factory.mktemp("files")
    return demo.write(directory, today=FAR_FROM_NOW, users=300, events=41, archive=100)


@pytest.fixture(scope="session")
def small_store(small_files: demo.Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised data directory of the small files."""
    files = small_files
    data = tmp_path_factory.mktemp("stores") / "data"
    initialise(data, files)
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
        # A hundred thousand places anew, which takes seconds where others compute as well.
        httpx.post(f"{emulator.url}/__emu/reset", timeout=60).raise_for_status()
    gateway, provider = emulators["gateway"], emulators["provider"]
    return ("--gateway-url", gateway.url, "--provider-url", provider.url, *MERCHANT)
