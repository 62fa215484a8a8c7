"""What a hall looks like and what its seats cost: the plan file, and the plans there are without.

A plan file names halls once and assigns them to events; of the rules that fit an event the most
particular wins: its id, then its type, then `default`:

    {"halls": {"theatre": {"rows": 25, "seats_per_row": 36, "sale": "own", "zones": [
         {"name": "Партер", "rows": [1, 12], "price_minor": 1200000},
         {"name": "Балкон", "rows": [13, 25], "price_minor": 600000}]}},
     "events": {"7": "theatre"}, "types": {"stage": "theatre"}, "default": "standard"}

A hall may be somebody else's who gave us a part of it, an allotment; an event may have a hall and a
sale of its own:

    {"events": {"8": {"hall": "theatre", "sale": "allotment", "allotment": {"share": 0.25}}}}

Two halls are always there: "stadium", which event 1 has unless the file says otherwise, and
"standard", the default. A file may define either anew.
"""

import json
import re
from collections import Counter
from enum import StrEnum
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from catalog.errors import BadInput
from catalog.source import opened

ROWS_MAX = 999  # three digits of a seat id
SEATS_PER_ROW_MAX = 9_999  # four digits of a seat id
PRICE_MINOR_MAX = 2**31 - 1  # a payment gateway counts tiyn in 32 bits
PLAN_BYTES_MAX = 16 << 20  # far more than a plan for each of 10,000 events needs
ZONE_NAME_CHARS_MAX = 100  # it stands on a ticket
_EVENT_ID = re.compile(r"[1-9][0-9]{0,15}")

_T = TypeVar("_T")

CONCERT_ID = 1  # the one event that fills the stadium


class Sale(StrEnum):
    """Who owns the seats of an event."""

    OWN = "own"  # we do
    PARTNER = "partner"  # an outside provider does, and is asked for every seat
    ALLOTMENT = "allotment"  # somebody else does; a part was given to us, and nobody is asked


class Zone(msgspec.Struct, frozen=True):
    """A priced area: the rows from `first_row` to `last_row`, both included; price in tiyn."""

    name: str
    first_row: int
    last_row: int
    price_minor: int


# A run of seats by index, in the order of rows and numbers from 0: (first, last + 1).
Span = tuple[int, int]


class HallPlan(msgspec.Struct, frozen=True):
    """Rows of equally many seats; every row lies in exactly one zone, zones in order of rows.

    `allotment` are the seats that are ours to sell, sorted and disjoint; without one all are.
    """

    rows: int
    seats_per_row: int
    zones: tuple[Zone, ...]
    sale: Sale
    allotment: tuple[Span, ...] = ()

    @property
    def seats_total(self) -> int:
        """How many seats the hall has."""
        return self.rows * self.seats_per_row

    @property
    def seats_on_sale(self) -> int:
        """How many of them we sell."""
        return sum(end - first for first, end in self.allotment) or self.seats_total


STADIUM = HallPlan(
    rows=100,
    seats_per_row=1000,
    zones=(
        Zone("Золотой круг", 1, 10, 40_000_00),
        Zone("Фан-зона", 11, 25, 80_000_00),
        Zone("Нижний ярус", 26, 45, 120_000_00),
        Zone("Средний ярус", 46, 70, 160_000_00),
        Zone("Верхний ярус", 71, 100, 200_000_00),
    ),
    sale=Sale.PARTNER,
)
STANDARD = HallPlan(
    rows=20,
    seats_per_row=50,
    zones=(
        Zone("Партер", 1, 6, 15_000_00),
        Zone("Амфитеатр", 7, 13, 10_000_00),
        Zone("Балкон", 14, 20, 5_000_00),
    ),
    sale=Sale.OWN,
)


class HallRules:
    """Which plan an event gets."""

    def __init__(
        self,
        *,
        default: HallPlan = STANDARD,
        stadium: HallPlan = STADIUM,
        by_type: dict[str, HallPlan] | None = None,
        by_event: dict[int, HallPlan] | None = None,
    ) -> None:
        self._default = default
        self._by_type = by_type or {}
        self._by_event = by_event or {}
        self._stadium = stadium

    @property
    def named_events(self) -> frozenset[int]:
        """The events that a plan file names; each of them must exist."""
        return frozenset(self._by_event)

    def plan_for(self, *, event_id: int, event_type: str) -> HallPlan:
        """The plan of the most particular rule; equal plans are one object."""
        if event_id in self._by_event:
            return self._by_event[event_id]
        if event_id == CONCERT_ID:
            return self._stadium
        return self._by_type.get(event_type, self._default)


