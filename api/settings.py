"""Every setting of the server: one place, checked once at start, secrets never shown.

The command line and the `BILLETTER_*` variables fill the same fields. The server's worker process
reads them from its environment, where `export` has put what the command line has checked.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from api.admission import AdmissionLimits
from api.fairness.addresses import are_networks
from api.fairness.limits import Rates
from api.processes import CHILD_OF_VARIABLE, is_address
from api.request_log import CHOICES
from engine import Rules

PREFIX = "BILLETTER_"
SECRETS = frozenset({"merchant_password", "webhook_secret"})

# More than a year is a slip; and a time with it added stays far below the 64 bits of a record.
DURATION_SECONDS_MAX = 365 * 86_400
# What a count may be: the server keeps these as 32 bits.
COUNT_MAX = 2**31 - 1
DIGITS_MAX = 18  # what 64 bits surely hold; int() itself gives up at some thousand


class BadSetting(Exception):
    """A setting can't be used: the message names it and says why, never showing a secret."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose. `help` is what the command line and the README say of it."""

    data: Path = field(default=Path("data"), metadata={"help": "data directory"})
    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on"})
    port: int = field(default=8081, metadata={"help": "port to listen on"})
    public_url: str = field(
        default="", metadata={"help": "our address as customers and the gateway see it"}
    )
    gateway_url: str = field(default="", metadata={"help": "payment gateway; empty: no payments"})
    provider_url: str = field(
        default="", metadata={"help": "seat provider; empty: partners' events aren't sold"}
    )
    provider_calls_per_second: int = field(
        default=80, metadata={"help": "changes a second that the seat provider takes; 0: no limit"}
    )
    merchant_id: str = field(default="", metadata={"help": "our name at the gateway"})
    merchant_password: str = field(default="", metadata={"help": "our password at the gateway"})
    webhook_secret: str = field(
        default="", metadata={"help": "signs the gateway's notifications; empty: unsigned"}
    )
    hold_seconds: int = field(default=900, metadata={"help": "how long selected seats are held"})
    payment_seconds: int = field(
        default=720, metadata={"help": "how long a customer may take to pay"}
    )
    return_hours: int = field(
        default=12, metadata={"help": "a paid booking may be returned until so long before"}
    )
    max_seats_per_user: int = field(
        default=0, metadata={"help": "seats of one event a user may hold; 0: no limit"}
    )
    snapshot_records: int = field(
        default=200_000, metadata={"help": "a snapshot is made after so many records"}
    )
    keep_log: bool = field(
        default=False, metadata={"help": "keep the whole log: never drop what snapshots cover"}
    )
    connections: int = field(
        default=16_384, metadata={"help": "connections the server takes at once"}
    )
    event_calls_per_round: int = field(
        default=8, metadata={"help": "calls of one event that begin in a round of the loop"}
    )
    event_pause_ms: int = field(
        default=2,
        metadata={"help": "ms a crowd stands still between rounds if others ask; 0: none"},
    )
    event_calls_waiting: int = field(
        default=16_384, metadata={"help": "calls of one event that may wait for their turn"}
    )
    event_wait_seconds: int = field(
        default=10, metadata={"help": "how long a call may wait for its turn"}
    )
    user_calls_per_second: int = field(
        default=0, metadata={"help": "calls a second of one user, ten times that at once; 0: any"}
    )
    address_calls_per_second: int = field(
        default=0, metadata={"help": "the same of one address, or of one IPv6 /64"}
    )
    event_calls_per_second: int = field(
        default=0, metadata={"help": "the same of the crowd of one event"}
    )
    trusted_proxies: str = field(
        default="",
        metadata={"help": "whose X-Forwarded-For counts: addresses and networks, with commas"},
    )
    holds_burst: int = field(
        default=0,
        metadata={"help": "seats of one event a user may take at once, over and over; 0: any"},
    )
    holds_per_minute: int = field(
        default=10, metadata={"help": "how many he may take a minute after those"}
    )
    watchers: int = field(
        default=4_096,
        metadata={
            "help": "who may watch halls over a stream at once, half of the connections at most; "
            "0: nobody"
        },
    )
    any_core: bool = field(
        default=False, metadata={"help": "let no threads share a core on purpose"}
    )
    staff_file: str = field(
        default="", metadata={"help": "organisers and operators, a line each; empty: none"}
    )
    metrics_open: bool = field(default=False, metadata={"help": "let anyone read /metrics"})
    request_log: str = field(
        default="off", metadata={"help": "requests told in the data directory: off, writes or all"}
    )
    allow_reset: bool = field(default=False, metadata={"help": "let anyone POST /api/reset"})

    def __post_init__(self) -> None:
        _require(is_address(self.host), "host", "must be an address like 127.0.0.1 or ::1")
        for name in ("public_url", "gateway_url", "provider_url"):
            value = getattr(self, name)
            _require(not value or _is_http(value), name, "must be like http://host:port")
        _require(self.request_log in CHOICES, "request_log", "must be off, writes or all")
        for name, least, most in _RANGES:
            in_range = least <= getattr(self, name) <= most
            _require(in_range, name, f"must be {least} to {most}")
        _require(
            are_networks(self.trusted_proxies),
            "trusted_proxies",
            "must be addresses or networks with commas between",
        )
        if self.gateway_url:
            _require(bool(self.merchant_id), "merchant_id", "is needed with a gateway")
            _require(bool(self.merchant_password), "merchant_password", "is needed with a gateway")

    @property
    def own_url(self) -> str:
        """Where customers and the gateway reach us, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def rules(self) -> Rules:
        return Rules(
            hold_ms=self.hold_seconds * 1_000,
            payment_ms=self.payment_seconds * 1_000,
            return_until_ms=self.return_hours * 3_600_000,
            seats_per_user_max=self.max_seats_per_user,
        )

    @property
    def admission(self) -> AdmissionLimits:
        return AdmissionLimits(
            per_round_max=self.event_calls_per_round,
            pause_seconds=self.event_pause_ms / 1_000,
            waiting_max=self.event_calls_waiting,
            wait_seconds_max=self.event_wait_seconds,
        )

    @property
    def rates(self) -> Rates:
        return Rates(
            user=self.user_calls_per_second,
            address=self.address_calls_per_second,
            event=self.event_calls_per_second,
            trusted_proxies=self.trusted_proxies,
        )

    def export(self) -> dict[str, str]:
        """The settings as environment variables, for the worker process."""
        return {variable(name): _written(getattr(self, name)) for name in _NAMES}

    def shown(self) -> dict[str, str]:
        """The settings for a person's eyes: secrets masked."""
        shown = {name: _written(getattr(self, name)) for name in _NAMES}
        return shown | {name: "***" for name in SECRETS if shown[name]}


