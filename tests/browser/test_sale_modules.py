"""What the organiser's page reckons with: streams, series, axes, file names."""

import json
from typing import Any

import pytest

from tests.browser.stage import Stage

pytestmark = pytest.mark.browser

MINUTE = 60_000


def point(at: int, sold: int, revenue: int = 0) -> dict[str, int]:
    return {"at": at, "sold": sold, "reserved": 0, "free": 10 - sold, "revenue": revenue}


SALE = [point(0, 0), point(MINUTE, 2, 20), point(90_000, 5, 50), point(5 * MINUTE, 4, 40)]


def series(modules: Stage, expression: str) -> Any:
    """`p` is the sale: 0 at first, 2 after a minute, 5 half a minute later, 4 after five."""
    return modules.run("sale/series.js", f"((p) => {expression})({json.dumps(SALE)})")


@pytest.mark.parametrize(
    "pieces",
    [
        ['data: {"a":\ndata: 1}\n\n: still here\n\nid: 3\ndata:2\n\n'],
        ['data: {"a"', ":\nda", "ta: 1}\n", "\n: still here\n\nid: 3\ndata:2", "\n\n"],
        ['data: {"a":\r\ndata: 1}\r\n\r\n', "id: 3\r\ndata:2\r\n\r\nda", "ta: 3"],
    ],
    ids=["at once", "in pieces", "with returns"],
)
def test_a_stream_is_read_by_messages(modules: Stage, pieces: list[str]) -> None:
    """However it is cut; comments and numbers are no data, and what isn't finished is not told."""
    script = f"""(() => {{
      const events = new m.EventReader();
      return {json.dumps(pieces)}.flatMap((piece) => events.take(piece));
    }})()"""
    assert ['{"a":\n1}', "2"] == modules.run("base/events.js", script)


def test_the_service_s_figures_become_points(modules: Stage) -> None:
    """Money comes as text, times in RFC 3339."""
    told = [{"at": "1970-01-01T00:00:01.000Z", "sold": 1, "revenue": "2.50"}]
    figures = {"sold_seats": 1, "reserved_seats": 2, "free_seats": 3, "total_revenue": "4.00"}
    script = f"[m.pointsOf({json.dumps(told)}), m.pointOf({json.dumps(figures)}, 7)]"
    points, now = modules.run("sale/series.js", script)
    assert [{"at": 1000, "sold": 1, "revenue": 2.5}] == points
    assert {"at": 7, "sold": 1, "reserved": 2, "free": 3, "revenue": 4} == now


def test_a_point_a_second_is_kept(modules: Stage) -> None:
    """The last one of a second counts, none comes before its turn, and the oldest go."""
    script = "[900, 1000, 1999, 500, 3000].reduce((all, at) => m.joined(all, {at}, 2), [])"
    assert [{"at": 1999}, {"at": 3000}] == modules.run("sale/series.js", script)


def test_a_service_that_began_anew_takes_nothing_away(modules: Stage) -> None:
    """What it knows counts for its time; what the page has seen before and after stays."""
    known = json.dumps([point(MINUTE, 3), point(4 * MINUTE, 5)])
    times = "map(({at, sold}) => [at, sold])"
    assert [[0, 0], [MINUTE, 3], [4 * MINUTE, 5], [5 * MINUTE, 4]] == series(
        modules, f"m.merged(p, {known}).{times}"
    )
    assert SALE == series(modules, "m.merged(p, [])")


def test_things_stand_as_they_are_until_the_next_point(modules: Stage) -> None:
    """A sale has steps, no slopes."""
    sold = series(modules, f"[-5, 0, 59999, {MINUTE}, 1e9].map((at) => m.standing(p, at).sold)")
    assert [0, 0, 0, 2, 4] == sold


def test_a_span_begins_with_how_things_stood(modules: Stage) -> None:
    """Whatever came before it is in its first point."""
    seen = series(modules, f"m.between(p, 70000, {2 * MINUTE}).map(({{at, sold}}) => [at, sold])")
    assert [[70_000, 2], [90_000, 5]] == seen
    assert [] == series(modules, "m.between(p, -20, -10)")


