"""What a thousand people cost who watch a sale: the same sale beside itself without them, by turns.

`python -m bench.watchers` sells a stadium of 100,000 seats over HTTP, 200 selects and 200 releases
a second, follows it over 1,000 streams, and writes `bench/results/watchers.json`: what the server's
process used of a core in both, and how long it took from a select's answer to the message that
tells of it. `--smoke` does a hundredth for a moment and prints. Buyers and watchers are one process
on the same two cores.
"""

import asyncio
import os
import random
import re
import resource
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson
import uvloop

from api.demo import initialise
from bench.baseline import report
from bench.caller import Answer, Caller
from bench.machine import cpu_seconds, described, resident_bytes
from bench.open_loop import open_loop
from bench.serving import Server, served, serving
from bench.shop import ROWS, STADIUM, STADIUM_SEATS_PER_ROW, written
from bench.smoke import is_smoke
from bench.tasks import Figures, spread
from bench.town import gathered
from engine import seat_id_of
from torture.servers.clients import User, active_users

RESULTS = Path(__file__).parent / "results" / "watchers.json"
TARGET_SHARE = 0.20
USERS = 100
HELD = 50  # seats that are held at once: each is let go after so many others
SETTLE_SECONDS = 1.0
_MESSAGE = re.compile(rb"id: (\d+)\ndata: ({[^\n]+})\n\n")


class Size(NamedTuple):
    """Watchers, selects and releases a second together, how often each turn comes, how long."""

    watchers: int
    calls_per_s: int
    turns: int
    seconds: int


FULL = Size(1_000, 400, 3, 3)
SMOKE = Size(10, 40, 1, 1)


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.watchers", __doc__, arguments) else FULL
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results: Figures = {
        "command": " ".join(["python -m bench.watchers", *arguments]),
        "machine": described(),
        "load": round(os.getloadavg()[0], 1),
        **size._asdict(),
        "seats": ROWS * STADIUM_SEATS_PER_ROW,
        "target_share": TARGET_SHARE,
        **measured(size),
    }
    report(results, RESULTS, kept=size is FULL)


def measured(size: Size) -> Figures:
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        files = written(directory, users=USERS)
        initialise(directory / "data", files, archive=False)
        users = active_users(files.users)
        with (
            served(serving(directory / "data"), directory / "log", "/readyz") as server,
            get_context("spawn").Pool(1) as pool,
        ):
            figures: Figures = pool.apply(watched, (server, users, size))
    return figures


def watched(server: Server, users: list[User], size: Size) -> Figures:
    return uvloop.run(Stadium(server, users, size).figures())


class Watcher(asyncio.Protocol):
    """Reads its stream and notes when it was told of which version."""

    def __init__(self, contents: dict[bytes, bytes]) -> None:
        self.told: list[tuple[bytes, float]] = []
        self._contents = contents
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        heard = self._heard + data
        end = 0
        for found in _MESSAGE.finditer(heard):
            version, content = found.groups()
            self.told.append((version, now))
            self._contents.setdefault(version, content)
            end = found.end()
        self._heard = heard[end:]


