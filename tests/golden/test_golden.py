"""What any version has ever written is read by this one, and goes on."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import Engine
from engine.mutations import (
    AnswerRemembered,
    BookingCreated,
    Mutation,
    PaymentRegistered,
    decode,
    encode,
)
from engine.snapshotter import make_snapshot
from engine.store import open_snapshots
from engine.verify import verify_store
from tests.golden.corpus import ANN, EVENTS, EXPECTED, NOW_MS, OWN, Told, facts, write
from wal import read_records

VERSIONS = sorted(path.parent.name for path in Path(__file__).parent.glob(f"*/{EXPECTED}"))
NEWEST = VERSIONS[-1]


@pytest.fixture(params=VERSIONS)
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of each directory of the past."""
    return Path(shutil.copytree(Path(__file__).parent / request.param, tmp_path / "data"))


def expected(directory: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((directory / EXPECTED).read_text(encoding="utf-8"))
    return {name: one for name, one in told.items() if name not in ("about", "lsn")}


def records(directory: Path) -> list[bytes]:
    return [payload for _, payload in read_records(directory / "wal")]


def test_a_directory_of_the_past_is_what_it_was(directory: Path) -> None:
    """Good by every check, and from its newest snapshot it says what was true then."""
    found = verify_store(directory)
    assert ("", 2) == (found.fault, len(found.snapshots))

    engine = Engine.open(directory, EVENTS)
    assert max(found.snapshots) == engine.snapshot_lsn
    assert found.digest == engine.digest()
    assert expected(directory) == json.loads(json.dumps(facts(engine)))
    engine.check_invariants()
    engine.close()


def test_the_log_alone_says_the_same(directory: Path) -> None:
    """From the first record on, without a snapshot."""
    shutil.rmtree(directory / "snapshots")
    engine = Engine.open(directory, EVENTS)
    assert 0 == engine.snapshot_lsn
    assert expected(directory) == json.loads(json.dumps(facts(engine)))
    engine.close()


def test_a_directory_of_the_past_goes_on(directory: Path) -> None:
    """It sells, makes a snapshot of today's, and is opened again."""
    engine = Engine.open(directory, EVENTS)
    told = Told(engine)
    told.now_ms = NOW_MS + 10_000_000
    booking_id = told.hold(ANN, OWN, 4)
    order_id = told.pay(ANN, booking_id, "register_payment", "authorize_payment", "capture_payment")
    engine.seal_log()
    engine.flush()
    made = make_snapshot(directory)
    digest = engine.digest()
    engine.close()

    assert "" == verify_store(directory).fault
    again = Engine.open(directory, EVENTS)
    assert (made, digest) == (again.snapshot_lsn, again.digest())
    payment = again.payment(order_id)
    assert payment is not None
    assert "CAPTURED" == payment.status
    again.close()


def fields(payload: bytes) -> list[Any]:
    found: list[Any] = msgspec.msgpack.decode(payload)
    return found


def shorter(directory: Path) -> set[type[Mutation]]:
    """Kinds of records that were written with fewer fields than today."""
    return {type(decode(one)) for one in records(directory) if one != encode(decode(one))} - {
        AnswerRemembered
    }


def test_the_past_wrote_less() -> None:
    """The corpus holds what it is there for: records and rows that have grown since."""
    here = Path(__file__).parent
    assert {BookingCreated, PaymentRegistered} == shorter(here / "1")
    assert {BookingCreated} == shorter(here / "2")
    assert set() == shorter(here / NEWEST)


def test_the_newest_directory_is_what_is_written_today(tmp_path: Path) -> None:
    """Who changes what is written adds a directory first, with the code as it was."""
    write(tmp_path / "new", "today")
    newest = Path(__file__).parent / NEWEST

    assert records(newest) == records(tmp_path / "new")
    assert chunks(newest, tmp_path) == chunks(tmp_path / "new", tmp_path)


def chunks(directory: Path, tmp_path: Path) -> list[list[bytes]]:
    copy = shutil.copytree(directory, tmp_path / f"copy of {directory.name}")
    snapshots, found = open_snapshots(copy), []
    for lsn in snapshots.lsns():
        with snapshots.open(lsn) as snapshot:
            found.append(list(snapshot.chunks()))
    return found
