"""What goes wrong in one world, drawn from its seed before it begins.

Each kind of fault is absent from some worlds and frequent in others, because faults hide each
other; and some worlds know no trouble at all, so that it is seen what works without.
"""

import random
from typing import NamedTuple, get_args

import msgspec

from emulators.gateway.knobs import PROFILES, GatewayKnobs, WebhookFault
from emulators.provider import ProviderKnobs
from torture.simulation.network import CLEAR, Outage, Weather

TROUBLE_MINUTES = (20, 40)
CALM_WORLDS = 0.1
# The provider's reads stand still for less than the minute that our sagas wait for them.
FREEZE_SECONDS_MAX = 45
OUTAGE_SECONDS_MAX = 900
DOWN_SECONDS_MAX = 600
# A place that comes after its order's end stops the provider's consumer, and is lost.
CAREFUL = ProviderKnobs(wedge_on_poison=True, unsettled_place="leak")


class Crash(NamedTuple):
    """The server ends, gently or not, and is gone for a while."""

    at_s: float
    for_s: float
    is_gentle: bool
    into_fsync: float | None  # not before this part of the next fsync is over


class Trouble(NamedTuple):
    """All moments are in virtual seconds."""

    ends_s: float
    is_absent: bool = False
    to_gateway: Weather = CLEAR
    to_provider: Weather = CLEAR
    to_us: Weather = CLEAR  # the gateway's webhooks and the customers' browsers
    crashes: tuple[Crash, ...] = ()
    resets_s: tuple[float, ...] = ()
    stalls: float = 0.0  # part of all fsyncs that take seconds
    places_known_s: float = 0.0
    strangers: int = 0  # partners of the provider's beside us
    freezes: tuple[Outage, ...] = ()  # the provider's reads stand still
    late_yeses_s: tuple[float, ...] = ()  # the bank says yes to a payment that is over
    gateway: GatewayKnobs = GatewayKnobs()
    provider: ProviderKnobs = CAREFUL


def drawn(rng: random.Random, *, profile: str) -> Trouble:
    """`profile` is the gateway's."""
    ends_s = 60.0 * rng.uniform(*TROUBLE_MINUTES)
    if rng.random() < CALM_WORLDS:
        return Trouble(ends_s, is_absent=True, gateway=_profile(profile))
    resets_s = tuple(rng.uniform(60, ends_s) for _ in range(rng.random() < 0.15))
    yeses_s = tuple(rng.uniform(600, ends_s) for _ in range(rng.random() < 0.15))
    return Trouble(
        ends_s,
        to_gateway=_weather(rng, ends_s),
        to_provider=_weather(rng, ends_s),
        to_us=_weather(rng, ends_s),
        crashes=_crashes(rng, ends_s),
        resets_s=resets_s,
        stalls=_level(rng, 0.02),
        places_known_s=rng.choice((0.0, 0.0, 0.0, rng.uniform(0, 300))),
        strangers=_some(rng, 2),
        freezes=_outages(rng, ends_s, count=_some(rng, 3), most_s=FREEZE_SECONDS_MAX),
        # A reset forgets the payments that are over, and nobody would look for their money.
        late_yeses_s=() if resets_s else yeses_s,
        gateway=_gateway(rng, _profile(profile)),
        provider=_provider(rng),
    )


def _profile(name: str) -> GatewayKnobs:
    """As built it refuses tenge: what is true of money that can't come is true of none."""
    knobs = PROFILES[name]
    return msgspec.structs.replace(knobs, confirm_currencies=knobs.confirm_currencies and ("KZT",))


def _gateway(rng: random.Random, knobs: GatewayKnobs) -> GatewayKnobs:
    return msgspec.structs.replace(
        knobs,
        check_lag_s=rng.choice((0.0, 0.0, 20.0)),
        confirm_refusals=rng.choice((0, 0, 2)),
        cancel_refusals=rng.choice((0, 0, 3)),
        confirm_age_max_s=knobs.confirm_age_max_s or rng.choice((None, 900.0)),
        card_delay_s=rng.choice((0.0, 1.0, 20.0)),
        # As built nothing ever expires, and a payment that was taken would look as if it had.
        expire_job=rng.random() < 0.3 and not knobs.stale_overwrite,
        webhook_mode=rng.choice((knobs.webhook_mode, "inline")),
        webhook_faults=_webhook_faults(rng),
    )


def _webhook_faults(rng: random.Random) -> tuple[WebhookFault, ...]:
    kinds = rng.sample(get_args(WebhookFault.__annotations__["kind"]), _some(rng, 3))
    return tuple(WebhookFault(kind=kind, probability=0.2) for kind in kinds)


def _provider(rng: random.Random) -> ProviderKnobs:
    return msgspec.structs.replace(
        CAREFUL,
        lag_ms=rng.choice((20.0, 120.0, 500.0, 3_000.0)),
        events_per_s=rng.choice((0.0, 100.0, 5.0)),
        lowest_revision_first=rng.random() < 0.5,
        race_ms=rng.choice((0.0, 5.0)),
        conflict_500_rate=_level(rng, 0.1),
    )


def _weather(rng: random.Random, ends_s: float) -> Weather:
    return Weather(
        lost=_level(rng, 0.2),
        repeated=_level(rng, 0.2),
        slow=_level(rng, 0.2),
        spoiled=_level(rng, 0.15),
        outages=_outages(rng, ends_s, count=_some(rng, 3), most_s=OUTAGE_SECONDS_MAX),
    )


def _outages(rng: random.Random, ends_s: float, *, count: int, most_s: float) -> tuple[Outage, ...]:
    # Short ones are as telling as long ones, and there is room for more of them.
    spans = [(rng.uniform(0, ends_s), most_s ** rng.random()) for _ in range(count)]
    return tuple(Outage(at_s, at_s + for_s, rng.random() < 0.5) for at_s, for_s in spans)


def _crashes(rng: random.Random, ends_s: float) -> tuple[Crash, ...]:
    moments = sorted(rng.uniform(0, ends_s) for _ in range(_some(rng, 5)))
    return tuple(
        Crash(
            at_s,
            for_s=rng.choice((0.1, 2.0, rng.uniform(0, DOWN_SECONDS_MAX))),
            is_gentle=rng.random() < 0.3,
            into_fsync=rng.choice((None, rng.random())),
        )
        for at_s in moments
    )


def _level(rng: random.Random, most: float) -> float:
    """Absent every third time."""
    return rng.choice((0.0, most * rng.random(), most * rng.random()))


def _some(rng: random.Random, most: int) -> int:
    return rng.choice((0, rng.randint(0, most), rng.randint(0, most)))
