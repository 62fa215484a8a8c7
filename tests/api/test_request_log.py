"""A line for every request, for whoever must know later."""

import asyncio
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from api import request_log
from api.fairness.limits import Rates
from api.request_log import DIRECTORY, FILES_MAX, Request, RequestLog, event_of, files, read
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, CONCERT, NOW_MS, PASSWORDS, Rooms, basic, seat
from tests.api.waiting import until
from tests.descriptors import opened_files


@pytest.fixture
def log(tmp_path: Path) -> RequestLog:
    return RequestLog(tmp_path, clock_ms=lambda: NOW_MS)


@pytest.fixture
def rooms(runner: asyncio.Runner, log: RequestLog) -> Iterator[Rooms]:
    yield from opened(Rooms(runner, request_log=log), runner)


def told(log: RequestLog, data: Path) -> list[Request]:
    """Everything, as soon as it is on disk."""
    log.start()
    log.stop()
    return list(read(data))


def note(log: RequestLog, **chosen: Any) -> None:
    given: dict[str, Any] = {
        "began": 0.0,
        "request_id": b"r-1",
        "method": "POST",
        "path": "/api/bookings",
        "status": 201,
        "client": "10.0.0.1",
        "user_id": 7,
        "subject": None,
        "lsn": 3,
    }
    log.note(**(given | chosen))


def test_a_write_is_a_line(rooms: Rooms, log: RequestLog, tmp_path: Path) -> None:
    """Who asked for what, about which event, with which record, and what he was told."""
    headers = [(b"x-request-id", b"ours-1"), (b"x-forwarded-for", b"2001:db8::1")]
    rooms.call("POST", "/api/bookings", user=ANN, json={"event_id": CONCERT}, headers=headers)
    (line,) = told(log, tmp_path)

    assert ("ours-1", "POST", "/api/bookings", 201) == line[1:5]
    assert (1, CONCERT, 1, "2001:db8::1") == (line.user, line.event, line.lsn, line.client)
    assert NOW_MS - 10_000 < line.at_ms <= NOW_MS
    assert 0 < line.ms


def test_a_line_tells_when_and_how_long(
    log: RequestLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it was asked, not when it was answered; to the microsecond how long it took."""
    monkeypatch.setattr(time, "perf_counter", lambda: 12.3456784)
    note(log, began=10.0)
    (line,) = told(log, tmp_path)

    assert (NOW_MS - 2_346, 2_345.678) == (line.at_ms, line.ms)


def test_a_line_names_who_is_limited(runner: asyncio.Runner, tmp_path: Path) -> None:
    """Behind a proxy that is trusted its client, and never whom that client has made up."""
    log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS)
    rates = Rates(trusted_proxies="10.0.0.0/8")
    forwarded = [(b"x-forwarded-for", b"198.51.100.7, 203.0.113.9")]
    for rooms in opened(Rooms(runner, request_log=log, rates=rates), runner):
        for peer in ("10.0.0.5", "127.0.0.1", "203.0.113.1"):
            asked = rooms.asgi("POST", "/api/bookings", forwarded, client=(peer, 5_000))
            runner.run(asked)

    clients = [line.client for line in told(log, tmp_path)]
    assert ["203.0.113.9", "203.0.113.9", "203.0.113.1"] == clients


def test_a_refusal_is_a_line(rooms: Rooms, log: RequestLog, tmp_path: Path) -> None:
    """Also one that got no further than its body, or nobody knows from whom."""
    rooms.call("POST", "/api/bookings", user=ANN, body=b"{")
    rooms.call("POST", "/api/bookings", json={"event_id": CONCERT})
    rooms.book(BOB)
    rooms.call("PATCH", "/api/seats/release", user=ANN, json={"seat_id": seat(1)})

    found = [(line.status, line.user, line.event, line.lsn) for line in told(log, tmp_path)]
    assert [(400, 0, 0, 0), (401, 0, 0, 0), (201, 2, CONCERT, 1), (419, 1, CONCERT, 1)] == found


def test_what_waits_for_no_disk_is_told_without_a_record(
    rooms: Rooms, log: RequestLog, tmp_path: Path
) -> None:
    """It has a line as every write has."""
    rooms.book(ANN)
    rooms.call("POST", f"/x/events/{CONCERT}/waiting-room/place", user=ANN, json={})

    assert [(201, 1), (200, 0)] == [(line.status, line.lsn) for line in told(log, tmp_path)]


def test_reads_are_told_only_where_all_is_wanted(
    rooms: Rooms, log: RequestLog, tmp_path: Path
) -> None:
    """They are many, and change nothing."""
    rooms.call("GET", "/api/bookings", user=ANN)
    assert not told(log, tmp_path)
    assert RequestLog(tmp_path, clock_ms=lambda: 0, reads_too=True).wants("GET")


def test_a_path_is_told_as_a_pattern(runner: asyncio.Runner, tmp_path: Path) -> None:
    """So that lines of one kind are found together."""
    log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS, reads_too=True)
    for rooms in opened(Rooms(runner, request_log=log), runner):
        booking_id = rooms.book(ANN)
        rooms.call("GET", f"/x/bookings/{booking_id}?secret=1", user=ANN)

    assert ["/api/bookings", "/x/bookings/{id}"] == [line.path for line in told(log, tmp_path)]


def test_no_secret_is_told(rooms: Rooms, log: RequestLog, tmp_path: Path) -> None:
    """No header, no key, no body."""
    keyed = [(b"idempotency-key", b"my-very-key"), (b"x-forwarded-for", b"<script>")]
    rooms.call(
        "POST", "/api/bookings", user=ANN, json={"event_id": 1, "card": "4111"}, headers=keyed
    )
    told(log, tmp_path)
    (path,) = files(tmp_path)
    text = path.read_bytes()

    for secret in (basic(ANN), PASSWORDS[ANN].encode(), b"my-very-key", b"4111", b"script"):
        assert secret not in text
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_what_has_no_room_is_counted(tmp_path: Path) -> None:
    """The loop never waits for the disk."""
    log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS, queue_max=2)
    for _ in range(5):
        note(log)

    assert (2, 3) == (len(log), log.dropped)
    assert 2 == len(told(log, tmp_path)) == log.written


class Disk:
    """What os.write does in its stead: as many bytes as each number says, None: it refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *sizes: int | None) -> None:
        self._sizes, self._write = list(sizes), os.write
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(request_log, "LINES_PER_WRITE", 1)

    def write(self, file: int, data: bytes) -> int:
        size = self._sizes.pop(0) if self._sizes else len(data)
        if size is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(file, data[:size])


