"""Many at once, and a server that is killed under them."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog import demo
from tests.server.buyer import Buyer
from tests.server.conftest import StartServer
from torture.servers.child import Server

pytestmark = pytest.mark.server
USER = (demo.EMAIL, demo.PASSWORD)


def test_of_a_hundred_buyers_of_one_seat_one_wins(data: Path, serve: StartServer) -> None:
    """One 200, ninety-nine 419 (R29), for each of three seats."""
    server = serve(data)
    with Buyer(server.url) as buyer:
        seats = [seat["id"] for seat in buyer.seats(1, status="FREE")[:3]]
    for seat_id in seats:
        statuses = asyncio.run(_hundred_buyers(server.url, seat_id))

        assert Counter({200: 1, 419: 99}) == Counter(statuses)


async def _hundred_buyers(url: str, seat_id: int) -> list[int]:
    async with _client(url) as http:

        async def buy() -> tuple[int, int]:
            booked = await http.post("/api/bookings", json={"event_id": 1})
            return booked.json()["id"], seat_id

        async def select(booking_id: int) -> int:
            body = {"booking_id": booking_id, "seat_id": seat_id}
            return (await http.patch("/api/seats/select", json=body)).status_code

        bookings = await asyncio.gather(*(buy() for _ in range(100)))
        return list(await asyncio.gather(*(select(booking) for booking, _ in bookings)))


@dataclass
class Acknowledged:
    """What the server has told its clients before it was killed."""

    bookings: set[int] = field(default_factory=set)
    seats: dict[int, int] = field(default_factory=dict)  # seat id -> booking id


CLIENTS = 64
BOOKINGS_BEFORE_KILL = 400


def test_nothing_acknowledged_is_missing_after_kill_9(data: Path, serve: StartServer) -> None:
    """Three times over: 64 clients book, the server dies, the next one knows all they were told."""
    told = Acknowledged()
    for round_number in range(1, 4):
        server = serve(data)
        wanted = BOOKINGS_BEFORE_KILL * round_number
        asyncio.run(_book_until_killed(server, told, wanted))
        assert len(told.bookings) >= wanted

    with Buyer(serve(data).url) as buyer:
        listed = buyer.bookings()

    assert told.bookings - set(listed) == set()
    assert {
        seat: booking for seat, booking in told.seats.items() if seat not in listed[booking]
    } == {}
    holders = Counter(seat for seats in listed.values() for seat in seats)
    assert [seat for seat, count in holders.items() if count > 1] == []


async def _book_until_killed(server: Server, told: Acknowledged, wanted: int) -> None:
    async with _client(server.url) as http:
        clients = [asyncio.create_task(_book(http, told)) for _ in range(CLIENTS)]
        while len(told.bookings) < wanted and not all(one.done() for one in clients):
            await asyncio.wait(clients, timeout=0.001)
        await asyncio.to_thread(server.kill)
        await asyncio.gather(*clients)


async def _book(http: httpx.AsyncClient, told: Acknowledged) -> None:
    """Book and select until the server is gone."""
    try:
        while True:
            booked = await http.post("/api/bookings", json={"event_id": 1})
            assert booked.status_code == 201, booked.text
            booking_id = booked.json()["id"]
            told.bookings.add(booking_id)
            free: list[dict[str, Any]] = (
                await http.get("/api/seats", params={"event_id": 1, "status": "FREE"})
            ).json()
            seat_id = free[0]["id"]
            body = {"booking_id": booking_id, "seat_id": seat_id}
            selected = await http.patch("/api/seats/select", json=body)
            if selected.status_code == 200:
                assert seat_id not in told.seats, "sold twice"
                told.seats[seat_id] = booking_id
            else:
                assert selected.status_code == 419, selected.text
    except httpx.TransportError:
        return


def test_a_server_that_is_told_to_stop_loses_nothing(data: Path, serve: StartServer) -> None:
    """SIGTERM: exit code 0, and everything is there afterwards."""
    server = serve(data)
    with Buyer(server.url) as buyer:
        booking_id, seats = buyer.hold(7, seats=4)
    assert server.terminate() == 0, server.log.read_text()[-2_000:]

    with Buyer(serve(data).url) as buyer:
        assert {booking_id: seats} == buyer.bookings()


def _client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=128, max_keepalive_connections=128)
    return httpx.AsyncClient(base_url=url, auth=USER, timeout=30, limits=limits)
