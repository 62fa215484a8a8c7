"""How the server stands, for whoever must see to it."""

import asyncio
import os
import re
from collections.abc import Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from api import cli
from api.operator.docs import DOCS
from api.operator.status import (
    DISK_FREE_BYTES_MIN,
    RECORDS_SINCE_SNAPSHOT_MAX,
    STALL_SECONDS_MAX,
    concerns,
)
from api.settings import Settings
from engine import Engine
from tests.api.conftest import opened
from tests.api.rooms import ANN, EVENTS, IVAN, NOW_MS, OLGA, Rooms, basic, seat
from wal import SEGMENT_BYTES_MAX

ALERTS = Path(__file__).resolve().parents[3] / "deploy" / "alerts.yml"
FAR = ("10.0.0.1", 5)
GOOD: dict[str, Any] = {**DOCS["GET", "/x/status"].example, "parked_count": 0, "concerns": []}


def but(path: str, value: object) -> dict[str, Any]:
    """What is shown of a server that is well, but for one value."""
    shown = deepcopy(GOOD)
    *within, last = path.split(".")
    inner = shown
    for name in within:
        inner = inner[name]
    inner[last] = value
    return shown


@pytest.fixture
def rooms(runner: asyncio.Runner) -> Iterator[Rooms]:
    settings = Settings(merchant_password="secret").shown()
    yield from opened(Rooms(runner, settings=settings), runner)


def test_the_shop_on_one_screen(rooms: Rooms) -> None:
    """What is sold, held and owed, and how far the log is; in memory nothing is on a disk."""
    rooms.pay(rooms.book(ANN, seat(1)))
    rooms.initiate(rooms.book(ANN, seat(2)))
    rooms.service.admission.shed_full, rooms.service.admission.shed_late = 3, 4
    shown = rooms.call("GET", "/x/status").json

    assert (1, 1, 2, "15000.50") == tuple(
        shown[name] for name in ("seats_sold", "seats_reserved", "bookings", "revenue")
    )
    assert (1, 0, "0.00") == (shown["unsettled"], shown["parked_count"], shown["owed_back"])
    assert (len(EVENTS), 1) == (shown["events_on_sale"], shown["events_booked"])
    appended = rooms.engine.appended_lsn
    assert {"appended": appended, "durable": appended, "snapshot": 0} == shown["lsn"]
    sizes = dict.fromkeys(("bytes", "segments", "waiting_records", "waiting_bytes"), 0)
    assert sizes | {"has_room": True} == shown["log"]
    assert (0, "") == (shown["disk_free_bytes"], shown["snapshot_at"])
    assert {"admitted": 4, "waiting": 0, "shed": 7, "unlogged": 0} == shown["calls"]
    assert ("2027-01-15T08:00:00.000Z", True) == (shown["up_since"], shown["ready"])
    assert {"users_remembered", "bodies_reading", "streams", "places_awaited"} == set(
        shown["sizes"]
    )
    assert (1, 0) == (shown["sizes"]["users_remembered"], shown["sizes"]["places_awaited"])
    assert "***" == shown["settings"]["merchant_password"]
    assert [] == shown["concerns"]


