"""Plan files: which hall an event gets, and what is wrong with a hall."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog import halls
from catalog.errors import BadInput
from catalog.halls import STADIUM, STANDARD, HallPlan, HallRules, Sale, Zone, read_halls


def hall(**changes: Any) -> dict[str, Any]:
    zones = [
        {"name": "A", "rows": [1, 2], "price_minor": 500},
        {"name": "B", "rows": [3, 3], "price_minor": 900},
    ]
    return {"rows": 3, "seats_per_row": 4, "sale": "own", "zones": zones} | changes


PLAN = HallPlan(3, 4, (Zone("A", 1, 2, 500), Zone("B", 3, 3, 900)), Sale.OWN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "halls.json"


def rules(path: Path, **content: Any) -> HallRules:
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_halls(path)


def refused(path: Path, **content: Any) -> str:
    with pytest.raises(BadInput) as caught:
        rules(path, **content)
    assert caught.value.file == path
    return caught.value.reason


def revenue_minor(plan: HallPlan) -> int:
    return sum(
        (zone.last_row - zone.first_row + 1) * plan.seats_per_row * zone.price_minor
        for zone in plan.zones
    )


def test_stadium_sold_out_brings_fourteen_billion() -> None:
    """A hundred thousand seats in five zones, owned by a partner, add up to 14,000,000,000.00."""
    assert (STADIUM.rows, STADIUM.seats_per_row, STADIUM.seats_total) == (100, 1000, 100_000)
    assert revenue_minor(STADIUM) == 14_000_000_000_00
    assert [zone.price_minor for zone in STADIUM.zones] == [
        40_000_00,
        80_000_00,
        120_000_00,
        160_000_00,
        200_000_00,
    ]
    assert STADIUM.sale is Sale.PARTNER


def test_without_a_file_event_1_is_the_stadium_and_others_are_standard() -> None:
    """Twenty rows of fifty seats in three zones are what every other event gets."""
    found = read_halls(None)
    assert found.plan_for(event_id=1, event_type="concert") is STADIUM
    assert found.plan_for(event_id=2, event_type="concert") is STANDARD
    assert (STANDARD.rows, STANDARD.seats_per_row, len(STANDARD.zones)) == (20, 50, 3)


def test_most_particular_rule_wins(path: Path) -> None:
    """An event's own rule goes before that of its type, and that before the default."""
    found = rules(
        path,
        halls={"small": hall(), "other": hall(seats_per_row=9)},
        events={"5": "standard", "6": "small"},
        types={"film": "other"},
        default="small",
    )
    assert found.plan_for(event_id=6, event_type="film") == PLAN
    assert found.plan_for(event_id=5, event_type="film") == STANDARD
    assert found.plan_for(event_id=7, event_type="film").seats_per_row == 9
    assert found.plan_for(event_id=8, event_type="game") == PLAN
    assert found.named_events == {5, 6}


def test_event_1_keeps_the_stadium_unless_it_is_named(path: Path) -> None:
    """Neither a type nor a default takes the stadium away; a rule for event 1 does."""
    content: dict[str, Any] = {"halls": {"small": hall()}, "types": {"concert": "small"}}
    kept = rules(path, default="small", **content)
    assert kept.plan_for(event_id=1, event_type="concert") == STADIUM
    named = rules(path, events={"1": "small"}, **content)
    assert named.plan_for(event_id=1, event_type="concert") == PLAN


def test_built_in_halls_can_be_defined_anew(path: Path) -> None:
    """A hall named like a built-in one takes its place everywhere."""
    found = rules(
        path, halls={"stadium": hall(), "standard": hall(rows=2, zones=hall()["zones"][:1])}
    )
    assert found.plan_for(event_id=1, event_type="x") == PLAN
    assert found.plan_for(event_id=2, event_type="x").rows == 2


def test_empty_file_of_rules_changes_nothing(path: Path) -> None:
    """Every part of the file may be left out."""
    assert rules(path).plan_for(event_id=1, event_type="x") == STADIUM
    assert rules(path).plan_for(event_id=2, event_type="x") == STANDARD


