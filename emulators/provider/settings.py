"""How a provider is started."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from emulators import environment
from emulators.connections import Connections, InProcess
from emulators.faults import Sleep
from emulators.provider.knobs import PROFILES, ProviderKnobs

# The stadium: every row has as many seats.
ROWS = 100
SEATS_PER_ROW = 1_000
# An order takes about 1 KB: at the limit one gigabyte.
ORDERS_MAX = 1_000_000
# Ten stadiums; admin calls may add places up to here.
PLACES_MAX = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """Fixed for the life of the process. The last three are seams for tests."""

    rows: int = ROWS
    seats_per_row: int = SEATS_PER_ROW
    seed: int = 1
    orders_max: int = ORDERS_MAX
    places_max: int = PLACES_MAX
    knobs: ProviderKnobs = field(default_factory=ProviderKnobs)
    now: Callable[[], float] = time.time
    sleep: Sleep = asyncio.sleep
    connections: Connections = field(default_factory=InProcess)


def settings_from_environment() -> ProviderSettings:
    """The settings out of `BILLETTER_EMULATOR_*`; raises BadEnvironment."""
    return ProviderSettings(
        rows=environment.number("ROWS", ROWS, least=1),
        seats_per_row=environment.number("SEATS_PER_ROW", SEATS_PER_ROW, least=1),
        seed=environment.number("SEED", ProviderSettings.seed, least=0),
        orders_max=environment.number("ORDERS_MAX", ORDERS_MAX, least=1),
        knobs=environment.knobs(PROFILES),
    )
