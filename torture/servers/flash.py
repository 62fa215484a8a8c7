"""A flash sale at the real server: everybody wants one of a hundred seats, all at once.

A case is a sale. Each client has a connection and a booking when it opens; then it tries seat after
seat, in an order of its own, until it has got one or all are sold. Exactly a hundred must win, each
with a seat of its own, and every reply must be true: at its place in the log (history.py), and seat
by seat without asking the log (linear.py). How many tries the winners needed is counted. The server
is killed at the end, and the store is verified.
"""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from engine.verify import verify_store
from torture.servers.child import started, wait_until_ready
from torture.servers.clients import EVENTS, SEATS, Client
from torture.servers.history import EVENT_OF_SEAT, Check, Op, require, summed
from torture.servers.linear import require_an_order
from torture.servers.ports import free_port
from torture.servers.shop import command, made
from torture.tally import Hang, Tally, Violation, first_line
from wal import read_records

CASES = 100
CLIENTS = 5_000
HALL = EVENTS[0]
WANTED = [seat_id for seat_id in SEATS if seat_id // EVENT_OF_SEAT == HALL]
HOLD_SECONDS = 900  # nobody loses a seat by time
CONNECTING_MAX = 200  # at once, before the sale


def count(seed: int) -> int:
    """So many sales."""
    return CASES


def case(seed: int, number: int, found: Tally) -> str:
    """One sale in a shop of its own."""
    return sale(f"flash/{seed}/{number}", found, clients=CLIENTS)


def sale(seed: str, found: Tally, *, clients: int) -> str:
    """Open it to so many clients; returns what came of it, raises Violation."""
    directory = Path(tempfile.mkdtemp(prefix="billetter-flash-"))
    try:
        rush = _sold_in(directory, Random(seed), clients, found)
    except (Exception, Hang) as failure:
        raise Violation(f"{first_line(failure)}; kept in {directory}") from failure
    shutil.rmtree(directory, ignore_errors=True)
    for tries, winners in Counter(rush.tries_of_winners).items():
        found.outcomes[f"won at try {tries}"] += winners
    return "sold out"


def _sold_in(directory: Path, random: Random, clients: int, found: Tally) -> "_Rush":
    shop = made(directory)
    buyers = [
        Client(shop.users[number % len(shop.users)], random, keyed=0.0) for number in range(clients)
    ]
    port = free_port()
    words = command(shop, port, hold_seconds=HOLD_SECONDS)
    rush = _Rush(random)
    with started(words, url=f"http://127.0.0.1:{port}", log=shop.log) as server:
        wait_until_ready(server, "/readyz")
        asyncio.run(rush.open_to(buyers, port))
        server.kill()
    check = Check()
    check.add(rush.ops, read_records(shop.data / "wal"))
    require_an_order(rush.ops, hold_seconds=HOLD_SECONDS)
    require(sorted(check.shop.holders) == sorted(WANTED), "seats are left, or too many are sold")
    require(len(rush.tries_of_winners) == len(WANTED), "winners and seats differ in number")
    require(not (fault := verify_store(shop.data).fault), f"the store doesn't verify: {fault}")
    found.outcomes += summed(check.counts)
    return rush


class _Rush:
    """Everybody at once, and what each was told."""

    def __init__(self, random: Random) -> None:
        self.ops: list[Op] = []
        self.tries_of_winners: list[int] = []
        self._random = random
        self._connecting = asyncio.Semaphore(CONNECTING_MAX)

    async def open_to(self, buyers: list[Client], port: int) -> None:
        """All have their bookings before any of them tries a seat."""
        try:
            bookings = await asyncio.gather(*(self._book(one, port) for one in buyers))
            await asyncio.gather(*map(self._try_seats, buyers, bookings))
        finally:
            for one in buyers:
                one.close()

    async def _book(self, buyer: Client, port: int) -> int:
        async with self._connecting:
            await buyer.connect(port)
            op = await self._call(buyer, Op("book", buyer.user.user_id, 0.0, HALL))
        require(op.status == 201, f"nothing is booked yet, and it is refused: {op}")
        booking_id: int = op.answer
        return booking_id

    async def _try_seats(self, buyer: Client, booking_id: int) -> None:
        user_id = buyer.user.user_id
        seats = self._random.sample(WANTED, len(WANTED))
        for tries, seat_id in enumerate(seats, start=1):
            if len(self.tries_of_winners) == len(WANTED):
                return
            op = await self._call(buyer, Op("select", user_id, 0.0, 0, booking_id, seat_id))
            if op.status == 200:
                self.tries_of_winners.append(tries)
                return
            require(op.status == 419, f"neither sold nor taken: {op}")

    async def _call(self, buyer: Client, op: Op) -> Op:
        self.ops.append(op)
        op.start = time.perf_counter()
        await buyer.perform(op)
        return op
