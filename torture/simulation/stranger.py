"""Another partner of the provider's, who takes places that we would sell: some for good."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from emulators.provider.box_office import BoxOffice
from emulators.provider.errors import Broken, Conflict

PAUSE_SECONDS = (5.0, 300.0)
# Long enough for the provider's slowest day: whoever ends an order too early stops its consumer.
SETTLE_SECONDS = 120.0
PLACES_MAX = 2
FOR_GOOD = 0.3


class Stranger:
    """Talks to the provider directly: its network is no concern of ours."""

    def __init__(self, office: BoxOffice, places: list[str], *, rng: random.Random) -> None:
        self._office = office
        self._places = places
        self._rng = rng
        self.orders: set[str] = set()

    async def live(self, ends_s: float) -> None:
        now_s = asyncio.get_running_loop().time
        while now_s() < ends_s:
            await asyncio.sleep(self._rng.uniform(*PAUSE_SECONDS))
            await self._take_some()

    async def _take_some(self) -> None:
        office = self._office
        office.catch_up()
        order_id = office.start()
        self.orders.add(order_id)
        taken = 0
        for place_id in self._rng.sample(self._places, PLACES_MAX):
            with suppress(Conflict, Broken):
                office.select(place_id, order_id)
                taken += 1
        if not taken:
            return
        await asyncio.sleep(SETTLE_SECONDS)
        if self._rng.random() < FOR_GOOD:
            await self._insist(office.submit, order_id)
            await self._insist(office.confirm, order_id)
        else:
            await self._insist(office.cancel, order_id)

    async def _insist(self, command: Callable[[str], None], order_id: str) -> None:
        """Until it is done: the provider fails now and then, and then nothing has happened."""
        while True:
            self._office.catch_up()
            try:
                return command(order_id)
            except Broken:
                await asyncio.sleep(1.0)
