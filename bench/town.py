"""A server and both emulators, real processes on 127.0.0.1 all three, and what buyers do there."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from api.demo import initialise
from bench.caller import Answer, Caller
from bench.machine import cpu_seconds, resident_parts
from bench.serving import Server, served, serving
from catalog import demo
from engine import seat_id_of
from engine.domain import event_of_seat

FAR_FROM_NOW = date(2099, 1, 10)  # so that every sale's event is still to come
PARTNER, OWN = 1, 2
ROWS, SEATS_PER_ROW = 20, 500
PRICE_MINOR = 40_000_00
MERCHANT = {"merchant-id": "demo-merchant", "merchant-password": "demo-password"}
REST_SECONDS_MAX = 120
AT_ONCE = 64  # of what is prepared, not measured
POLL_SECONDS = 0.1
RETRY_SECONDS = 2.0


class Sale(NamedTuple):
    """A booking with one seat."""

    booking_id: int
    seat_id: int


class Town:
    """Where to ask whom. Every method of a buyer does one thing and returns what came of it."""

    def __init__(self, servers: dict[str, Server]) -> None:
        self.shop = Caller(servers["server"].url, (demo.EMAIL, demo.PASSWORD))
        self.gateway = Caller(servers["gateway"].url)
        self.provider = Caller(servers["provider"].url)
        self._workers = {name: one.worker for name, one in servers.items()}
        self._free = {event_id: _seats(event_id) for event_id in (PARTNER, OWN)}

    async def close(self) -> None:
        for caller in (self.shop, self.gateway, self.provider):
            await caller.close()

    async def hold(self, event_id: int, number: int) -> list[Sale]:
        """So many bookings, each with the next seat of the hall."""
        return await gathered([lambda: self._hold(event_id) for _ in range(number)])

    async def _hold(self, event_id: int) -> Sale:
        seat_id = next(self._free[event_id])
        booked = await self.shop.ask("POST", "/api/bookings", {"event_id": event_id})
        sale = Sale(orjson.loads(booked.body)["id"], seat_id)
        selected = await self.shop.ask("PATCH", "/api/seats/select", sale._asdict())
        assert selected.status == 200, selected
        return sale

    async def initiate(self, sale: Sale) -> Answer:
        """The customer goes to pay; 302 leads to the gateway's page."""
        body = {"booking_id": sale.booking_id}
        return await self.shop.ask("PATCH", "/api/bookings/initiatePayment", body)

    async def initiate_patiently(self, sale: Sale) -> str:
        """The page's address, however often the customer must try; empty: the hold is over."""
        while True:
            answer = await self.initiate(sale)
            if answer.status != 503:
                return answer.location
            await asyncio.sleep(RETRY_SECONDS)

    async def pay(self, page: str) -> str:
        """A good card; where the gateway sends the browser next."""
        path = f"/__emu/payments/{page.rsplit('/', 1)[1]}/pay"
        paid = await self.gateway.ask("POST", path, {"mode": "closed"})
        location: str = orjson.loads(paid.body)["location"]
        return location

    async def come_back(self, location: str) -> None:
        """The browser follows the gateway's redirect to us."""
        parts = urlsplit(location)
        await self.shop.ask("GET", f"{parts.path}?{parts.query}")

    async def until_sold(self, sale: Sale) -> bool:
        """Look at the hall again and again; False: it took too long."""
        row, number = divmod(sale.seat_id % 10_000_000, 10_000)
        page, at = divmod(number - 1, 20)
        target = f"/api/seats?event_id={event_of_seat(sale.seat_id)}&row={row}&page={page + 1}"
        deadline = time.monotonic() + REST_SECONDS_MAX
        while time.monotonic() < deadline:
            seen = await self.shop.ask("GET", target)
            if seen.status == 200 and orjson.loads(seen.body)[at]["status"] == "SOLD":
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def stall_ms(self) -> float:
        return await stall_ms(self.shop)

    async def until_at_rest(self) -> None:
        await until_settled(self.shop)

    async def until_submitted(self, orders: int) -> None:
        """Until the provider holds so many orders for us."""
        deadline = time.monotonic() + REST_SECONDS_MAX
        while await self._submitted() < orders:
            assert time.monotonic() < deadline, "the provider does not get on"
            await asyncio.sleep(POLL_SECONDS)

    async def _submitted(self) -> int:
        found = orjson.loads((await self.provider.ask("GET", "/__emu/orders")).body)
        return sum(order["status"] == "SUBMITTED" for order in found["orders"])

    async def money_agrees(self) -> bool:
        """What was captured and not refunded is the revenue of both events."""
        ledger = orjson.loads((await self.gateway.ask("GET", "/__emu/ledger")).body)
        told = [await self.shop.ask("GET", f"/api/analytics?id={one}") for one in (PARTNER, OWN)]
        revenue = sum(revenue_minor(orjson.loads(answer.body)) for answer in told)
        return bool(ledger["captured"] - ledger["refunded"] == revenue)

    async def turn(self, service: Caller, **knobs: object) -> None:
        """Turn an emulator's knobs."""
        turned = await service.ask("PUT", "/__emu/settings", knobs)
        assert turned.status == 200, turned

    def cpu_seconds(self) -> dict[str, float]:
        """What each process has used of a core so far, this one, the client, too."""
        own = time.process_time()
        return {"client": own, **{name: cpu_seconds(one) for name, one in self._workers.items()}}

    def server_bytes(self) -> int:
        """Memory of the server's worker that can't be taken back."""
        return resident_parts(self._workers["server"])["own"]