def test_equal_plans_are_one_object(path: Path) -> None:
    """Two names for the same hall cost the memory of one."""
    found = rules(path, halls={"a": hall(), "b": hall()}, events={"2": "a", "3": "b"})
    second = found.plan_for(event_id=2, event_type="x")
    assert second is found.plan_for(event_id=3, event_type="x")


def test_zones_may_be_listed_in_any_order(path: Path) -> None:
    """A plan has its zones in order of rows, however the file lists them; own sale is default."""
    entry = hall(zones=hall()["zones"][::-1])
    del entry["sale"]
    assert rules(path, halls={"a": entry}, default="a").plan_for(event_id=2, event_type="") == PLAN


def zone(first: int, last: int, *, name: str = "Z", price_minor: object = 100) -> dict[str, Any]:
    return {"name": name, "rows": [first, last], "price_minor": price_minor}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": 0}, " must have 1 to 999 rows, not 0"),
        ({"rows": 1000}, " must have 1 to 999 rows, not 1000"),
        ({"seats_per_row": 0}, " must have 1 to 9999 seats a row, not 0"),
        ({"seats_per_row": 10_000}, " must have 1 to 9999 seats a row, not 10000"),
        ({"rows": "3"}, ": Expected int, got str - at $.rows"),
        ({"sale": "gift"}, ": Invalid enum value 'gift' - at $.sale"),
        ({"allotment": {"share": 1}}, " has an allotment, but its sale is 'own'"),
        ({"zone": []}, ": Object contains unknown field zone"),
    ],
)
def test_faulty_hall_is_refused(path: Path, changes: dict[str, Any], reason: str) -> None:
    """The reason names the hall and what is wrong with it."""
    assert refused(path, halls={"x": hall(**changes)}) == f"hall 'x'{reason}"


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 1, "zones": [zone(1, 1)]},
        {"rows": 999, "zones": [zone(1, 999)]},
        {"seats_per_row": 1},
        {"seats_per_row": 9999},
        {"zones": [zone(1, 3, name="Я" * 100)]},
        {"zones": [zone(1, 3, price_minor=1)]},
        {"zones": [zone(1, 3, price_minor=2**31 - 1)]},
    ],
)
def test_a_hall_may_be_as_small_and_as_large_as_is_said(
    path: Path, changes: dict[str, Any]
) -> None:
    """The least and the greatest of rows, seats and prices, and the longest name of a zone."""
    entry = hall(**changes)
    plan = rules(path, halls={"a": entry}, default="a").plan_for(event_id=2, event_type="")
    assert (entry["rows"], entry["seats_per_row"]) == (plan.rows, plan.seats_per_row)
    zones = [(one.name, one.price_minor) for one in plan.zones]
    assert [(one["name"], one["price_minor"]) for one in entry["zones"]] == zones


@pytest.mark.parametrize(
    ("allotment", "spans", "seats"),
    [
        ({"zones": ["A"]}, ((0, 8),), 8),
        ({"zones": ["B"]}, ((8, 12),), 4),
        ({"zones": ["B", "A"]}, ((0, 8), (8, 12)), 12),
        ({"share": 0.25}, ((0, 2), (8, 9)), 3),
        ({"share": 0.24}, ((0, 1),), 1),  # of B less than a seat
        ({"share": 0.49}, ((0, 3), (8, 9)), 4),
        ({"share": 1}, ((0, 8), (8, 12)), 12),
    ],
)
def test_an_allotment_is_zones_or_of_each_zone_a_share(
    path: Path, allotment: dict[str, Any], spans: tuple[tuple[int, int], ...], seats: int
) -> None:
    """The named zones, or each zone's first seats in order of rows and numbers, rounded down."""
    entry = hall(sale="allotment", allotment=allotment)
    plan = rules(path, halls={"a": entry}, default="a").plan_for(event_id=2, event_type="")
    assert (plan.sale, plan.allotment, plan.seats_on_sale) == (Sale.ALLOTMENT, spans, seats)
    assert plan.seats_total == 12


