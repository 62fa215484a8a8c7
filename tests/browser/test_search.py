"""The start page: what is found, and where the focus is then."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.stage import ORIGIN, Stage, Withheld

pytestmark = pytest.mark.browser

SEARCH = ("GET", "/api/events")


def found(*ids: int) -> dict[str, Any]:
    return {"json": [{"id": one, "title": f"Концерт {one}"} for one in ids]}


def test_the_focus_goes_on_with_what_is_found(stage: Stage) -> None:
    """To the first event of the next page, and to the last event where that page is empty."""
    stage.next_time(*SEARCH, found(*range(20)), found(*range(20, 40)), found())
    stage.open("/")
    page = stage.page
    page.get_by_role("button", name="Показать ещё").press("Enter")
    expect(page.get_by_role("link", name="Концерт 20")).to_be_focused()
    page.get_by_role("button", name="Показать ещё").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Найдено 40 событий")
    expect(page.get_by_role("link", name="Концерт 39")).to_be_focused()


def test_what_is_typed_before_the_script_has_come_is_searched_for(stage: Stage) -> None:
    """A slow network brings the field first, and the words of the page's language last."""
    page = stage.page
    words = Withheld(page, "**/web/words/ru.js")
    page.goto(ORIGIN + "/?date=2099-12-31", wait_until="commit")
    page.get_by_role("searchbox").fill("Морейра")
    stage.next_time(*SEARCH, found(7))
    words.next().fallback()
    expect(page.get_by_role("status")).to_contain_text("Найдено 1 событие")
    (search,) = stage.calls(*SEARCH)
    asked = parse_qs(urlsplit(search.url).query)
    assert (["Морейра"], ["2099-12-31"]) == (asked["query"], asked["date"])


def test_the_longest_word_fits_the_smallest_phone(stage: Stage) -> None:
    """Nothing is read by scrolling to the side (WCAG 1.4.10)."""
    stage.page.set_viewport_size({"width": 320, "height": 568})
    word = "http://example.kz/afisha/2027/12/31/" + "достопримечательности" * 3
    event = {**stage.event(), "title": word, "description": word, "provider": word}
    stage.next_time(*SEARCH, {"json": [{"id": 7, "title": word}]})
    stage.next_time("GET", "/x/events/7", {"json": event})
    plan = stage.plan()
    zones = [{**one, "name": word} for one in plan["zones"]]
    stage.next_time("GET", "/x/events/7/plan", {"json": {**plan, "zones": zones}})
    for address in ("/", "/event?id=7"):
        stage.open(address)
        said = stage.page.get_by_role("listitem").filter(has_text=word)
        expect(said.first).to_be_visible()
        assert 320 == stage.page.evaluate("document.documentElement.scrollWidth")
