"""Our server: engine, sagas and API, one life after the other over the same disk."""

import asyncio
import hashlib
import random
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, cast

import httpx

import catalog
from api.app import create_app
from api.service import Service
from catalog import Catalog, HallPlan, User
from engine import Engine, Event
from engine.dump import dump, load
from engine.errors import Busy
from engine.recorded import replay
from sagas import Breaker, GatewayClient, ProviderClient, Sagas
from torture.simulation.disk import Commit, Disk
from torture.simulation.loop import Life, LifeOver, VirtualLoop
from torture.simulation.network import Answer, Header, Request, Unreachable, ask_app

MERCHANT, MERCHANT_PASSWORD = "demo-merchant", "demo-password"
PUBLIC_URL = "http://billetter.test"
GATEWAY_URL = "http://gateway.test"
PROVIDER_URL = "http://provider.test"
USERS_PASSWORD = "p:a:ss"
# The real server looks five times a second; here it sleeps while nothing can be due.
EXPIRY_SECONDS = (0.2, 20.0)
EXPIRIES_PER_TURN_MAX = 500
SKEW_MS_MAX = 5_000


class Outside(NamedTuple):
    """What the server is connected to; `places` may still be filling."""

    gateway: httpx.AsyncBaseTransport
    provider: httpx.AsyncBaseTransport
    places: Mapping[int, str]
    clock_ms: Callable[[], int]


class Server:
    """`begin` a life, end it by `stop` or `crash`, begin the next."""

    def __init__(
        self,
        events: tuple[Event, ...],
        *,
        disk: Disk,
        outside: Outside,
        rng: random.Random,
        accident: Callable[[str], None],
    ) -> None:
        self._events = events
        self._disk = disk
        self._outside = outside
        self._rng = rng
        self._accident = accident
        self._lives: list[Life] = []
        self._service = Service(clock_ms=self._clock_ms, allow_reset=True, merchant_id=MERCHANT)
        self._skew_ms = 0
        self._app = create_app(self._service)
        self._catalog = cast(Catalog, _GivenCatalog(events))
        self.is_up = False

    async def begin(self) -> None:
        """Recover, take up what is owed, and answer."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._lives.append(Life(loop))
        await self._life.result(self._begin())
        self.is_up = True

    async def stop(self) -> None:
        """As by SIGTERM: calls under way outside are waited for, and all is durable."""
        self.is_up = False
        self._service.close()
        await self._life.result(self._stop())
        self._life.end()

    def crash(self) -> None:
        """As by a power cut: nothing runs any more, and what isn't on disk is gone."""
        self.is_up = False
        self._service.close()
        self._life.end()
        self._disk.lose_power(self._log, self._commit.under_way)

    def bury(self) -> None:
        """End all lives for good."""
        for life in self._lives:
            life.end()
            life.bury()

    async def answer(self, request: Request) -> Answer:
        """What the API says; Unreachable if the server isn't there, or is no more."""
        if not self.is_up:
            raise Unreachable
        try:
            return await self._life.result(ask_app(self._app, request))
        except LifeOver:
            raise Unreachable from None

    @property
    def _life(self) -> Life:
        return self._lives[-1]

    def _clock_ms(self) -> int:
        """Each life's own: a machine that comes up may be set wrong."""
        return self._outside.clock_ms() + self._skew_ms

    async def _begin(self) -> None:
        self._skew_ms = self._rng.choice((0, 0, self._rng.randint(-SKEW_MS_MAX, SKEW_MS_MAX)))
        self._log = self._disk.open()
        state = replay(self._log.recover())
        if self._rng.random() < 0.5:
            state = load(dump(state))  # as from a snapshot
        self.engine = Engine(self._events, log=self._log, fail_stop=self._fail_stop)
        self.engine._adopt(state)
        self.engine.check_invariants()
        self.engine._commit_group = self._commit = Commit(self._log, disk=self._disk)
        self._commit.start()
        self._gateway, self._provider = self._clients()
        self._sagas = Sagas(
            self.engine,
            gateway=self._gateway,
            provider=self._provider,
            places=self._outside.places,
            clock_ms=self._clock_ms,
            rng=self._rng,
        )
        self._sagas.start()
        self._expiry = asyncio.create_task(self._expire())
        self._service.open(
            engine=self.engine, catalog=self._catalog, sagas=self._sagas, ticket_key=b""
        )

    def _clients(self) -> tuple[GatewayClient, ProviderClient]:
        gateway = GatewayClient(
            base_url=GATEWAY_URL,
            merchant_id=MERCHANT,
            merchant_password=MERCHANT_PASSWORD,
            public_url=PUBLIC_URL,
            breaker=Breaker("gateway", clock_ms=self._clock_ms),
            transport=self._outside.gateway,
        )
        provider = ProviderClient(
            base_url=PROVIDER_URL,
            breaker=Breaker("provider", clock_ms=self._clock_ms),
            transport=self._outside.provider,
        )
        return gateway, provider

    async def _stop(self) -> None:
        self._expiry.cancel()
        await self._sagas.stop()
        await self._gateway.aclose()
        await self._provider.aclose()
        await self.engine.stop()

    async def _expire(self) -> None:
        """The keeper's loop."""
        clock_ms = self._clock_ms
        least_s, most_s = EXPIRY_SECONDS
        while True:
            deadline_ms = self.engine.next_deadline_ms()
            pause_s = most_s if deadline_ms is None else (deadline_ms - clock_ms()) / 1000
            await asyncio.sleep(min(max(pause_s, least_s), most_s))
            with suppress(Busy):
                self.engine.expire_due(
                    now_ms=clock_ms(), at_most=EXPIRIES_PER_TURN_MAX, ended=self._sagas.wake
                )
            await self.engine.durable()

    def _fail_stop(self, failure: BaseException) -> None:
        self._accident(f"the process would have ended: {failure!r}")


def authorization(user_id: int) -> Header:
    """What a user's browser sends along."""
    pair = f"{_email(user_id)}:{USERS_PASSWORD}"
    return b"authorization", b"Basic " + b64encode(pair.encode())


def _email(user_id: int) -> str:
    return f"{user_id}@зритель.kz"


class _Users:
    def find(self, email: str) -> User | None:
        user_id = int(email.partition("@")[0])
        digest = hashlib.sha256(USERS_PASSWORD.encode()).digest()
        return User(user_id, email, digest, is_active=True, first_name="", surname="")


class _Events:
    def __init__(self, events: tuple[Event, ...]) -> None:
        self._sales = {event.event_id: event.sale for event in events}

    def hall(self, event_id: int) -> HallPlan:
        return HallPlan(1, 1, (), catalog.Sale(self._sales[event_id].value))


class _GivenCatalog:
    """As much of the given data as buying takes."""

    def __init__(self, events: tuple[Event, ...]) -> None:
        self.users = _Users()
        self.events = _Events(events)
