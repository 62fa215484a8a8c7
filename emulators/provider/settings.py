"""How a provider is started, and the knobs it alone has."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from emulators import environment
from emulators.faults import Sleep
from emulators.knobs import Knobs, NotNegative

# The stadium: every row has as many seats.
ROWS = 100
SEATS_PER_ROW = 1_000
# An order takes about 1 KB: at the limit one gigabyte.
ORDERS_MAX = 1_000_000
# Ten stadiums; admin calls may add places up to here.
PLACES_MAX = 1_000_000


class ProviderKnobs(Knobs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the reads lag behind the writes, and what a client's impatience costs."""

    lag_ms: NotNegative = 20.0
    events_per_s: NotNegative = 0.0  # real: 100 for each kind; 0 is without limit
    freeze_projection: bool = False
    wedge_on_poison: bool = False  # real: True
    unsettled_place: Literal["leak", "free"] = "free"  # real: leak


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """Fixed for the life of the process. The clock and the sleep are seams for tests."""

    rows: int = ROWS
    seats_per_row: int = SEATS_PER_ROW
    seed: int = 1
    orders_max: int = ORDERS_MAX
    places_max: int = PLACES_MAX
    knobs: ProviderKnobs = field(default_factory=ProviderKnobs)
    now: Callable[[], float] = time.time
    sleep: Sleep = asyncio.sleep


def settings_from_environment() -> ProviderSettings:
    """The settings out of `BILLETTER_EMULATOR_*`; raises BadEnvironment."""
    return ProviderSettings(
        rows=environment.number("ROWS", ROWS),
        seats_per_row=environment.number("SEATS_PER_ROW", SEATS_PER_ROW),
        seed=environment.number("SEED", ProviderSettings.seed),
        orders_max=environment.number("ORDERS_MAX", ORDERS_MAX),
        knobs=environment.knobs(ProviderKnobs()),
    )
