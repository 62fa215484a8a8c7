"""One world: our server, both outside services, people, and trouble; all of it from one seed."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import msgspec

from emulators.gateway import GatewaySettings
from emulators.gateway import create_app as create_gateway
from emulators.gateway.desk import Desk
from emulators.gateway.payments import Payment, Status
from emulators.provider import ProviderSettings
from emulators.provider import create_app as create_provider
from emulators.provider.box_office import BoxOffice
from engine import Event, Hall, Sale, Zone, seat_id_of
from engine.mutations import AnswerRemembered, decode
from torture.simulation import judge, trouble
from torture.simulation.browser import Browser
from torture.simulation.customers import Customer
from torture.simulation.disk import Disk
from torture.simulation.history import History
from torture.simulation.loop import VirtualLoop
from torture.simulation.network import (
    Answer,
    Courier,
    Link,
    Request,
    Service,
    Unreachable,
    Weather,
    ask_app,
)
from torture.simulation.server import GATEWAY_URL, PUBLIC_URL, Outside, Server
from torture.simulation.story import Story
from torture.simulation.stranger import Stranger
from torture.simulation.trouble import Crash

DOCUMENTED, AS_BUILT = "documented", "as_built"
START_MS = 1_750_000_000_000
HOUR_MS = 3_600_000
PARTNER, OWN = 1, 2
HALL = Hall(4, 5, (Zone("front", 1, 1, 500_000), Zone("back", 2, 4, 200_000)))
EVENTS = (
    Event(PARTNER, START_MS + 90 * 24 * HOUR_MS, HALL, Sale.PARTNER),
    # So soon that a paid booking can be returned only during the first half hour.
    Event(OWN, START_MS + 12 * HOUR_MS + HOUR_MS // 2, HALL, Sale.OWN),
)
CUSTOMERS = (4, 8)
# Longer than any of our clients waits.
PATIENCE_SECONDS = 40.0
REST_LOOK_SECONDS = 60.0
# A payment that is over is asked about for a day, and some.
REST_LOOKS_MAX = 26 * 60
# Webhooks and the provider's own work may still be under way.
SETTLE_SECONDS = 120.0
OVER = frozenset({Status.CANCELLED, Status.REJECTED, Status.EXPIRED})


@dataclass(frozen=True)
class Outcome:
    """How a world has ended; no `faults`, if all is well."""

    seed: int
    faults: list[str]
    log: bytes
    happened: Counter[str]


def play(
    seed: int, *, profile: str = DOCUMENTED, listener: Callable[[str], None] | None = None
) -> Outcome:
    """Live through the world of this seed, with a gateway of this profile.

    `listener` is told its story, a line at a time.
    """
    loop = VirtualLoop()
    story = Story(listener, loop.time)
    world = World(seed, loop, story, profile=profile)
    try:
        with story.with_our_logs():
            loop.run_until_complete(world.live())
    except Exception as failure:
        story.accident(f"the world ends: {failure!r}")
    finally:
        loop.rounds = 0
        loop.run_until_complete(world.end())
        loop.close()
    faults = [*world.faults, *story.accidents, *loop.accidents]
    return Outcome(seed, faults, world.disk.content(), world.happened)


class World:
    """Made and brought to its end by `play`; what is public in it is for the judge."""

    def __init__(self, seed: int, loop: VirtualLoop, story: Story, *, profile: str) -> None:
        self._seed = seed
        self._loop = loop
        self._story = story
        self.events = EVENTS
        self.happened: Counter[str] = Counter()
        self.faults: list[str] = []
        self.history = History()
        # Whatever began before this may have been lost to a reset.
        self.last_reset_s = -1.0
        self.trouble = trouble.drawn(self._rng("trouble"), profile=profile)
        self._to_us = self._link("us", self._ask_us, self.trouble.to_us)
        self.desk, self._to_gateway = self._gateway()
        self.office, self._to_provider = self._provider()
        self.strangers = [
            Stranger(self.office, sorted(self.places().values()), rng=self._rng(f"stranger {n}"))
            for n in range(self.trouble.strangers)
        ]
        self.disk = Disk(self._rng("disk"), stalls=self.trouble.stalls)
        self._known_places: dict[int, str] = {}
        self.server = Server(
            EVENTS,
            disk=self.disk,
            outside=Outside(
                Courier(self._to_gateway, patience_s=PATIENCE_SECONDS),
                Courier(self._to_provider, patience_s=PATIENCE_SECONDS),
                self._known_places,
                self._clock_ms,
            ),
            rng=self._rng("server"),
            accident=story.accident,
        )

    async def live(self) -> None:
        """Trouble first, then peace, and then the judge."""
        ends_s = self.trouble.ends_s
        customers = self._customers()
        self._story.tell("world", f"{len(customers)} customers, trouble for {ends_s:.0f} s")
        await self.server.begin()
        deeds = [
            *(customer.live(ends_s) for customer in customers),
            *(stranger.live(ends_s) for stranger in self.strangers),
            *(self._reset(at_s) for at_s in self.trouble.resets_s),
            *(self._freeze(one.begins_s, one.ends_s) for one in self.trouble.freezes),
            *(self._say_yes_late(at_s) for at_s in self.trouble.late_yeses_s),
            self._crash(self.trouble.crashes),
            self._learn_places(self.trouble.places_known_s),
            self._clear_up(ends_s),
        ]
        for failure in await asyncio.gather(*deeds, return_exceptions=True):
            if failure is not None:
                self._story.accident(f"somebody in the world fails: {failure!r}")
        await self._come_to_rest()
        self.faults += judge.faults_at_rest(self)
        await self.server.stop()
        self.faults += judge.faults_of_recovery(self)
        self._count_records()

    async def end(self) -> None:
        """Leave nothing behind, however it has gone."""
        self.server.bury()
        others = [task for task in self._loop.tasks if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def places(self) -> dict[int, str]:
        """The provider's place of each seat."""
        return {
            seat_id_of(event_id=PARTNER, row=row["row"], number=row["seat"]): row["id"]
            for row in self.office.venue.page(first=0, count=HALL.seats_total)
        }

    # What it is made of

    def _rng(self, name: str) -> random.Random:
        """A source of chance of its own, so that nobody's draws move another's."""
        return random.Random(f"{self._seed}:{name}")

    def _clock_ms(self) -> int:
        return START_MS + round(self._loop.time() * 1000)

    def _clock_s(self) -> float:
        return START_MS / 1000 + self._loop.time()

    def _link(self, name: str, service: Service, weather: Weather) -> Link:
        return Link(
            name,
            service,
            loop=self._loop,
            rng=self._rng(f"to {name}"),
            weather=weather,
            clears_at_s=self.trouble.ends_s,
            tell=self._story.tell,
            happened=self.happened,
        )

    def _gateway(self) -> tuple[Desk, Link]:
        app = create_gateway(
            GatewaySettings(
                base_url=GATEWAY_URL,
                notification_url=f"{PUBLIC_URL}/api/payments/notifications",
                seed=self._seed,
                now=self._clock_s,
                sleep=asyncio.sleep,
                transport=Courier(self._to_us, patience_s=PATIENCE_SECONDS),
                knobs=self.trouble.gateway,
            )
        )
        return app.state.desk, self._link("gateway", partial(ask_app, app), self.trouble.to_gateway)

    def _provider(self) -> tuple[BoxOffice, Link]:
        app = create_provider(
            ProviderSettings(
                rows=HALL.rows,
                seats_per_row=HALL.seats_per_row,
                seed=self._seed,
                now=self._clock_s,
                sleep=asyncio.sleep,
                knobs=self.trouble.provider,
            )
        )
        return app.state.office, self._link(
            "provider", partial(ask_app, app), self.trouble.to_provider
        )

    def _customers(self) -> list[Customer]:
        count = self._rng("people").randint(*CUSTOMERS)
        browsers = [
            Browser(
                user_id,
                api=self._to_us,
                gateway=self._to_gateway,
                history=self.history,
                rng=self._rng(f"browser {user_id}"),
                tell=self._story.tell,
            )
            for user_id in range(1, count + 1)
        ]
        return [
            Customer(browser, EVENTS, rng=self._rng(f"customer {browser.user_id}"))
            for browser in browsers
        ]

    async def _ask_us(self, request: Request) -> Answer:
        answer = await self.server.answer(request)
        if answer.status == 500:
            self._story.accident(f"we answer 500 to {request}")
        return answer

    # What happens to it

    async def _crash(self, crashes: tuple[Crash, ...]) -> None:
        for crash in crashes:
            await self._until(crash.at_s)
            await self._meet_fsync(crash)
            if crash.is_gentle:
                self._story.tell("server", "stops")
                await self.server.stop()
            else:
                self._story.tell("server", "crashes")
                self.server.crash()
            self.happened["stops" if crash.is_gentle else "crashes"] += 1
            await asyncio.sleep(crash.for_s)
            await self.server.begin()
            self._story.tell("server", f"is up, {self.server.engine.durable_lsn} records")
            self.faults += judge.broken_promises(self)

    async def _meet_fsync(self, crash: Crash) -> None:
        """Records that are just being written are the most interesting ones to lose."""
        if crash.into_fsync is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self.trouble.ends_s):
                    await asyncio.sleep(crash.into_fsync * await self.disk.next_fsync())

    async def _reset(self, at_s: float) -> None:
        await self._until(at_s)
        status = 0
        while status != 200:
            # Before it is tried, too: it may be done, and the answer never come.
            self.last_reset_s = self._loop.time()
            try:
                status = (await self.server.answer(Request("POST", "/api/reset"))).status
            except Unreachable:
                await asyncio.sleep(1.0)
        self.last_reset_s = self._loop.time()
        self._story.tell("operator", "has reset everything")

    async def _freeze(self, begins_s: float, ends_s: float) -> None:
        for moment_s, is_frozen in ((begins_s, True), (ends_s, False)):
            await self._until(moment_s)
            self.office.catch_up()
            self.office.panel.change(msgspec.json.encode({"freeze_projection": is_frozen}))

    async def _say_yes_late(self, at_s: float) -> None:
        """The bank approves what was over, if there is such a payment that we remember."""
        await self._until(at_s)
        over = [one for one in self._payments_known() if one.status in OVER]
        if over:
            payment = self._rng("bank").choice(over)
            self.desk.book.authorize_late(payment, now=self._clock_s())
            self._story.tell("bank", f"says yes to payment {payment.payment_id} after all")
            self.happened["late yeses"] += 1
            await self.desk.tell(payment)

    def _payments_known(self) -> list[Payment]:
        """Those that a reset has made us forget are nobody's any more."""
        rows = self.desk.book.ledger()["payments"]
        known = [
            row["payment_id"] for row in rows if self.server.engine.order_of(row["payment_id"])
        ]
        return [one for one in map(self.desk.book.find, known) if one is not None]

    async def _learn_places(self, at_s: float) -> None:
        await self._until(at_s)
        self._known_places.update(self.places())

    async def _clear_up(self, at_s: float) -> None:
        await self._until(at_s)
        self.disk.calm_down()
        self._story.tell("world", "the trouble is over")

    async def _until(self, moment_s: float) -> None:
        await asyncio.sleep(max(0.0, moment_s - self._loop.time()))

    async def _come_to_rest(self) -> None:
        """Let time pass until nothing is owed, but not for ever."""
        for _ in range(REST_LOOKS_MAX):
            if judge.is_at_rest(self):
                break
            await asyncio.sleep(REST_LOOK_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        self._story.tell("world", "is at rest")

    def _count_records(self) -> None:
        log = self.disk.open()
        for _, payload in log.recover():
            mutation = decode(payload)
            effect = mutation.effect if isinstance(mutation, AnswerRemembered) else mutation
            self.happened[type(effect or mutation).__name__] += 1
        log.close()
