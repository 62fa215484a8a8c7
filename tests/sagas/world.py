"""A world for the sagas: a clock that only tests move, the emulators, a network that can lie."""

import asyncio
import random
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    MutableMapping,
)
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import msgspec
import structlog

from emulators.gateway import GatewayKnobs, GatewaySettings
from emulators.gateway import create_app as create_gateway
from emulators.gateway.desk import Desk
from emulators.provider import ProviderKnobs, ProviderSettings
from emulators.provider import create_app as create_provider
from emulators.provider.box_office import BoxOffice
from engine import Engine, Event, Hall, Payment, Sale, Zone, seat_id_of
from engine.recorded import replay
from sagas import Breaker, GatewayClient, ProviderClient, Sagas
from sagas.runner import PROVIDER_CALLS_PER_SECOND
from wal import Backlogged, MemoryLog

START_MS = 1_750_000_000_000
PARTNER, OWN = 1, 2
HALL = Hall(4, 5, (Zone("all", 1, 4, 200_000),))
EVENTS = (
    Event(PARTNER, START_MS + 90 * 86_400_000, HALL, Sale.PARTNER),
    Event(OWN, START_MS + 90 * 86_400_000, HALL, Sale.OWN),
)
ANN, BOB = 11, 12
PUBLIC_URL = "http://billetter.test"
APPROVED, DECLINED = "4111111111111111", "4000000000000002"
# Enough turns of the loop for a request to go through httpx, an emulator and back.
TURNS = 60
# In one moment a task leads to others, so many times at most; who goes on for ever is found by it.
ROUNDS_MAX = 50


def reply(status: int, content: object, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer as a network would bring it: not read yet."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)


def a_breaker() -> Breaker:
    """One that nobody has to look at."""
    return Breaker("test", clock_ms=lambda: START_MS)


class FakeClock:
    """Time that stands still until a test moves it; sleepers wake in order."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def ms(self) -> int:
        return self.now_ms

    def seconds(self) -> float:
        return self.now_ms / 1000

    async def sleep(self, seconds: float) -> None:
        due_ms = self.now_ms + max(1, round(seconds * 1000))
        waiter = asyncio.get_running_loop().create_future()
        entry = (due_ms, waiter)
        self._sleepers.append(entry)
        try:
            await waiter
        finally:
            self._sleepers.remove(entry)

    async def settle(self) -> None:
        """Let everything run that doesn't wait for time."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Move on by so much, stopping at every sleeper on the way."""
        end_ms = self.now_ms + round(seconds * 1000)
        await self.settle()
        while (due_ms := min((due for due, _ in self._sleepers), default=end_ms + 1)) <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            for due, waiter in self._sleepers:
                if due <= self.now_ms and not waiter.done():
                    waiter.set_result(None)
            await self.settle()
        self.now_ms = end_ms
        await self._rest()

    async def _rest(self) -> None:
        """Who waits must wait for time, or for others: not look again and again."""
        for _ in range(ROUNDS_MAX):
            tasks = asyncio.all_tasks()
            await self.settle()
            if tasks == asyncio.all_tasks():
                return
        raise AssertionError("somebody begins again and again, and no time passes")


Handler = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Network(httpx.AsyncBaseTransport):
    """Passes requests to an ASGI app, keeps a list of them, and fails as it is told.

    `lose_answer` names path suffixes: the request is worked off, its answer lost, once each.
    `down` refuses every connection; `replies` answers in the app's place.
    """

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app)
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.lose_answer: list[str] = []
        self.down = False
        self.replies: dict[str, Callable[[httpx.Request], httpx.Response]] = {}
        self.hooks: dict[str, Callable[[], Awaitable[None]]] = {}
        self.in_flight = 0
        self.in_flight_max = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        route = request.url.path.rsplit("/", 1)[-1]
        self.requests.append(route)
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        self.bodies.append(await request.aread())
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        try:
            return await self._answer(route, request)
        finally:
            self.in_flight -= 1

    async def _answer(self, route: str, request: httpx.Request) -> httpx.Response:
        hook = self.hooks.pop(route, None)
        if hook is not None:
            await hook()
        if route in self.replies:
            return self.replies[route](request)
        answer = await self._inner.handle_async_request(request)
        if route in self.lose_answer:
            self.lose_answer.remove(route)
            raise httpx.ReadTimeout("lost", request=request)
        return answer

    def count(self, route: str) -> int:
        return self.requests.count(route)


