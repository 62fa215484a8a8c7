"""A sale in replay: read as it comes, gone through in both directions, at any speed."""

import json
from base64 import b64encode
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import FREE, RESERVED, SOLD, Stage, packed, problem

pytestmark = pytest.mark.browser

ROWS, COLUMNS = 2, 4
MINUTE = 60_000
BEGIN = [FREE, FREE, FREE, FREE, FREE, FREE, FREE, 3]
# ms since the beginning, status, seats, tiyn that all have brought.
CHANGES: list[list[Any]] = [
    [1000, RESERVED, [0, 1], 0],
    [2000, SOLD, [0, 1], 2000],
    [MINUTE, RESERVED, [2], 2000],
    [MINUTE + 1000, RESERVED, [3, 4, 5, 6], 2000],
    [2 * MINUTE, FREE, [2], 2000],
    [3 * MINUTE, SOLD, [3, 4, 5, 6], 6000],
    [4 * MINUTE, FREE, [0], 5000],
]


def story(changes: list[list[Any]] = CHANGES, *, whole: bool = True) -> str:
    head = {
        "format": 1,
        "event_id": 7,
        "rows": ROWS,
        "seats_per_row": COLUMNS,
        "zones": [{"name": "Партер", "first_row": 1, "last_row": ROWS, "price": "10.00"}],
        "began_at": "2026-11-24T04:00:00.000Z",
        "whole": whole,
        "revenue_minor": 0,
        "states": b64encode(packed(0, BEGIN)[8:]).decode(),
    }
    tail = {"ended_at": "2026-11-24T04:05:00.000Z", "changes": len(changes)}
    return "".join(json.dumps(line) + "\n" for line in [head, *changes, tail])


READ = """(() => {
  const reader = new m.StoryReader();
  for (const piece of %s) reader.take(piece);
  return reader.end();
})()"""


def played(modules: Stage, expression: str, changes: list[list[Any]] = CHANGES) -> Any:
    """`story` is the story, `position` the module that goes through it."""
    script = f"""(async () => {{
      const story = {READ % json.dumps([story(changes)])};
      const position = await import("/web/replaying/position.js");
      const {{moments}} = await import("/web/replaying/moments.js");
      return {expression};
    }})()"""
    return modules.run("replaying/story.js", script)


def standing(at: int) -> list[int]:
    """The plain meaning of a story."""
    states = list(BEGIN)
    for happened, status, seats, _ in CHANGES:
        if happened <= at:
            for seat in seats:
                states[seat] = status
    return states


@pytest.mark.parametrize("size", [1, 7, 10_000], ids=["by letters", "in pieces", "at once"])
def test_a_story_is_read_as_it_comes(modules: Stage, size: int) -> None:
    """However it is cut."""
    text = story()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    script = f"""((s) => [s.beganAt, s.length, s.isWhole, [...s.states], s.changes,
      [...s.at.subarray(0, 3)], [...s.ends.subarray(0, 4)], [...s.seats.subarray(0, 4)]])({
        READ % json.dumps(pieces)
    })"""
    began, length, whole, states, changes, at, ends, seats = modules.run(
        "replaying/story.js", script
    )
    assert (1_795_492_800_000, 5 * MINUTE, True) == (began, length, whole)
    assert (BEGIN, len(CHANGES)) == (states, changes)
    assert ([1000, 2000, MINUTE], [2, 4, 5, 9], [0, 1, 0, 1]) == (at, ends, seats)


def test_a_story_that_breaks_off_is_none(modules: Stage) -> None:
    """Neither a missing line nor a missing end goes unnoticed."""
    lines = story().splitlines(keepends=True)
    for kept in (lines[:-1], [*lines[:2], lines[-1]], lines[:0]):
        script = f"""(() => {{
          try {{ {READ % json.dumps(kept)}; }} catch (error) {{ return error.name; }}
        }})()"""
        assert "RangeError" == modules.run("replaying/story.js", script)


def test_long_stories_fit(modules: Stage) -> None:
    """Columns grow; nothing is lost where they do."""
    script = f"""(() => {{
      const reader = new m.StoryReader();
      reader.take({json.dumps(story([]).splitlines()[0])} + "\\n");
      for (let at = 0; at < 5000; at += 1) reader.take(`[${{at}},${{at % 3}},[${{at % 7}}],0]\\n`);
      reader.take('{{"ended_at": "2026-11-24T05:00:00Z", "changes": 5000}}\\n');
      const {{at, seats, ends}} = reader.end();
      return [at[1000], at[4999], seats[4999], ends[4999]];
    }})()"""
    assert [1000, 4999, 4999 % 7, 5000] == modules.run("replaying/story.js", script)


