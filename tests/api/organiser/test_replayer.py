"""A sale is written from the log into one file that a page can play."""

import io
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.organiser import replayer
from api.organiser.replays import replay_path
from api.timeline import instant
from engine import Engine
from engine.history import History
from engine.store import TRIES, StoreMoved
from tests.api.rooms import CONCERT, EVENTS, NOW_MS, OPERA, seat


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    """Five seats of an allotment: two are held for a second, and then paid for."""
    Engine.create(tmp_path, store_id=b"sixteen bytes id")
    engine = Engine.open(tmp_path, EVENTS)
    booking_id = engine.create_booking(user_id=1, event_id=OPERA, now_ms=NOW_MS)
    for number in (8, 9):
        one = seat(number, event_id=OPERA)
        engine.select_seat(user_id=1, booking_id=booking_id, seat_id=one, now_ms=NOW_MS + 1_000)
    order_id = engine.initiate_payment(user_id=1, booking_id=booking_id, now_ms=NOW_MS + 1_500)
    engine.register_payment(order_id=order_id, payment_id="p", url="u", now_ms=NOW_MS + 1_500)
    engine.authorize_payment(order_id=order_id, now_ms=NOW_MS + 1_500)
    engine.capture_payment(order_id=order_id, now_ms=NOW_MS + 2_000)
    engine.flush()
    yield engine
    engine.close()


def written(data: Path) -> list[Any]:
    lines = replay_path(data, OPERA).read_bytes().split(b"\n")
    assert b"" == lines.pop()
    return [*map(orjson.loads, lines)]


@pytest.mark.usefixtures("store")
def test_a_file_begins_with_the_hall_and_tells_every_change(tmp_path: Path) -> None:
    told = replayer.make_replay(tmp_path, OPERA, tmp_path, tell=lambda _: None)

    hall, *changes, end = written(tmp_path)
    states = b64decode(hall.pop("states"))
    price = {"Партер": "9000.00", "Балкон": "4000.00"}
    assert {
        "format": 1,
        "event_id": OPERA,
        "rows": 3,
        "seats_per_row": 10,
        "zones": [
            {"name": "Партер", "first_row": 1, "last_row": 2, "price": price["Партер"]},
            {"name": "Балкон", "first_row": 3, "last_row": 3, "price": price["Балкон"]},
        ],
        "began_at": instant(NOW_MS),
        "whole": True,
        "revenue_minor": 0,
    } == hall
    # Only seats 7 to 11 are ours.
    assert [3] * 7 + [0] * 5 + [3] * 18 == [states[i // 4] >> 2 * (i % 4) & 3 for i in range(30)]
    assert [[1_000, 1, [7], 0], [1_000, 1, [8], 0], [2_000, 2, [7, 8], 1_800_000]] == changes
    assert {"ended_at": instant(NOW_MS + 2_000), "changes": 3} == end
    assert {**end, "began_at": instant(NOW_MS), "whole": True} == told


def _moving(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The server drops what is to be read, so many times."""
    left = times

    class Moving(History):
        def __init__(self, *args: Any, **chosen: Any) -> None:
            nonlocal left
            left -= 1
            if left >= 0:
                raise StoreMoved
            super().__init__(*args, **chosen)

    monkeypatch.setattr(replayer, "History", Moving)


@pytest.mark.usefixtures("store")
def test_what_moves_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few times, and then it is said."""
    _moving(monkeypatch, TRIES - 1)
    replayer.make_replay(tmp_path, OPERA, tmp_path, tell=lambda _: None)
    assert 5 == len(written(tmp_path))

    _moving(monkeypatch, TRIES)
    with pytest.raises(StoreMoved):
        replayer.make_replay(tmp_path, OPERA, tmp_path, tell=lambda _: None)


@pytest.mark.usefixtures("store")
def test_it_says_how_far_it_is_and_what_it_has_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.history.RECORDS_PER_REPORT", 3)

    replayer.main(tmp_path, OPERA, tmp_path)

    *percents, told = capsys.readouterr().out.split("\n")[:-1]
    assert ["43%", "86%"] == percents
    assert 3 == orjson.loads(told)["changes"]


def test_how_far_it_is_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe would keep it till the end, and whoever waits would see nothing go on."""
    said = io.BytesIO()

    def make(*_: object, tell: Callable[[float], None]) -> dict[str, object]:
        tell(0.4)
        assert b"40%\n" == said.getvalue()
        return {}

    monkeypatch.setattr(replayer, "make_replay", make)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(said))
    replayer.main(tmp_path, OPERA, tmp_path)


def _break_the_log(data: Path) -> None:
    next((data / "wal").glob("*.wal")).write_bytes(b"?" * 5_000)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("event_id", "spoil", "said"),
    [
        (CONCERT, lambda _: None, "EventNotFound: 1"),
        (OPERA, _break_the_log, "Corrupt: "),
        (OPERA, lambda data: (data / "4.replay" / "x").mkdir(parents=True), "IsADirectoryError: "),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, event_id: int, spoil: Callable[[Path], None], said: str
) -> None:
    """And no file is made or left."""
    spoil(tmp_path)
    with pytest.raises(SystemExit, match=f"^{said}"):
        replayer.main(tmp_path, event_id, tmp_path)
    assert not replay_path(tmp_path, event_id).is_file()
    assert [] == [*tmp_path.glob("*.tmp")]


@pytest.mark.usefixtures("store")
def test_a_story_too_long_for_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replayer, "REPLAY_BYTES_MAX", 29)
    with pytest.raises(SystemExit, match=r"^NoRoom: 2 changes"):
        replayer.main(tmp_path, OPERA, tmp_path)
    assert [] == [*tmp_path.glob("*replay*")]


@pytest.mark.usefixtures("store")
def test_the_log_s_last_room_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replayer, "DISK_BYTES_MIN", 1 << 80)
    with pytest.raises(SystemExit, match=r"^NoRoom: less than"):
        replayer.main(tmp_path, OPERA, tmp_path)
