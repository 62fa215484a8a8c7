"""Opened rooms for each test, and small files to make a data directory of."""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from api import cli
from api.demo import initialise
from api.settings import Settings, variable
from catalog import demo
from tests.api.commands import Run
from tests.api.rooms import Rooms


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture
def rooms(runner: asyncio.Runner) -> Iterator[Rooms]:
    yield from opened(Rooms(runner), runner)


def opened(rooms: Rooms, runner: asyncio.Runner) -> Iterator[Rooms]:
    async def start() -> None:
        rooms.engine.start()

    runner.run(start())
    rooms.open()
    yield rooms
    rooms.engine.check_invariants()
    runner.run(rooms.engine.stop())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `billetter …` in this process, with no variable of this machine's."""
    for one in fields(Settings):
        monkeypatch.delenv(variable(one.name), raising=False)

    def invoke(*arguments: object, **environ: str) -> Result:
        return CliRunner().invoke(cli.main, list(map(str, arguments)), env=environ)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield invoke
    structlog.reset_defaults()  # the command has bound the logs to a stderr that is gone
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> demo.Files:
    """Forty users, five events (the first is the stadium's) and twenty past ones."""
    directory = tmp_path_factory.mktemp("files")
    return demo.write(directory, today=date(2027, 1, 10), users=40, events=5, archive=20)


@pytest.fixture
def data(files: demo.Files, tmp_path: Path) -> Path:
    """An initialised data directory."""
    directory = tmp_path / "data"
    initialise(directory, files)
    return directory
