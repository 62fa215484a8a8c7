"""A hold that runs out at a real shop, as its buyer and as somebody else sees it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from bench.opened import Shop, opened
from tests.browser.conftest import Invite

pytestmark = [pytest.mark.browser, pytest.mark.server]
HALL = 16


@pytest.fixture
def hasty_shop(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Holds seats for five seconds."""
    with opened(tmp_path_factory.mktemp("shop"), "--hold-seconds", "5") as shop:
        yield shop


def test_a_hold_runs_out(hasty_shop: Shop, invite: Invite) -> None:
    """Its buyer is told; the other's hall shows the seat free again, and nobody has reloaded."""
    anna, boris = invite(hasty_shop), invite(hasty_shop)
    anna.is_logged_in(*hasty_shop.person(0))
    for one in (boris, anna):
        one.open_event(HALL)
        one.page.evaluate("window.isTheSamePage = true")
    anna.seat(1, 3).click()
    expect(anna.basket).to_contain_text(re.compile(r"Осталось 0:0\d"))
    expect(boris.seat(1, 3)).to_have_accessible_name(re.compile("забронировано"))
    expect(anna.page.get_by_role("alert")).to_contain_text("Время вышло, и места снова свободны")
    expect(anna.basket).to_contain_text("Выберите места ещё раз")
    for one in (anna, boris):
        expect(one.seat(1, 3)).to_have_accessible_name(re.compile("свободно"))
        assert one.page.evaluate("window.isTheSamePage")
    boris.seat(1, 3).click()
    boris.log_in(*hasty_shop.person(1))
    expect(boris.seat(1, 3)).to_have_attribute("aria-pressed", "true")


def test_the_end_of_a_hold_is_announced(shop: Shop, invite: Invite) -> None:
    """Two minutes and half a minute before, politely: by a clock that the test moves on."""
    anna = invite(shop)
    anna.page.clock.install()
    anna.is_logged_in(*shop.person(5))
    anna.open_event(HALL)
    anna.seat(1, 5).click()
    expect(anna.basket).to_contain_text(re.compile(r"Осталось 1[45]:\d\d"))
    spoken = anna.page.get_by_role("status")
    anna.page.clock.fast_forward("13:30")
    expect(spoken.filter(has_text="Осталось две минуты")).to_be_attached()
    anna.page.clock.fast_forward("01:10")
    expect(spoken.filter(has_text="Осталось 30 секунд")).to_be_attached()
    expect(anna.seat(1, 5)).to_have_attribute("aria-pressed", "true")