def test_every_moment_is_as_it_was_from_both_sides(modules: Stage) -> None:
    """Forwards, backwards and in leaps: the same hall, the same figures."""
    times = [0, 1500, 5 * MINUTE, MINUTE, 2 * MINUTE, 1000, 999, 4 * MINUTE, 3 * MINUTE - 1]
    told = played(
        modules,
        f"""((p) => {times}.map((at) => {{
          p.goTo(at);
          return [[...p.states], p.counts.free, p.counts.reserved, p.counts.sold, p.revenue];
        }}))(new position.Position(story))""",
    )
    for at, (states, free, reserved, sold, revenue) in zip(times, told, strict=True):
        assert standing(at) == states
        assert [states.count(one) for one in (FREE, RESERVED, SOLD)] == [free, reserved, sold]
        assert [0, *(money for then, *_, money in CHANGES if then <= at)][-1] == revenue


def test_only_what_changed_is_drawn(modules: Stage) -> None:
    """Seats on the way forwards; the whole hall on the way back."""
    told = played(
        modules,
        """((p) => [1500, 1600, 60000, 0].map((at) => {
          const changed = p.goTo(at);
          return changed && [...changed];
        }))(new position.Position(story))""",
    )
    assert [[0, 1], [], [0, 1, 2], None] == told


def test_long_ways_back_are_short(modules: Stage) -> None:
    """Halls are kept on the way, a bounded number, and each is as it was then."""
    told = played(
        modules,
        """(() => {
          const length = 200000;
          const at = Float64Array.from({length}, (_, one) => one);
          const status = Uint8Array.from(at, (one) => one % 3);
          const seats = Uint32Array.from(at, (one) => one % 7);
          const ends = Uint32Array.from(at, (one) => one + 1);
          const long = {...story, length, changes: length, at, status, seats, ends, revenues: at};
          const p = new position.Position(long);
          p.goTo(length);
          p.goTo(150000.5);
          const [back, kept] = [[...p.states], p.kept.length];
          const q = new position.Position(long);
          q.goTo(150000.5);
          return [back, [...q.states], p.counts, q.counts, kept];
        })()""",
    )
    back, forth, counts, same_counts, kept = told
    assert (forth, same_counts) == (back, counts)
    assert 30 < kept <= 65


def test_a_story_becomes_a_series(modules: Stage) -> None:
    """Its line from the beginning to the end, in tenge."""
    points = played(modules, "position.seriesOf(story, 5)")
    assert [0, 2, 2, 6, 5, 5] == [point["sold"] for point in points]
    assert [0, 20, 20, 60, 50, 50] == [point["revenue"] for point in points]


def test_moments_are_found(modules: Stage) -> None:
    """In their order; the hall was never sold out, so that is none."""
    told = {one["name"]: one["at"] for one in played(modules, "moments(story)")}
    assert {
        "begin": 0,
        "firstHold": 1000,
        "firstSale": 2000,
        "half": 3 * MINUTE,
        "busiest": 3 * MINUTE,
        "end": 5 * MINUTE,
    } == told
    assert sorted(told.values()) == list(told.values())


def test_what_came_back_is_sold_no_more(modules: Stage) -> None:
    """Half of the hall is sold when it is at once; the moments stay in order."""
    changes = [
        [1000, SOLD, [0, 1, 2], 3000],
        [MINUTE, FREE, [0, 1], 1000],
        [2 * MINUTE, SOLD, [3, 4], 3000],
        [3 * MINUTE, SOLD, [5], 4000],
    ]
    told = [(one["name"], one["at"]) for one in played(modules, "moments(story)", changes)]
    assert [
        ("begin", 0),
        ("firstSale", 1000),
        ("busiest", 1000),
        ("half", 3 * MINUTE),
        ("end", 5 * MINUTE),
    ] == told


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("c.toggle(); c.pass(100)", [6000, True]),  # sixty times as fast
        ("c.pass(100)", [0, False]),
        ("c.toggle(); c.pass(5000)", [15_000, True]),  # a tab that slept
        ("c.toggle(); c.change(1); c.pass(100)", [30_000, True]),
        ("c.toggle(); c.change(-9); c.pass(100)", [100, True]),
        ("c.toggle(); c.change(9); c.pass(100)", [100_000, False]),  # the end
        ("c.seek(1e9); c.toggle(); c.pass(10)", [600, True]),  # from the beginning again
        ("c.seek(-5)", [0, False]),
        ("c.seek(9000); c.toggle(); c.pass(-16)", [9000, True]),  # a frame of before the key
    ],
)
def test_the_story_s_clock_goes_as_fast_as_one_likes(
    modules: Stage, steps: str, expected: list[Any]
) -> None:
    """From the beginning to the end and not beyond."""
    script = f"((c) => {{ {steps}; return [c.at, c.isPlaying]; }})(new m.StoryClock(100000))"
    assert expected == modules.run("replaying/clock.js", script)


