"""Buyers at a real shop, from the search to the door: on a desktop, on a phone, in trouble."""

import re

import httpx
import pytest
import segno
from playwright.sync_api import expect

from api.demo import OPERATOR
from bench.opened import Shop
from bench.visitor import PHONE, Visitor
from catalog import demo
from tests.browser.conftest import Invite, bought
from tests.browser.stage import Withheld

pytestmark = [pytest.mark.browser, pytest.mark.server]
STADIUM, PHONED, RACED, RETURNED, BROKEN = 1, 7, 8, 9, 10
# What a scanner sees: the picture on white, a pixel a module.
SCANNED = """async (image) => {
  await image.decode();
  const side = SIDE;
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.drawImage(image, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  return Array.from({ length: side * side }, (_, at) => Number(data[4 * at] < 128));
}"""


def test_a_seat_of_a_stadium_from_the_search_to_the_ticket(shop: Shop, invite: Invite) -> None:
    """On a desktop: words, the event, a zone, a seat on the map, a login, the gateway, a ticket."""
    anna = invite(shop)
    page = anna.page
    anna.open("/")
    page.get_by_role("searchbox", name="Событие, артист или город").press_sequentially("Морейра")
    expect(page.get_by_role("status").filter(has_text="Найдено 1 событие")).to_be_visible()
    page.get_by_role("link", name=re.compile("Селеста Морейра")).click()
    anna.hall_is_there()

    seat = seat_in_the_middle_of(anna, "Фан-зона")
    anna.log_in(*shop.person(0))
    expect(anna.basket).to_contain_text(seat)
    expect(anna.basket).to_contain_text(re.compile(r"Осталось 1[45]:\d\d"))
    anna.pay_at_the_gateway()

    anna.has_tickets()
    expect(page.get_by_role("main")).to_contain_text(seat)
    expect(page.get_by_text("Оплачено: места ваши")).to_be_visible()


def seat_in_the_middle_of(visitor: Visitor, zone: str) -> str:
    """Click the one that is there when the zone is shown from near: «Ряд 5, место 501»."""
    page = visitor.page
    page.get_by_role("button", name=re.compile(f"^{zone}")).click()
    page.get_by_role("button", name="Ближе").click()
    hall = page.get_by_role("img", name=re.compile("^Схема зала"))
    hall.scroll_into_view_if_needed()
    box = hall.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown = page.get_by_text(re.compile(r"^Ряд \d+, место \d+, свободно,"))
    seat = ", ".join(shown.last.inner_text().split(", ")[:2])
    page.mouse.down()
    page.mouse.up()
    return seat


def test_seats_together_on_a_phone_and_two_doors(shop: Shop, invite: Invite) -> None:
    """A seat from the list, three beside each other, four tickets; of two doors one lets in."""
    anna = invite(shop, **PHONE)
    page = anna.page
    anna.open_event(PHONED)
    anna.seat(1, 5).tap()
    anna.log_in(*shop.person(0))
    expect(anna.seat(1, 5)).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Сколько").select_option("3")
    page.get_by_role("button", name="Подобрать").tap()
    expect(anna.basket.get_by_role("listitem")).to_have_count(4)
    anna.pay_at_the_gateway()
    anna.has_tickets()

    tickets = page.get_by_role("img", name=re.compile("^QR-код билета"))
    expect(tickets).to_have_count(4)
    codes = [one.get_attribute("alt").split()[-1] for one in tickets.all()]  # type: ignore[union-attr]
    for picture, code in zip(tickets.all(), codes, strict=True):
        whole = segno.make_qr(code, error="m", mask=3).matrix_iter(border=4)
        dark = [module for row in whole for module in row]
        side = str(round(len(dark) ** 0.5))
        assert dark == picture.evaluate(SCANNED.replace("SIDE", side))

    doors = [invite(shop) for _ in range(2)]
    for door in doors:
        door.open("/box-office")
        door.log_in(OPERATOR, demo.PASSWORD)
        door.page.get_by_label("Код билета").fill(codes[0])
        door.page.keyboard.press("Enter")
        expect(door.page.get_by_role("status")).to_contain_text("Действителен")
        expect(door.page.get_by_role("status")).to_contain_text("ряд 1, место 5")
    for door, words in zip(doors, ["Пропущен", "Уже"], strict=True):
        door.page.get_by_role("button", name="Пропустить").click()
        expect(door.page.get_by_role("status")).to_contain_text(words)
    refused = doors[1].page
    expect(refused.get_by_role("button", name="Пропустить")).to_be_hidden()
    refused.get_by_role("button", name="Следующий билет").click()
    refused.get_by_label("Код билета").fill(codes[0][:-1] + ("A" if codes[0][-1] != "A" else "B"))
    refused.keyboard.press("Enter")
    expect(refused.get_by_role("status")).to_contain_text("Недействителен")


