"""How a gateway is started, and the knobs it alone has."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import httpx
from msgspec import Meta

from emulators import environment
from emulators.faults import Sleep
from emulators.knobs import Knobs, NotNegative

# A payment takes about 1 KB: at the limit one gigabyte.
PAYMENTS_MAX = 1_000_000
# The port of the real service in local development.
BASE_URL = "http://127.0.0.1:5162"

Delays = Annotated[tuple[NotNegative, ...], Meta(max_length=10)]


class GatewayKnobs(Knobs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every limit (`None`) is off by default; the comments tell what the real service is set to."""

    check_cache: bool = True
    confirm_token: Literal["lenient", "off"] = "lenient"
    decline_rate: Annotated[float, Meta(ge=0, le=1)] = 0.1
    card_delay_s: NotNegative = 0.0  # real: 0.5 to 2
    expire_job: bool = False  # real: nothing ever expires
    team_active: bool = True

    webhooks: bool = True
    webhook_mode: Literal["background", "inline"] = "background"  # real: inline
    webhook_retry_delays_s: Delays = (1.0, 2.0, 4.0)
    webhook_timeout_s: Annotated[float, Meta(gt=0)] = 30.0

    currencies: tuple[str, ...] = ("KZT", "USD", "EUR", "BYN", "RUB")
    team_amount_min: int | None = None
    team_amount_max: int | None = None
    team_daily_limit: int | None = None
    confirm_age_max_s: NotNegative | None = None  # real: 900, whatever the payment's own expiry
    confirm_active_max: int | None = None  # real: 100 payments in flight
    confirm_currencies: tuple[str, ...] | None = None  # real: RUB alone unless the team changes it


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """Fixed for the life of the process. Clock, sleep and transport are seams for tests."""

    base_url: str = BASE_URL
    team_slug: str = "demo-merchant"
    password: str = field(default="demo-password", repr=False)
    notification_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    seed: int = 1
    payments_max: int = PAYMENTS_MAX
    knobs: GatewayKnobs = field(default_factory=GatewayKnobs)
    now: Callable[[], float] = time.time
    sleep: Sleep = asyncio.sleep
    transport: httpx.AsyncBaseTransport | None = None


def settings_from_environment() -> GatewaySettings:
    """The settings out of `BILLETTER_EMULATOR_*`; raises BadEnvironment."""
    return GatewaySettings(
        base_url=environment.text("BASE_URL", BASE_URL).rstrip("/"),
        team_slug=environment.text("TEAM_SLUG", GatewaySettings.team_slug),
        password=environment.text("PASSWORD", GatewaySettings.password),
        notification_url=environment.optional_text("NOTIFICATION_URL"),
        webhook_secret=environment.optional_text("WEBHOOK_SECRET"),
        seed=environment.number("SEED", GatewaySettings.seed),
        payments_max=environment.number("PAYMENTS_MAX", PAYMENTS_MAX),
        knobs=environment.knobs(GatewayKnobs()),
    )
