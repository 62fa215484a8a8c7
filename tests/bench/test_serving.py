"""A benchmark that is told to end takes with it what it has started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.conftest import ROOT

pytestmark = pytest.mark.server
SERVING = """
import sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
from bench.serving import served
with TemporaryDirectory(dir=sys.argv[1]) as name:
    with served(["bench.hello"], Path(name, "log"), "/") as server:
        print(server.worker, flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_no_server_and_no_file_outlives_a_benchmark(number: int, tmp_path: Path) -> None:
    """As `timeout` and a closed terminal end one."""
    bench = subprocess.Popen(
        [sys.executable, "-c", SERVING, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    with bench:
        assert bench.stdout is not None
        worker = int(bench.stdout.readline())
        bench.send_signal(number)
        bench.wait(60)
    is_left = is_running(worker)
    if is_left:
        os.kill(worker, signal.SIGKILL)  # and its server ends, too

    assert (False, []) == (is_left, list(tmp_path.iterdir()))
    assert 128 + number == bench.returncode


def is_running(process_id: int) -> bool:
    """False also for one that has ended, and that nobody has asked about yet."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
