"""The real server and its waiting rooms: settings reach it, and places outlive it."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api import staff
from api.fairness.waiting_rooms import RESERVED_MIN
from api.staff import Role
from tests.server.conftest import USER, StartServer
from torture.servers.child import Server

pytestmark = pytest.mark.server
EVENT = 2
ROOM = f"/x/events/{EVENT}/waiting-room"


def post(server: Server, path: str, auth: tuple[str, str], body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{server.url}{path}", json=body, auth=auth)


def test_a_place_outlives_the_server(data: Path, serve: StartServer, tmp_path: Path) -> None:
    """With its token, after kill -9; the seed is the one that was promised, and a stop is tidy."""
    olga = "olga", staff.add(tmp_path / "staff", Role.ORGANISER, "olga")
    options = ("--staff-file", tmp_path / "staff", "--user-calls-per-second", 1)
    server = serve(data, *options)
    post(server, ROOM, olga, {"per_minute": 1}).raise_for_status()
    told = post(server, f"{ROOM}/place", USER, {}).json()
    seed_sha256 = httpx.get(f"{server.url}{ROOM}").json()["seed_sha256"]
    server.kill()

    again = serve(data, *options)

    shown = httpx.get(f"{again.url}{ROOM}").json()
    assert hashlib.sha256(bytes.fromhex(shown["seed"])).hexdigest() == seed_sha256
    refused = post(again, "/api/bookings", USER, {"event_id": EVENT})
    assert "/problems/waiting-room" == refused.json()["type"]
    assert told == post(again, f"{ROOM}/place", USER, {"place": told["place"]}).json()
    with httpx.Client(base_url=again.url, auth=USER) as client:
        statuses = [201]
        while statuses[-1] == 201 and len(statuses) < 200:
            statuses.append(client.post("/api/bookings", json={"event_id": EVENT}).status_code)
    assert 429 == statuses[-1]

    assert 0 == again.terminate()
    # What the killed server had reserved counts as given; nothing more is reserved by a stop.
    kept = orjson.loads((data / "waiting-rooms" / f"{EVENT}.json").read_bytes())
    assert RESERVED_MIN == kept["given"]
