"""A real server sells, and the organiser's pages tell of it: live, and once more from the log."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from api.demo import ORGANISER, STAFF_FILE, initialise, make_staff
from catalog import demo
from tests.server.buyer import Buyer, Cashier
from tests.server.conftest import MERCHANT
from torture.servers.child import Server, child
from torture.servers.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.server]
OWN = 7


class Shop(NamedTuple):
    server: Server
    gateway: Server


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A server with a gateway, some events and an organiser."""
    directory = tmp_path_factory.mktemp("shop")
    data = directory / "data"
    files = demo.write(directory, today=date(2027, 1, 10), users=2, events=9, archive=1)
    initialise(data, files)
    make_staff(data)
    with ExitStack() as stack:
        gateway = stack.enter_context(started(["emulate", "gateway"], "/__emu/settings", directory))
        arguments = ["serve", "--data", data, "--staff-file", data / STAFF_FILE]
        arguments += ["--gateway-url", gateway.url, *MERCHANT]
        yield Shop(stack.enter_context(started(arguments, "/readyz", directory)), gateway)


def started(arguments: list[object], ready: str, directory: Path) -> AbstractContextManager[Server]:
    port = free_port()
    return child(
        [*map(str, arguments), "--port", str(port)],
        url=f"http://127.0.0.1:{port}",
        ready=ready,
        log=directory / "log",
    )


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(locale="ru-RU", timezone_id="Asia/Almaty") as context:
        yield context.new_page()


def test_an_organiser_follows_a_sale(shop: Shop, page: Page) -> None:
    """Seats are held, paid, and seen in every figure without a reload; the log tells it again."""
    page.goto(f"{shop.server.url}/organiser?id={OWN}")
    page.get_by_role("button", name="Войти").click()
    page.get_by_label("Имя сотрудника").fill(ORGANISER)
    page.get_by_label("Пароль").fill(demo.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Цифры обновляются сразу")).to_be_visible()
    expect(page.locator("#sold")).to_have_text("0")

    with Buyer(shop.server.url) as buyer, Cashier(shop.gateway.url) as cashier:
        booking_id, seats = buyer.hold(OWN, seats=2)
        expect(page.locator("#reserved")).to_have_text("2")
        price = float(buyer.seat(OWN, seats[0])["price"])
        cashier.pay(buyer.initiate_payment(booking_id).headers["location"])

    expect(page.locator("#sold")).to_have_text("2")
    expect(page.locator("#reserved")).to_have_text("0")
    revenue = re.sub(r"\D", "", page.locator("#revenue").inner_text())
    assert str(round(2 * price)) == revenue
    expect(page.get_by_text("За 1 час: продано мест – 2")).to_be_visible()

    page.get_by_role("link", name="Продажа в записи").click()
    page.get_by_role("button", name="Собрать запись").click()
    page.get_by_role("button", name="Смотреть").click()
    expect(page.get_by_text("Продажа с самого начала")).to_be_visible()
    expect(page.locator("#sold")).to_have_text("0")
    page.get_by_role("button", name="Конец").click()
    expect(page.locator("#sold")).to_have_text("2")
