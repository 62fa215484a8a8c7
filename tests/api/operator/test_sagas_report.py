"""`billetter sagas`: what an operator reads about money and places that are owed."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import orjson
import pytest
from click.testing import CliRunner, Result

from api import cli, store
from api.operator import sagas_report
from api.store import StoreError
from engine import Engine
from tests.api.rooms import CONCERT, EVENTS, NOW_MS, seat

STORE_ID = bytes(range(16))
EMPTY = {
    "gateway": "up",
    "provider": "down",
    "unsettled": 2,
    "owed_back": "97500.00",
    "parked_count": 0,
    "parked": [],
}


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a server that was stopped while it owed a refund that is refused."""
    monkeypatch.setattr(store, "require", lambda _: None)
    Engine.create(tmp_path, store_id=STORE_ID)
    engine = Engine.open(tmp_path, EVENTS)
    booking_id = engine.create_booking(user_id=1, event_id=CONCERT, now_ms=NOW_MS)
    engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat(1), now_ms=NOW_MS)
    order_id = engine.initiate_payment(user_id=1, booking_id=booking_id, now_ms=NOW_MS)
    known = {"order_id": order_id, "now_ms": NOW_MS}
    engine.register_payment(payment_id="17", url="http://pay", **known)
    engine.cancel_booking(user_id=1, booking_id=booking_id, now_ms=NOW_MS)
    engine.park_payment(order_id=order_id, reason="return: HTTP 401, 3001", now_ms=NOW_MS)
    engine.flush()
    engine.close()
    return tmp_path


def told(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["sagas", *map(str, arguments)])


def test_a_stopped_servers_directory(stopped: Path) -> None:
    """Everything an operator needs to talk to the gateway about one payment."""
    answer = told("--data", stopped)
    assert answer.exit_code == 0, answer.output
    assert answer.output.splitlines() == [
        "gateway none, provider none",
        "1 payments owe the outside a call",
        "15000.50 tenge are to be given back",
        "1 payments are parked: no retry will mend them",
        "",
        f"booking 1000000001, order {NOW_MS * 1_000}: 15000.50 tenge,"
        " RETURN_DUE since 2027-01-15T08:00:00.000Z",
        "  gateway's payment 17",
        "  return: HTTP 401, 3001",
        "",
        "Mend the cause, then: billetter sagas --retry. Until then they are tried hourly.",
    ]


def test_a_directory_in_use(stopped: Path) -> None:
    """A running server has to be asked itself."""
    engine = Engine.open(stopped, EVENTS)
    answer = told("--data", stopped)
    engine.close()
    assert answer.exit_code == 1
    assert "ask a running server with --url" in answer.output


def test_only_a_running_server_can_retry(stopped: Path) -> None:
    """Nothing is called from a directory."""
    assert told("--data", stopped, "--retry").exit_code == 2


class _Server(BaseHTTPRequestHandler):
    """Answers like a server of ours, or like somebody else."""

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/x/sagas" else 403, EMPTY)

    def do_POST(self) -> None:
        self._answer(200, {"retried": 3})

    def _answer(self, status: int, content: object) -> None:
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


def test_a_running_server(url: str) -> None:
    """It is asked over HTTP, and says which of the services answers."""
    answer = told("--url", url)
    assert answer.output.splitlines() == [
        "gateway up, provider down",
        "2 payments owe the outside a call",
        "97500.00 tenge are to be given back",
        "0 payments are parked: no retry will mend them",
    ]
    assert told("--url", url, "--retry").output == "3 parked payments are tried again\n"


def test_a_server_that_will_not_tell(url: str) -> None:
    """Through a proxy, say: then the operator must come closer."""
    with pytest.raises(StoreError, match="answers 403"):
        sagas_report.ask_server(url + "/proxy")


def test_nobody_there() -> None:
    """One sentence, and what to do instead."""
    answer = told("--url", "http://127.0.0.1:9")
    assert answer.exit_code == 1
    assert "no server answers at http://127.0.0.1:9" in answer.output
    assert "--data reads its directory" in answer.output