class DyingLog(MemoryLog):
    """Dies at the append of record `dies_at`, just before or just after it is on disk."""

    dies_at: int | None = None
    dies_after = False
    die: Callable[[], None]
    is_dead = False
    full_for = 0  # so many appends are refused, as by a disk that is behind

    def append(self, payload: bytes) -> int:
        if self.full_for:
            self.full_for -= 1
            raise Backlogged
        if self.is_dead:
            raise asyncio.CancelledError
        if len(self.records) + 1 != self.dies_at:
            return super().append(payload)
        if self.dies_after:
            super().append(payload)
        self.is_dead = True
        self.die()
        # Whoever was about to record ends here, like everybody else in that process.
        raise asyncio.CancelledError


class World:
    """Engine, sagas and both outside services on one clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.desk_app = create_gateway(
            GatewaySettings(
                base_url="http://gateway.test",
                now=self.clock.seconds,
                sleep=self.clock.sleep,
                knobs=GatewayKnobs(webhooks=False),
            )
        )
        self.office_app = create_provider(
            ProviderSettings(
                rows=HALL.rows,
                seats_per_row=HALL.seats_per_row,
                now=self.clock.seconds,
                sleep=self.clock.sleep,
                # A place that comes after its order's end stops the provider: we must never do it.
                knobs=ProviderKnobs(lag_ms=120.0, wedge_on_poison=True),
            )
        )
        self.desk: Desk = self.desk_app.state.desk
        self.office: BoxOffice = self.office_app.state.office
        self.gateway_net = Network(self.desk_app)
        self.provider_net = Network(self.office_app)
        self.records: list[bytes] = []
        self.rng = random.Random(7)
        self.provider_calls_per_second = PROVIDER_CALLS_PER_SECOND

    async def open(self) -> None:
        """Start an engine with all that has been recorded, and new sagas: a process begins."""
        self.log = DyingLog(self.records)
        self.log.die = self.cut
        self.engine = Engine(EVENTS, log=self.log)
        self.engine._adopt(replay(self.log.recover()))
        self.engine.start()
        self.gateway = GatewayClient(
            base_url="http://gateway.test",
            merchant_id="demo-merchant",
            merchant_password="demo-password",
            public_url=PUBLIC_URL,
            breaker=Breaker("gateway", clock_ms=self.clock.ms),
            transport=self.gateway_net,
        )
        self.provider = ProviderClient(
            base_url="http://provider.test",
            breaker=Breaker("provider", clock_ms=self.clock.ms),
            transport=self.provider_net,
        )
        self.places_known = self.places()
        self.sagas = Sagas(
            self.engine,
            gateway=self.gateway,
            provider=self.provider,
            places=self.places_known,
            clock_ms=self.clock.ms,
            sleep=self.clock.sleep,
            rng=self.rng,
            provider_calls_per_second=self.provider_calls_per_second,
        )
        self.sagas.start()

    async def close(self) -> None:
        stopping = asyncio.create_task(self.sagas.stop())
        await self.clock.advance(13)
        await stopping
        await self.gateway.aclose()
        await self.provider.aclose()
        await self.engine.stop()

    async def crash(self) -> None:
        """The process dies with all its records on disk, and a new one begins."""
        self.cut()
        await self.clock.settle()
        await self.engine.stop()
        self.records = self.log.records
        await self.open()

    async def set_pace(self, calls_per_second: float) -> None:
        """Begin anew, with so many calls a second to the provider at most."""
        self.provider_calls_per_second = calls_per_second
        await self.crash()

    async def die(self) -> None:
        """As a hook: the process dies while the request is on its way, which never arrives."""
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Stop every task of the sagas as a crash does: at once, wherever they are."""
        for agenda in self.sagas._agendas():
            if agenda._timer is not None:
                agenda._timer.cancel()
                agenda._timer = None
            for task in agenda._running.values():
                task.cancel()
        assert self.sagas._sweeper is not None
        self.sagas._sweeper.cancel()

    def places(self) -> dict[int, str]:
        return {
            seat_id_of(event_id=PARTNER, row=row["row"], number=row["seat"]): row["id"]
            for row in self.office.venue.page(first=0, count=HALL.seats_total)
        }

    def book(self, event_id: int, *numbers: int, user_id: int = ANN) -> int:
        booking_id = self.engine.create_booking(
            user_id=user_id, event_id=event_id, now_ms=self.clock.ms()
        )
        for number in numbers:
            self.engine.select_seat(
                user_id=user_id,
                booking_id=booking_id,
                seat_id=seat_id_of(event_id=event_id, row=1, number=number),
                now_ms=self.clock.ms(),
            )
        return booking_id

    def initiate(self, booking_id: int, *, user_id: int = ANN) -> int:
        order_id = self.engine.initiate_payment(
            user_id=user_id, booking_id=booking_id, now_ms=self.clock.ms()
        )
        self.sagas.wake(order_id)
        return order_id

    def cancel(self, booking_id: int, *, user_id: int = ANN) -> None:
        booking = self.engine.booking(booking_id)
        assert booking is not None
        order_id = booking.order_id
        self.engine.cancel_booking(user_id=user_id, booking_id=booking_id, now_ms=self.clock.ms())
        self.sagas.wake(order_id)

    async def registered(self, order_id: int) -> Payment:
        payment = await self.within(self.sagas.registered(order_id, within_seconds=2))
        assert isinstance(payment, Payment)
        return payment

    async def verify(self, order_id: int, *, within_seconds: float = 5) -> None:
        await self.within(self.sagas.verify(order_id, within_seconds=within_seconds))

    async def within(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Let time pass until the call is over."""
        task = asyncio.create_task(call)
        await self.clock.settle()
        while not task.done():
            await self.clock.advance(0.1)
        return await task

    async def pay(self, order_id: int, card: str = APPROVED) -> None:
        """The customer pays; no redirect and no webhook reaches us by itself."""
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.desk_app), base_url="http://gateway.test"
        ) as browser:
            payment = self.payment(order_id)
            paid = await browser.post(
                f"/__emu/payments/{payment.payment_id}/pay", json={"card": card, "mode": "closed"}
            )
            assert paid.status_code == 200

    def answer_checks(self, payment: dict[str, object]) -> None:
        """From now on the gateway says this, whatever it is asked about."""
        answer = {"success": True, "errorCode": "0", "payments": [payment], "totalCount": 1}
        self.gateway_net.replies["check"] = lambda _: reply(200, answer)

    def payment(self, order_id: int) -> Payment:
        payment = self.engine.payment(order_id)
        assert payment is not None
        return payment

    def status(self, order_id: int) -> str:
        """Such as "CAPTURED CONFIRMED": payment, then reservation if there is one."""
        payment = self.payment(order_id)
        reservation = payment.reservation
        return payment.status + (f" {reservation.status}" if reservation else "")

    def booking_status(self, booking_id: int) -> str:
        booking = self.engine.booking(booking_id)
        assert booking is not None
        return booking.status

    def orders(self) -> list[str]:
        """The provider's orders as its write side knows them, such as "CONFIRMED 2"."""
        self.office.catch_up()
        return [f"{order['status']} {len(order['places'])}" for order in self.office.orders()]

    def places_held(self) -> int:
        self.office.catch_up()
        return self.office.venue.held_count()

    def money(self) -> tuple[int, int]:
        """(captured, refunded) at the gateway, in minor units."""
        ledger = self.desk.book.ledger()
        return ledger["captured"], ledger["refunded"]


Story = Callable[[World], Coroutine[Any, Any, None]]
Tell = Callable[[Story], None]


@contextmanager
def stumbles() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged with an exception; a story that expects it captures its log."""
    found: list[MutableMapping[str, Any]] = []

    def note(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if line.get("exc_info"):
            found.append(dict(line))
        return line

    processors = structlog.get_config()["processors"]
    processors.insert(0, note)
    try:
        yield found
    finally:
        processors.remove(note)


@asynccontextmanager
async def running() -> AsyncIterator[World]:
    """A world that is checked and taken down in the end."""
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    world = World()
    await world.open()
    with stumbles() as stumbled:
        try:
            yield world
            world.engine.check_invariants()
            stopped = world.office.pipeline.places.stopped
            assert not stopped, "we have stopped the provider's consumer"
        finally:
            await world.close()
    assert unseen == [], "a task has died, and nobody was told"
    assert stumbled == [], "a look has gone wrong, and the next one has hidden it"
