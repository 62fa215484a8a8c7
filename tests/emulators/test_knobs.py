"""How knobs are turned, and which fault strikes."""

from collections.abc import Callable

import msgspec
import pytest

from emulators.gateway import GatewayKnobs
from emulators.gateway.knobs import PROFILES as GATEWAY
from emulators.knobs import BadKnobs, Fault, Knobs, Panel
from emulators.provider import ProviderKnobs
from emulators.provider.knobs import PROFILES as PROVIDER
from tests.emulators.fakes import FakeClock, Merchant, Partner


def panel(*faults: Fault, seed: int = 1) -> Panel[Knobs]:
    return Panel(Knobs(faults=faults), profiles={}, seed=seed, now=FakeClock().now)


def provider_panel(knobs: ProviderKnobs, now: Callable[[], float] = float) -> Panel[ProviderKnobs]:
    return Panel(knobs, profiles=PROVIDER, seed=1, now=now)


def test_change_leaves_other_knobs_alone() -> None:
    """Only the knobs that are named move."""
    knobs = provider_panel(ProviderKnobs(lag_ms=5))

    knobs.change(b'{"latency_ms":7,"faults":[{"route":"select","status":503}]}')

    assert (knobs.knobs.lag_ms, knobs.knobs.latency_ms) == (5, 7)
    assert knobs.knobs.faults == (Fault(route="select", status=503),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"lag":5}',
        b'{"lag_ms":-1}',
        b'{"lag_ms":"5"}',
        b'{"latency_ms":60001}',
        b'{"profile":"as_documented"}',
        b'{"latency_sigma":4}',
        b'{"refuse_for_s":-1}',
        b'{"faults":[{"status":404}]}',
        b'{"faults":[{"kind":"explode"}]}',
        b'{"faults":[{"times":0}]}',
        b'{"faults":[{"probability":0}]}',
        b'{"faults":[{"route":"("}]}',
        b'{"faults":[{"strikes":1}]}',
        b'{"faults":[' + b"{}," * 100 + b"{}]}",
        b'{"faults":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_bad_change_changes_nothing(body: bytes) -> None:
    """A change that is not understood in full is refused in full."""
    knobs = provider_panel(ProviderKnobs(faults=(Fault(route="kept"),)))

    with pytest.raises(BadKnobs):
        knobs.change(body)

    assert knobs.knobs == ProviderKnobs(faults=(Fault(route="kept"),))
    assert knobs.fault_for("GET /kept") is not None


def test_other_knobs_leave_faults_armed_as_they_are() -> None:
    """A fault that has struck is not armed again by a change of something else."""
    knobs = provider_panel(ProviderKnobs())
    knobs.change(b'{"faults":[{"times":1}]}')
    assert knobs.fault_for("GET /") is not None

    knobs.change(b'{"lag_ms":7}')
    assert knobs.fault_for("GET /") is None

    knobs.change(b'{"faults":[{"times":1}]}')
    assert knobs.fault_for("GET /") is not None


@pytest.mark.parametrize("profile", ["documented", "as_built", "instant"])
def test_profile_is_a_complete_set(profile: str) -> None:
    """Naming a profile moves every knob to its value, whatever stood there before."""
    knobs = provider_panel(ProviderKnobs(lag_ms=5, race_ms=7, faults=(Fault(),)))

    knobs.change(b'{"profile":"%s"}' % profile.encode())

    assert PROVIDER[profile] == knobs.knobs
    assert profile == PROVIDER[profile].profile == GATEWAY[profile].profile


def test_named_knobs_win_over_the_profile() -> None:
    """A knob that is named beside the profile has the value that is named."""
    knobs = provider_panel(ProviderKnobs())

    knobs.change(b'{"profile":"as_built","lag_ms":0}')

    assert msgspec.structs.replace(PROVIDER["as_built"], lag_ms=0) == knobs.knobs


def test_window_of_refusal_ends_by_itself() -> None:
    """It is counted from the change that opened it, and other changes don't prolong it."""
    clock = FakeClock()
    knobs = provider_panel(ProviderKnobs(), clock.now)
    knobs.change(b'{"refuse_for_s":10}')
    clock.advance(9)
    knobs.change(b'{"lag_ms":7}')
    assert knobs.is_refusing()

    clock.advance(1)
    assert not knobs.is_refusing()


def test_window_of_refusal_from_the_start() -> None:
    """Knobs of the start open it as well, and a profile, which has none, closes it."""
    clock = FakeClock()
    knobs = provider_panel(ProviderKnobs(refuse_for_s=10), clock.now)
    clock.advance(9)
    assert knobs.is_refusing()

    knobs.change(b'{"profile":"instant"}')
    assert not knobs.is_refusing()


def test_latency_spreads_about_its_median() -> None:
    """Half of the waits are shorter than `latency_ms` and half are longer; with no sigma none."""
    knobs = provider_panel(ProviderKnobs(latency_ms=100))
    assert 0.1 == knobs.latency_s()

    knobs.change(b'{"latency_sigma":1}')
    waits = [knobs.latency_s() for _ in range(1000)]

    assert 450 <= sum(wait < 0.1 for wait in waits) <= 550
    assert max(waits) > 0.5
    knobs.change(b'{"latency_ms":0}')
    assert 0 == knobs.latency_s()


def test_fault_strikes_so_many_times() -> None:
    """A fault with `times` strikes the next matching requests and no more."""
    faults = panel(Fault(route="select", times=2))

    struck = [faults.fault_for("PATCH /places/1/select") is not None for _ in range(4)]
    other = faults.fault_for("PATCH /places/1/release")

    assert struck == [True, True, False, False]
    assert other is None


def test_first_matching_fault_strikes() -> None:
    """Faults are asked in their order; a spent one lets the next through."""
    first, second = Fault(status=503, times=1), Fault(status=500)
    faults = panel(first, second)

    assert [faults.fault_for("GET /"), faults.fault_for("GET /")] == [first, second]


def test_probability_follows_the_seed() -> None:
    """A fault by chance strikes its share of requests, the same ones for the same seed."""

    def strikes(seed: int) -> list[bool]:
        faults = panel(Fault(probability=0.3), seed=seed)
        return [faults.fault_for("GET /") is not None for _ in range(1000)]

    assert 250 <= sum(strikes(1)) <= 350
    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)


def test_spared_request_takes_no_strike() -> None:
    """A request that chance spares does not use up the fault."""
    faults = panel(Fault(probability=0.3, times=5))

    assert sum(faults.fault_for("GET /") is not None for _ in range(1000)) == 5


@pytest.mark.anyio
async def test_settings_over_http(merchant: Merchant, partner: Partner) -> None:
    """Both emulators show their knobs and refuse what they do not know."""
    gateway = await merchant.http.get("/__emu/settings")
    provider = await partner.http.get("/__emu/settings")
    refused = await partner.http.put("/__emu/settings", content=b'{"lag":1}')

    assert msgspec.convert(gateway.json(), GatewayKnobs) == GatewayKnobs()
    assert msgspec.convert(provider.json(), ProviderKnobs) == ProviderKnobs()
    assert refused.status_code == 400
    assert "lag" in refused.json()["error"]