def test_a_share_is_meant_as_it_is_written(path: Path) -> None:
    """0.29 of a hundred seats are 29, though as a binary fraction it is a little less."""
    entry = hall(sale="allotment", allotment={"share": 0.29}, seats_per_row=50)
    plan = rules(path, halls={"a": entry}, default="a").plan_for(event_id=2, event_type="")
    assert plan.allotment == ((0, 29), (100, 114))
    assert int(0.29 * 100) == 28


def test_an_event_may_have_a_sale_of_its_own(path: Path) -> None:
    """The hall stays what it is for all others; what the hall was given doesn't pass on."""
    given = {"sale": "allotment", "allotment": {"zones": ["B"]}}
    found = rules(
        path,
        halls={"ours": hall(), "theirs": hall(**given)},
        events={
            "1": {"hall": "stadium", "sale": "own"},
            "2": {"hall": "ours", **given},
            "3": {"hall": "theirs", "sale": "own"},
            "4": "theirs",
            "5": "ours",
        },
    )
    plans = [found.plan_for(event_id=number, event_type="") for number in range(1, 6)]
    assert plans[0] == msgspec.structs.replace(STADIUM, sale=Sale.OWN)
    assert plans[1] is plans[3]
    assert plans[2] is plans[4]
    assert (plans[1].allotment, plans[2]) == (((8, 12),), PLAN)


EITHER = " needs an allotment of either zones or a share"


@pytest.mark.parametrize(
    ("allotment", "reason"),
    [
        (None, EITHER),
        ({}, EITHER),
        ({"zones": ["A"], "share": 0.5}, EITHER),
        ({"zones": []}, " has an allotment of no zone"),
        ({"zones": ["A", "a"]}, " has no zone named 'a' to allot"),
        ({"share": 0}, " must have a share above 0 and at most 1, not 0.0"),
        ({"share": -0.5}, " must have a share above 0 and at most 1, not -0.5"),
        ({"share": 1.5}, " must have a share above 0 and at most 1, not 1.5"),
        ({"share": float("nan")}, " must have a share above 0 and at most 1, not nan"),
        ({"share": 0.12}, " has a share of 0.12, less than one seat of any zone"),
        ({"share": "half"}, ": Expected float | null, got str - at $.allotment.share"),
        ({"seats": 5}, ": Object contains unknown field seats - at $.allotment"),
    ],
)
def test_faulty_allotment_is_refused(path: Path, allotment: object, reason: str) -> None:
    """The reason names the hall, or the event that has a sale of its own."""
    given = {"sale": "allotment", "allotment": allotment}
    assert refused(path, halls={"x": hall(**given)}) == f"hall 'x'{reason}"
    event = {"hall": "x", **given}
    assert refused(path, halls={"x": hall()}, events={"7": event}) == f"event 7{reason}"


PRICES = "must have a price of 1 to 2147483647 tiyn"


