"""Pages in every language, on the narrowest phone, for screen readers, in light and dark."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import web
from api.demo import OPERATOR, ORGANISER
from bench.opened import Shop
from bench.visitor import PHONE, Visitor
from catalog import demo
from tests.browser.conftest import Invite, bought

pytestmark = [pytest.mark.browser, pytest.mark.server]
READ, SEEN = 11, 12
NAMES = {path.stem for path in web.files() if path.suffix == ".html"}
STAFF = NAMES - {"index", "event", "ticket", "account"}
LANGUAGES = {"ru": "Русский", "kk": "Қазақша", "en": "English"}
# With nothing on them that somebody has written: each word is the page's own.
EMPTY = [
    "/?query=nothing",
    "/event?id=8999999",
    "/account",
    "/ticket",
    *(f"/{one}" for one in sorted(STAFF)),
]
NARROW = {**PHONE, "viewport": {"width": 320, "height": 568}}
KEY = re.compile(r"\b[a-z]+(?:\.[A-Za-z]+)+\b")
CYRILLIC = re.compile(r"\w*[а-яәғқңөұүһі]\w*", re.IGNORECASE)
# All that WCAG 2.2 asks at A and AA, and what axe advises beyond it; no rule is left out.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def booking_id(shop: Shop) -> int:
    """A paid booking of the third person's, to look at pages with."""
    return bought(shop, READ, 2, *shop.person(2))[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_speaks_one_language(
    shop: Shop, invite: Invite, booking_id: int, language: str
) -> None:
    """The chosen one, with no word missing, and nothing is wider than a small phone."""
    reader = invite(shop, **NARROW)
    reader.is_logged_in(*shop.person(2))
    reader.page.get_by_role("button", name=LANGUAGES[language]).click()
    for address in ("/", "/account", f"/event?id={READ}", f"/ticket?booking={booking_id}"):
        said(reader, address, language, awaited="main li")
    reader.page.evaluate("sessionStorage.clear()")
    for address in EMPTY:
        words = set(
            CYRILLIC.findall(said(reader, address, language, awaited="#site-footer button"))
        )
        assert language != "en" or {"Русский", "Қазақша"} == words, address


def said(reader: Visitor, address: str, language: str, *, awaited: str) -> str:
    """All that a screen reader is told there."""
    reader.open(address)
    expect(reader.page.locator(awaited).first).to_be_visible()
    expect(reader.page.locator("html")).to_have_attribute("lang", language)
    told = reader.page.locator("body").aria_snapshot()
    assert [] == KEY.findall(re.sub(r"/url: .*|\S+@\S+", "", told)), address
    wide = reader.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert [320, 320] == wide, address
    return told


def test_buyers_pages_are_accessible(shop: Shop, invite: Invite, booking_id: int) -> None:
    """Whatever they show: results and none, dialogs, the hall, a basket, bookings, tickets."""
    anna = invite(shop, reduced_motion="reduce")
    page = anna.page
    anna.open("/")
    expect(page.get_by_role("main").get_by_role("listitem").first).to_be_visible()
    accessible(anna, "search")
    anna.open("/?query=nothing")
    expect(page.get_by_text("Ничего не нашлось")).to_be_visible()
    accessible(anna, "nothing found")
    anna.open("/account")
    accessible(anna, "nobody's account")
    page.get_by_role("main").get_by_role("button", name="Войти").click()
    accessible(anna, "login")
    anna.log_in(*shop.person(2))
    page.get_by_text("Оплата и возврат").first.click()
    accessible(anna, "account")
    page.get_by_role("button", name="Вернуть билеты").first.click()
    accessible(anna, "question")
    anna.open(f"/ticket?booking={booking_id}")
    anna.has_tickets()
    accessible(anna, "tickets")


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_an_event_is_accessible(shop: Shop, invite: Invite, screen: dict[str, object]) -> None:
    """With a basket, and with a refusal on top of it."""
    anna = invite(shop, reduced_motion="reduce", **screen)
    anna.is_logged_in(*shop.person(3))
    anna.open_event(SEEN)
    anna.seat(1, 5).click()
    expect(anna.basket.get_by_role("button", name="Оплатить")).to_be_visible()
    accessible(anna, "basket")
    anna.page.get_by_role("button", name="Отменить бронь").click()
    expect(anna.basket).to_contain_text("Выберите места")
    accessible(anna, "event")


def test_staff_s_pages_are_accessible(shop: Shop, invite: Invite, booking_id: int) -> None:
    """Before the login, at the door with a ticket that is none, and over a sale."""
    for name in sorted(STAFF):
        member = invite(shop, reduced_motion="reduce")
        member.open(f"/{name}")
        expect(member.page.get_by_role("button", name="Войти").first).to_be_visible()
        accessible(member, f"{name}, closed")
    door = invite(shop, reduced_motion="reduce")
    door.open("/box-office")
    door.log_in(OPERATOR, demo.PASSWORD)
    door.page.get_by_label("Код билета").fill("0000")
    door.page.keyboard.press("Enter")
    expect(door.page.get_by_text("Недействителен")).to_be_visible()
    accessible(door, "no ticket")
    olga = invite(shop, reduced_motion="reduce")
    olga.open(f"/organiser?id={READ}")
    olga.page.get_by_role("button", name="Войти").first.click()
    olga.log_in(ORGANISER, demo.PASSWORD)
    expect(olga.page.get_by_text("Цифры обновляются сразу")).to_be_visible()
    expect(olga.page.locator("#sold")).to_have_text("2")
    accessible(olga, "sale")
    olga.open(f"/replay?id={READ}")
    olga.page.get_by_role("button", name="Собрать запись").click()
    olga.page.get_by_role("button", name="Смотреть").click()
    expect(olga.page.get_by_text("Продажа с самого начала")).to_be_visible()
    accessible(olga, "replay")


def accessible(visitor: Visitor, state: str) -> None:
    """Nothing that axe finds; what it finds in the dark can be colours alone."""
    axe = Axe()
    for scheme, wanted in (
        ("light", {"type": "tag", "values": TAGS}),
        ("dark", {"type": "rule", "values": ["color-contrast"]}),
    ):
        visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        options = {"runOnly": wanted, "resultTypes": ["violations"]}
        found = axe.run(visitor.page, options=options).response["violations"]
        assert [] == [(one["id"], [node["target"] for node in one["nodes"]]) for one in found], (
            f"{state}, {scheme}"
        )
