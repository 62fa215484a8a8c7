"""Pictures of the pages for the README, made anew: `python -m bench.screenshots`, a minute.

A stadium's sale has begun, somebody buys on a phone and looks at a desktop. The pictures go to
`docs/screenshots/`; each is far below 150 KB.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from playwright.sync_api import Browser

from api.demo import ORGANISER
from bench.opened import Shop, chromium, opened
from bench.visitor import PHONE, Visitor
from catalog import demo
from engine import seat_id_of

PICTURES = Path(__file__).parent.parent / "docs" / "screenshots"
STADIUM = 1
OTHERS = 120  # users who have bought or hold seats already
SEATS_EACH = 40
STADIUM_ROWS, STADIUM_COLUMNS = 100, 1_000


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    today = datetime.now(UTC).date()
    with (
        TemporaryDirectory(prefix="billetter-bench-") as directory,
        opened(
            Path(directory), "--provider-calls-per-second", "0",
            today=today, users=2 * OTHERS, events=2_000,
        ) as shop,
    ):  # fmt: skip
        begin_sale(shop)
        with chromium() as browser:
            buy_on_a_phone(browser, shop)
            look_at_bookings_in_the_dark(browser, shop)
            look_at_the_hall(browser, shop)
            follow_the_sale(browser, shop)


def begin_sale(shop: Shop) -> None:
    """Every second one of the others has paid, before anybody looks."""
    random = Random("sale")
    for number in range(1, OTHERS):
        with httpx.Client(base_url=shop.url, auth=shop.person(number), timeout=30) as client:
            booking_id = client.post("/api/bookings", json={"event_id": STADIUM}).json()["id"]
            row = min(STADIUM_ROWS, 1 + int(random.expovariate(1 / 15)))
            first = min(max(1, round(random.gauss(500, 160))), STADIUM_COLUMNS - SEATS_EACH)
            for place in range(SEATS_EACH):
                seat_id = seat_id_of(
                    event_id=STADIUM, row=min(row + place // 10, STADIUM_ROWS),
                    number=first + place % 10 + random.choice((0, 0, 0, 12)),
                )  # fmt: skip
                wanted = {"booking_id": booking_id, "seat_id": seat_id}
                client.patch("/api/seats/select", json=wanted)
            if number % 2:
                pay(client, booking_id)


def pay(client: httpx.Client, booking_id: int) -> None:
    body = {"booking_id": booking_id}
    page = client.patch("/api/bookings/initiatePayment", json=body).headers["location"]
    gateway, _, payment_id = page.partition("/api/v1/paymentform/render/")
    card = {"card": "4111111111111111", "mode": "server"}
    httpx.post(f"{gateway}/__emu/payments/{payment_id}/pay", json=card).raise_for_status()


def buy_on_a_phone(browser: Browser, shop: Shop) -> None:
    with visitor(browser, shop, **PHONE) as anna:
        page = anna.page
        anna.is_logged_in(*shop.person(0))
        anna.open_event(STADIUM)
        page.get_by_label("Сколько").select_option("2")
        page.locator("#together").get_by_label("Зона").select_option(index=1)
        page.get_by_role("button", name="Подобрать").tap()
        anna.basket.get_by_role("listitem").nth(1).wait_for()
        page.get_by_role("heading", name="Схема зала").evaluate("(it) => it.scrollIntoView()")
        page.get_by_role("alert").or_(anna.basket).first.wait_for()
        picture(anna, "phone-seats")
        anna.pay_at_the_gateway()
        anna.has_tickets()
        picture(anna, "phone-tickets")
        anna.open("/")
        with page.expect_response("**/api/events?query=*"):
            page.get_by_role("searchbox").fill("мюзикл")
        page.get_by_text(re.compile("^(Найдено|Показано)")).wait_for()
        picture(anna, "phone-search")


def look_at_bookings_in_the_dark(browser: Browser, shop: Shop) -> None:
    with visitor(browser, shop, **PHONE, color_scheme="dark") as anna:
        anna.is_logged_in(*shop.person(0))
        anna.page.get_by_role("button", name="Вернуть билеты").wait_for()
        picture(anna, "phone-account")


def look_at_the_hall(browser: Browser, shop: Shop) -> None:
    with visitor(browser, shop) as anna:
        anna.open_event(STADIUM)
        anna.page.get_by_role("heading", name="Зоны и цены").evaluate("(it) => it.scrollIntoView()")
        picture(anna, "desktop-hall")


def follow_the_sale(browser: Browser, shop: Shop) -> None:
    with visitor(browser, shop) as olga:
        olga.open(f"/organiser?id={STADIUM}")
        olga.page.get_by_role("button", name="Войти").first.click()
        olga.log_in(ORGANISER, demo.PASSWORD)
        olga.page.get_by_text("Цифры обновляются сразу").wait_for()
        picture(olga, "desktop-organiser")


def visitor(browser: Browser, shop: Shop, **context: Any) -> Visitor:
    return Visitor(browser, shop, reduced_motion="reduce", **context)


def picture(visitor: Visitor, name: str) -> None:
    path = PICTURES / f"{name}.png"
    visitor.page.screenshot(path=path, animations="disabled")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