class _ZoneEntry(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    rows: tuple[int, int]
    price_minor: int


class _AllotmentEntry(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of the two: whole zones by name, or of each zone the same share."""

    zones: list[str] | None = None
    share: float | None = None


class _HallEntry(msgspec.Struct, forbid_unknown_fields=True):
    rows: int
    seats_per_row: int
    zones: list[_ZoneEntry]
    sale: Sale = Sale.OWN
    allotment: _AllotmentEntry | None = None


class _EventEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A hall that is sold in another way than the hall says."""

    hall: str
    sale: Sale
    allotment: _AllotmentEntry | None = None


class _PlanFile(msgspec.Struct, forbid_unknown_fields=True):
    halls: dict[str, Any] = {}
    events: dict[str, Any] = {}
    types: dict[str, str] = {}
    default: str = "standard"


def read_halls(path: Path | None) -> HallRules:
    """The rules of a plan file, or those that hold without one.

    Raises BadInput; its reason names the hall, the zone and the row that are wrong.
    """
    if path is None:
        return HallRules()
    try:
        return _rules(_parse(path))
    except _Wrong as wrong:
        raise BadInput(path, None, str(wrong)) from None


class _Wrong(Exception):
    """What is wrong with a plan file, in words."""


def _parse(path: Path) -> _PlanFile:
    with opened(path, progress=False) as file:
        content = file.read(PLAN_BYTES_MAX + 1)
    if len(content) > PLAN_BYTES_MAX:
        raise _Wrong(f"is larger than {PLAN_BYTES_MAX} bytes")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_without_repeats)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise BadInput(path, error.lineno, f"is not JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(path, line, "is not UTF-8") from None
    except UnicodeEncodeError:
        raise _Wrong("holds half of a surrogate pair") from None
    except ValueError:  # Python gives up at some thousand
        raise _Wrong("holds a number of too many digits") from None
    except RecursionError:
        raise _Wrong("is nested too deeply") from None
    return _convert(value, _PlanFile, "the plan file")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if repeated:
        raise _Wrong(f"{repeated[0]!r} stands twice in one object")
    return dict(pairs)


def _convert(value: Any, wanted: type[_T], what: str) -> _T:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise _Wrong(f"{what}: {str(error).replace('`', '')}") from None


def _rules(file: _PlanFile) -> HallRules:
    plans = {"stadium": STADIUM, "standard": STANDARD}
    plans |= {name: _plan(name, entry) for name, entry in file.halls.items()}
    by_event = {
        _event_id(text): _plan_of_event(text, entry, plans) for text, entry in file.events.items()
    }
    # Equal plans become one object.
    shared = {plan: plan for plan in chain(plans.values(), by_event.values())}
    return HallRules(
        default=shared[_named(file.default, plans)],
        by_type={type_: shared[_named(name, plans)] for type_, name in file.types.items()},
        stadium=shared[plans["stadium"]],
        by_event={event_id: shared[plan] for event_id, plan in by_event.items()},
    )


def _named(name: str, plans: dict[str, HallPlan]) -> HallPlan:
    if name not in plans:
        raise _Wrong(f"there is no hall named {name!r}")
    return plans[name]


def _event_id(text: str) -> int:
    if not _EVENT_ID.fullmatch(text):
        raise _Wrong(f"events: {text!r} is not the id of an event")
    return int(text)


def _plan_of_event(event_id: str, value: Any, plans: dict[str, HallPlan]) -> HallPlan:
    if isinstance(value, str):
        return _named(value, plans)
    what = f"event {event_id}"
    entry = _convert(value, _EventEntry, what)
    plan = msgspec.structs.replace(_named(entry.hall, plans), sale=entry.sale)
    return _allotted(what, plan, entry.allotment)


def _plan(name: str, value: Any) -> HallPlan:
    what = f"hall {name!r}"
    entry = _convert(value, _HallEntry, what)
    if not 1 <= entry.rows <= ROWS_MAX:
        raise _Wrong(f"{what} must have 1 to {ROWS_MAX} rows, not {entry.rows}")
    if not 1 <= entry.seats_per_row <= SEATS_PER_ROW_MAX:
        limit = f"1 to {SEATS_PER_ROW_MAX} seats a row"
        raise _Wrong(f"{what} must have {limit}, not {entry.seats_per_row}")
    zones = sorted((_zone(what, zone) for zone in entry.zones), key=lambda zone: zone.first_row)
    _require_every_row_once(what, zones, entry.rows)
    plan = HallPlan(entry.rows, entry.seats_per_row, tuple(zones), entry.sale)
    return _allotted(what, plan, entry.allotment)


def _zone(what: str, entry: _ZoneEntry) -> Zone:
    if not 1 <= len(entry.name.strip()) <= ZONE_NAME_CHARS_MAX:
        raise _Wrong(f"{what} has a zone whose name is blank or too long")
    if not 1 <= entry.price_minor <= PRICE_MINOR_MAX:
        limit = f"a price of 1 to {PRICE_MINOR_MAX} tiyn"
        raise _Wrong(f"{what}, zone {entry.name!r} must have {limit}, not {entry.price_minor}")
    first_row, last_row = entry.rows
    if first_row > last_row:
        raise _Wrong(f"{what}, zone {entry.name!r} ends before it begins")
    return Zone(entry.name, first_row, last_row, entry.price_minor)


def _require_every_row_once(what: str, zones: list[Zone], rows: int) -> None:
    row = 1
    for zone in zones:
        if zone.first_row < 1 or zone.last_row > rows:
            raise _Wrong(f"{what}, zone {zone.name!r} leaves the rows 1 to {rows}")
        if zone.first_row < row:
            raise _Wrong(f"{what}, zone {zone.name!r} takes row {zone.first_row} a second time")
        if zone.first_row > row:
            raise _Wrong(f"{what}: no zone covers row {row}")
        row = zone.last_row + 1
    if row <= rows:
        raise _Wrong(f"{what}: no zone covers row {row}")
    names = Counter(zone.name for zone in zones)
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        raise _Wrong(f"{what} has two zones named {repeated[0]!r}")


def _allotted(what: str, plan: HallPlan, entry: _AllotmentEntry | None) -> HallPlan:
    """The plan with what was given to us of it, and with nothing given where nothing has to be."""
    spans: tuple[Span, ...] = ()
    if plan.sale is not Sale.ALLOTMENT:
        if entry is not None:
            raise _Wrong(f"{what} has an allotment, but its sale is {plan.sale.value!r}")
    elif entry is None or (entry.zones is None) == (entry.share is None):
        raise _Wrong(f"{what} needs an allotment of either zones or a share")
    elif entry.zones is not None:
        spans = _spans_of_zones(what, plan, entry.zones)
    elif entry.share is not None:
        spans = _spans_of_share(what, plan, entry.share)
    return msgspec.structs.replace(plan, allotment=spans)


def _spans_of_zones(what: str, plan: HallPlan, names: list[str]) -> tuple[Span, ...]:
    unknown = set(names) - {zone.name for zone in plan.zones}
    if unknown:
        raise _Wrong(f"{what} has no zone named {min(unknown)!r} to allot")
    if not names:
        raise _Wrong(f"{what} has an allotment of no zone")
    return tuple(_seats_of(zone, plan) for zone in plan.zones if zone.name in names)


def _spans_of_share(what: str, plan: HallPlan, share: float) -> tuple[Span, ...]:
    """Of each zone its first seats, rounded down."""
    if not 0 < share <= 1:
        raise _Wrong(f"{what} must have a share above 0 and at most 1, not {share}")
    exact = Fraction(str(share))  # as it is written: 0.29 of 100 seats are 29, not 28
    spans = []
    for first, end in (_seats_of(zone, plan) for zone in plan.zones):
        count = int(exact * (end - first))
        if count:
            spans.append((first, first + count))
    if not spans:
        raise _Wrong(f"{what} has a share of {share}, less than one seat of any zone")
    return tuple(spans)


def _seats_of(zone: Zone, plan: HallPlan) -> Span:
    return (zone.first_row - 1) * plan.seats_per_row, zone.last_row * plan.seats_per_row
