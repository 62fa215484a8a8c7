"""Settings: every field by its variable, every bad value by its name, no secret anywhere."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from api.admission import AdmissionLimits
from api.fairness.limits import Rates
from api.settings import (
    SECRETS,
    BadSetting,
    Settings,
    from_environment,
    misspelt,
    parse,
    variable,
)
from engine import Rules

# A text for each field, and the value that it means; none is the default.
GIVEN: dict[str, tuple[str, Any]] = {
    "data": ("/srv/билеты", Path("/srv/билеты")),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("9000", 9000),
    "public_url": ("https://билет.kz/", "https://билет.kz/"),
    "gateway_url": ("http://10.0.0.1:8082", "http://10.0.0.1:8082"),
    "provider_url": ("https://provider.example/api", "https://provider.example/api"),
    "provider_calls_per_second": ("50", 50),
    "merchant_id": ("we", "we"),
    "merchant_password": ("pass:word", "pass:word"),
    "webhook_secret": ("секрет", "секрет"),
    "hold_seconds": ("60", 60),
    "payment_seconds": ("61", 61),
    "return_hours": ("24", 24),
    "max_seats_per_user": ("6", 6),
    "snapshot_records": ("1000", 1000),
    "keep_log": ("true", True),
    "connections": ("64", 64),
    "event_calls_per_round": ("8", 8),
    "event_pause_ms": ("3", 3),
    "event_calls_waiting": ("100", 100),
    "event_wait_seconds": ("2", 2),
    "user_calls_per_second": ("20", 20),
    "address_calls_per_second": ("100", 100),
    "event_calls_per_second": ("5000", 5000),
    "trusted_proxies": ("192.0.2.1, 10.0.0.0/8", "192.0.2.1, 10.0.0.0/8"),
    "holds_burst": ("20", 20),
    "holds_per_minute": ("5", 5),
    "watchers": ("100", 100),
    "any_core": ("true", True),
    "staff_file": ("staff.txt", "staff.txt"),
    "metrics_open": ("true", True),
    "request_log": ("all", "all"),
    "allow_reset": ("true", True),
}
ALL = {variable(name): text for name, (text, _) in GIVEN.items()}


def test_every_field_has_its_variable() -> None:
    """All variables at once make all fields; this table knows every field."""
    assert [one.name for one in fields(Settings)] == list(GIVEN)

    settings = from_environment(ALL)

    assert {name: value for name, (_, value) in GIVEN.items()} == {
        name: getattr(settings, name) for name in GIVEN
    }


def test_an_empty_variable_is_an_unset_one() -> None:
    """A line `X=` of an environment file leaves the default."""
    assert Settings() == from_environment({})
    assert Settings() == from_environment(dict.fromkeys(ALL, ""))


@pytest.mark.parametrize("settings", [Settings(), from_environment(ALL)], ids=["few", "all"])
def test_the_worker_reads_what_the_command_has_written(settings: Settings) -> None:
    """Through the environment and back nothing is lost."""
    assert settings == from_environment(settings.export())


def test_a_name_that_no_setting_has_is_found() -> None:
    """With the one that was meant, if any; what emulators and a demo's children read is theirs."""
    wrong = {"HOLD_SECOND": "5", "MAX_SEATS_PER_USERS": "4", "PROT": "80", "XYZZY": "1"}
    others = {"EMULATOR_ROWS": "2", "CHILD_OF": "42"}
    given = {f"BILLETTER_{name}": value for name, value in {**wrong, **others}.items()}

    assert {
        "BILLETTER_HOLD_SECOND": "BILLETTER_HOLD_SECONDS",
        "BILLETTER_MAX_SEATS_PER_USERS": "BILLETTER_MAX_SEATS_PER_USER",
        "BILLETTER_PROT": "BILLETTER_PORT",
        "BILLETTER_XYZZY": "",
    } == misspelt(ALL | given | {"HOLD_SECOND": "5"})