def test_what_the_disk_refuses_is_counted(
    log: RequestLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is tried again with the next ones, on a line of their own."""
    Disk(monkeypatch, 20, None)
    for lsn in range(3):
        note(log, lsn=lsn)

    assert [1, 2] == [line.lsn for line in told(log, tmp_path)]
    assert (1, 2) == (log.dropped, log.written)


def test_a_disk_that_refuses_is_told_once(
    log: RequestLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not five times a second; and again when it has taken something meanwhile."""
    Disk(monkeypatch, None, 1_000, None, None)
    for _ in range(4):
        note(log)
    with structlog.testing.capture_logs() as logged:
        told(log, tmp_path)

    reason = "[Errno 28] No space left on device"
    warning = {"event": "requests aren't written", "reason": reason, "log_level": "warning"}
    assert [warning] * 2 == logged


def test_what_is_told_is_soon_on_disk(
    log: RequestLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server runs; and who stops lets go of the file."""
    monkeypatch.setattr(request_log, "PAUSE_SECONDS", 0.001)
    log.start()
    note(log)
    asyncio.run(until(lambda: 1 == len(list(read(tmp_path)))))
    (file,) = files(tmp_path)
    assert file in opened_files()
    log.stop()

    assert file not in opened_files()


def test_a_full_file_makes_room_for_the_next(tmp_path: Path) -> None:
    """The newest are kept, as many as there may be; the newest one takes what it has room for."""
    for number in range(FILES_MAX + 3):
        log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS, file_bytes_max=1)
        note(log, lsn=number)
        told(log, tmp_path)
    log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS)
    note(log, lsn=FILES_MAX + 3)
    told(log, tmp_path)

    assert FILES_MAX == len(files(tmp_path))
    assert list(range(3, FILES_MAX + 4)) == [line.lsn for line in read(tmp_path)]


def test_a_file_is_full_with_its_last_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in it before a restart is counted, and what is in another one isn't."""
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    monkeypatch.setattr(request_log, "LINES_PER_WRITE", 1)
    log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS)
    note(log)
    told(log, tmp_path)
    size = files(tmp_path)[0].stat().st_size
    for lines in (4, 1, 3):
        log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS, file_bytes_max=2 * size)
        for _ in range(lines):
            note(log)
        told(log, tmp_path)

    assert [2 * size] * 4 + [size] == [path.stat().st_size for path in files(tmp_path)]


def test_a_file_that_goes_meanwhile_is_passed_over(tmp_path: Path) -> None:
    """It has made room for another, and whoever reads goes on with the next."""
    for number in range(3):
        log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS, file_bytes_max=1)
        note(log, lsn=number)
        told(log, tmp_path)
    lines = read(tmp_path)
    assert 0 == next(lines).lsn
    files(tmp_path)[1].unlink()

    assert [2] == [line.lsn for line in lines]


def test_a_restart_goes_on_in_the_same_file(tmp_path: Path) -> None:
    """On a line of its own, also after one that was cut short."""
    for _ in range(2):
        log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS)
        note(log)
        told(log, tmp_path)
    assert b"\n\n" not in files(tmp_path)[0].read_bytes()
    files(tmp_path)[0].unlink()
    for number in range(2):
        log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS)
        note(log, lsn=number)
        told(log, tmp_path)
        with files(tmp_path)[-1].open("ab") as file:
            file.write(b'{"at_ms":1')

    assert 1 == len(files(tmp_path))
    assert [0, 1] == [line.lsn for line in read(tmp_path)]


def test_others_files_are_let_be(log: RequestLog, tmp_path: Path) -> None:
    """Whoever has put them there."""
    (tmp_path / DIRECTORY).mkdir()
    (tmp_path / DIRECTORY / "notes.jsonl").write_text("mine")
    note(log)

    assert 1 == len(told(log, tmp_path))


class _Booking:
    booking_id = 7_000_000_001


class _Seat:
    seat_id = 80_010_001


class _Event:
    event_id = 9


@pytest.mark.parametrize(
    ("subject", "event_id"), [(_Booking(), 7), (_Seat(), 8), (_Event(), 9), (None, 0), (5, 0)]
)
def test_the_event_is_known_by_any_of_its_ids(subject: object, event_id: int) -> None:
    """Of a booking, of a seat, its own; a bare number may mean anything."""
    assert event_id == event_of(subject)


def test_off_is_nothing_at_all(runner: asyncio.Runner) -> None:
    """No endpoint knows of a log."""
    rooms = Rooms(runner)
    for route in rooms.app.routes:
        for endpoint in route.endpoint.endpoints.values():  # type: ignore[attr-defined]
            assert endpoint._request_log is None
