"""How a gateway is started."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from emulators import environment
from emulators.connections import Connections, InProcess
from emulators.faults import Sleep
from emulators.gateway.knobs import PROFILES, GatewayKnobs

# A payment takes about 1 KB: at the limit one gigabyte.
PAYMENTS_MAX = 1_000_000
# The port of the real service in local development.
BASE_URL = "http://127.0.0.1:5162"


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """Fixed for the life of the process. The last four are seams for tests."""

    base_url: str = BASE_URL
    team_slug: str = "demo-merchant"
    password: str = field(default="demo-password", repr=False)
    admin_token: str = field(default="demo-admin-token", repr=False)
    notification_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    seed: int = 1
    payments_max: int = PAYMENTS_MAX
    knobs: GatewayKnobs = field(default_factory=GatewayKnobs)
    now: Callable[[], float] = time.time
    sleep: Sleep = asyncio.sleep
    transport: httpx.AsyncBaseTransport | None = None
    connections: Connections = field(default_factory=InProcess)


def settings_from_environment() -> GatewaySettings:
    """The settings out of `BILLETTER_EMULATOR_*`; raises BadEnvironment."""
    return GatewaySettings(
        base_url=(environment.url("BASE_URL") or BASE_URL).rstrip("/"),  # paths are added to it
        team_slug=environment.text("TEAM_SLUG", GatewaySettings.team_slug),
        password=environment.text("PASSWORD", GatewaySettings.password),
        admin_token=environment.text("ADMIN_TOKEN", GatewaySettings.admin_token),
        notification_url=environment.url("NOTIFICATION_URL"),
        webhook_secret=environment.optional_text("WEBHOOK_SECRET"),
        seed=environment.number("SEED", GatewaySettings.seed, least=0),
        payments_max=environment.number("PAYMENTS_MAX", PAYMENTS_MAX, least=1),
        knobs=environment.knobs(PROFILES),
    )
