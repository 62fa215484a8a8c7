"""The plan, the map, the changes and the stream, as a page asks for them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import opened
from tests.api.rooms import ANN, CHARITY, CONCERT, OPERA, PAST, Rooms, seat

MAP = f"/x/events/{CONCERT}/seatmap"
STREAM = f"/x/events/{CONCERT}/stream"


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture
def rooms(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    """Every call looks."""
    monkeypatch.setattr("api.live.halls.LOOK_SECONDS", 0.0)
    yield from opened(Rooms(runner), runner)


def seats_of(bits: bytes) -> tuple[int, list[int]]:
    """The version, and a status a seat; what is left of the last byte is zero."""
    seats = [byte >> shift & 3 for byte in bits[8:] for shift in (0, 2, 4, 6)]
    return int.from_bytes(bits[:8], "big"), seats


def since(rooms: Rooms, version: int) -> Any:
    return rooms.call("GET", f"{MAP}?since={version}").json


def test_the_plan_is_all_that_a_page_needs_to_draw() -> None:
    """With what the rules say of holds and returns; a zone without seats of ours is left out."""
    with asyncio.Runner() as runner:
        for rooms in opened(Rooms(runner), runner):
            assert {
                "id": CONCERT,
                "rows": 3,
                "seats_per_row": 10,
                "zones": [
                    {"name": "Партер", "first_row": 1, "last_row": 3, "price": "15000.50"},
                ],
                "hold_seconds": 900,
                "return_hours": 12,
            } == rooms.call("GET", f"/x/events/{CONCERT}/plan").json
            zones = rooms.call("GET", f"/x/events/{OPERA}/plan").json["zones"]
            assert ["Партер"] == [zone["name"] for zone in zones]


def test_the_map_shows_every_seat(rooms: Rooms) -> None:
    """Free, held and sold, from before the first booking on."""
    assert [0] * 32 == seats_of(rooms.call("GET", MAP).body)[1]
    rooms.book(ANN, seat(2))
    rooms.pay(rooms.book(ANN, seat(10, row=3)))
    answer = rooms.call("GET", MAP)

    assert "application/octet-stream" == answer.headers["content-type"]
    expected = [0] * 32
    expected[1], expected[29] = 1, 2
    assert expected == seats_of(answer.body)[1]


def test_what_is_not_ours_is_neither_free_nor_sold(rooms: Rooms) -> None:
    """3, before and after a booking."""
    path = f"/x/events/{OPERA}/seatmap"
    ours = [3] * 7 + [0] * 5 + [3] * 18 + [0] * 2
    assert ours == seats_of(rooms.call("GET", path).body)[1]
    rooms.book(ANN, seat(8, event_id=OPERA), event_id=OPERA)

    ours[7] = 1
    assert ours == seats_of(rooms.call("GET", path).body)[1]


def test_changes_are_told_since_a_version(rooms: Rooms) -> None:
    """Held, sold, free again; and a reset frees all."""
    version, _ = seats_of(rooms.call("GET", MAP).body)
    nothing = {"whole": False, "free": [], "reserved": [], "sold": []}
    assert {**nothing, "version": version} == since(rooms, version)
    rooms.book(ANN, seat(1), seat(2))
    held = since(rooms, version)
    assert {**nothing, "version": held["version"], "reserved": [0, 1]} == held
    rooms.call("PATCH", "/api/seats/release", user=ANN, json={"seat_id": seat(1)})
    assert ([0], [1]) == (
        since(rooms, held["version"])["free"],
        since(rooms, version)["reserved"],
    )
    now = since(rooms, version)["version"]
    rooms.call("POST", "/api/reset")
    assert [1] == since(rooms, now)["free"]


def test_a_version_of_another_server_is_unknown(rooms: Rooms) -> None:
    """Whoever knows the hall of the process before is told to fetch the whole."""
    version, _ = seats_of(rooms.call("GET", MAP).body)
    with asyncio.Runner() as runner:
        restarted = Rooms(runner)
        restarted.now_ms += 1
        told = next(since(again, version) for again in opened(restarted, runner))
    assert (True, [], [], []) == tuple(told[name] for name in ("whole", "free", "reserved", "sold"))
    assert version < told["version"] < 2**53


@pytest.mark.parametrize("path", ["plan", "seatmap", "seatmap?since=1", "stream"])
@pytest.mark.parametrize(("event_id", "status"), [(99, 404), (PAST, 404), ("a", 400)])
def test_what_is_not_on_sale_is_not_found(
    rooms: Rooms, path: str, event_id: object, status: int
) -> None:
    """Unknown and past events alike."""
    assert status == rooms.call("GET", f"/x/events/{event_id}/{path}").status


@pytest.mark.parametrize("path", ["seatmap", "stream"])
@pytest.mark.parametrize("text", ["x", "1.5", str(2**63)])
def test_a_version_is_a_number(rooms: Rooms, path: str, text: str) -> None:
    """400, as for every parameter."""
    answer = rooms.call("GET", f"/x/events/{CONCERT}/{path}?since={text}")
    assert "bad-request" == answer.problem


async def heard(
    rooms: Rooms, path: str, *, last_id: bytes | None = None, method: str = "GET"
) -> list[Any]:
    """What a client of a stream hears until it falls silent, and then leaves."""
    parts: list[Any] = []
    leaves = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(part: Any) -> None:
        parts.append(part)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [] if last_id is None else [(b"last-event-id", last_id)],
        "root_path": "",
    }
    call = asyncio.ensure_future(rooms.app(scope, receive, send))
    silent = 0
    while silent < 50 and not call.done():
        count = len(parts)
        await asyncio.sleep(0)
        silent = silent + 1 if len(parts) == count else 0
    leaves.set()
    await call
    return parts


def messages(parts: list[Any]) -> list[bytes]:
    return [part["body"] for part in parts[1:]]


def test_a_stream_begins_with_what_the_client_does_not_know(
    rooms: Rooms, runner: asyncio.Runner
) -> None:
    """By Last-Event-ID, or else since; without either he fetches the map."""
    version, _ = seats_of(rooms.call("GET", MAP).body)
    rooms.book(ANN, seat(1))
    now = since(rooms, version)["version"]
    known = f"{STREAM}?since={version}"
    for path, last_id, expected in (
        (known, None, b'"whole":false,"free":[],"reserved":[0]'),
        (STREAM, str(version).encode(), b'"whole":false,"free":[],"reserved":[0]'),
        (STREAM, None, b'"whole":true'),
        (known, b"7", b'"whole":true'),
        (known, b"9" * 19, b'"reserved":[0]'),
        (known, "٣".encode(), b'"reserved":[0]'),
    ):
        opening, news = messages(runner.run(heard(rooms, path, last_id=last_id)))
        assert opening.startswith(b"retry: ")
        assert news.startswith(b"id: %d\ndata: {" % now)
        assert expected in news
    assert 1 == len(messages(runner.run(heard(rooms, f"{STREAM}?since={now}"))))


def test_so_many_may_watch(runner: asyncio.Runner) -> None:
    """One more is told when to come back, and there is room when somebody leaves."""
    for rooms in opened(Rooms(runner, watchers_max=2), runner):

        async def story(rooms: Rooms = rooms) -> list[int]:
            first = [asyncio.ensure_future(heard(rooms, STREAM)) for _ in range(2)]
            for _ in range(3):
                await asyncio.sleep(0)
            elsewhere = await heard(rooms, f"/x/events/{OPERA}/stream")
            await asyncio.gather(*first)
            return [elsewhere[0]["status"], (await heard(rooms, STREAM))[0]["status"]]

        assert [503, 200] == runner.run(story())
    for rooms in opened(Rooms(runner, watchers_max=0), runner):
        answer = rooms.call("GET", STREAM)
        assert ("too-many-watchers", "30") == (answer.problem, answer.headers["retry-after"])


def test_watchers_leave_half_of_the_connections_to_the_others(runner: asyncio.Runner) -> None:
    """However many may watch: where the system allows few files, nobody else was let in."""
    for rooms in opened(Rooms(runner, watchers_max=100, connections_max=3), runner):

        async def story(rooms: Rooms = rooms) -> list[int]:
            watching = asyncio.ensure_future(heard(rooms, STREAM))
            for _ in range(3):
                await asyncio.sleep(0)
            one_more = await heard(rooms, STREAM)
            return [(await watching)[0]["status"], one_more[0]["status"]]

        assert [200, 503] == runner.run(story())


def test_those_of_all_halls_are_counted(runner: asyncio.Runner) -> None:
    """Also when another hall is watched after theirs; who has left counts no more."""
    for rooms in opened(Rooms(runner, watchers_max=3), runner):

        async def story(rooms: Rooms = rooms) -> list[int]:
            await heard(rooms, f"/x/events/{CHARITY}/stream")
            watching = []
            for event_id in (CONCERT, OPERA, OPERA):
                path = f"/x/events/{event_id}/stream"
                watching.append(asyncio.ensure_future(heard(rooms, path)))
                for _ in range(3):
                    await asyncio.sleep(0)
            one_more = await heard(rooms, STREAM)
            statuses = [parts[0]["status"] for parts in await asyncio.gather(*watching)]
            return [*statuses, one_more[0]["status"]]

        assert [200, 200, 200, 503] == runner.run(story())


def test_who_comes_at_the_same_moment_to_another_hall_is_counted(runner: asyncio.Runner) -> None:
    """After a restart all come back at once: nobody drives out those who haven't begun to watch."""
    for rooms in opened(Rooms(runner, watchers_max=2), runner):

        async def story(rooms: Rooms = rooms) -> list[int]:
            paths = STREAM, f"/x/events/{OPERA}/stream"
            watching = [asyncio.ensure_future(heard(rooms, path)) for path in paths]
            for _ in range(3):
                await asyncio.sleep(0)
            one_more = await heard(rooms, STREAM)
            statuses = [parts[0]["status"] for parts in await asyncio.gather(*watching)]
            return [*statuses, one_more[0]["status"]]

        assert [200, 200, 503] == runner.run(story())


def test_a_service_that_closes_ends_its_streams(rooms: Rooms, runner: asyncio.Runner) -> None:
    """As whole replies: who goes on listening would keep it from its end."""

    async def story() -> list[Any]:
        watching = asyncio.ensure_future(heard(rooms, STREAM))
        for _ in range(10):
            await asyncio.sleep(0)
        rooms.service.close()
        return await watching

    opening, *_, last = runner.run(story())
    assert (200, b"", False) == (opening["status"], last["body"], last.get("more_body", False))


def test_head_of_a_stream_has_no_end_to_wait_for(rooms: Rooms, runner: asyncio.Runner) -> None:
    """The same headers, nothing else, and nobody watches."""
    start, *bodies = runner.run(heard(rooms, STREAM, method="HEAD"))
    assert (b"content-type", b"text/event-stream") in start["headers"]
    assert (b"cache-control", b"no-store") in start["headers"]
    assert [b""] == [part["body"] for part in bodies]
    assert 0 == len(rooms.service.streams)
