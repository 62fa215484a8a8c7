"""A dashboard is told of every change, and a chart how the sale went."""

import asyncio
from typing import Any

import orjson
import pytest

from api.organiser import dashboard
from api.organiser.dashboard import Dashboards
from api.timeline import instant
from tests.api.rooms import ANN, CONCERT, NOW_MS, OLGA, Rooms, seat


def test_how_a_sale_went(rooms: Rooms, runner: asyncio.Runner) -> None:
    """With the moment from which it is known."""
    rooms.pay(rooms.book(ANN, seat(1)))
    runner.run(rooms.service.sales.look(rooms.engine, rooms.service.clock_ms))
    rooms.now_ms += 15_000
    rooms.book(ANN, seat(2))

    def told(seconds: int, reserved: int) -> dict[str, object]:
        figures = {"sold": 1, "reserved": reserved, "free": 29 - reserved, "revenue": "15000.50"}
        return {"at": instant(NOW_MS + seconds * 1_000), **figures}

    assert {
        "event_id": CONCERT,
        "step_seconds": 10,
        "since": instant(NOW_MS),
        "points": [told(0, 0), told(10, 0), told(15, 1)],
    } == rooms.call("GET", f"/x/events/{CONCERT}/sales", user=OLGA).json
    whole_day = rooms.call("GET", f"/x/events/{CONCERT}/sales?minutes=1440", user=OLGA)
    assert 200 == whole_day.status


@pytest.mark.parametrize(
    ("target", "user", "problem"),
    [
        ("1/sales?minutes=0", OLGA, "bad-request"),
        ("1/sales?minutes=1441", OLGA, "bad-request"),
        ("77/sales", OLGA, "event-not-found"),
        ("1/sales", ANN, "staff-only"),
        ("77/dashboard", OLGA, "event-not-found"),
        ("1/dashboard", ANN, "staff-only"),
        ("1/dashboard", None, "unauthenticated"),
    ],
)
def test_what_is_refused(rooms: Rooms, target: str, user: str | None, problem: str) -> None:
    assert problem == rooms.call("GET", f"/x/events/{target}", user=user).problem


def figures(part: bytes) -> Any:
    assert part.startswith(b"data: ")
    assert part.endswith(b"\n\n")
    return orjson.loads(part[6:])


def test_a_dashboard_is_told_of_changes_alone(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once how it stands; a comment when there is nothing to tell for long."""
    monkeypatch.setattr(dashboard, "LOOK_SECONDS", 0)
    changes = Dashboards()._changes(rooms.engine, CONCERT)
    first = runner.run(anext(changes))
    expected = rooms.call("GET", f"/x/analytics?id={CONCERT}&by=zone", user=OLGA).json
    assert expected == figures(first)

    rooms.book(ANN, seat(1))
    assert 1 == figures(runner.run(anext(changes)))["zones"][0]["reserved_seats"]
    looks = 0
    analytics = rooms.engine.analytics

    def counted(event_id: int) -> Any:
        nonlocal looks
        looks += 1
        return analytics(event_id)

    monkeypatch.setattr(rooms.engine, "analytics", counted)
    for comments in (1, 2):
        assert b": still there\n\n" == runner.run(anext(changes))
        assert 15 * comments == looks
    runner.run(changes.aclose())


def test_too_many_dashboards_are_refused(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until one is closed."""
    monkeypatch.setattr(dashboard, "DASHBOARDS_MAX", 0)
    target = f"/x/events/{CONCERT}/dashboard"
    assert "busy" == rooms.call("GET", target, user=OLGA).problem

    dashboards = Dashboards()
    changes = dashboards._changes(rooms.engine, CONCERT)
    runner.run(anext(changes))
    assert 1 == dashboards._open
    runner.run(changes.aclose())
    assert 0 == dashboards._open
