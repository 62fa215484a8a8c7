"""The first words of a newcomer: a try that failed is no obstacle to the next one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Says that it is of some version, and makes environments and installs in no time.
PYTHON = """#!/bin/sh
case "$*" in
"-m venv --clear .venv") rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
"-m pip "*) {pip} ;;
*) exec {python} -c 'import sys; sys.version_info, sys.version = {version}, "{text} (main)"
exec(sys.argv[1])' "$2" ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make isn't installed")


def write_python(path: Path, *version: int, pip: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ".".join(map(str, version))
    path.write_text(PYTHON.format(pip=pip, python=sys.executable, version=version, text=text))
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `make install` looks at."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    return tmp_path


def install(project: Path, python: Path) -> subprocess.CompletedProcess[str]:
    """As if it were typed: what a make around us is told doesn't count."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "install", f"PYTHON={python}"]
    return subprocess.run(
        command, cwd=project, env=environ, capture_output=True, text=True, check=False
    )


def test_a_python_that_is_too_old_is_told_in_a_sentence(project: Path) -> None:
    """What it is, what is needed and how to say so; nothing is made with it."""
    old = write_python(project / "python3", 3, 10, 13)
    told = install(project, old)

    sentence, _ = told.stderr.splitlines()
    assert 2 == told.returncode
    assert (
        f"Billetter needs Python 3.11 or newer, and {old} is 3.10.13;"
        " name another: make run PYTHON=python3.11"
    ) == sentence
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("version", "pip"), [((3, 10, 13), "exit 0"), ((3, 11, 7), "exit 1")], ids=["old", "half made"]
)
def test_what_a_first_try_has_left_is_made_anew(
    project: Path, version: tuple[int, ...], pip: str
) -> None:
    """An environment of an old Python, or one that was interrupted before it had pip."""
    write_python(project / ".venv" / "bin" / "python", *version, pip=pip)
    good = write_python(project / "python3.11", 3, 11, 7)

    told = install(project, good)
    assert (0, "") == (told.returncode, told.stderr)
    assert good.read_text() == (project / ".venv" / "bin" / "python").read_text()
    assert (project / ".venv" / "installed").exists()


def test_a_whole_environment_is_kept(project: Path) -> None:
    """Whatever Python the machine's own is by now."""
    kept = write_python(project / ".venv" / "bin" / "python", 3, 12, 1)
    os.utime(kept, (1, 1))

    assert 0 == install(project, write_python(project / "python3", 3, 10, 13)).returncode
    assert 1 == kept.stat().st_mtime
