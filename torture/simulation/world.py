"""One world: our server, both outside services, people, and trouble; all of it from one seed."""

import asyncio
import random
from collections import Counter
from functools import partial

from emulators.gateway import GatewaySettings
from emulators.gateway import create_app as create_gateway
from emulators.gateway.desk import Desk
from emulators.provider import ProviderSettings
from emulators.provider import create_app as create_provider
from emulators.provider.box_office import BoxOffice
from engine import Event, Hall, Sale, Zone, seat_id_of
from torture.simulation import trouble
from torture.simulation.browser import Browser
from torture.simulation.customers import Customer
from torture.simulation.disk import Disk
from torture.simulation.history import History
from torture.simulation.loop import VirtualLoop
from torture.simulation.network import Answer, Courier, Link, Request, Service, Weather, ask_app
from torture.simulation.server import GATEWAY_URL, PUBLIC_URL, Outside, Server
from torture.simulation.story import Story
from torture.simulation.stranger import Stranger

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


class World:
    """All that there is: `play` says what happens to it, `judge` what must be true of it."""

    def __init__(self, seed: int, loop: VirtualLoop, story: Story, *, profile: str) -> None:
        self._seed = seed
        self.loop = loop
        self.story = story
        self.events = EVENTS
        self.happened: Counter[str] = Counter()
        self.history = History()
        # Whatever began before this may have been lost to a reset.
        self.last_reset_s = -1.0
        self.trouble = trouble.drawn(self.rng("trouble"), profile=profile)
        self._to_us = self._link("us", self._ask_us, self.trouble.to_us)
        self.desk, self._to_gateway = self._gateway()
        self.office, self._to_provider = self._provider()
        self.strangers = [
            Stranger(self.office, sorted(self.places().values()), rng=self.rng(f"stranger {n}"))
            for n in range(self.trouble.strangers)
        ]
        self.disk = Disk(self.rng("disk"), stalls=self.trouble.stalls)
        self.known_places: dict[int, str] = {}
        self.server = Server(
            EVENTS,
            disk=self.disk,
            outside=Outside(
                Courier(self._to_gateway, patience_s=PATIENCE_SECONDS),
                Courier(self._to_provider, patience_s=PATIENCE_SECONDS),
                self.known_places,
                self._clock_ms,
            ),
            rng=self.rng("server"),
            accident=story.accident,
        )

    def places(self) -> dict[int, str]:
        """The provider's place of each seat."""
        return {
            seat_id_of(event_id=PARTNER, row=row["row"], number=row["seat"]): row["id"]
            for row in self.office.venue.page(first=0, count=HALL.seats_total)
        }

    # What it is made of

    def rng(self, name: str) -> random.Random:
        """A source of chance of its own, so that nobody's draws move another's."""
        return random.Random(f"{self._seed}:{name}")

    def _clock_ms(self) -> int:
        return START_MS + round(self.loop.time() * 1000)

    def clock_s(self) -> float:
        return START_MS / 1000 + self.loop.time()

    def _link(self, name: str, service: Service, weather: Weather) -> Link:
        return Link(
            name,
            service,
            loop=self.loop,
            rng=self.rng(f"to {name}"),
            weather=weather,
            clears_at_s=self.trouble.ends_s,
            tell=self.story.tell,
            happened=self.happened,
        )

    def _gateway(self) -> tuple[Desk, Link]:
        app = create_gateway(
            GatewaySettings(
                base_url=GATEWAY_URL,
                notification_url=f"{PUBLIC_URL}/api/payments/notifications",
                seed=self._seed,
                now=self.clock_s,
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
                now=self.clock_s,
                sleep=asyncio.sleep,
                knobs=self.trouble.provider,
            )
        )
        return app.state.office, self._link(
            "provider", partial(ask_app, app), self.trouble.to_provider
        )

    def customers(self) -> list[Customer]:
        count = self.rng("people").randint(*CUSTOMERS)
        browsers = [
            Browser(
                user_id,
                api=self._to_us,
                gateway=self._to_gateway,
                history=self.history,
                rng=self.rng(f"browser {user_id}"),
                tell=self.story.tell,
            )
            for user_id in range(1, count + 1)
        ]
        return [
            Customer(browser, EVENTS, rng=self.rng(f"customer {browser.user_id}"))
            for browser in browsers
        ]

    async def _ask_us(self, request: Request) -> Answer:
        answer = await self.server.answer(request)
        if answer.status == 500:
            self.story.accident(f"we answer 500 to {request}")
        return answer
