"""Another client of the same provider: it takes places that ours wants, and gives its own back."""

import random
from contextlib import suppress
from typing import Protocol

from emulators.provider.errors import Broken, Conflict
from emulators.provider.venue import Venue

# After a long silence it does not make up for more than this at once.
ACTS_AT_ONCE_MAX = 1_000


class Office(Protocol):
    """What it sees of the provider, and may ask of it like anybody else."""

    venue: Venue

    def start(self) -> str: ...

    def select(self, place_id: str, order_id: str) -> None: ...

    def release(self, place_id: str) -> None: ...


class ForeignPartner:
    """Holds its places by one order that it never submits."""

    def __init__(self, office: Office, seed: int) -> None:
        self._office = office
        self._chance = random.Random(f"foreign:{seed}")
        self._order_id: str | None = None
        self._next_act_us: int | None = None

    def take(self, place_id: str) -> None:
        """Select the place. Raises Conflict and Broken as for anybody else."""
        if self._order_id is None:
            self._order_id = self._office.start()
        self._office.select(place_id, self._order_id)

    def act(self, now_us: int, *, per_s: float) -> None:
        """Do what it would have done by now: at each moment take a place, or give one back."""
        if not per_s:
            self._next_act_us = None
            return
        if self._next_act_us is None:
            self._next_act_us = now_us + self._pause_us(per_s)
        for _ in range(ACTS_AT_ONCE_MAX):
            if self._next_act_us > now_us:
                return
            self._act_once()
            self._next_act_us += self._pause_us(per_s)
        self._next_act_us = now_us + self._pause_us(per_s)

    def _act_once(self) -> None:
        place = self._office.venue.drawn(self._chance)
        if place is None:
            return
        with suppress(Conflict, Broken):
            if place.order_id is None:
                self.take(place.place_id)
            elif place.order_id == self._order_id:
                self._office.release(place.place_id)

    def _pause_us(self, per_s: float) -> int:
        return round(self._chance.expovariate(per_s) * 1e6)