URL = "must be like http://host:port"
ADDRESS = "must be an address like 127.0.0.1 or ::1"
WHOLE = "must be a whole number"
YEAR = 365 * 86_400
BAD = [
    ("host", "localhost", ADDRESS),
    ("host", "127.1", ADDRESS),
    ("host", "fe80::1%lo", ADDRESS),
    ("host", "\udcff", ADDRESS),
    ("port", "0", "must be 1 to 65535"),
    ("port", "65536", "must be 1 to 65535"),
    ("port", "http", WHOLE),
    ("port", "-1", WHOLE),
    ("port", "٣", WHOLE),
    ("port", "9" * 5_000, WHOLE),
    ("hold_seconds", "0", f"must be 1 to {YEAR}"),
    ("hold_seconds", "1.5", WHOLE),
    ("hold_seconds", str(YEAR + 1), f"must be 1 to {YEAR}"),
    ("payment_seconds", "0", f"must be 1 to {YEAR}"),
    ("payment_seconds", "999999999999999999", f"must be 1 to {YEAR}"),
    ("return_hours", "8761", "must be 0 to 8760"),
    ("return_hours", "twelve", WHOLE),
    ("max_seats_per_user", "2147483648", "must be 0 to 2147483647"),
    ("snapshot_records", "0", "must be 1 to 2147483647"),
    ("connections", "0", "must be 1 to 2147483647"),
    ("connections", "4294967296", "must be 1 to 2147483647"),
    ("address_calls_per_second", "2147483648", "must be 0 to 2147483647"),
    ("trusted_proxies", "nginx", "must be addresses or networks with commas between"),
    ("allow_reset", "maybe", "must be true or false"),
    ("request_log", "some", "must be off, writes or all"),
    ("public_url", "билет.kz", URL),
    ("public_url", "http://", URL),
    ("public_url", "ftp://host", URL),
    ("gateway_url", "http://[::1", URL),
    ("gateway_url", "http://host:port", URL),
    ("gateway_url", "http://host:0", URL),
    ("gateway_url", "http://host:8082 ", URL),
    ("gateway_url", "http://host/a path", URL),
    ("gateway_url", "http://user:pass@host", URL),
    ("provider_url", "http://host?key=secret", URL),
    ("provider_url", "http://host/#places", URL),
]


@pytest.mark.parametrize(("name", "text", "problem"), BAD)
def test_a_bad_value_is_refused_by_name(name: str, text: str, problem: str) -> None:
    """The message names the variable and the problem, and doesn't repeat the value."""
    with pytest.raises(BadSetting) as refused:
        from_environment(ALL | {variable(name): text})

    assert f"{variable(name)} {problem}" == str(refused.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "1"),
        ("port", "65535"),
        ("hold_seconds", str(YEAR)),
        ("return_hours", "0"),
        ("return_hours", "8760"),
        ("connections", "2147483647"),
    ],
)
def test_a_value_on_the_very_limit_is_taken(name: str, text: str) -> None:
    """The message for what is beyond it says so."""
    assert int(text) == getattr(from_environment({variable(name): text}), name)


@pytest.mark.parametrize("name", ["merchant_id", "merchant_password"])
def test_a_gateway_wants_to_know_who_we_are(name: str) -> None:
    """With an address and half of the name nothing could be paid for."""
    with pytest.raises(BadSetting, match=f"^{variable(name)} is needed with a gateway$"):
        from_environment(ALL | {variable(name): ""})


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes"])
def test_what_means_yes(text: str) -> None:
    """Whatever the case."""
    assert parse("allow_reset", text) is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no"])
def test_what_means_no(text: str) -> None:
    """Whatever the case."""
    assert parse("allow_reset", text) is False


def test_secrets_are_never_shown() -> None:
    """Set ones are masked, unset ones are empty, and everything else is plain."""
    shown = from_environment(ALL).shown()

    assert {"merchant_password", "webhook_secret"} == SECRETS
    assert dict.fromkeys(SECRETS, "***") == {name: shown[name] for name in SECRETS}
    assert {name for name in GIVEN if shown[name] != GIVEN[name][0]} == SECRETS
    assert dict.fromkeys(SECRETS, "") == {name: Settings().shown()[name] for name in SECRETS}


@pytest.mark.parametrize(
    ("settings", "own_url"),
    [
        (Settings(), "http://127.0.0.1:8081"),
        (Settings(host="::1", port=9000), "http://[::1]:9000"),
        (Settings(public_url="https://show.go/tickets/"), "https://show.go/tickets"),
    ],
)
def test_how_the_gateway_reaches_us(settings: Settings, own_url: str) -> None:
    """The public address, or the one we listen on; never with a slash at the end."""
    assert own_url == settings.own_url


def test_limits_are_what_was_set() -> None:
    """Each of its own number; a pause in milliseconds becomes one in seconds."""
    settings = from_environment(ALL)

    admission = AdmissionLimits(
        per_round_max=8, pause_seconds=0.003, waiting_max=100, wait_seconds_max=2
    )
    rates = Rates(user=20, address=100, event=5_000, trusted_proxies="192.0.2.1, 10.0.0.0/8")
    assert (admission, rates) == (settings.admission, settings.rates)


def test_rules_are_in_the_engine_s_units() -> None:
    """Seconds and hours become milliseconds."""
    expected = Rules(
        hold_ms=60_000, payment_ms=61_000, return_until_ms=86_400_000, seats_per_user_max=6
    )

    assert expected == from_environment(ALL).rules
