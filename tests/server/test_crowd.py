"""Many at once, and a server that stops under them."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from catalog import demo
from tests.server.buyer import Buyer
from tests.server.conftest import StartServer

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