@pytest.mark.parametrize("path", ["/x/status", "/x/sagas", "/metrics"])
def test_it_is_told_while_the_disk_stands_still(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Just then an operator asks."""

    async def never() -> None:
        raise AssertionError("somebody waits for the disk")

    rooms.book(ANN, seat(1))
    monkeypatch.setattr(rooms.engine, "durable", never)
    assert 200 == rooms.call("GET", path).status


def test_its_disk(rooms: Rooms, tmp_path: Path) -> None:
    """What the log takes there, what is free, and when the newest snapshot was made."""
    Engine.create(tmp_path, store_id=bytes(range(16)))
    snapshot = tmp_path / "snapshots" / f"{7:020d}.snapshot"
    snapshot.parent.mkdir(exist_ok=True)
    snapshot.touch()
    os.utime(snapshot, (0, NOW_MS / 1_000))
    rooms.open(tmp_path)
    shown = rooms.call("GET", "/x/status").json

    assert 1 == shown["log"]["segments"]
    assert 0 < shown["log"]["bytes"]
    assert (7, "2027-01-15T08:00:00.000Z") == (shown["lsn"]["snapshot"], shown["snapshot_at"])
    assert 0 < shown["disk_free_bytes"]


@pytest.mark.parametrize(("user", "status"), [(None, 403), (ANN, 403), (OLGA, 403), (IVAN, 200)])
def test_from_afar_an_operator_only(
    rooms: Rooms, runner: asyncio.Runner, user: str | None, status: int
) -> None:
    """Settings are nobody else's business; /metrics may be open, this never is."""
    rooms.service.metrics_open = True
    headers = [(b"authorization", basic(user))] if user else []
    assert status == runner.run(rooms.asgi("GET", "/x/status", headers, client=FAR)).status


CONCERNS = [
    ("log.has_room", False, "new sales are refused"),
    ("disk_free_bytes", DISK_FREE_BYTES_MIN - 1, "the disk is nearly full: 2,047 MiB are free"),
    ("gateway", "down", "the gateway doesn't answer"),
    ("provider", "down", "the provider doesn't answer"),
    ("parked_count", 2, "2 payments are beyond any retry"),
    ("sizes.places_awaited", 2, "2 events of partners can't be paid for"),
    ("stall_seconds", 0.25, "everybody has waited for 0.250 s"),
    (
        "lsn",
        {"appended": 3_000_001, "snapshot": 2_000_000},
        "no snapshot has been made for 1,000,001 records",
    ),
    ("calls.unlogged", 3, "3 requests are missing in the request log"),
]
NO_CONCERNS = [
    ("disk_free_bytes", DISK_FREE_BYTES_MIN),
    ("gateway", "none"),
    ("stall_seconds", STALL_SECONDS_MAX),
    ("lsn", {"appended": RECORDS_SINCE_SNAPSHOT_MAX + 7, "snapshot": 7}),
]


@pytest.mark.parametrize(("path", "value", "what"), CONCERNS)
def test_what_needs_an_operator(path: str, value: object, what: str) -> None:
    """Each alone, with what he does next."""
    (found,) = concerns(but(path, value))
    assert found["what"].startswith(what)
    assert found["next"]


@pytest.mark.parametrize(("path", "value"), NO_CONCERNS)
def test_what_is_as_it_may_be(path: str, value: object) -> None:
    """On the very limit; and a service that isn't there can't be down."""
    assert [] == list(concerns(but(path, value)))


def test_alerts_and_status_agree() -> None:
    """Or a page would come for what the status finds good."""
    text = ALERTS.read_text()
    assert f'billetter_disk_free_bytes{{job="billetter"}} < {DISK_FREE_BYTES_MIN}' in text
    assert f'le="{STALL_SECONDS_MAX}"' in text
    assert re.search(rf"> {RECORDS_SINCE_SNAPSHOT_MAX}$", text, re.MULTILINE)


def test_it_is_told_how_much_room_sales_wait_for() -> None:
    """By status and alert: who makes less would wait for nothing."""
    room = f"as soon as there is room for two segments ({2 * SEGMENT_BYTES_MAX >> 20} MiB)"
    (full,) = concerns(but("log.has_room", value=False))

    assert full["next"].endswith(room)
    assert room in " ".join(ALERTS.read_text().split())


MADE = {"snapshot_at": "2026-11-24T11:00:00.000Z"}
ANSWERS: dict[str, tuple[int, object]] = {
    "/x/status": (200, GOOD),
    "/ill/x/status": (200, {**GOOD, **MADE, "concerns": [{"what": "one thing", "next": "do it"}]}),
    "/early/x/status": (503, {}),
}


class _Server(BaseHTTPRequestHandler):
    """Answers like a server that is well, or has a concern, or isn't ready."""

    def do_GET(self) -> None:
        status, content = ANSWERS[self.path]
        body = orjson.dumps(content)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Server)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def told(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["status", *arguments])


def test_a_server_that_is_well(url: str) -> None:
    """Exit code 0, and what an operator wants to know first."""
    answer = told("--url", url)
    assert 0 == answer.exit_code, answer.output
    lines = answer.output.splitlines()
    assert "version    0.1.0, up since 2026-11-24T09:00:00.000Z" == lines[0]
    assert "records    3,998 on disk, 2 waiting" in lines
    assert "snapshot   record 0, none yet" in lines
    assert "log        32.0 MiB in 2 files" in lines
    assert "disk       60.0 GiB free" in lines
    assert "loop       longest stall 3.1 ms" in lines
    assert "           merchant_password=***" == lines[-1]


def test_a_server_that_needs_somebody(url: str) -> None:
    """Exit code 1, and the next step at the end."""
    answer = told("--url", url + "/ill")
    assert 1 == answer.exit_code
    assert ["One thing.", "  Next: do it."] == answer.output.splitlines()[-2:]
    assert "snapshot   record 0, made 2026-11-24T11:00:00.000Z" in answer.output.splitlines()


def test_as_json(url: str) -> None:
    """For programs, as the server says it."""
    assert GOOD == orjson.loads(told("--url", url, "--json").output)


def test_no_proxy_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine uses for the world: the server believes its own machine alone."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert 0 == told("--url", url).exit_code


def test_a_server_that_is_not_ready(url: str) -> None:
    """One sentence; so is nobody there."""
    assert "is not ready: it recovers, or it stops" in told("--url", url + "/early").output
    nobody = told("--url", "http://127.0.0.1:9")
    assert (1, True) == (nobody.exit_code, "start it: billetter serve" in nobody.output)
