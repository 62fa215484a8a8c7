"""The door: whose ticket is on the screen is who is let in, and nobody else."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.stage import BOOKING, Stage, Withheld, problem

pytestmark = pytest.mark.browser

ADMITTED = {
    "valid": True,
    "reason": "",
    "booking_id": BOOKING,
    "event_id": 7,
    "title": "Опера",
    "starts_at": "2027-12-31T19:30:00",
    "row": 1,
    "number": 5,
    "zone": "Партер",
    "admitted_at": "",
}
IN = {**ADMITTED, "admitted_at": "2027-12-31T14:00:00.000Z"}
# A camera that sees what the test shows it.
CAMERA = """
  window.seen = "";
  window.BarcodeDetector = class {
    async detect() { return window.seen ? [{ rawValue: window.seen }] : []; }
  };
  Object.defineProperty(navigator, "mediaDevices", {
    value: { getUserMedia: async () => new MediaStream() },
  });
  HTMLMediaElement.prototype.play = async () => {};
"""


def ticket(title: str, **more: Any) -> dict[str, Any]:
    return {"json": {**ADMITTED, "title": title, **more}}


def typed(page: Page, code: str) -> None:
    page.get_by_label("Код билета").fill(code)
    page.keyboard.press("Enter")


def admit(page: Page) -> Locator:
    return page.get_by_role("button", name="Пропустить")


def test_a_ticket_is_admitted_once(stage: Stage) -> None:
    """Valid, then admitted, then refused; a forged one is void."""
    stage.page.add_init_script("sessionStorage.setItem('staff-authorization', 'Basic eDp5')")
    code = ("GET", "/x/tickets/4XK2-9QWM")
    admit = ("POST", "/x/tickets/4XK2-9QWM/admit")
    stage.next_time(*code, {"json": ADMITTED}, problem("ticket-not-found", 404))
    at = {**ADMITTED, "admitted_at": "2027-12-31T14:00:00.000Z"}
    stage.next_time(*admit, {"json": at})
    stage.open("/box-office")
    page = stage.page
    page.get_by_label("Код билета").fill(" 4XK2-9QWM ")
    page.keyboard.press("Enter")
    found = page.get_by_role("status")
    expect(found).to_contain_text("Действителен")
    expect(found).to_contain_text("Партер, ряд 1, место 5")
    page.keyboard.press("Enter")
    expect(found).to_contain_text("Пропущен")
    expect(page.get_by_role("button", name="Пропустить")).to_be_hidden()
    page.keyboard.press("Enter")
    page.get_by_label("Код билета").fill("4XK2-9QWM")
    page.keyboard.press("Enter")
    expect(found).to_contain_text("Недействителен")


def test_a_ticket_is_gone_from_the_screen_while_another_is_asked_for(stage: Stage) -> None:
    """So that nobody is let in by the code of whoever comes after."""
    stage.log_in("staff")
    stage.next_time("GET", "/x/tickets/AAAA", ticket("A"))
    slow = Withheld(stage.page, "**/x/tickets/BBBB")
    stage.open("/box-office")
    typed(stage.page, "AAAA")
    expect(admit(stage.page)).to_be_visible()
    typed(stage.page, "BBBB")
    asked = slow.next()
    expect(admit(stage.page)).to_be_hidden()
    asked.fulfill(**ticket("B"))
    expect(stage.page.get_by_role("status")).to_contain_text("B")
    stage.next_time("POST", "/x/tickets/BBBB/admit", ticket("B", admitted_at=IN["admitted_at"]))
    admit(stage.page).click()
    expect(stage.page.get_by_role("status")).to_contain_text("Пропущен")


def test_an_answer_about_whoever_came_before_is_not_shown(stage: Stage) -> None:
    """However late it comes."""
    stage.log_in("staff")
    stage.next_time("GET", "/x/tickets/BBBB", ticket("Ticket B"))
    slow = Withheld(stage.page, "**/x/tickets/AAAA")
    stage.open("/box-office")
    typed(stage.page, "AAAA")
    asked = slow.next()
    typed(stage.page, "BBBB")
    found = stage.page.get_by_role("status")
    expect(found).to_contain_text("Ticket B")
    with stage.page.expect_response("**/x/tickets/AAAA"):
        asked.fulfill(**ticket("Ticket A"))
    stage.page.evaluate("new Promise((resolve) => setTimeout(resolve))")
    assert "Ticket B" in found.inner_text()
    stage.next_time("POST", "/x/tickets/BBBB/admit", problem("already-admitted", 419))
    admit(stage.page).click()
    expect(found).to_contain_text("уже прошли")
    assert 1 == len(stage.calls("POST", "/x/tickets/BBBB/admit"))


def test_nobody_s_ticket_is_shown_after_a_logout(stage: Stage) -> None:
    """An answer that was under way then is for nobody's eyes."""
    stage.log_in("staff")
    slow = Withheld(stage.page, "**/x/tickets/AAAA")
    stage.open("/box-office")
    typed(stage.page, "AAAA")
    asked = slow.next()
    stage.page.get_by_role("button", name="Выйти").click()
    with stage.page.expect_response("**/x/tickets/AAAA"):
        asked.fulfill(**ticket("Ticket A"))
    stage.page.evaluate("new Promise((resolve) => setTimeout(resolve))")
    assert stage.page.get_by_role("status").filter(has_text="Ticket A").count() == 0


