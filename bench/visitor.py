"""What a person does in a browser, found by the names that eyes and screen readers find."""

import re
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    WebError,
    expect,
)

from bench.opened import Shop

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
GOOD_CARD = "4111 1111 1111 1111"
# A refused call is told on the page; Chromium tells it in the console, too.
_REFUSED_CALL = re.compile(r"^Failed to load resource: the server responded with a status of ")
SLOWEST_MS = 20_000
expect.set_options(timeout=SLOWEST_MS)


class Visitor:
    """One person's browser at a shop; `troubles` is all that no page may ever cause.

    Those are errors, breaches of the policy, files that aren't there, and requests to other hosts:
    but for the gateway's page, where a buyer goes to pay.
    """

    def __init__(self, browser: Browser, shop: Shop, **context: Any) -> None:
        self.shop = shop
        self.troubles: list[str] = []
        settings = {"locale": "ru-RU", "timezone_id": "Asia/Almaty", **DESKTOP, **context}
        self.context = browser.new_context(**settings)
        self.context.set_default_timeout(SLOWEST_MS)
        self.context.on("request", self._asks)
        self.context.on("response", self._answered)
        self.context.on("console", self._says)
        self.context.on("weberror", self._fails)
        self.page: Page = self.context.new_page()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def open(self, address: str) -> None:
        self.page.goto(self.shop.url + address)

    def open_event(self, event_id: int) -> None:
        """Until its hall is drawn and followed."""
        self.open(f"/event?id={event_id}")
        self.hall_is_there()

    def hall_is_there(self) -> None:
        expect(self.page.get_by_text("Приблизьте схему")).to_be_visible()

    def log_in(self, name: str, password: str) -> None:
        """In the dialog that has opened."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label(re.compile("^(Почта|Имя сотрудника)$")).fill(name)
        dialog.get_by_label("Пароль").fill(password)
        dialog.get_by_role("button", name="Войти").click()
        expect(dialog).to_have_count(0)

    def is_logged_in(self, name: str, password: str) -> None:
        """From now on, as if it had been done in this tab before."""
        self.open("/account")
        self.page.get_by_role("main").get_by_role("button", name="Войти").click()
        self.log_in(name, password)

    def seat(self, row: int, number: int) -> Locator:
        """One of the list; its row must be the one that is shown."""
        return self.page.get_by_role("button", name=re.compile(f"^Ряд {row}, место {number},"))

    @property
    def basket(self) -> Locator:
        return self.page.get_by_role("complementary", name="Ваша бронь")

    def pay_at_the_gateway(self, card: str = GOOD_CARD) -> None:
        """From the shop's button over the form of the gateway's own page back to the shop."""
        self.basket.get_by_role("button", name="Оплатить").click()
        self.page.wait_for_url(f"{self.shop.gateway_url}/**")
        self.page.get_by_label("Номер карты").fill(card)
        self.page.get_by_role("button", name="Оплатить").click()
        self.page.wait_for_url(f"{self.shop.url}/ticket?**")

    def has_tickets(self) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Билеты оплачены")
        ticket = self.page.get_by_role("img").first
        expect(ticket).to_be_visible()
        assert ticket.evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")

    def _asks(self, request: Request) -> None:
        host = urlsplit(request.url)
        origin = f"{host.scheme}://{host.netloc}"
        is_paying = request.is_navigation_request() and origin == self.shop.gateway_url
        # Chromium names where a redirect leads that a script doesn't follow, and asks nobody there.
        if request.redirected_from is not None:
            return
        if origin != self.shop.url and host.scheme != "data" and not is_paying:
            self.troubles.append(f"another host: {request.url}")

    def _answered(self, answer: Response) -> None:
        is_page = answer.request.is_navigation_request()
        if not is_page and not answer.url.startswith((self.shop.url, "data:")):
            self.troubles.append(f"another host answered: {answer.url}")
        if answer.status >= 400 and answer.request.resource_type not in ("fetch", "eventsource"):
            self.troubles.append(f"{answer.status}: {answer.url}")

    def _says(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and not _REFUSED_CALL.match(said.text):
            self.troubles.append(f"console: {said.text}")

    def _fails(self, error: WebError) -> None:
        self.troubles.append(f"error: {error.error}")
