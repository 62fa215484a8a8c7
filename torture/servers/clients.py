"""Buyers at a real server who quarrel about few seats and write down what they are told."""

import asyncio
import csv
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson

from torture.servers.child import Server
from torture.servers.history import UNKNOWN, Op
from torture.tally import Violation

EVENTS = (7, 8)  # of our own
SEATS = [
    event * 10_000_000 + row * 10_000 + number
    for event in EVENTS
    for row in range(1, 6)
    for number in range(1, 21)
]
STRANGER = 0.1  # how often somebody tries what belongs to somebody else
# How often each call is made, and how many bookings and seats a client still cares for.
CALLS = {"book": 20, "select": 48, "release": 18, "cancel": 13, "list": 1}
RECENT = 4


class User(NamedTuple):
    user_id: int
    authorization: str


def active_users(file: Path) -> list[User]:
    """The users of a demo file who may log in."""
    with file.open(encoding="utf-8", newline="") as rows:
        return [
            User(int(row["user_id"]), _coded(f"{row['email']}:{row['password_plain']}"))
            for row in csv.DictReader(rows)
            if row["is_active"] == "True"
        ]


def _coded(pair: str) -> str:
    return b64encode(pair.encode()).decode()


class Crowd:
    """The same clients at one server after another; `ops` is their history at the last one.

    A call that is cut off stays unknown. If it had a key, its client asks the next server for it
    once more, under the same key, before anything else.
    """

    def __init__(self, users: list[User], *, seed: object, keyed: float = 0.0) -> None:
        """`keyed` is how often a call has an Idempotency-Key."""
        self.ops: list[Op] = []
        self.left = 0  # clients who are done, or whom the server has hung up on
        self._clients = [
            Client(user, Random(f"{seed} {number}"), keyed) for number, user in enumerate(users)
        ]
        self._bookings: list[int] = []  # of everybody, the newest

    def __len__(self) -> int:
        return len(self._clients)

    async def act(self, port: int, until: Callable[[], bool], pause_seconds: float = 0.0) -> None:
        """Until then, or until nobody answers; each client pauses so long after a call."""
        self.ops, self.left = [], 0
        visits = (self._visit(client, port, until, pause_seconds) for client in self._clients)
        await asyncio.gather(*visits)

    async def _visit(
        self, client: "Client", port: int, until: Callable[[], bool], pause_seconds: float
    ) -> None:
        try:
            await client.connect(port)
            while not until():
                op = client.next_op(self._bookings)
                self.ops.append(op)
                await client.perform(op)
                if op.call == "book" and op.status == 201:
                    self._bookings = [*self._bookings[-50:], op.answer]
                if pause_seconds:
                    await asyncio.sleep(pause_seconds)
        except (OSError, asyncio.IncompleteReadError):
            return  # the server is gone
        finally:
            self.left += 1
            client.close()


async def kill_under(
    crowd: Crowd,
    server: Server,
    ops: int,
    kill: Callable[[], object],
    *,
    pause_seconds: float = 0.0,
) -> None:
    """Kill after so many calls, while the next ones are under way; raises Violation if some
    client is hung up on before."""
    acting = asyncio.create_task(crowd.act(server.port, lambda: False, pause_seconds))
    while len(crowd.ops) < ops and not acting.done():
        await asyncio.wait([acting], timeout=0.001)
    left, called = crowd.left, len(crowd.ops)
    await asyncio.to_thread(kill)
    await acting
    if left or called < ops:
        raise Violation(
            f"of {ops} calls {called} were made when {left} clients had been hung up on"
        )


class Client:
    """One user, one connection, one call at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter | None = None

    def __init__(self, user: User, random: Random, keyed: float) -> None:
        self.user = user
        self._random = random
        self._keyed = keyed
        self._keys_sent = 0
        self._mine: list[int] = []
        self._held: list[int] = []
        self._last: Op | None = None

    async def connect(self, port: int) -> None:
        """Before the first call, and again at another server."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    def next_op(self, bookings: list[int]) -> Op:
        """What to ask now: for what has had no answer, or something new."""
        last = self._last
        if last is not None and last.key and last.status == UNKNOWN:
            op = replace(last, is_repeated=True, made=False, lsn=0)
        else:
            op = self._new_op(bookings)
        self._last = op
        op.start = time.perf_counter()
        return op

    def _new_op(self, bookings: list[int]) -> Op:
        random = self._random
        (call,) = random.choices(list(CALLS), list(CALLS.values()))
        if not self._mine:
            call = "book"
        seat_id, booking_id = random.choice(SEATS), random.choice(self._mine or [0])
        if call == "release" and self._held:
            seat_id = random.choice(self._held)
        if bookings and random.random() < STRANGER:
            seat_id, booking_id = random.choice(SEATS), random.choice(bookings)
        op = Op(call, self.user.user_id, 0.0)
        if call == "book":
            op.event_id = random.choice(EVENTS)
        if call in ("select", "release"):
            op.seat_id = seat_id
        if call in ("select", "cancel"):
            op.booking_id = booking_id
        if call != "list" and random.random() < self._keyed:
            self._keys_sent += 1
            op.key = f"{self.user.user_id}-{self._keys_sent}"
        return op

    async def perform(self, op: Op) -> None:
        """Make the call, and note in it what the server has told."""
        assert self.writer is not None
        self.writer.write(_request(op, self.user))
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])
        }
        body = await self.reader.readexactly(int(headers["content-length"]))
        op.end = time.perf_counter()
        status = int(head.split(" ", 2)[1])
        if status == 503:
            raise ConnectionError  # the server is stopping, or its disk is full
        assert "x-commit-lsn" in headers, (head, body)
        op.lsn, op.answer = int(headers["x-commit-lsn"]), _answer(op, status, body)
        op.status = status
        if op.call == "book" and status == 201:
            self._mine = [*self._mine[1 - RECENT :], op.answer]
        if op.call == "select" and status == 200:
            self._held = [*self._held[1 - RECENT :], op.seat_id]

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


_ROUTES = {
    "book": ("POST", "/api/bookings"),
    "select": ("PATCH", "/api/seats/select"),
    "release": ("PATCH", "/api/seats/release"),
    "cancel": ("PATCH", "/api/bookings/cancel"),
    "list": ("GET", "/api/bookings"),
}


def _request(op: Op, user: User) -> bytes:
    method, path = _ROUTES[op.call]
    named = {"event_id": op.event_id, "booking_id": op.booking_id, "seat_id": op.seat_id}
    body = b"" if op.call == "list" else orjson.dumps({k: v for k, v in named.items() if v})
    head = [
        f"{method} {path} HTTP/1.1".encode(),
        b"Host: test",
        b"Authorization: Basic " + user.authorization.encode(),
        b"Content-Length: %d" % len(body),
        *([b"Idempotency-Key: " + op.key.encode()] if op.key else ()),
    ]
    return b"\r\n".join([*head, b"", body])


def _answer(op: Op, status: int, body: bytes) -> Any:
    if op.call == "book" and status == 201:
        return orjson.loads(body)["id"]
    if op.call == "list" and status == 200:
        return [
            (one["id"], one["event_id"], [seat["id"] for seat in one["seats"]])
            for one in orjson.loads(body)
        ]
    return None