class Stadium:
    """One sale, and those who watch it now and then."""

    def __init__(self, server: Server, users: list[User], size: Size) -> None:
        self._server = server
        self._users = users
        self._size = size
        self._caller = Caller(server.url)
        self._free = self._seats()
        self._held: list[tuple[int, User]] = []
        # When the answer to a seat's last select was there, by the seat's index.
        self._answered: dict[int, float] = {}
        self._statuses: list[int] = []

    async def figures(self) -> Figures:
        self._bookings = await gathered([partial(self._book, one) for one in self._users])
        await self._sold(1)  # connections and caches are warm
        alone: list[float] = []
        beside: list[float] = []
        delays: list[float] = []
        messages = grew = 0
        for _ in range(self._size.turns):
            alone.append(await self._sold(self._size.seconds))
            before = resident_bytes(self._server.worker)
            contents: dict[bytes, bytes] = {}
            watchers = await self._watching(contents)
            grew = max(grew, resident_bytes(self._server.worker) - before)
            since = time.perf_counter()
            beside.append(await self._sold(self._size.seconds))
            messages += sum(at >= since for _, one in watchers for _, at in one.told)
            delays += self._delays([one for _, one in watchers], contents, since)
            for transport, _ in watchers:
                transport.close()
            await asyncio.sleep(SETTLE_SECONDS)
        await self._caller.close()
        return self._summed(alone, beside, delays, messages, grew)

    def _summed(
        self,
        alone: list[float],
        beside: list[float],
        delays: list[float],
        messages: int,
        grew: int,
    ) -> Figures:
        turns, seconds = self._size.turns, self._size.seconds
        share = {
            "alone": round(sum(alone) / turns / seconds, 4),
            "watched": round(sum(beside) / turns / seconds, 4),
        }
        more = round(share["watched"] - share["alone"], 4)
        return {
            "share_of_a_core": {**share, "more": more},
            "turns_cpu_seconds": {"alone": _rounded(alone), "watched": _rounded(beside)},
            "is_met": more < TARGET_SHARE,
            "us_a_message": round((sum(beside) - sum(alone)) / max(messages, 1) * 1e6, 1),
            "messages_per_s": round(messages / turns / seconds),
            "delay": spread(delays),
            "grew_kb_a_watcher": round(grew / 1024 / self._size.watchers, 1),
            "refused": sum(status != 200 for status in self._statuses),
        }

    async def _sold(self, seconds: int) -> float:
        """So long at that rate; what the server's process has used of the cores meanwhile."""
        before = cpu_seconds(self._server.worker)
        asks = [self._release if at % 2 else self._select for at in range(self._rate * seconds)]
        timed = await open_loop(self._rate, asks)
        self._statuses += [one.status for one in timed.answers]
        return cpu_seconds(self._server.worker) - before

    @property
    def _rate(self) -> int:
        return self._size.calls_per_s

    async def _select(self) -> Answer:
        index = next(self._free)
        at = index % len(self._users)
        seat_id = _seat_id(index)
        wanted = {"booking_id": self._bookings[at], "seat_id": seat_id}
        answer = await self._ask(self._users[at], "PATCH", "/api/seats/select", wanted)
        self._answered[index] = time.perf_counter()
        self._held.append((seat_id, self._users[at]))
        return answer

    async def _release(self) -> Answer:
        if len(self._held) <= min(HELD, self._rate // 4):
            return await self._select()
        seat_id, user = self._held.pop(0)
        return await self._ask(user, "PATCH", "/api/seats/release", {"seat_id": seat_id})

    async def _book(self, user: User) -> int:
        answer = await self._ask(user, "POST", "/api/bookings", {"event_id": STADIUM})
        booking_id: int = orjson.loads(answer.body)["id"]
        return booking_id

    async def _ask(self, user: User, method: str, path: str, content: object) -> Answer:
        return await self._caller.ask(method, path, content, authorization=user.authorization)

    def _seats(self) -> Iterator[int]:
        """All over the hall, each once: no select is refused, and no block is without a change."""
        seats = list(range(ROWS * STADIUM_SEATS_PER_ROW))
        random.Random(7).shuffle(seats)
        return iter(seats)

    async def _watching(
        self, contents: dict[bytes, bytes]
    ) -> list[tuple[asyncio.Transport, Watcher]]:
        """All of them, each told of the hall as it is."""
        loop, parts = asyncio.get_running_loop(), urlsplit(self._server.url)
        request = f"GET /x/events/{STADIUM}/stream HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        found = []
        for _ in range(self._size.watchers):
            transport, watcher = await loop.create_connection(
                partial(Watcher, contents), str(parts.hostname), int(parts.port or 0)
            )
            transport.write(request)
            found.append((transport, watcher))
        while not all(watcher.told for _, watcher in found):  # noqa: ASYNC110 - many tell it
            await asyncio.sleep(0.01)
        return found

    def _delays(
        self, watchers: list[Watcher], contents: dict[bytes, bytes], since: float
    ) -> list[float]:
        """From a select's answer to each watcher's message; of each message one seat, by turns."""
        selected = {
            version: [seat for seat in orjson.loads(content)["reserved"] if seat in self._answered]
            for version, content in contents.items()
        }
        found, turn = [], count()
        for watcher in watchers:
            for version, at in watcher.told:
                if at >= since and (seats := selected[version]):
                    found.append(at - self._answered[seats[next(turn) % len(seats)]])
        return found


def _rounded(seconds: list[float]) -> list[float]:
    return [round(one, 2) for one in seconds]


def _seat_id(index: int) -> int:
    row, number = divmod(index, STADIUM_SEATS_PER_ROW)
    return seat_id_of(event_id=STADIUM, row=row + 1, number=number + 1)


if __name__ == "__main__":
    main(sys.argv[1:])
