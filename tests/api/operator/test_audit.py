"""`billetter audit`: what an operator is told of a seat or a booking."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api import cli, store
from api.operator import audit
from api.request_log import RequestLog
from engine import Engine, Event, Key, Sale
from engine.domain import BOOKING_SPAN, EVENT_ID_MAX
from engine.snapshotter import make_snapshot
from engine.store import StoreMoved
from tests.api.rooms import CONCERT, EVENTS, NOW_MS, PARTER, seat

BOOKING = 1_000_000_001


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    Engine.create(tmp_path, store_id=bytes(range(16)))
    engine = Engine.open(tmp_path, EVENTS)
    yield engine
    engine.close()


@pytest.fixture
def data(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a running server in which somebody holds a seat, and asked for it twice."""
    monkeypatch.setattr(store, "require", lambda _: None)
    engine.create_booking(user_id=1, event_id=CONCERT, now_ms=NOW_MS)
    engine.select_seat(
        user_id=1,
        booking_id=BOOKING,
        seat_id=seat(1),
        now_ms=NOW_MS,
        key=Key("my key", b"f"),
    )
    engine.initiate_payment(user_id=1, booking_id=BOOKING, now_ms=NOW_MS)
    engine.register_payment(
        order_id=NOW_MS * 1_000, payment_id="17", url="http://pay", now_ms=NOW_MS
    )
    engine.flush()
    return tmp_path


def told(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["audit", *map(str, arguments)])


def asked(data: Path, **chosen: object) -> None:
    """Log a request: of the one that selected the seat, but for what is `chosen`."""
    given: dict[str, object] = {
        "request_id": b"r-1",
        "method": "PATCH",
        "path": "/api/seats/select",
        "status": 200,
        "client": "10.0.0.1",
        "user_id": 1,
        "subject": None,
        "lsn": 2,
    }
    log = RequestLog(data, clock_ms=lambda: NOW_MS)
    log.note(0.0, **(given | chosen))  # type: ignore[arg-type]
    log.start()
    log.stop()


def test_the_history_of_a_seat(data: Path) -> None:
    """Time, record, what happened, whom it is about, how it stood then; beside the server."""
    answer = told("seat", seat(1), "--data", data)
    assert answer.exit_code == 0, answer.output
    order = NOW_MS * 1_000
    at = "2027-01-15T08:00:00.000Z"
    reserved = f"RESERVED by booking {BOOKING} of user 1"
    assert answer.output.splitlines() == [
        f"seat {seat(1)}: event 1, row 1, number 1",
        "The log is whole: all that has ever happened is here.",
        f"{at}  record 2  SeatSelected: booking {BOOKING}, user 1, seat {seat(1)} until"
        f" 2027-01-15T08:15:00.000Z, key 'my key' -> {reserved}",
        f"{at}  record 3  PaymentInitiated: booking {BOOKING}, user 1, order {order} -> {reserved}",
        f"{at}  record 4  PaymentRegistered: booking {BOOKING}, user 1, order {order}, the"
        f" gateway's payment 17 -> {reserved}",
        f"As of record 4 it is {reserved}.",
    ]


def test_the_history_of_a_booking(data: Path) -> None:
    """With its seats."""
    lines = told("booking", BOOKING, "--data", data).output.splitlines()
    assert f"booking {BOOKING} of event 1" == lines[0]
    assert 4 == sum("  record " in line for line in lines)
    assert lines[2].endswith("-> CREATED with no seats")
    assert f"As of record 4 it is PAYMENT_INITIATED with {seat(1)}." == lines[-1]


def test_the_end_is_what_the_last_record_has_left(data: Path, engine: Engine) -> None:
    """Of a booking that was cancelled, and of a seat that it held."""
    engine.cancel_booking(user_id=1, booking_id=BOOKING, now_ms=NOW_MS)
    engine.flush()
    for subject, number, status in (("seat", seat(1), "FREE"), ("booking", BOOKING, "CANCELLED")):
        lines = told(subject, number, "--data", data).output.splitlines()
        assert lines[-2].endswith(f" -> {status}")
        assert f"As of record 5 it is {status}." == lines[-1]


def test_where_the_log_is_dropped_it_says_so(data: Path, engine: Engine) -> None:
    """Since when all is known, and how it stood there."""
    for _ in range(2):
        engine.seal_log()
        engine.flush()
        make_snapshot(data)
        engine.create_booking(user_id=2, event_id=CONCERT, now_ms=NOW_MS + 1)
    engine.drop_log_through(4)
    beginning = told("seat", seat(1), "--data", data).output.splitlines()[1]
    assert beginning == (
        "The log is known after record 4 (2027-01-15T08:00:00.000Z); what came before is dropped."
        f" There it was RESERVED by booking {BOOKING} of user 1."
    )


