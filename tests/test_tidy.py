"""The rules of the house, as tests: who may import whom, how long things may be, what may not stay.

Each rule is a function from one file's path and source to what offends in it; beside the whole
project it is shown an offender, so that a rule that finds nothing is known to be looking.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 70  # one screen: a longer one is asked what it is about
FILE_LINES_MAX = 500  # a longer one is two rooms

# Dependencies point down only; a room may always import itself.
MAY_IMPORT = {
    "api": {"catalog", "emulators", "engine", "sagas", "torture", "web"},
    "bench": {"api", "catalog", "emulators", "engine", "sagas", "snapshots", "torture", "wal"},
    "catalog": set(),
    "emulators": set(),
    "engine": {"snapshots", "wal"},
    "sagas": {"engine"},
    "snapshots": {"wal"},
    "torture": {"api", "catalog", "emulators", "engine", "sagas", "snapshots", "wal"},
    "wal": set(),
    "web": set(),
}
ROOMS = set(MAY_IMPORT)

STORE_USERS = {
    "engine/audit.py",
    "engine/backup.py",
    "engine/engine.py",
    "engine/figures.py",
    "engine/history.py",
    "engine/snapshotter.py",
    "engine/store.py",
    "engine/verify.py",
}
# Of those, some only in the files that are there for it.
ONLY_IN = {
    ("api", "emulators"): {"api/emulators.py"},
    ("api", "torture"): {"api/cli.py"},
    ("engine", "snapshots"): STORE_USERS,
    ("engine", "wal"): STORE_USERS,
    ("api", "web"): {"api/web_files.py"},
    ("wal", "asyncio"): {"wal/commit.py"},
}

# The same state and the same mutation make the same state on every machine, at any time.
CLOCKS_AND_CHANCE = {"asyncio", "datetime", "os", "random", "secrets", "time", "uuid"}
NETWORK = {"granian", "httpx", "socket", "starlette", "urllib", "uvloop"}
NEVER = {
    "engine": CLOCKS_AND_CHANCE | NETWORK | {"json", "orjson", "threading"},
    "wal": NETWORK | {"json", "msgspec", "orjson"},
    "snapshots": NETWORK | {"asyncio", "json", "msgspec", "orjson"},
    "catalog": {"asyncio", "httpx", "starlette"},
    "sagas": {"granian", "starlette"},
}

# Rooms within a room, for the pages and for those who run the server.
WITHIN_API = {path.parent.name for path in (ROOT / "api").glob("*/*.py")}

# What the disk in memory and its trials are about; whole servers and worlds are in rooms within.
DISK_USERS = {"snapshots", "wal"}

LEFTOVERS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
MAY_PRINT = ("api/cli.py", "bench/")

Rule = Callable[[str, str], Iterator[str]]


def imports(source: str) -> set[str]:
    """The first words of all that is imported, anywhere in the file."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(
                (node.module or "").partition(".")[0] if node.level == 0 else "a relative name"
            )
    return found


def rooms_point_down(path: str, source: str) -> Iterator[str]:
    room = path.partition("/")[0]
    if room in MAY_IMPORT:
        for other in sorted(imports(source) & ROOMS - {room} - MAY_IMPORT[room]):
            yield f"{path}: {room} imports {other}"


def some_files_only(path: str, source: str) -> Iterator[str]:
    for (room, other), files in ONLY_IN.items():
        if path.startswith(f"{room}/") and path not in files and other in imports(source):
            yield f"{path}: {other} is imported by {', '.join(sorted(files))} only"


def snapshots_share_the_disk_only(path: str, source: str) -> Iterator[str]:
    """Of the log, snapshots use the file-system seam and nothing else."""
    if path.startswith("snapshots/"):
        for node in ast.walk(ast.parse(source)):
            modules = [getattr(node, "module", None)] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                modules = [one.name for one in node.names]
            for module in modules:
                if module and module.partition(".")[0] == "wal" and module != "wal.files":
                    yield f"{path}: imports {module}"


def the_disk_is_tried_alone(path: str, source: str) -> Iterator[str]:
    """Trials of log and snapshots need nothing above them, so that a fault is theirs."""
    if path.startswith("torture/") and path.count("/") == 1:
        for other in sorted(imports(source) & ROOMS - {"torture"} - DISK_USERS):
            yield f"{path}: imports {other}"


