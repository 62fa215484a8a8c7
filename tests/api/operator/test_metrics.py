"""What Prometheus reads."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.fairness.hoarding import hoarding
from api.fairness.limits import Rates
from api.operator.metrics import look
from api.request_log import RequestLog
from engine import Engine, Totals
from sagas.outcome import Done, Refused, Unknown
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, CONCERT, IVAN, NOW_MS, OLGA, Rooms, basic, seat

LATER = {"opens_at": "2027-12-31T00:00:00Z"}
REFUSED = "billetter_calls_refused_total"

FAR = ("10.0.0.1", 5)


def read(rooms: Rooms) -> dict[tuple[str, str], float]:
    """Every sample, by its name and the value of its one label."""
    answer = rooms.call("GET", "/metrics")
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]
    families = text_string_to_metric_families(answer.body.decode())
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_shop_in_figures(rooms: Rooms) -> None:
    """Sold, held, taken in; what is owed by where it stands; who was sent away, and why."""
    rooms.pay(rooms.book(ANN, seat(1), seat(2)))
    rooms.initiate(rooms.book(ANN, seat(3)))
    returned = rooms.book(ANN, seat(4))
    rooms.pay(returned)
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": returned})
    rooms.service.admission.shed_full, rooms.service.admission.shed_late = 3, 4
    found = read(rooms)

    expected = {
        ("billetter_events_booked", ""): 1,
        ("billetter_bookings", ""): 2,
        ("billetter_seats_sold", ""): 2,
        ("billetter_seats_reserved", ""): 1,
        ("billetter_revenue_tenge", ""): 30_001,
        ("billetter_payments_unsettled", ""): 2,
        ("billetter_payments_unsettled_by_status", "AUTHORIZED"): 0,
        ("billetter_payments_unsettled_by_status", "PENDING"): 1,
        ("billetter_payments_unsettled_by_status", "RETURN_DUE"): 1,
        ("billetter_reservations_unsettled_by_status", "WANTED"): 0,
        ("billetter_payments_parked", ""): 0,
        ("billetter_owed_back_tenge", ""): 15_000.5,
        ("billetter_calls_shed_total", "queue_full"): 3,
        ("billetter_calls_shed_total", "waited_too_long"): 4,
        ("billetter_requests_logged_total", ""): 0,
        ("billetter_requests_unlogged_total", ""): 0,
        ("billetter_requests_waiting", ""): 0,
        ("billetter_service_up", "gateway"): 1,
        ("billetter_users_remembered", ""): 1,
        ("billetter_bodies_reading", ""): 0,
        ("billetter_places_awaited", ""): 0,
        ("billetter_connections_max", ""): 16_384,
    }
    assert expected == {name: found[name] for name in expected}
    assert ("billetter_service_up", "provider") not in found, "there is none"


def test_how_calls_to_outside_services_ended(rooms: Rooms) -> None:
    """Which of them have no clear answer while others have, and how long they take."""
    calls = rooms.sagas.gateway_calls
    calls.add("check", Done(None), seconds=0.03)
    calls.add("check", Refused(404, "1404"), seconds=0.03)
    calls.add("init", Unknown("HTTP 500"), seconds=20)
    text = rooms.call("GET", "/metrics").body.decode()

    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("billetter_service_call")
    }
    assert 1 == found["billetter_service_calls_total", "check", "done", "gateway"]
    assert 1 == found["billetter_service_calls_total", "check", "gateway", "refused"]
    assert 1 == found["billetter_service_calls_total", "gateway", "init", "unknown"]
    assert 0 == found["billetter_service_calls_total", "done", "gateway", "init"]
    assert 2 == found["billetter_service_call_seconds_bucket", "0.05", "gateway"]
    assert 3 == found["billetter_service_call_seconds_count", "gateway"]
    assert 3 == found["billetter_service_call_seconds_bucket", "+Inf", "gateway"]


def test_how_often_each_call_had_each_status(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours too, which is counted from zero; pages and their files are one number."""
    rooms.book(ANN, seat(1))
    rooms.call("GET", "/api/seats?event_id=404")
    rooms.call("HEAD", f"/api/seats?event_id={CONCERT}")
    rooms.call("GET", "/")
    rooms.call("GET", "/account")
    monkeypatch.setattr(rooms.engine, "deal", lambda **_: 1 // 0)
    rooms.call("GET", f"/api/seats?event_id={CONCERT}&status=FREE")

    found = {
        (sample.labels["call"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(rooms.call("GET", "/metrics").body.decode())
        for sample in family.samples
        if sample.name == "billetter_answers_total"
    }
    expected = {
        ("POST /api/bookings", "201"): 1,
        ("POST /api/bookings", "500"): 0,
        ("PATCH /api/seats/select", "200"): 1,
        ("GET /api/seats", "200"): 1,
        ("GET /api/seats", "404"): 1,
        ("GET /api/seats", "500"): 1,
        ("pages", "200"): 2,
        ("pages", "500"): 0,
    }
    assert expected == {name: found[name] for name in expected}


def test_the_process_in_figures(rooms: Rooms) -> None:
    """Under the names that every dashboard knows."""
    found = {name for name, _ in read(rooms)}
    assert {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
        "python_gc_collections_total",
        "billetter_info",
    } <= found


def test_the_disk_in_figures(runner: asyncio.Runner, tmp_path: Path) -> None:
    """Of a server that has one: batches that were written, and what log and disk hold."""
    Engine.create(tmp_path, store_id=bytes(range(16)))
    rooms = Rooms(runner)
    rooms.engine = Engine.open(tmp_path, [])
    rooms.open(tmp_path)

    async def write() -> None:
        rooms.engine.start()
        rooms.engine.reset(now_ms=0)
        await rooms.engine.stop()

    runner.run(write())
    found = read(rooms)
    assert 1 == found["billetter_log_write_seconds_count", ""]
    assert 1 == found["billetter_log_batch_records_bucket", "1.0"]
    assert 1 == found["billetter_log_batch_bytes_bucket", "+Inf"]
    assert 0 < found["billetter_log_batch_bytes_sum", ""] < 64
    assert 1 == found["billetter_durable_lsn", ""] == found["billetter_appended_lsn", ""]
    assert 0 == found["billetter_log_waiting_records", ""]
    assert 1 == found["billetter_log_segments", ""]
    assert 0 < found["billetter_log_bytes", ""]
    assert 0 < found["billetter_disk_free_bytes", ""]
    assert 0 == found["billetter_snapshot_lsn", ""]


def test_the_request_log_in_figures(runner: asyncio.Runner, tmp_path: Path) -> None:
    """What it has written, had no room for, and still has to write."""
    log = RequestLog(tmp_path, clock_ms=lambda: NOW_MS, queue_max=2)
    for rooms in opened(Rooms(runner, request_log=log), runner):
        log.written = 5
        for _ in range(5):
            rooms.book(ANN)
        found = read(rooms)
        assert (5, 3, 2) == (
            found["billetter_requests_logged_total", ""],
            found["billetter_requests_unlogged_total", ""],
            found["billetter_requests_waiting", ""],
        )
        assert 3 == rooms.call("GET", "/x/status").json["calls"]["unlogged"]


@pytest.mark.parametrize(("user", "status"), [(IVAN, 200), (OLGA, 403), (ANN, 403)])
def test_an_operator_may_read_it_from_afar(
    rooms: Rooms, runner: asyncio.Runner, user: str, status: int
) -> None:
    """And nobody else."""
    headers = [(b"authorization", basic(user))]
    assert status == runner.run(rooms.asgi("GET", "/metrics", headers, client=FAR)).status


def test_it_can_be_opened_to_anyone(rooms: Rooms, runner: asyncio.Runner) -> None:
    """For a Prometheus on another machine; what is owed stays the operator's."""
    rooms.service.metrics_open = True
    assert 200 == runner.run(rooms.asgi("GET", "/metrics", client=FAR)).status
    assert 403 == runner.run(rooms.asgi("GET", "/x/sagas", client=FAR)).status


def test_a_concert_stays_bookable_meanwhile(rooms: Rooms, runner: asyncio.Runner) -> None:
    """A scrape waits between its slices, and what happens there is no harm."""
    rooms.book(ANN, seat(1))

    async def both() -> int:
        scrape = asyncio.create_task(rooms.asgi("GET", "/metrics"))
        await asyncio.sleep(0)
        rooms.engine.create_booking(user_id=1, event_id=CONCERT, now_ms=0)
        return (await scrape).status

    assert 200 == runner.run(both())


def test_buyers_are_served_between_the_slices(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many events there are: who looks lets others in after each slice of them."""
    happened: list[str] = []

    def slices() -> Iterator[Totals]:
        yield Totals()
        for _ in range(3):
            happened.append("a slice")
            asyncio.get_running_loop().call_soon(happened.append, "a call")
            yield Totals()

    monkeypatch.setattr(rooms.engine, "totals", slices)
    runner.run(look(rooms.service))
    assert ["a slice", "a call"] * 3 == happened


def test_who_was_slowed_in_figures(runner: asyncio.Runner) -> None:
    """Each refusal by its reason; and those who wait in the rooms that are open."""
    limited = Rooms(runner, rates=Rates(user=1), hoarding=hoarding(burst=1, per_minute=1))
    for rooms in opened(limited, runner):
        booking_id = rooms.book(ANN, seat(1))
        wanted = {"booking_id": booking_id, "seat_id": seat(2)}
        assert 429 == rooms.call("PATCH", "/api/seats/select", user=ANN, json=wanted).status
        while rooms.call("GET", "/api/bookings", user=ANN).status == 200:
            pass
        rooms.call("POST", f"/x/events/{CONCERT}/waiting-room", user=OLGA, json=LATER)
        told = rooms.call("POST", f"/x/events/{CONCERT}/waiting-room/place", user=BOB, json={})
        assert 200 == told.status
        assert 503 == rooms.call("POST", "/api/bookings", user=BOB, json={"event_id": 1}).status
        found = read(rooms)
        refused = {by: count for (name, by), count in found.items() if name == REFUSED}
        expected = {"address": 0, "user": 1, "event": 0, "hoarding": 1, "waiting_room": 1}
        assert expected == refused
        assert 1 == found["billetter_waiting_rooms", ""]
        assert 1 == found["billetter_waiting_rooms_people", ""]
