"""`billetter demo` as a newcomer meets it, and the emulators alone."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.processes import require_free_port
from tests.server.buyer import Buyer, Cashier, eventually
from torture.servers.child import child
from torture.servers.ports import free_port

CURL = shutil.which("curl")
PROC = Path("/proc")
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not PROC.is_dir(), reason="without /proc nobody knows what is left running"),
]
STADIUM = 1
SECONDS_MAX = 120


class Demo:
    """A running demo in a session of its own, so that whatever it leaves behind is found."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
        self.process = process
        self.port = port
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def url(self, offset: int = 0) -> str:
        """Of the service; the emulators are on the ports after it."""
        return f"http://127.0.0.1:{self.port + offset}"

    def running(self) -> list[str]:
        """The command of each process of the session that runs."""
        return [
            (path.parent / "cmdline").read_text().replace("\0", " ")
            for path in PROC.glob("[0-9]*/stat")
            if (path.exists() and self._is_ours(path))
        ]

    def _is_ours(self, stat: Path) -> bool:
        try:
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return int(session) == self.process.pid and state not in "ZX"

    def until_nobody_runs(self) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while running := self.running():
            assert time.monotonic() < deadline, running
            time.sleep(0.05)
        for offset in range(3):
            require_free_port("127.0.0.1", self.port + offset)


@contextmanager
def demo(data: Path) -> Iterator[Demo]:
    """Start it and wait for its greeting; it is ended by the block, or else killed."""
    port = free_port(in_a_row=3)  # the demo takes the next two as well
    output = data.with_name(f"output-{port}")
    command = [sys.executable, "-m", "api", "demo", "--data", str(data), "--port", str(port)]
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    one = Demo(process, port, output)
    try:
        deadline = time.monotonic() + SECONDS_MAX
        while "Stop with Ctrl-C" not in one.output:
            assert process.poll() is None, one.output[-3_000:]
            assert time.monotonic() < deadline, one.output[-3_000:]
            time.sleep(0.1)
        yield one
    finally:
        if one.running():
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def curl(command: str) -> Any:
    """What a command of the greeting answers, as a shell would run it."""
    said = subprocess.run([*shlex.split(command), "-sS"], capture_output=True, check=True)
    return json.loads(said.stdout)


def test_a_newcomer_buys_a_ticket(tmp_path: Path) -> None:
    """From nothing to a sold seat; Ctrl-C ends everything, and the next start still knows it."""
    data = tmp_path / "demo-data"
    with demo(data) as first:
        assert "Making demo data" in first.output
        if CURL is not None:
            events, booking, seats = _greeting_told(first)
            assert all({"id", "title"} == set(event) for event in events)
            assert 20 == len(events)
            assert {"id": 1_000_000_001} == booking
            assert {"FREE"} == {seat["status"] for seat in seats}
        bought = _buy(first)
        os.killpg(first.process.pid, signal.SIGINT)  # as a terminal does: to everybody at once

        assert 0 == first.process.wait(timeout=SECONDS_MAX), first.output[-3_000:]
        first.until_nobody_runs()
        assert "Traceback" not in first.output
    rooms = {"catalog", "places", "replays", "requests", "snapshots", "wal"}
    assert rooms | {"staff.txt", "tickets.key"} == {path.name for path in data.iterdir()}
    assert [] == list(tmp_path.glob(".demo-*"))

    with demo(data) as second:
        assert "Making demo data" not in second.output
        with Buyer(second.url()) as buyer:
            assert bought.items() <= buyer.bookings().items()
            (seat_id,) = next(iter(bought.values()))
            assert "SOLD" == buyer.seat(STADIUM, seat_id)["status"]
        second.process.terminate()

        assert 0 == second.process.wait(timeout=SECONDS_MAX), second.output[-3_000:]
        second.until_nobody_runs()

    with demo(data) as third:
        third.process.kill()
        third.process.wait()
        third.until_nobody_runs()

    with demo(data) as fourth:
        server = next(one for one in fourth.running() if " serve" in one)
        os.kill(_process_id(fourth, server), signal.SIGKILL)

        assert 1 == fourth.process.wait(timeout=SECONDS_MAX)
        assert "Error: the service has ended with code -9" in fourth.output
        fourth.until_nobody_runs()


def _greeting_told(one: Demo) -> list[Any]:
    commands = [line for line in one.output.splitlines() if line.startswith("    curl ")]
    assert 3 == len(commands)
    return [curl(command) for command in commands]


def _buy(one: Demo) -> dict[int, list[int]]:
    """Hold a seat of the stadium and pay for it; returns the booking."""
    cashier = Cashier(one.url(1))
    with Buyer(one.url()) as buyer, cashier.http:
        booking_id, seats = buyer.hold(STADIUM)
        answer = buyer.initiate_payment(booking_id)
        while "places-unknown" in answer.text:  # a slow machine: they are still being read
            time.sleep(int(answer.headers["retry-after"]))
            answer = buyer.initiate_payment(booking_id)
        assert 302 == answer.status_code, answer.text
        cashier.pay(answer.headers["location"])
        eventually(lambda: buyer.seat(STADIUM, seats[0])["status"], "SOLD")
    return {booking_id: seats}


def _process_id(one: Demo, command: str) -> int:
    """The first process with this command: a supervisor comes before its worker."""
    found = [
        int(path.parent.name)
        for path in PROC.glob("[0-9]*/stat")
        if one._is_ours(path)
        and (path.parent / "cmdline").read_text().replace("\0", " ") == command
    ]
    return min(found)


@pytest.mark.parametrize("service", ["gateway", "provider"])
def test_an_emulator_alone(service: str, tmp_path: Path) -> None:
    """It answers, lives by itself, and ends with SIGTERM in order."""
    port = free_port()
    arguments = ["emulate", service, "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with child(arguments, url=url, ready="/__emu/settings", log=tmp_path / "log") as emulator:
        assert httpx.get(f"{url}/__emu/settings").is_success
        assert 0 == emulator.terminate()
    require_free_port("127.0.0.1", port)
