"""How a bare factory is told its settings."""

import msgspec
import pytest

from emulators import gateway, provider
from emulators.connections import Sockets
from emulators.environment import BadEnvironment
from emulators.gateway.knobs import PROFILES as GATEWAY
from emulators.gateway.settings import settings_from_environment as gateway_settings
from emulators.provider.knobs import PROFILES as PROVIDER
from emulators.provider.settings import settings_from_environment as provider_settings


def put(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"BILLETTER_EMULATOR_{name}", value)


def test_nothing_set() -> None:
    """Without variables both emulators start with their defaults."""
    assert gateway_settings() == gateway.GatewaySettings()
    assert provider_settings() == provider.ProviderSettings()


def test_empty_is_as_good_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """As files of variables have it, which name each and give values to some."""
    texts = ("BASE_URL", "TEAM_SLUG", "PASSWORD", "ADMIN_TOKEN", "NOTIFICATION_URL")
    others = ("WEBHOOK_SECRET", "SEED", "PAYMENTS_MAX", "ROWS", "ORDERS_MAX", "KNOBS")
    put(monkeypatch, **dict.fromkeys((*texts, *others), ""))

    assert gateway_settings() == gateway.GatewaySettings()
    assert provider_settings() == provider.ProviderSettings()


def test_least_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number may be as small as its refusal says."""
    put(monkeypatch, SEED="0", PAYMENTS_MAX="1", ROWS="1", SEATS_PER_ROW="1", ORDERS_MAX="1")

    expected = provider.ProviderSettings(rows=1, seats_per_row=1, seed=0, orders_max=1)
    assert gateway_settings() == gateway.GatewaySettings(seed=0, payments_max=1)
    assert provider_settings() == expected


def test_gateway_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting of the gateway has its variable."""
    put(
        monkeypatch,
        BASE_URL="http://127.0.0.1:9000/",
        TEAM_SLUG="shop",
        PASSWORD="secret",
        ADMIN_TOKEN="admin",
        NOTIFICATION_URL="http://shop/hook",
        WEBHOOK_SECRET="hook",
        SEED="7",
        PAYMENTS_MAX="5",
        KNOBS='{"decline_rate":0.5}',
    )

    expected = gateway.GatewaySettings(
        base_url="http://127.0.0.1:9000",
        team_slug="shop",
        password="secret",
        admin_token="admin",
        notification_url="http://shop/hook",
        webhook_secret="hook",
        seed=7,
        payments_max=5,
        knobs=gateway.GatewayKnobs(decline_rate=0.5),
    )
    assert expected == gateway_settings()


def test_provider_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting of the provider has its variable, and the factory uses them."""
    put(monkeypatch, ROWS="2", SEATS_PER_ROW="3", SEED="7", ORDERS_MAX="5", KNOBS='{"lag_ms":0}')

    expected = provider.ProviderSettings(
        rows=2, seats_per_row=3, seed=7, orders_max=5, knobs=provider.ProviderKnobs(lag_ms=0)
    )
    assert expected == provider_settings()
    assert len(provider.app_from_environment().state.office.venue) == 6


def test_profile_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile is chosen at the start like any knob, and knobs beside it win over it."""
    put(monkeypatch, KNOBS='{"profile":"as_built","latency_ms":5}')

    assert msgspec.structs.replace(GATEWAY["as_built"], latency_ms=5) == gateway_settings().knobs
    assert msgspec.structs.replace(PROVIDER["as_built"], latency_ms=5) == provider_settings().knobs


def test_factories_cut_real_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server drops connections by their sockets."""
    put(monkeypatch, ROWS="1", SEATS_PER_ROW="1")

    apps = gateway.app_from_environment(), provider.app_from_environment()

    assert isinstance(apps[0].state.desk.settings.connections, Sockets)
    assert isinstance(apps[1].state.office.settings.connections, Sockets)


def test_gateway_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's factory uses its variables as well."""
    put(monkeypatch, TEAM_SLUG="shop")

    assert gateway.app_from_environment().state.desk.settings.team_slug == "shop"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEED", "one"),
        ("SEED", "9" * 5_000),
        ("SEED", "\N{SUPERSCRIPT TWO}"),
        ("SEED", "\N{ARABIC-INDIC DIGIT TWO}"),
        ("ROWS", "-1"),
        ("ROWS", "0"),
        ("ORDERS_MAX", "0"),
        ("KNOBS", "{"),
        ("KNOBS", '{"lag_s":1}'),
    ],
)
def test_bad_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A variable that cannot be meant stops the start and is named."""
    put(monkeypatch, **{name: value})

    with pytest.raises(BadEnvironment, match=name):
        provider_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", "foo"),
        ("BASE_URL", "ftp://host"),
        ("BASE_URL", "http://host:port"),
        ("BASE_URL", "http://host:0"),
        ("BASE_URL", "http://:5162"),
        ("NOTIFICATION_URL", "shop/hook"),
        ("PAYMENTS_MAX", "0"),
    ],
)
def test_bad_variable_of_the_gateway(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """With it nobody could reach the page of a payment, or make one."""
    put(monkeypatch, **{name: value})

    with pytest.raises(BadEnvironment, match=name):
        gateway_settings()


def test_secrets_are_not_shown() -> None:
    """Settings can be logged."""
    shown = repr(
        gateway.GatewaySettings(password="p4ss", admin_token="4dm1n", webhook_secret="h00k")
    )

    assert "p4ss" not in shown
    assert "4dm1n" not in shown
    assert "h00k" not in shown