@contextmanager
def town(**options: int) -> Iterator[Town]:
    """Start all three, fresh; options of the server by their names (`hold_seconds`)."""
    sizes = {"ROWS": ROWS, "SEATS_PER_ROW": SEATS_PER_ROW}
    environment = {f"BILLETTER_EMULATOR_{name}": str(size) for name, size in sizes.items()}
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        _initialise(directory)
        with open_for_sale(directory, environment, **options) as servers:
            yield Town(servers)


@contextmanager
def open_for_sale(
    directory: Path, environment: Mapping[str, str] | None = None, **options: int
) -> Iterator[dict[str, Server]]:
    """Both emulators, and the server of `directory`/data; all write to `directory`/log."""
    log = directory / "log"
    with emulating(log, environment) as emulators:
        flags = selling(emulators, **options)
        with served(serving(directory / "data", *flags), log, "/readyz") as shop:
            yield {**emulators, "server": shop}


@contextmanager
def emulating(
    log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[dict[str, Server]]:
    """Both outside services."""
    with ExitStack() as stack:
        emulators = {}
        for name in ("gateway", "provider"):
            module = ["api", "emulate", name, "--port"]
            emulator = served(module, log, "/__emu/settings", environment=environment)
            emulators[name] = stack.enter_context(emulator)
        yield emulators


def selling(emulators: Mapping[str, Server], **options: int) -> list[str]:
    """The options of a server that asks them, and others by their names (`hold_seconds`)."""
    given = {**MERCHANT, **{f"{name}-url": one.url for name, one in emulators.items()}}
    given["provider-calls-per-second"] = "0"  # the emulator takes them as they come
    given |= {name.replace("_", "-"): str(value) for name, value in options.items()}
    return [part for name, value in given.items() for part in (f"--{name}", value)]


def _initialise(directory: Path) -> None:
    zones = [{"name": "Зал", "rows": [1, ROWS], "price_minor": PRICE_MINOR}]
    hall = {"rows": ROWS, "seats_per_row": SEATS_PER_ROW, "zones": zones}
    halls = {
        "halls": {"partner": {**hall, "sale": "partner"}, "own": {**hall, "sale": "own"}},
        "events": {str(PARTNER): "partner", str(OWN): "own"},
    }
    files = demo.write(directory / "files", today=FAR_FROM_NOW, users=10, events=2, archive=1)
    files.halls.write_bytes(orjson.dumps(halls))
    initialise(directory / "data", files, archive=False)


def _seats(event_id: int) -> Iterator[int]:
    for at in count():
        row, number = divmod(at, SEATS_PER_ROW)
        yield seat_id_of(event_id=event_id, row=row + 1, number=number + 1)


async def metric(shop: Caller, name: str) -> float:
    """What the server says of itself; the longest stall is forgotten by being told."""
    shown = await shop.ask("GET", "/metrics")
    (line,) = [line for line in shown.body.decode().splitlines() if line.startswith(name + " ")]
    return float(line.split()[1])


async def stall_ms(shop: Caller) -> float:
    """The loop's longest stall since the last look, seen from inside the server."""
    return round(await metric(shop, "billetter_loop_stall_seconds_max") * 1000, 1)


async def until_settled(shop: Caller) -> None:
    """Until nothing is owed to anybody outside."""
    deadline = time.monotonic() + REST_SECONDS_MAX
    while await metric(shop, "billetter_payments_unsettled"):
        assert time.monotonic() < deadline, "something is owed for ever"
        await asyncio.sleep(POLL_SECONDS)


def revenue_minor(analytics: Mapping[str, Any]) -> int:
    """Of one event, as the contract writes it, in tiyn."""
    return int(analytics["total_revenue"].replace(".", ""))


async def gathered(asks: Sequence[Callable[[], Any]]) -> list[Any]:
    """All of it, so much at once; results in order."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(ask: Callable[[], Any]) -> Any:
        async with slots:
            return await ask()

    return list(await asyncio.gather(*map(one, asks)))
