"""A crowd that books at a real server, and what it was told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from catalog import demo
from tests.server.buyer import Buyer
from torture.servers.child import Server

USER = (demo.EMAIL, demo.PASSWORD)
CLIENTS = 16
HALL = 7  # an event of our own


@dataclass
class Told:
    """What the server has told its clients: seats by booking, and whether it was all."""

    bookings: set[int] = field(default_factory=set)
    seats: dict[int, int] = field(default_factory=dict)
    odd: list[httpx.Response] = field(default_factory=list)


class Crowd:
    """Books until told to stop or until nobody answers, and remembers what was acknowledged."""

    def __init__(self, server: Server) -> None:
        self.told = Told()
        self._url = server.url

    async def __aenter__(self) -> "Crowd":
        limits = httpx.Limits(max_connections=CLIENTS)
        self._http = httpx.AsyncClient(
            base_url=self._url, auth=USER, timeout=30, limits=limits, trust_env=False
        )
        self._clients = [asyncio.create_task(self._book()) for _ in range(CLIENTS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await self._http.aclose()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert not all(client.done() for client in self._clients), "nobody books any more"
            await asyncio.sleep(0.02)

    async def until_nobody_answers(self) -> None:
        await asyncio.gather(*self._clients)

    async def _book(self) -> None:
        try:
            while await self._book_one():
                pass
        except httpx.TransportError:
            return

    async def _book_one(self) -> bool:
        booked = await self._http.post("/api/bookings", json={"event_id": HALL})
        if booked.status_code != 201:
            self.told.odd.append(booked)
            return False
        booking_id = booked.json()["id"]
        self.told.bookings.add(booking_id)
        free = await self._http.get("/api/seats", params={"event_id": HALL, "status": "FREE"})
        for seat in free.json()[:1]:
            body = {"booking_id": booking_id, "seat_id": seat["id"]}
            selected = await self._http.patch("/api/seats/select", json=body)
            if selected.status_code == 200:
                self.told.seats[seat["id"]] = booking_id
        return True


def missing(told: Told, server: Server) -> tuple[set[int], dict[int, int]]:
    """Bookings and seats that were acknowledged and that the server doesn't know."""
    with Buyer(server.url) as buyer:
        listed = buyer.bookings()
    return (
        told.bookings - set(listed),
        {seat: one for seat, one in told.seats.items() if seat not in listed.get(one, [])},
    )


NOTHING: tuple[set[int], dict[int, int]] = (set(), {})
