"""Chromium; pages over a service that the test plays, and over a real shop."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from bench.opened import MISSING, Shop, chromium, chromium_path, opened
from bench.visitor import Visitor
from tests.browser.stage import Stage
from tests.server.buyer import Buyer, Cashier, eventually

Invite = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: as long as it is open, its loop runs, and no other test may run one."""
    if chromium_path() is None:
        pytest.skip(MISSING)
    with chromium() as browser:
        yield browser


@pytest.fixture
def stage(browser: Browser) -> Iterator[Stage]:
    yield from staged(browser)


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Stage]:
    """One page for all of a module that leave nothing behind."""
    yield from staged(browser)


def staged(browser: Browser) -> Iterator[Stage]:
    context = browser.new_context(locale="ru-RU", timezone_id="Asia/Almaty")
    context.set_default_timeout(10_000)
    stage = Stage(context.new_page())
    yield stage
    context.close()
    assert [] == stage.errors


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One real shop for all stories, each of which has events or buyers of its own."""
    if chromium_path() is None:
        pytest.skip(MISSING)
    with opened(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


def bought(shop: Shop, event_id: int, seats: int, *person: str) -> tuple[int, list[int]]:
    """A paid booking of a person's, without a browser: its id and its seats' ids."""
    with Buyer(shop.url, *person) as buyer, Cashier(shop.gateway_url) as cashier:
        booking_id, held = buyer.hold(event_id, seats)
        cashier.pay(buyer.initiate_payment(booking_id).headers["location"])
        eventually(lambda: buyer.seat(event_id, held[0])["status"], "SOLD")
    return booking_id, held


@pytest.fixture
def invite(browser: Browser) -> Iterator[Invite]:
    """Visitors with a browser each: no story may end with a trouble that one of them has had."""
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def arrive(shop: Shop, kind: type[Visitor] = Visitor, **context: Any) -> Visitor:
            visitors.append(someone := stack.enter_context(kind(browser, shop, **context)))
            return someone

        yield arrive
    assert [] == [trouble for one in visitors for trouble in one.troubles]