def rooms_within_know_no_other(path: str, source: str) -> Iterator[str]:
    """Rooms within api are put together by what lies directly in it, and not by each other."""
    room, _, within = path.partition("/")
    if room == "api" and "/" in within:
        mine = within.partition("/")[0]
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                for other in sorted(WITHIN_API - {mine}):
                    if f"{node.module}.".startswith(f"api.{other}."):
                        yield f"{path}: imports {node.module}"


def rooms_are_ignorant(path: str, source: str) -> Iterator[str]:
    for name in sorted(imports(source) & NEVER.get(path.partition("/")[0], set())):
        yield f"{path}: imports {name}"


def imports_are_absolute(path: str, source: str) -> Iterator[str]:
    if "a relative name" in imports(source):
        yield f"{path}: a relative import"


def functions_are_short(path: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{path}: {node.name} has {lines} lines"


def files_are_short(path: str, source: str) -> Iterator[str]:
    lines = source.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{path}: {lines} lines"


def nothing_is_left_over(path: str, source: str) -> Iterator[str]:
    for number, line in enumerate(source.splitlines(), start=1):
        if LEFTOVERS.search(line):
            yield f"{path}:{number}: {line.strip()}"


def prints_are_rare(path: str, source: str) -> Iterator[str]:
    if not path.startswith(MAY_PRINT):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                yield f"{path}:{node.lineno}: prints"


LONG = "def long():\n" + "    pass\n" * FUNCTION_LINES_MAX
# Each rule, files that offend, and files that look like it and don't.
RULES: list[tuple[Rule, list[tuple[str, str]], list[tuple[str, str]]]] = [
    (
        rooms_point_down,
        [
            ("engine/decide.py", "import api"),
            ("engine/decide.py", "from sagas.runner import run"),
            ("engine/decide.py", "def late():\n    from catalog import users"),
            ("sagas/runner.py", "import wal"),
            ("sagas/runner.py", "import api"),
            ("api/app.py", "from wal import Log"),
            ("api/app.py", "import snapshots.store"),
            ("wal/log.py", "import engine.domain"),
            ("snapshots/store.py", "import engine"),
            ("catalog/users.py", "import engine"),
            ("emulators/gateway/app.py", "import sagas"),
            ("api/app.py", "import bench"),
        ],
        [
            ("api/app.py", "import engine, catalog, sagas, starlette"),
            ("sagas/runner.py", "from engine import Engine"),
            ("wal/log.py", "from wal.errors import Corrupt"),
            ("bench/bench_wal.py", "import wal"),
            ("tests/wal/test_log.py", "import wal"),
        ],
    ),
    (
        some_files_only,
        [
            ("engine/decide.py", "import wal"),
            ("engine/state.py", "from snapshots import SnapshotStore"),
            ("wal/log.py", "import asyncio"),
            ("api/app.py", "import emulators"),
        ],
        [
            ("engine/engine.py", "import wal, snapshots"),
            ("wal/commit.py", "import asyncio"),
            ("api/emulators.py", "from emulators import gateway"),
        ],
    ),
    (
        snapshots_share_the_disk_only,
        [("snapshots/store.py", "import wal"), ("snapshots/store.py", "from wal.log import Log")],
        [("snapshots/store.py", "from wal.files import FileSystem"), ("a.py", "import wal")],
    ),
    (
        the_disk_is_tried_alone,
        [("torture/power.py", "import engine"), ("torture/diary.py", "from api.app import create")],
        [("torture/servers/kills.py", "import api"), ("torture/diary.py", "import wal, snapshots")],
    ),
    (
        rooms_within_know_no_other,
        [
            ("api/live/calls.py", "from api.tickets.codes import Codes"),
            ("api/operator/metrics.py", "from api.fairness import limits"),
        ],
        [
            (
                "api/live/calls.py",
                "from api.live.hall import NO_VERSION\nfrom api.seats import money",
            ),
            ("api/routes.py", "from api.live import routes"),
            ("tests/api/test_rooms.py", "from api.tickets import door"),
        ],
    ),
    (
        rooms_are_ignorant,
        [
            *(("engine/decide.py", f"import {name}") for name in sorted(NEVER["engine"])),
            ("engine/decide.py", "from datetime import datetime"),
            ("engine/decide.py", "import os.path"),
            ("wal/format.py", "import msgspec"),
            ("snapshots/store.py", "import asyncio"),
            ("sagas/runner.py", "from starlette.requests import Request"),
        ],
        [("engine/decide.py", "import msgspec"), ("wal/files.py", "import os")],
    ),
    (
        imports_are_absolute,
        [("engine/decide.py", "from . import state"), ("engine/decide.py", "from .state import S")],
        [("engine/decide.py", "from engine.state import State")],
    ),
    (
        functions_are_short,
        [
            ("a.py", LONG),
            ("a.py", "async " + LONG),
            ("a.py", f"class A:\n {LONG.replace('    ', '  ')}"),
        ],
        [("a.py", LONG.replace("    pass\n", "", 1))],
    ),
    (
        files_are_short,
        [("a.py", "pass\n" * (FILE_LINES_MAX + 1))],
        [("a.py", "pass\n" * FILE_LINES_MAX)],
    ),
    (
        nothing_is_left_over,
        [("a.py", "# TO" + "DO: later"), ("a.py", "x = 1  # FIX" + "ME"), ("a.py", "# " + "X" * 3)],
        [("a.py", "MASTODON = 1"), ("a.py", "# todo lists are sold elsewhere")],
    ),
    (
        prints_are_rare,
        [("engine/decide.py", "print('here')"), ("api/app.py", "def f():\n    print()")],
        [
            ("api/cli.py", "print('ready')"),
            ("bench/bench_wal.py", "print(1)"),
            ("engine/decide.py", "pprint(1)"),
            ("engine/decide.py", "'print(1)'"),
        ],
    ),
]
NAMES = [rule.__name__ for rule, _, _ in RULES]


def project() -> dict[str, str]:
    """Path and source of every Python file of ours."""
    paths = [path for room in sorted(ROOMS | {"tests"}) for path in (ROOT / room).rglob("*.py")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(paths)}


@pytest.mark.parametrize("rule", [rule for rule, _, _ in RULES], ids=NAMES)
def test_the_house_is_tidy(rule: Rule) -> None:
    """No file offends against the rule."""
    offences = [one for path, source in project().items() for one in rule(path, source)]

    assert [] == offences


@pytest.mark.parametrize(("rule", "offending", "innocent"), RULES, ids=NAMES)
def test_a_rule_catches_its_offenders(
    rule: Rule, offending: list[tuple[str, str]], innocent: list[tuple[str, str]]
) -> None:
    """Every offender is named, and what only looks like one is let be."""
    assert [1] * len(offending) == [len(list(rule(path, source))) for path, source in offending]
    assert [] == [one for path, source in innocent for one in rule(path, source)]


def modules_imported(source: str) -> set[str]:
    """Everything that an import may mean: in `from a import b`, b may be a module, or a name."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{one.name}" for one in node.names}
            found |= inside | {str(node.module)}
    return found


def ring(files: dict[str, str]) -> list[str]:
    """Files that import each other in a ring, the first one again at the end; or none."""
    paths = {path.removesuffix(".py").replace("/", "."): path for path in files}
    needed = {
        path: {paths[module] for module in modules_imported(source) & set(paths)}
        for path, source in files.items()
    }
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


def test_no_files_import_each_other_in_a_ring() -> None:
    """Each can be read, and understood, after those that it needs; types count, too."""
    late = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.b import B\n"

    assert ["a/b.py", "a/c.py", "a/b.py"] == ring({"a/b.py": "from a import c", "a/c.py": late})
    assert [] == ring({"a/b.py": "from a.c import C", "a/c.py": "from a import d", "a/d.py": ""})
    assert [] == ring(project())


def test_every_file_is_looked_at() -> None:
    """Every directory with Python in it is a room of the table, or tests."""
    found = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/**/*.py")}
    ours = {one for one in found if not one.startswith((".", "build"))}

    assert ours <= ROOMS | {"tests"}
    assert {"api", "engine", "wal", "tests"} <= {path.partition("/")[0] for path in project()}


def test_every_file_that_may_do_more_is_there() -> None:
    """An exception outlives its file as a hole in the rule."""
    excepted = {file for files in ONLY_IN.values() for file in files}

    assert [] == sorted(file for file in excepted if not (ROOT / file).is_file())


def test_every_package_is_installed() -> None:
    """What pyproject lists is what there is: an install must not lack a room within a room."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = ROOMS - {"bench"}
    parents = {
        path.parent.relative_to(ROOT)
        for room in installed
        for path in (ROOT / room).rglob("*.*")
        if path.suffix in (".py", ".js")
    }

    expected = {".".join(parent.parts) for parent in parents}
    assert expected == set(settings["tool"]["setuptools"]["packages"])


def test_directories_of_tests_are_no_packages() -> None:
    """Test modules are imported by their path, so two rooms may have a test_errors.py each."""
    assert [] == list((ROOT / "tests").rglob("__init__.py"))