@pytest.mark.parametrize(
    ("zones", "reason"),
    [
        ([], ": no zone covers row 1"),
        ([zone(1, 2)], ": no zone covers row 3"),
        ([zone(2, 3)], ": no zone covers row 1"),
        ([zone(1, 1), zone(3, 3)], ": no zone covers row 2"),
        ([zone(1, 4)], ", zone 'Z' leaves the rows 1 to 3"),
        ([zone(0, 3)], ", zone 'Z' leaves the rows 1 to 3"),
        ([zone(3, 1)], ", zone 'Z' ends before it begins"),
        ([zone(1, 2), zone(2, 3, name="Y")], ", zone 'Y' takes row 2 a second time"),
        ([zone(1, 2), zone(3, 3)], " has two zones named 'Z'"),
        ([zone(1, 3, name=" ")], " has a zone whose name is blank or too long"),
        ([zone(1, 3, name="Я" * 101)], " has a zone whose name is blank or too long"),
        ([zone(1, 3, price_minor=0)], f", zone 'Z' {PRICES}, not 0"),
        ([zone(1, 3, price_minor=2**31)], f", zone 'Z' {PRICES}, not 2147483648"),
        ([zone(1, 3, price_minor=9.5)], ": Expected int, got float - at $.zones[0].price_minor"),
    ],
)
def test_zones_must_cover_every_row_once(
    path: Path, zones: list[dict[str, Any]], reason: str
) -> None:
    """The reason names hall, zone and row."""
    assert refused(path, halls={"x": hall(zones=zones)}) == f"hall 'x'{reason}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"default": "no"}, "there is no hall named 'no'"),
        ({"types": {"film": "no"}}, "there is no hall named 'no'"),
        ({"events": {"2": "no"}}, "there is no hall named 'no'"),
        ({"events": {"2": {"hall": "no", "sale": "own"}}}, "there is no hall named 'no'"),
        (
            {"events": {"2": {"hall": "standard"}}},
            "event 2: Object missing required field sale",
        ),
        (
            {"events": {"2": {"hall": "standard", "sale": "own", "allotment": {"share": 1}}}},
            "event 2 has an allotment, but its sale is 'own'",
        ),
        ({"events": {"2": 5}}, "event 2: Expected object, got int"),
        ({"events": {"two": "standard"}}, "events: 'two' is not the id of an event"),
        ({"events": {"02": "standard"}}, "events: '02' is not the id of an event"),
        ({"events": {"²": "standard"}}, "events: '²' is not the id of an event"),
        ({"events": {"9" * 5000: "standard"}}, f"events: '{'9' * 5000}' is not the id of an event"),
        ({"event": {}}, "the plan file: Object contains unknown field event"),
        ({"halls": []}, "the plan file: Expected object, got array - at $.halls"),
    ],
)
def test_faulty_rules_are_refused(path: Path, content: dict[str, Any], reason: str) -> None:
    """A rule for a hall that isn't there, or for no event, is a slip and not a wish."""
    assert refused(path, **content) == reason


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", None, "is empty"),
        (b'{\n"halls": {\n', 3, "is not JSON: Expecting property name enclosed in double quotes"),
        (b'{\n"default": "\xff"}', 2, "is not UTF-8"),
        (b'\n"\xff"', 2, "is not UTF-8"),
        (b'{"types": {"a": "standard",\n"a": "stadium"}}', None, "'a' stands twice in one object"),
        (b"[" * 100_000, None, "is nested too deeply"),
        (b"[]", None, "the plan file: Expected object, got array"),
    ],
)
def test_what_is_no_plan_is_refused(
    path: Path, content: bytes, line: int | None, reason: str
) -> None:
    """A broken file is named by line where it has one; nothing is guessed of a repeated name."""
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_halls(path)
    assert (caught.value.line, caught.value.reason) == (line, reason)


def test_size_of_a_plan_file_is_limited(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive given by mistake is told before it is read whole."""
    monkeypatch.setattr(halls, "PLAN_BYTES_MAX", 20)
    path.write_bytes(b"{}" + b" " * 18)
    assert STADIUM == read_halls(path).plan_for(event_id=1, event_type="")
    path.write_bytes(b"{}" + b" " * 19)
    with pytest.raises(BadInput, match="is larger than 20 bytes"):
        read_halls(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"default": ' + "9" * 5_000 + "}", "holds a number of too many digits"),
        ('{"default": "\\ud800"}', "holds half of a surrogate pair"),
        ('{"\\udc00": {}}', "holds half of a surrogate pair"),
        ('{"halls": {"a": {"\\ud800": 1}}}', "holds half of a surrogate pair"),
    ],
)
def test_what_python_reads_and_nobody_can_write(tmp_path: Path, content: str, reason: str) -> None:
    """JSON allows both; neither can be a number or a name of ours."""
    path = tmp_path / "halls.json"
    path.write_text(content)
    with pytest.raises(BadInput) as caught:
        read_halls(path)
    assert reason == caught.value.reason
