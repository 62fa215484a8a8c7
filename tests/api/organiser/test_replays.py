"""A replay is made beside the server, one at a time, and told about meanwhile."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from stat import filemode
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from api.organiser import replays
from api.organiser.replays import Replay, Replays
from engine import Engine
from tests.api.rooms import ANN, CHARITY, CONCERT, EVENTS, NOW_MS, OLGA, OPERA, Rooms, seat

# What a process may be instead of the real one; the last line is what it says.
WAITING = "import time; print('40%', flush=True); time.sleep(60)"
FAILING = "import sys; print('{}'); sys.exit('Corrupt: it is')"
MAKING = """
import pathlib, sys
pathlib.Path(sys.argv[3], sys.argv[2] + ".replay").write_text("{}")
print('{"began_at": "then", "ended_at": "now", "whole": true, "changes": 7}')
"""


def script(code: str) -> tuple[str, ...]:
    return ("-c", code)


@pytest.fixture
def stored(runner: asyncio.Runner, tmp_path: Path) -> Iterator[Rooms]:
    """Rooms whose engine has a disk."""
    Engine.create(tmp_path, store_id=b"sixteen bytes id")
    rooms = Rooms(runner)
    rooms.engine = Engine.open(tmp_path, EVENTS)
    rooms.sagas._engine = rooms.engine
    runner.run(_start(rooms, tmp_path))
    yield rooms
    runner.run(_stop(rooms))


async def _start(rooms: Rooms, data: Path) -> None:
    rooms.engine.start()
    rooms.open()
    rooms.service.replays = Replays(data)


async def _stop(rooms: Rooms) -> None:
    assert rooms.service.replays is not None
    await rooms.service.replays.stop()
    await rooms.engine.stop()


def made_by(rooms: Rooms, data: Path, code: str) -> None:
    """Replays are made by this script from now on."""
    rooms.service.replays = Replays(data, replayer=script(code))


def ended(rooms: Rooms, runner: asyncio.Runner) -> None:
    """Wait for the process."""
    assert rooms.service.replays is not None
    assert rooms.service.replays._making is not None
    runner.run(asyncio.wait_for(rooms.service.replays._making, 60))


def begin(rooms: Rooms, event_id: int = CONCERT) -> Any:
    return rooms.call("POST", f"/x/events/{event_id}/replay", user=OLGA)


def standing(rooms: Rooms, event_id: int = CONCERT) -> Any:
    return rooms.call("GET", f"/x/events/{event_id}/replay", user=OLGA).json


def test_a_sale_is_replayed_from_the_log(stored: Rooms, runner: asyncio.Runner) -> None:
    """By the real process, beside the open store."""
    assert "none" == standing(stored)["state"]
    stored.pay(stored.book(ANN, seat(1), seat(2)))

    begun = begin(stored)
    assert (202, "running", "") == (begun.status, begun.json["state"], begun.json["data"])
    ended(stored, runner)

    found = standing(stored)
    assert ("ready", 100, True, 3) == tuple(
        found[name] for name in ("state", "progress", "whole", "changes")
    )
    answer = stored.call("GET", found["data"], user=OLGA)
    assert "application/x-ndjson" == answer.headers["content-type"]
    hall, *changes, end = map(orjson.loads, answer.body.splitlines())
    assert (CONCERT, found["began_at"]) == (hall["event_id"], hall["began_at"])
    assert [[1, [0]], [1, [1]], [2, [0, 1]]] == [one[1:3] for one in changes]
    assert (3, found["ended_at"]) == (end["changes"], end["ended_at"])


def test_it_begins_when_all_of_the_sale_is_on_disk(stored: Rooms, tmp_path: Path) -> None:
    """Else the process wouldn't see what the organiser has seen."""
    seen: list[int] = []

    class Watching(Replays):
        def begin(self, event_id: int) -> Replay:
            seen.append(stored.engine.durable_lsn)
            return Replay()

    stored.service.replays = Watching(tmp_path)
    stored.engine.create_booking(user_id=1, event_id=CONCERT, now_ms=NOW_MS)
    begin(stored)
    assert [1] == seen