def test_what_the_outside_has_said_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's own number of the order, and why a confirm was parked."""
    monkeypatch.setattr(store, "require", lambda _: None)
    Engine.create(tmp_path, store_id=bytes(range(16)))
    engine = Engine.open(tmp_path, [Event(CONCERT, EVENTS[0].starts_at_ms, PARTER, Sale.PARTNER)])
    who: dict[str, Any] = {"user_id": 1, "booking_id": BOOKING, "now_ms": NOW_MS}
    engine.create_booking(user_id=1, event_id=CONCERT, now_ms=NOW_MS)
    engine.select_seat(seat_id=seat(1), **who)
    known = {"order_id": engine.initiate_payment(**who), "now_ms": NOW_MS}
    engine.register_payment(payment_id="17", url="http://pay", **known)
    engine.authorize_payment(**known)
    engine.start_reservation(provider_order="its-7", **known)
    engine.submit_reservation(**known)
    engine.capture_payment(**known)
    engine.park_reservation(reason="confirm: HTTP 401", **known)
    engine.flush()
    engine.close()
    lines = told("booking", BOOKING, "--data", tmp_path).output.splitlines()
    assert 1 == sum("ReservationStarted" in one and "order its-7 -> " in one for one in lines)
    assert "because 'confirm: HTTP 401' -> " in lines[-2]


def test_the_request_that_made_a_record(data: Path) -> None:
    """Not one that was refused, was another user's, only read, or came later and saw the same."""
    asked(data, status=419, request_id=b"refused")
    asked(data, user_id=2, request_id=b"another")
    asked(data, method="GET", request_id=b"read")
    asked(data)
    asked(data, request_id=b"later")
    lines = told("seat", seat(1), "--data", data).output.splitlines()

    asked_by = [line for line in lines if line.startswith("    asked by")]
    (line,) = asked_by
    assert "asked by PATCH /api/seats/select, answered 200" in line
    assert line.endswith("request r-1 from 10.0.0.1")
    assert lines.index(line) == 3


def test_the_door_s_request_is_found(data: Path, engine: Engine) -> None:
    """Staff are no users; and the line says for which seat somebody was let in."""
    engine.authorize_payment(order_id=NOW_MS * 1_000, now_ms=NOW_MS)
    engine.capture_payment(order_id=NOW_MS * 1_000, now_ms=NOW_MS)
    engine.admit_seat(booking_id=BOOKING, seat_id=seat(1), now_ms=NOW_MS)
    engine.flush()
    asked(data, method="POST", path="/x/tickets/{code}/admit", user_id=0, lsn=7, client="")
    admitted, asked_by, _ = told("booking", BOOKING, "--data", data).output.splitlines()[-3:]
    assert f"record 7  SeatAdmitted: booking {BOOKING}, user 1, seat {seat(1)} -> " in admitted
    assert asked_by.startswith("    asked by POST /x/tickets/{code}/admit, answered 200")
    assert asked_by.endswith(" from nobody known")


@pytest.mark.parametrize("number", [1, 2**53])
def test_a_number_that_is_no_id(data: Path, number: int) -> None:
    """It belongs to no event that there could be."""
    answer = told("booking", number, "--data", data)
    assert answer.exit_code == 1
    assert f"{number} is no id of a booking" in answer.output


def test_nothing_has_happened(data: Path) -> None:
    """To a seat that nobody has touched, and to a booking that nobody has made."""
    lines = told("seat", seat(2), "--data", data).output.splitlines()
    assert "As of record 4 it is FREE." == lines[-1]
    assert 3 == len(lines)
    of_the_last_event = EVENT_ID_MAX * BOOKING_SPAN + 1
    lines = told("booking", of_the_last_event, "--data", data).output.splitlines()
    assert "As of record 4 it is not there." == lines[-1]


def test_a_directory_that_is_damaged(data: Path) -> None:
    """It says what is wrong and what to do next."""
    for path in (data / "wal").glob("*.wal"):
        path.write_bytes(path.read_bytes()[:700].ljust(20_000, b"\0"))
    answer = told("seat", seat(1), "--data", data)
    assert answer.exit_code == 1
    assert "billetter verify says more" in answer.output


def test_a_directory_that_moves_too_fast(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with it, so it says to try again."""

    def moved(*_: object) -> None:
        raise StoreMoved

    monkeypatch.setattr(audit, "audit_seat", moved)
    answer = told("seat", seat(1), "--data", data)
    assert answer.exit_code == 1
    assert "faster than it can be read; try again" in answer.output
