"""A benchmark as a person starts it, in its smallest size."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import orjson
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


class Smoke(Protocol):
    def __call__(self, module: str, **environment: str) -> dict[str, Any]: ...


@pytest.fixture
def smoke(tmp_path: Path) -> Smoke:
    """Run `python -m MODULE --smoke`: its results. It ends well and leaves nothing behind."""

    def run(module: str, **environment: str) -> dict[str, Any]:
        ended = subprocess.run(
            [sys.executable, "-m", module, "--smoke"],
            cwd=ROOT,
            capture_output=True,
            env={**os.environ, "BENCH_DIR": str(tmp_path), **environment},
            check=False,
        )
        assert 0 == ended.returncode, ended.stderr.decode()[-3_000:]
        assert [] == list(tmp_path.iterdir())
        results: dict[str, Any] = orjson.loads(ended.stdout)
        return results

    return run