def test_a_code_outlives_the_login_that_it_asks_for(stage: Stage) -> None:
    """Typed by somebody whose login has ended, or who hasn't logged in yet."""
    stage.next_time("GET", "/x/staff", {"json": {"name": "olga", "role": "organiser"}})
    stage.next_time("GET", "/x/tickets/AAAA", ticket("Ticket A"))
    stage.open("/box-office")
    page = stage.page
    page.get_by_role("dialog").get_by_role("button", name="Закрыть").click()
    typed(page, "AAAA")
    page.get_by_role("dialog").get_by_label("Имя сотрудника").fill("olga")
    page.get_by_role("dialog").get_by_label("Пароль").fill("x")
    page.get_by_role("dialog").get_by_role("button", name="Войти").click()
    expect(page.get_by_role("status")).to_contain_text("Ticket A")
    assert [] == stage.calls("GET", "/x/tickets/")


def test_the_camera_takes_a_ticket_once_and_the_next_one_after_it(stage: Stage) -> None:
    """What is still held before it when the next ticket is asked for isn't the next ticket."""
    stage.page.add_init_script(CAMERA)
    stage.log_in("staff")
    stage.next_time("GET", "/x/tickets/AAAA", ticket("Ticket A"))
    stage.next_time("GET", "/x/tickets/BBBB", ticket("Ticket B"))
    stage.next_time("POST", "/x/tickets/AAAA/admit", {"json": IN})
    stage.page.clock.install()
    stage.open("/box-office")
    page = stage.page
    page.get_by_role("button", name="Сканировать").click()
    page.evaluate("window.seen = 'AAAA'")
    page.clock.run_for(500)
    expect(page.get_by_role("status")).to_contain_text("Ticket A")
    admit(page).click()
    expect(page.get_by_role("status")).to_contain_text("Пропущен")
    page.get_by_role("button", name="Следующий билет").click()
    page.clock.run_for(2_000)
    expect(page.get_by_role("status")).to_be_hidden()
    page.evaluate("window.seen = 'BBBB'")
    page.clock.run_for(500)
    expect(page.get_by_role("status")).to_contain_text("Ticket B")
    assert 1 == len(stage.calls("GET", "/x/tickets/AAAA"))


def test_a_camera_that_is_asked_for_twice_is_one_camera(stage: Stage) -> None:
    """A second press, while the browser asks for leave, would leave one on that nobody can stop."""
    stage.page.add_init_script(CAMERA)
    stage.page.add_init_script("""
      window.asked = [];
      navigator.mediaDevices.getUserMedia = () => new Promise((give) => window.asked.push(give));
    """)
    stage.log_in("staff")
    stage.open("/box-office")
    page = stage.page
    scan = page.get_by_role("button", name="Сканировать")
    scan.dispatch_event("click")
    scan.dispatch_event("click")
    assert 1 == page.evaluate("window.asked.length")
    page.evaluate("window.asked[0](new MediaStream())")
    page.get_by_role("button", name="Выключить камеру").click()
    expect(scan).to_be_visible()
    expect(page.locator("#camera")).to_be_hidden()
