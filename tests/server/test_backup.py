"""A backup taken from under a selling server, and the shop that is opened from it."""

import asyncio
import signal
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import pytest

from tests.server.conftest import StartServer
from tests.server.crowd import NOTHING, Crowd, Told, missing
from torture.servers.child import Server

pytestmark = pytest.mark.server


def billetter(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "api", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_backup_of_a_selling_server_opens_as_a_shop(
    data: Path, serve: StartServer, tmp_path: Path
) -> None:
    """Whatever was acknowledged before it began is in it, while snapshots come and go."""
    server = serve(data, "--snapshot-records", 200)
    told = asyncio.run(_back_up_under_load(server, data, tmp_path / "backup"))
    assert 0 == server.terminate()

    restored = billetter("restore", tmp_path / "backup", "--data", tmp_path / "restored")

    assert (0, "") == (restored.returncode, restored.stderr.partition("Error")[1])
    assert restored.stdout.endswith(f"Next: billetter serve --data {tmp_path / 'restored'}\n")
    assert 0 == billetter("verify", "--data", tmp_path / "restored").returncode
    assert len(told.bookings) > 400
    assert NOTHING == missing(told, serve(tmp_path / "restored"))


def test_a_backup_that_is_told_to_end_leaves_nothing(data: Path, tmp_path: Path) -> None:
    """Those of other days have other names, so none of them would ever remove it."""
    (data / "places").mkdir()
    with (data / "places" / "1.places").open("wb") as file:
        file.truncate(1 << 30)  # so that it is in the middle of a copy
    before = sorted(path.name for path in tmp_path.iterdir())
    words = ["backup", str(tmp_path / "backup"), "--data", str(data)]
    making = subprocess.Popen([sys.executable, "-m", "api", *words], stderr=subprocess.DEVNULL)
    while not (tmp_path / ".backup.importing" / "places").exists():
        assert making.poll() is None, "it ended by itself"
        time.sleep(0.01)
    making.send_signal(signal.SIGTERM)

    assert 1 == making.wait()
    assert before == sorted(path.name for path in tmp_path.iterdir())


async def _back_up_under_load(server: Server, data: Path, target: Path) -> Told:
    async with Crowd(server) as crowd:
        await crowd.until(lambda: len(list((data / "snapshots").glob("*.snapshot"))) == 2)
        await crowd.until(lambda: len(crowd.told.bookings) > 400)
        told = deepcopy(crowd.told)
        made = await asyncio.to_thread(billetter, "backup", target, "--data", data)
        assert 0 == made.returncode, made.stderr
        assert len(crowd.told.bookings) > len(told.bookings), "nobody was selling"
        return told
