"""Opened rooms for each test, and small files to make a data directory of."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from api.demo import initialise
from catalog import demo
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