def test_one_is_made_at_a_time(stored: Rooms, runner: asyncio.Runner, tmp_path: Path) -> None:
    """Asked for again it goes on, and another event has to wait."""
    stored.book(ANN, seat(1))
    stored.book(ANN, event_id=CHARITY)
    made_by(stored, tmp_path, WAITING)
    begin(stored)
    while standing(stored)["progress"] != 40:
        runner.run(asyncio.sleep(0.01))

    assert (202, 40) == (begin(stored).status, begin(stored).json["progress"])
    assert "replay-busy" == begin(stored, CHARITY).problem
    assert "none" == standing(stored, CHARITY)["state"]
    missing = stored.call("GET", f"/x/events/{CONCERT}/replay/data", user=OLGA)
    assert "replay-missing" == missing.problem


@pytest.mark.parametrize("code", [FAILING, "print('what?')", "print('what%')", ""])
def test_a_failure_is_told_and_the_next_one_may_succeed(
    stored: Rooms, runner: asyncio.Runner, tmp_path: Path, code: str
) -> None:
    stored.book(ANN, seat(1))
    made_by(stored, tmp_path, code)
    begin(stored)
    with capture_logs() as logs:
        ended(stored, runner)
    assert "failed" == standing(stored)["state"]
    assert [(CONCERT, "error")] == [(one["event_id"], one["log_level"]) for one in logs]

    made_by(stored, tmp_path, MAKING)
    begin(stored)
    ended(stored, runner)
    assert ("ready", "then", 7) == tuple(
        standing(stored)[name] for name in ("state", "began_at", "changes")
    )


def test_a_few_are_kept(
    stored: Rooms, runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one asked for longest ago goes, with its file; one that is made anew takes no other's."""
    monkeypatch.setattr(replays, "REPLAYS_KEPT_MAX", 2)
    made_by(stored, tmp_path, MAKING)
    for event_id in (CONCERT, CHARITY, CONCERT, OPERA, OPERA):
        stored.book(ANN, event_id=event_id)
        begin(stored, event_id)
        ended(stored, runner)

    states = [standing(stored, one)["state"] for one in (CHARITY, CONCERT, OPERA)]
    assert ["none", "ready", "ready"] == states
    names = {one.name for one in (tmp_path / "replays").iterdir()}
    assert {f"{CONCERT}.replay", f"{OPERA}.replay"} == names


def test_a_failed_one_is_forgotten_like_any_other(
    stored: Rooms, runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no file that could go with it."""
    monkeypatch.setattr(replays, "REPLAYS_KEPT_MAX", 1)
    made_by(stored, tmp_path, FAILING)
    for event_id in (CONCERT, CHARITY):
        stored.book(ANN, event_id=event_id)
        assert 202 == begin(stored, event_id).status
        ended(stored, runner)


def test_a_start_removes_what_another_server_has_made(tmp_path: Path) -> None:
    """What is made instead is nobody's but the server's."""
    (tmp_path / "replays").mkdir()
    (tmp_path / "replays" / "1.replay").write_text("{}")
    Replays(tmp_path)
    assert [] == [*(tmp_path / "replays").iterdir()]
    assert "drwx------" == filemode((tmp_path / "replays").stat().st_mode)


def test_a_stop_ends_the_process(stored: Rooms, runner: asyncio.Runner, tmp_path: Path) -> None:
    stored.book(ANN, seat(1))
    made_by(
        stored, tmp_path, "import os, time; print(f'{os.getpid()}%', flush=True); time.sleep(60)"
    )
    begin(stored)
    while not (process_id := standing(stored)["progress"]):
        runner.run(asyncio.sleep(0.01))
    assert stored.service.replays is not None
    runner.run(stored.service.replays.stop())
    assert not Path(f"/proc/{process_id}").exists()


def test_what_is_refused(stored: Rooms) -> None:
    assert "nothing-to-replay" == begin(stored).problem
    for method, path in (("POST", "replay"), ("GET", "replay"), ("GET", "replay/data")):
        unknown = stored.call(method, f"/x/events/77/{path}", user=OLGA)
        assert "event-not-found" == unknown.problem
        target = f"/x/events/{CONCERT}/{path}"
        assert "staff-only" == stored.call(method, target, user=ANN).problem
        assert "unauthenticated" == stored.call(method, target).problem