def test_a_story_begins_at_a_speed_that_shows_it(modules: Stage) -> None:
    """A minute or so for all of it, if there is a speed for that."""
    script = "[0, 60000, 3600000, 2.6e9].map((length) => m.fitting(length))"
    assert [1, 1, 60, 10_000] == modules.run("replaying/clock.js", script)


REPLAY = "/x/events/7/replay"


def making(state: str, progress: int = 0) -> dict[str, Any]:
    return {"json": {"event_id": 7, "state": state, "progress": progress}}


def opened(stage: Stage) -> Page:
    """The page of event 7's replay, before anything is made."""
    stage.log_in("staff")
    stage.next_time("GET", "/x/staff", {"json": {"name": "olga", "role": "organiser"}})
    stage.next_time("GET", REPLAY, making("none"), making("running", 40), making("ready", 100))
    stage.next_time("POST", REPLAY, {"status": 202, **making("running")})
    stage.open("/replay?id=7")
    return stage.page


def test_a_sale_is_replayed(stage: Stage) -> None:
    """Made, watched while it is, played to its end by keys alone; figures and time go along."""
    page = opened(stage)
    stage.next_time(
        "GET", f"{REPLAY}/data", {"body": story(), "content_type": "application/x-ndjson"}
    )
    page.get_by_role("button", name="Собрать запись").click()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "40")
    page.get_by_role("button", name="Смотреть").click()
    expect(page.get_by_text("Продажа с самого начала")).to_contain_text("7 изменений")
    figure = page.locator("#sold")
    expect(figure).to_have_text("0")
    page.get_by_role("button", name="Половина продана").click()
    expect(figure).to_have_text("6")
    slider = page.get_by_role("slider", name="Время продажи")
    assert "продано 6 мест, выручка 60 ₸" in words(slider.get_attribute("aria-valuetext"))
    page.locator("#main").focus()
    page.keyboard.press("Home")
    expect(figure).to_have_text("0")
    for _ in range(6):
        page.keyboard.press("+")
    page.keyboard.press(" ")
    expect(figure).to_have_text("5")
    expect(page.get_by_role("button", name="Пустить")).to_be_visible()
    expect(slider).to_have_value("1000")
    assert stage.calls("GET", f"{REPLAY}/data")[0].headers["authorization"]


def test_a_replay_that_comes_in_part_is_not_played(stage: Stage) -> None:
    """It is said, and can be tried again."""
    page = opened(stage)
    stage.next_time("GET", f"{REPLAY}/data", {"body": story()[:-30]})
    page.get_by_role("button", name="Собрать запись").click()
    page.get_by_role("button", name="Смотреть").click()
    expect(page.get_by_text("Запись загрузилась не целиком")).to_be_visible()
    expect(page.get_by_role("button", name="Смотреть")).to_be_enabled()


def test_a_replay_that_is_cut_off_is_not_played(stage: Stage) -> None:
    """As where the server stops meanwhile: the connection breaks."""
    page = opened(stage)
    page.evaluate("""() => {
      const fetched = window.fetch;
      const broken = () => new ReadableStream({
        pull: (body) => body.error(new TypeError("network error")),
      });
      window.fetch = async (path, request) =>
        path.endsWith("/data") ? new Response(broken()) : fetched(path, request);
    }""")
    page.get_by_role("button", name="Собрать запись").click()
    page.get_by_role("button", name="Смотреть").click()
    expect(page.get_by_text("Запись загрузилась не целиком")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_replay_whose_server_is_started_anew_can_be_made_again(stage: Stage) -> None:
    """It is gone with the server; the page waits for the next one, and offers to begin anew."""
    page = opened(stage)
    stage.answers["GET", REPLAY][2:] = [problem("stopping", 503), making("none")]
    begin = page.get_by_role("button", name="Собрать запись")
    begin.click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(begin).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_hidden()


def test_one_replay_is_made_at_a_time(stage: Stage) -> None:
    """Whoever comes second is told to wait."""
    page = opened(stage)
    stage.answers[("POST", REPLAY)].clear()
    stage.next_time("POST", REPLAY, problem("replay-busy", 503))
    page.get_by_role("button", name="Собрать запись").click()
    expect(page.get_by_role("alert")).to_contain_text("собирается запись другого события")


def words(text: str | None) -> str:
    """With plain spaces."""
    return " ".join((text or "").split())