_RANGES = (
    ("port", 1, 65_535),
    ("hold_seconds", 1, DURATION_SECONDS_MAX),
    ("payment_seconds", 1, DURATION_SECONDS_MAX),
    ("return_hours", 0, DURATION_SECONDS_MAX // 3_600),
    ("max_seats_per_user", 0, COUNT_MAX),
    ("provider_calls_per_second", 0, COUNT_MAX),
    ("snapshot_records", 1, COUNT_MAX),
    ("connections", 1, COUNT_MAX),
    ("event_calls_per_round", 1, COUNT_MAX),
    ("event_pause_ms", 0, 1_000),
    ("event_calls_waiting", 0, COUNT_MAX),
    ("event_wait_seconds", 1, DURATION_SECONDS_MAX),
    ("user_calls_per_second", 0, COUNT_MAX),
    ("address_calls_per_second", 0, COUNT_MAX),
    ("event_calls_per_second", 0, COUNT_MAX),
    ("holds_burst", 0, COUNT_MAX),
    ("holds_per_minute", 1, COUNT_MAX),
    ("watchers", 0, COUNT_MAX),
)
_FIELDS = {one.name: one for one in fields(Settings)}
_NAMES = tuple(_FIELDS)
# An emulator's settings, and what a demo tells its children.
_OTHERS = (f"{PREFIX}EMULATOR_", CHILD_OF_VARIABLE)


def variable(name: str) -> str:
    """`hold_seconds` is set by BILLETTER_HOLD_SECONDS."""
    return PREFIX + name.upper()


def misspelt(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Every variable that would be a setting, were there one; with the name most like it, or ""."""
    unknown = (
        name.removeprefix(PREFIX)
        for name in sorted(environ)
        if name.startswith(PREFIX) and not name.startswith(_OTHERS)
    )
    known = [name.upper() for name in _NAMES]
    return {
        PREFIX + name: "".join(PREFIX + like for like in get_close_matches(name, known, n=1))
        for name in unknown
        if name not in known
    }


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings that the environment's variables make; raises BadSetting."""
    chosen = {
        name: parse(name, environ[variable(name)]) for name in _NAMES if environ.get(variable(name))
    }
    return Settings(**chosen)


def parse(name: str, text: str) -> Any:
    """The value that `text` means for the setting `name`; raises BadSetting."""
    kind = _FIELDS[name].type
    if kind is bool:
        _require(text.lower() in _BOOLEANS, name, "must be true or false")
        return _BOOLEANS[text.lower()]
    if kind is int:
        is_whole = text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
        _require(is_whole, name, "must be a whole number")
        return int(text)
    return Path(text) if kind is Path else text


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_http(value: str) -> bool:
    """Without a user, who would be a secret in every log; without a query: paths are added."""
    try:
        parts = urlsplit(value)
        port = parts.port  # raises ValueError for what is no port
    except ValueError:
        return False
    strange = parts.query or parts.fragment or "@" in parts.netloc or " " in value or port == 0
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not strange


def _require(condition: bool, name: str, problem: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise BadSetting(f"{variable(name)} {problem}")
