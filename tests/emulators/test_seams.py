"""A simulation can own the emulators' time and chance: they have no other."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import emulators

ROOM = Path(emulators.__file__).parent
# Where the seams get their real values, when nobody gives others.
DEFAULTS = {"gateway/settings.py", "provider/settings.py"}
FORBIDDEN = {
    "asyncio.sleep",
    "asyncio.timeout",
    "asyncio.wait_for",
    "datetime.now",
    "datetime.today",
    "date.today",
    "random.random",
    "time.monotonic",
    "time.time",
    "uuid.uuid1",
    "uuid.uuid4",
}


def leaks(source: str) -> Iterator[str]:
    """Every use of a clock, a sleep or a chance that is nobody's to set; a set of tasks as well."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in FORBIDDEN:
            yield ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and node.module in {"time", "random", "secrets"}:
            yield f"from {node.module}"
        if isinstance(node, ast.Call) and ast.unparse(node) == "random.Random()":
            yield "random.Random()"
        if isinstance(node, ast.AnnAssign) and "set[asyncio.Task" in ast.unparse(node.annotation):
            yield ast.unparse(node.annotation)


def test_time_and_chance_come_from_the_settings() -> None:
    """No file but the two with the defaults reads a clock, sleeps, or draws unseeded."""
    files = {str(path.relative_to(ROOM)): path.read_text() for path in sorted(ROOM.rglob("*.py"))}

    assert {} == {
        name: found
        for name, source in files.items()
        if name not in DEFAULTS and (found := list(leaks(source)))
    }
    assert set(files) >= DEFAULTS


@pytest.mark.parametrize(
    "source",
    [
        "await asyncio.sleep(1)",
        "at = time.time()",
        "from time import time",
        "from random import random",
        "chance = random.Random()",
        "day = datetime.now(UTC)",
        "tasks: set[asyncio.Task[None]] = set()",
    ],
)
def test_leak_is_caught(source: str) -> None:
    """Each kind of leak is found, so a search that finds none has looked."""
    assert 1 == len(list(leaks(source)))


def told(hash_seed: str) -> str:
    """What a process of its own tells of the story, with this seed for hashes."""
    telling = subprocess.run(
        [sys.executable, "-m", "tests.emulators.story"],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        cwd=ROOM.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return telling.stdout


def test_same_story_in_every_process() -> None:
    """With everything by chance, the same clock and seeds give the same bytes in any process."""
    first = told("1")

    assert 64 == len(first)
    assert first == told("2")