def test_a_sale_is_told_in_a_sentence(modules: Stage) -> None:
    """Sold, earned, and the minute that sold most; returned seats are sold no more."""
    assert {"sold": 4, "revenue": 40, "busiest": {"at": MINUTE, "sold": 3}} == series(
        modules, f"m.summary(p, 0, {6 * MINUTE})"
    )
    quiet = series(modules, f"m.summary(p, {4 * MINUTE}, {6 * MINUTE})")
    assert {"sold": -1, "revenue": -10, "busiest": None} == quiet
    steady = [point(at * MINUTE, at) for at in range(4)]
    first = modules.run("sale/series.js", f"m.summary({json.dumps(steady)}, 0, {4 * MINUTE})")
    assert {"at": 0, "sold": 1} == first["busiest"]
    nothing = {"sold": 0, "revenue": 0, "busiest": None}
    assert nothing == modules.run("sale/series.js", "m.summary([], 0, 1e6)")


def test_a_table_has_a_row_a_step(modules: Stage) -> None:
    """What each brought, and how the sale stood then; together they bring what all brought."""
    rows = series(modules, f"m.gains(p, 0, {6 * MINUTE}, {2 * MINUTE})")
    assert [(0, 5, 5), (2 * MINUTE, 0, 5), (4 * MINUTE, -1, 4)] == [
        (row["at"], row["sold"], row["total"]["sold"]) for row in rows
    ]


def test_few_points_draw_the_same_line(modules: Stage) -> None:
    """The first and the last stay, and no more are kept than there are pixels."""
    script = "m.thinned(Array.from({length: 10000}, (_, at) => ({at})), 300)"
    kept = [one["at"] for one in modules.run("sale/series.js", script)]
    assert (0, 9999) == (kept[0], kept[-1])
    assert 250 < len(kept) <= 301
    assert 4 == series(modules, "m.thinned(p, 300).length")


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (312, [0, 100, 200, 300, 400]),
        (96_000, [0, 25_000, 50_000, 75_000, 100_000]),
    ],
)
def test_an_axis_has_round_numbers(modules: Stage, most: int, expected: list[int]) -> None:
    """Whole ones, because there are no halves of seats."""
    assert expected == modules.run("sale/series.js", f"m.ticks({most})")


def test_an_axis_has_round_times(modules: Stage) -> None:
    """Full quarters of an hour, full hours; of a short span full ten seconds."""
    hour = 60 * MINUTE
    assert [15 * MINUTE, 30 * MINUTE, 45 * MINUTE, hour] == modules.run(
        "sale/series.js", f"m.timeTicks(1, {hour}, 5)"
    )
    assert [10_000, 20_000] == modules.run("sale/series.js", "m.timeTicks(1, 29999, 3)")
    days = modules.run("sale/series.js", f"m.timeTicks(0, {40 * 24 * hour}, 4)")
    assert 2 <= len(days) <= 5


def test_a_share_is_never_rounded_up(modules: Stage) -> None:
    """One seat of a stadium is something, and all but one are not all."""
    script = (
        "[[0, 0], [0, 9], [1, 100000], [1, 8], [99999, 100000], [7, 7]].map((a) => m.share(...a))"
    )
    expected = ["0 %", "0 %", "< 0,1 %", "12,5 %", "99,9 %", "100 %"]
    assert expected == modules.run("sale/zones.js", script)


def test_a_file_has_the_name_that_the_service_gave(modules: Stage) -> None:
    """But never a path."""
    names = ['attachment; filename="event-1.csv"', "attachment", 'filename="../x"']
    script = f"""{json.dumps(names)}.map((name) =>
      m.nameIn(new Headers({{"content-disposition": name}})) ?? null)"""
    assert ["event-1.csv", None, None] == modules.run("sale/export.js", script)
