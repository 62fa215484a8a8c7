"""Buying with a keyboard alone: focus is always somewhere, always seen, and never covered."""

import re

import pytest
from playwright.sync_api import Locator, expect

from bench.opened import Shop
from bench.visitor import Visitor
from tests.browser.conftest import Invite

pytestmark = [pytest.mark.browser, pytest.mark.server]
TYPED, HELD = 14, 15
STOPS_MAX = 120
# Where the focus is, and why it can't be seen there; "" when it can.
UNSEEN = """() => {
  const at = document.activeElement;
  if (at === null || at === document.body) return "the focus is lost";
  const { left, right, top, bottom } = at.getBoundingClientRect();
  const x = (Math.max(left, 0) + Math.min(right, innerWidth)) / 2;
  const y = (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2;
  const hit = document.elementFromPoint(x, y);
  if (hit === null || !(at.contains(hit) || hit.contains(at))) return `covered: ${at.outerHTML}`;
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  const isLit = outlineStyle !== "none" && outlineWidth !== "0px";
  return isLit || at.matches("main") ? "" : `no outline: ${at.outerHTML}`;
}"""
# Chromium may drop keys that come before a page has painted for the first time.
PAINTED = """() => new Promise((resolve) => {
  new PerformanceObserver(resolve).observe({ type: "paint", buffered: true });
}).then(() => true)"""


class Typist(Visitor):
    """Has no mouse."""

    def open(self, address: str) -> None:
        super().open(address)
        self.sees_a_page()

    def sees_a_page(self) -> None:
        """So that it takes keys."""
        assert self.page.evaluate(PAINTED)

    def press(self, *keys: str) -> None:
        """And look after each where the focus is."""
        for key in keys:
            self.page.keyboard.press(key)
            self.sees_the_focus()

    def sees_the_focus(self) -> None:
        assert "" == self.page.evaluate(UNSEEN)

    def go_to(self, wanted: Locator, key: str = "Tab") -> None:
        """Stop by stop until it is there."""
        for _ in range(STOPS_MAX):
            self.press(key)
            if wanted.evaluate("(it) => it === document.activeElement"):
                return
        raise AssertionError(f"no stop at {wanted}")


def test_a_ticket_is_bought_with_the_keyboard(shop: Shop, invite: Invite) -> None:
    """Search, event, the list of seats, login, payment."""
    vera = invite(shop, kind=Typist, reduced_motion="reduce")
    assert isinstance(vera, Typist)
    page = vera.page
    vera.open("/")
    vera.go_to(page.get_by_role("searchbox"))
    page.keyboard.type("Морейра")
    expect(page.get_by_text("Найдено 1 событие")).to_be_visible()
    vera.press("ArrowDown", "ArrowUp", "ArrowDown")
    page.keyboard.press("Enter")
    vera.hall_is_there()

    vera.go_to(page.get_by_role("button", name=re.compile("^Фан-зона")))
    vera.press("Enter")
    vera.go_to(page.locator("#list-row"))
    vera.press("ArrowDown")
    vera.go_to(page.get_by_role("button", name=re.compile("^Ряд 12, место 1,")))
    vera.press("ArrowRight", "End", "Home", "ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Почта")).to_be_focused()
    name, password = shop.person(4)
    page.keyboard.type(name)
    vera.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    expect(vera.seat(12, 11)).to_have_attribute("aria-pressed", "true")
    expect(vera.seat(12, 11)).to_be_focused()
    vera.go_to(vera.basket.get_by_role("button", name="Оплатить"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{shop.gateway_url}/**")
    vera.sees_a_page()
    expect(page.get_by_label("Номер карты")).to_be_focused()
    page.keyboard.press("Enter")
    vera.has_tickets()
    vera.go_to(page.get_by_role("button", name="Напечатать"))


def test_the_focus_stays_when_what_it_was_on_is_gone(shop: Shop, invite: Invite) -> None:
    """Best seats, one let go by its cross, all let go: there is always a next key to press."""
    vera = invite(shop, kind=Typist, reduced_motion="reduce")
    assert isinstance(vera, Typist)
    vera.is_logged_in(*shop.person(4))
    vera.open_event(HELD)
    crosses = vera.basket.get_by_role("button", name=re.compile("^Освободить"))
    vera.go_to(vera.page.get_by_role("button", name="Подобрать"))
    vera.press("Enter")
    expect(crosses).to_have_count(2)
    vera.sees_the_focus()
    vera.go_to(crosses.first)
    vera.press("Enter")
    expect(crosses).to_have_count(1)
    expect(crosses).to_be_focused()
    vera.press("Enter")
    expect(vera.basket.get_by_role("heading")).to_be_focused()
    vera.sees_the_focus()
    vera.go_to(vera.page.get_by_role("button", name="Подобрать"), "Shift+Tab")
    vera.press("Enter")
    vera.go_to(vera.basket.get_by_role("button", name="Отменить бронь"))
    vera.press("Enter")
    expect(crosses).to_have_count(0)
    expect(vera.basket.get_by_role("heading")).to_be_focused()
