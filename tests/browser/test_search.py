"""The start page: what is found, and where the focus is then."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Stage

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
