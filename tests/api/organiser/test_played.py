"""The figures of a sale are told as they were, step by step, from a directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from api import store
from api.cli import main
from api.organiser import played
from api.organiser.played import Moment
from api.timeline import instant
from catalog import Catalog
from engine import Engine, seat_id_of
from engine.history import History
from engine.snapshotter import make_snapshot
from engine.store import StoreMoved

START_MS = 1_800_000_000_000
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # the command has bound the logs to a stderr that is gone


@pytest.fixture
def engine(data: Path) -> Iterator[Engine]:
    """An open store of the stadium's first seats: held, and sold ten minutes later."""
    catalog = Catalog.open(data / store.CATALOG_DIRECTORY)
    events = store.events_on_sale(catalog)
    catalog.close()
    engine = Engine.open(data, events)
    booking_id = engine.create_booking(user_id=1, event_id=1, now_ms=START_MS)
    for number in (1, 2):
        seat_id = seat_id_of(event_id=1, row=1, number=number)
        now_ms = START_MS + number * 1_000
        engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat_id, now_ms=now_ms)
    now_ms = START_MS + 10 * MINUTE_MS
    order_id = engine.initiate_payment(user_id=1, booking_id=booking_id, now_ms=now_ms)
    engine.register_payment(order_id=order_id, payment_id="p", url="u", now_ms=now_ms)
    engine.authorize_payment(order_id=order_id, now_ms=now_ms)
    engine.start_reservation(order_id=order_id, provider_order="o", now_ms=now_ms)
    engine.submit_reservation(order_id=order_id, now_ms=now_ms)
    engine.capture_payment(order_id=order_id, now_ms=now_ms)
    engine.flush()
    yield engine
    engine.close()


STORY = [
    Moment(START_MS, 0, 0, 100_000, 0),
    Moment(START_MS + MINUTE_MS, 0, 2, 99_998, 0),
    Moment(START_MS + 11 * MINUTE_MS, 2, 0, 99_998, 8_000_000),
]


def run(data: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["replay", "--data", str(data), "--event", "1", *options])


@pytest.mark.usefixtures("engine")
def test_a_line_is_told_for_every_step_in_which_something_changed(data: Path) -> None:
    """Beside the open store; a step is as long as one likes."""
    assert (True, STORY) == played.read_moments(data, 1, step_ms=MINUTE_MS)
    seconds = played.read_moments(data, 1, step_ms=1_000).moments
    assert [0, 2_000, 3_000, 601_000] == [one.at_ms - START_MS for one in seconds]

    told = run(data)
    assert 0 == told.exit_code
    expected = f"{instant(STORY[1].at_ms)}  sold 0  reserved 2  free 99998  revenue 0.00"
    assert expected == told.output.splitlines()[1]
    assert told.output.splitlines()[2].endswith("  revenue 80000.00")
    assert told.output == run(data, "--speed", "1000000").output


def test_a_pace_is_a_multiple_of_the_sale_s() -> None:
    slept: list[float] = []
    assert STORY == [*played.paced(STORY, speed=60, sleep=slept.append)]
    assert [1, 10] == slept


@pytest.mark.usefixtures("engine")
def test_the_figures_may_go_into_a_file(data: Path, tmp_path: Path) -> None:
    told = run(data, "--csv", str(tmp_path / "sale.csv"))
    assert f"{tmp_path / 'sale.csv'}: 3 lines\n" == told.output
    lines = (tmp_path / "sale.csv").read_text(encoding="utf-8").splitlines()
    assert "at,sold,reserved,free,revenue" == lines[0]
    assert f"{instant(STORY[2].at_ms)},2,0,99998,80000.00" == lines[3]


def test_a_dropped_beginning_is_said_so(data: Path, engine: Engine) -> None:
    for _ in range(2):
        engine.create_booking(user_id=1, event_id=1, now_ms=START_MS + 20 * MINUTE_MS)
        engine.seal_log()
        engine.flush()
        make_snapshot(data)
    engine.drop_log_through(10)
    told = run(data)
    assert "The beginning has been dropped" in told.stderr
    assert all("  sold " in line for line in told.stdout.splitlines())


@pytest.mark.usefixtures("engine")
def test_what_is_wrong_is_one_sentence(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unbooked = CliRunner().invoke(main, ["replay", "--data", str(data), "--event", "2"])
    assert (1, f"Error: {data} holds no booking of event 2\n") == (
        unbooked.exit_code,
        unbooked.output,
    )

    def moved(*_: object, **__: object) -> History:
        raise StoreMoved

    monkeypatch.setattr(played, "History", moved)
    assert "try again later" in run(data).output
