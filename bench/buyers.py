"""Many buyers at one server, each on a connection of its own, in a process that costs little.

A buyer has one booking and does what a person does: looks at the free seats, takes the first one
shown, and looks again where somebody else was faster, until nothing is shown any more.
"""

import asyncio
import gc
import re
import time
from collections import Counter
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.tasks import Figures, spread
from torture.servers.clients import User

OPENING_AT_ONCE = 200
RETRY_SECONDS = 2  # what the server asks for
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Sale(NamedTuple):
    """Who buys what where; each stops after so many seats, or when none is free."""

    url: str
    event_id: int
    users: list[User]
    seats_each: int


class Answer(NamedTuple):
    status: int
    body: bytes


def sold(sale: Sale) -> Figures:
    """All that the buyers were told, and what they hold; run it in a child."""
    gc.disable()
    return uvloop.run(_sold(sale))


async def _sold(sale: Sale) -> Figures:
    buyers = [Buyer(user, sale) for user in sale.users]
    door = asyncio.Semaphore(OPENING_AT_ONCE)
    began = time.perf_counter()
    await asyncio.gather(*(one.buy(door) for one in buyers))
    seconds = time.perf_counter() - began
    agree = await asyncio.gather(*(one.is_told_the_same(door) for one in buyers))
    calls = {
        name: spread([second for one in buyers for second in one.seconds[name]])
        for name in ("book", "page", "select")
    }
    held = [seat for one in buyers for seat in one.held]
    statuses = sum((one.statuses for one in buyers), Counter[str]())
    answered = sum(statuses.values())
    return {
        "seconds": round(seconds, 2),
        "calls_per_s": round(answered / seconds),
        "sold": len(held),
        "doubles": len(held) - len(set(held)),
        "bookings_that_disagree": agree.count(False),
        "statuses": dict(statuses),
        "first_tries": sum(one.first_tries for one in buyers),
        "first_tries_won": sum(one.first_tries_won for one in buyers),
        **calls,
    }


class Buyer:
    """One person; `statuses` names the call with what it was answered."""

    def __init__(self, user: User, sale: Sale) -> None:
        self._sale = sale
        parts = urlsplit(sale.url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._headers = f"Host: {parts.netloc}\r\nAuthorization: Basic {user.authorization}\r\n"
        self.held: list[int] = []
        self.seconds: dict[str, list[float]] = {"book": [], "page": [], "select": []}
        self.statuses: Counter[str] = Counter()
        self.first_tries = self.first_tries_won = 0
        self._booking_id = 0

    async def buy(self, door: asyncio.Semaphore) -> None:
        """From its arrival until it has what it wants, or nothing is left."""
        async with door:
            self._line = await self._connected()
        event_id = self._sale.event_id
        booked = await self._ask("book", "POST /api/bookings", {"event_id": event_id})
        self._booking_id = orjson.loads(booked.body)["id"]
        tries = 0
        while len(self.held) < self._sale.seats_each:
            seat_id = await self._first_shown()
            if seat_id is None:
                return
            is_won = await self._take(seat_id)
            self.first_tries += tries == 0
            self.first_tries_won += tries == 0 and is_won
            tries = 0 if is_won else tries + 1

    async def is_told_the_same(self, door: asyncio.Semaphore) -> bool:
        """True: the server shows exactly the seats that this buyer was given."""
        self._line.close()  # the server ends what has been idle since its buyer was done
        async with door:
            self._line = await self._connected()
            answer = await self._ask("list", "GET /api/bookings", None)
            self._line.close()
        mine = [one for one in orjson.loads(answer.body) if one["event_id"] == self._sale.event_id]
        return sorted(self.held) == sorted(seat["id"] for one in mine for seat in one["seats"])

    async def _connected(self) -> "_Line":
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Line, *self._address))[1]

    async def _first_shown(self) -> int | None:
        page = await self._ask(
            "page", f"GET /api/seats?event_id={self._sale.event_id}&status=FREE", None
        )
        seats = orjson.loads(page.body)
        return seats[0]["id"] if seats else None

    async def _take(self, seat_id: int) -> bool:
        wanted = {"booking_id": self._booking_id, "seat_id": seat_id}
        is_won = (await self._ask("select", "PATCH /api/seats/select", wanted)).status == 200
        if is_won:
            self.held.append(seat_id)
        return is_won

    async def _ask(self, name: str, call: str, content: object) -> Answer:
        """The answer; whoever is sent away comes back when it was told to."""
        body = b"" if content is None else orjson.dumps(content)
        head = f"{call} HTTP/1.1\r\n{self._headers}Content-Length: {len(body)}\r\n\r\n"
        while True:
            since = time.perf_counter()
            answer = await self._line.ask(head.encode() + body)
            if name in self.seconds:
                self.seconds[name].append(time.perf_counter() - since)
                self.statuses[f"{name} {answer.status}"] += 1
            if answer.status != 503:
                return answer
            await asyncio.sleep(RETRY_SECONDS)


class _Line(asyncio.Protocol):
    """A kept connection: one request at a time."""

    _transport: asyncio.Transport
    _waiter: asyncio.Future[Answer]

    def __init__(self) -> None:
        self._heard = b""
        self._waiter = asyncio.get_running_loop().create_future()
        self._waiter.cancel()  # nobody waits yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no class of asyncio

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiter

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self._heard = b""
            self._waiter.set_result(Answer(int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        if not self._waiter.done():
            self._waiter.set_exception(ConnectionError("the server has hung up"))

    def close(self) -> None:
        self._transport.close()