def test_two_buyers_race_for_one_seat(shop: Shop, invite: Invite) -> None:
    """Both calls are under way before either is answered: one holds it, and both see the truth."""
    anna, boris = racers = invite(shop), invite(shop)
    calls = []
    for number, racer in enumerate(racers):
        racer.is_logged_in(*shop.person(number))
        racer.open_event(RACED)
        withheld = Withheld(racer.page, "**/api/seats/select")
        racer.seat(1, 7).click()
        calls.append(withheld.next())
    for call in calls:
        call.continue_()

    pressed = [held(one) for one in racers]
    assert [False, True] == sorted(pressed)
    winner, loser = (anna, boris) if pressed[0] else (boris, anna)
    expect(winner.seat(1, 7)).to_have_accessible_name(re.compile("ваше"))
    expect(winner.basket).to_contain_text("Ряд 1, место 7")
    expect(loser.seat(1, 7)).to_have_accessible_name(re.compile("забронировано"))
    expect(loser.page.get_by_role("alert")).to_contain_text("Это место только что заняли")
    expect(loser.basket).to_contain_text("Выберите места")


def held(racer: Visitor) -> bool:
    """Once the call is answered: whether the seat is this buyer's.

    Both see it taken as soon as the map is told, and that may be before the winner has the answer.
    """
    ours = racer.basket.get_by_text("Ряд 1, место 7").first
    expect(ours.or_(racer.page.get_by_role("alert")).first).to_be_visible()
    is_ours = ours.is_visible()
    expect(racer.seat(1, 7)).to_have_attribute("aria-pressed", "true" if is_ours else "false")
    return is_ours


def test_paid_seats_are_returned(shop: Shop, invite: Invite) -> None:
    """The rule, a question, then the money comes back, and others see the seats free."""
    _, seats = bought(shop, RETURNED, 2, *shop.person(1))
    watcher = invite(shop)
    watcher.open_event(RETURNED)
    first = watcher.seat(*divmod(seats[0] % 10_000_000, 10_000))
    expect(first).to_have_accessible_name(re.compile("продано"))

    boris = invite(shop)
    boris.is_logged_in(*shop.person(1))
    mine = boris.page.get_by_role("listitem").filter(
        has=boris.page.get_by_role("button", name="Вернуть билеты")
    )
    expect(mine).to_contain_text("Вернуть билеты можно до")
    mine.get_by_role("button", name="Вернуть билеты").click()
    question = boris.page.get_by_role("dialog")
    expect(question).to_contain_text("Вернуть билеты можно до")
    question.get_by_role("button", name="Да, вернуть").click()
    expect(mine).to_have_count(0)
    expect(first).to_have_accessible_name(re.compile("свободно"))
    boris.page.get_by_text("Оплата и возврат").first.click()
    expect(boris.page.get_by_text("Деньги возвращены").first).to_be_visible()


def test_seats_are_kept_while_the_gateway_is_down(shop: Shop, invite: Invite) -> None:
    """It is said so, the seats stay, and the same button leads to the gateway once it answers."""
    knobs = f"{shop.gateway_url}/__emu/settings"
    anna = invite(shop)
    anna.is_logged_in(*shop.person(0))
    anna.open_event(BROKEN)
    anna.seat(1, 3).click()
    expect(anna.basket).to_contain_text("Ряд 1, место 3")
    httpx.put(knobs, json={"refuse_for_s": 600}).raise_for_status()
    try:
        anna.basket.get_by_role("button", name="Оплатить").click()
        expect(anna.page.get_by_role("alert")).to_contain_text("Места остаются за вами")
        expect(anna.seat(1, 3)).to_have_attribute("aria-pressed", "true")
    finally:
        httpx.put(knobs, json={"refuse_for_s": 0}).raise_for_status()
    anna.pay_at_the_gateway()
    anna.has_tickets()
