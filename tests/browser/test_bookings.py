"""After the choice: what became of an order, the tickets, and the account."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.stage import BOOKING, Stage, Withheld, problem

pytestmark = pytest.mark.browser

QR = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7v7z"/></svg>'
TICKET = {
    "seat_id": 70_010_005,
    "row": 1,
    "number": 5,
    "zone": "Партер",
    "price": "40000.00",
    "code": "4XK2-9QWM",
    "qr": QR,
}
TICKETS = ("GET", f"/x/bookings/{BOOKING}/tickets")
AGAIN = """
  import("/web/base/session.js").then((m) => m.buyer.dispatchEvent(new Event("change")))
"""
CANCEL = ("PATCH", "/api/bookings/cancel")


def payment(order: int, *steps: str, **more: object) -> dict[str, Any]:
    timeline = [{"at": "2027-01-01T10:00:00.000Z", "what": one, "text": "?"} for one in steps]
    told = {"order_id": order, "amount": "40000.00", "status": "", "page": "", "parked": False}
    return {**told, "refund_pending": False, "timeline": timeline, **more}


def test_an_order_is_followed_until_its_tickets_are_there(stage: Stage) -> None:
    """Found by the order that the gateway's way back names; each step in words."""
    stage.held, stage.status = [70_010_005], "PAYMENT_INITIATED"
    stage.payments = [payment(17, "PaymentRegistered", "PaymentAuthorized")]
    stage.log_in()
    stage.open("/ticket?order=17")
    page = stage.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Проверяем оплату")
    expect(page.get_by_text("Деньги заблокированы на карте")).to_be_visible()
    stage.next_time(*TICKETS, {"json": [TICKET]})
    stage.status = "CONFIRMED"
    stage.payments = [payment(17, "PaymentAuthorized", "PaymentCaptured")]
    expect(page.get_by_role("heading", level=1)).to_have_text("Билеты оплачены")
    picture = page.get_by_role("img", name="QR-код билета 4XK2-9QWM")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")


def test_a_large_group_sees_all_its_tickets(stage: Stage) -> None:
    """A page of them has a hundred."""
    stage.held, stage.status = [*range(70_010_001, 70_010_122)], "CONFIRMED"
    tickets = [{**TICKET, "seat_id": one, "code": f"{one}"} for one in stage.held]
    stage.next_time(*TICKETS, {"json": tickets[:100]}, {"json": tickets[100:]})
    stage.log_in()
    stage.open(f"/ticket?booking={BOOKING}")
    expect(stage.page.get_by_role("img", name="QR-код билета")).to_have_count(121)


def test_a_payment_that_failed_says_what_to_do(stage: Stage) -> None:
    """The seats are free again, and the event is one step away."""
    stage.status, stage.payments = "CANCELLED", [payment(17, "PaymentRegistered", "PaymentFailed")]
    stage.log_in()
    stage.open(f"/ticket?booking={BOOKING}")
    expect(stage.page.get_by_role("heading", level=1)).to_have_text("Оплата не прошла")
    again = stage.page.get_by_role("link", name="Попробовать ещё раз")
    expect(again).to_have_attribute("href", "/event?id=7")


def test_who_has_not_paid_is_promised_no_money(stage: Stage) -> None:
    """A seat was let go on the way to the gateway: the other one is held, and can be paid for."""
    stage.held = [70_010_005]
    stage.payments = [payment(17, "PaymentRegistered", "SeatReleased", "PaymentReturned")]
    stage.log_in()
    stage.open(f"/ticket?booking={BOOKING}")
    expect(stage.page.get_by_role("heading", level=1)).to_have_text("Оплата не прошла")
    expect(stage.page.get_by_text("Оплата отменена; деньги не списаны")).to_be_visible()


def test_a_paid_booking_is_returned_after_a_question(stage: Stage) -> None:
    """No leaves it as it is; yes returns it, and the rule is told before."""
    stage.held, stage.status = [70_010_005], "CONFIRMED"
    stage.log_in()
    stage.open("/account")
    page = stage.page
    expect(page.get_by_text("Вернуть билеты можно до 31 дек. 2099")).to_be_visible()
    page.get_by_role("button", name="Вернуть билеты").click()
    page.get_by_role("button", name="Нет, оставить").click()
    assert [] == stage.calls(*CANCEL)
    stage.next_time(*CANCEL, problem("too-late", 419), {"json": {"message": ""}})
    for _ in range(2):
        page.get_by_role("button", name="Вернуть билеты").click()
        page.get_by_role("button", name="Да, вернуть").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("alert")).to_contain_text("уже нельзя вернуть")
    expect(page.get_by_role("status")).to_contain_text("Билеты возвращены")
    assert [{"booking_id": BOOKING}] * 2 == [one.post_data_json for one in stage.calls(*CANCEL)]


def test_what_was_paid_meanwhile_is_asked_about_as_paid(stage: Stage) -> None:
    """Whoever only means to give up a choice doesn't return tickets by that; nor what is gone."""
    stage.held = [70_010_005]
    stage.log_in()
    stage.open("/account")
    page = stage.page
    cancel = page.get_by_role("button", name="Отменить бронь")
    expect(cancel).to_be_visible()
    stage.status = "CONFIRMED"
    cancel.click()
    expect(page.get_by_role("dialog")).to_contain_text("Вернуть билеты можно до 31 дек. 2099")
    page.get_by_role("button", name="Нет, оставить").click()
    stage.status, stage.held = "CANCELLED", []
    page.get_by_role("button", name="Вернуть билеты").click()
    expect(page.get_by_role("listitem").filter(has_text="Опера")).to_contain_text("Отменена")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert [] == stage.calls(*CANCEL)


def test_a_return_under_way_is_followed(stage: Stage) -> None:
    """Until the money is back, without a reload; what was unfolded stays so."""
    stage.status = "CANCELLED"
    stage.payments = [payment(17, "PaymentCaptured", "BookingCancelled", refund_pending=True)]
    stage.log_in()
    stage.open("/account")
    stage.page.get_by_text("Оплата и возврат").click()
    expect(stage.page.get_by_text("Деньги возвращены")).to_have_count(0)
    steps = ("PaymentCaptured", "BookingCancelled", "PaymentReturned")
    stage.payments = [payment(17, *steps)]
    expect(stage.page.get_by_text("Деньги возвращены")).to_be_visible()


def test_nobody_s_account_asks_for_a_login(stage: Stage) -> None:
    """And shows nothing else."""
    stage.open("/account")
    expect(stage.page.get_by_role("button", name="Войти")).to_be_visible()
    assert [] == stage.calls("GET", "/api/bookings")


def test_an_order_is_followed_through_a_time_without_network(stage: Stage) -> None:
    """However often the page finds nobody there: it goes on asking, and says why."""
    stage.held, stage.status = [70_010_005], "PAYMENT_INITIATED"
    stage.payments = [payment(17, "PaymentRegistered", "PaymentAuthorized")]
    stage.log_in()
    page = stage.page
    page.clock.install()
    stage.open(f"/ticket?booking={BOOKING}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Проверяем оплату")
    page.route(f"**/x/bookings/{BOOKING}", lambda route: route.abort())
    for _ in range(5):
        with page.expect_event("requestfailed"):
            page.clock.run_for(5_000)
    expect(page.get_by_text("Нет связи с сервером")).to_be_visible()
    page.unroute(f"**/x/bookings/{BOOKING}")
    stage.next_time(*TICKETS, {"json": [TICKET]})
    stage.status = "CONFIRMED"
    page.clock.run_for(10_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Билеты оплачены")


def test_who_logs_out_leaves_no_ticket_behind(stage: Stage) -> None:
    """The next one at this screen must not come in with it."""
    stage.held, stage.status = [70_010_005], "CONFIRMED"
    stage.next_time(*TICKETS, {"json": [TICKET]})
    stage.open(f"/ticket?booking={BOOKING}")
    page = stage.page
    page.get_by_role("dialog").get_by_label("Почта").fill("anna")
    page.get_by_role("dialog").get_by_label("Пароль").fill("x")
    page.get_by_role("dialog").get_by_role("button", name="Войти").click()
    expect(page.get_by_role("img", name="QR-код билета")).to_be_visible()
    page.get_by_role("button", name="Выйти").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("img", name="QR-код билета")).to_have_count(0)


def test_a_list_that_is_read_again_meanwhile_is_shown_once(stage: Stage) -> None:
    """Whoever is asked for twice before the first answer is there stands in it once."""
    stage.held = [70_010_005]
    stage.log_in()
    page = stage.page
    slow = Withheld(page, f"**/x/bookings/{BOOKING}")
    stage.open("/account")
    first = slow.next()
    page.evaluate(AGAIN)
    for one in (first, slow.next()):
        one.fulfill(json=stage.booking())
    expect(page.get_by_role("listitem").filter(has_text="Опера")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("listitem").filter(has_text="Опера")).to_have_count(1)


def test_whoever_comes_back_from_paying_sees_it(stage: Stage) -> None:
    """A list from the browser's cache hasn't heard of what was paid."""
    stage.held = [70_010_005]
    stage.log_in()
    stage.open("/account")
    page = stage.page
    expect(page.get_by_role("button", name="Оплатить")).to_be_visible()
    stage.status = "CONFIRMED"
    back = "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    page.evaluate(back)
    expect(page.get_by_role("link", name="Билеты", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Оплатить")).to_have_count(0)


def test_tickets_that_were_returned_are_gone_for_whoever_comes_back(stage: Stage) -> None:
    """By the Back button, from the page on which they were."""
    stage.held, stage.status = [70_010_005], "CONFIRMED"
    stage.next_time(*TICKETS, {"json": [TICKET]})
    stage.log_in()
    stage.open(f"/ticket?booking={BOOKING}")
    page = stage.page
    expect(page.get_by_role("img", name="QR-код билета 4XK2-9QWM")).to_be_visible()
    stage.held, stage.status = [], "CANCELLED"
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_role("img", name="QR-код билета 4XK2-9QWM")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Билеты оплачены")


def test_bookings_that_could_not_be_read_are_asked_for_again(stage: Stage) -> None:
    """By the same button: none is passed over because its turn came in a bad moment."""
    ids = [BOOKING + number for number in range(30)]
    seats: list[dict[str, int]] = []
    listed = [{"id": one, "event_id": 7, "seats": seats} for one in ids]
    stage.next_time("GET", "/api/bookings", {"json": listed})
    for one in ids:
        told = {**stage.booking(), "id": one, "title": f"Опера {one}"}
        stage.next_time("GET", f"/x/bookings/{one}", {"json": told})
    stage.log_in()
    stage.open("/account")
    page = stage.page
    more = page.get_by_role("button", name="Показать более ранние")
    cards = page.get_by_role("heading", level=2, name="Опера")
    expect(more).to_be_visible()
    shown = cards.count()
    stage.answers["GET", f"/x/bookings/{ids[-1 - shown]}"].insert(0, problem("internal", 500))
    more.click()
    expect(page.get_by_role("alert")).to_contain_text("ошибка")
    for one in ids[-1 - shown : -1 - 2 * shown : -1]:
        told = {**stage.booking(), "id": one, "title": f"Опера {one}"}
        stage.answers["GET", f"/x/bookings/{one}"] = [{"json": told}]
    more.click()
    expect(cards).to_have_count(2 * shown)
    expect(page.get_by_text(f"Опера {ids[-1 - shown]}", exact=True)).to_be_visible()


def test_a_ticket_that_let_somebody_in_is_not_offered_for_return(stage: Stage) -> None:
    """The service says until when by saying nothing."""
    stage.held, stage.status, stage.returnable_until = [70_010_005], "CONFIRMED", ""
    stage.log_in()
    stage.open("/account")
    expect(stage.page.get_by_role("link", name="Билеты", exact=True)).to_be_visible()
    expect(stage.page.get_by_role("button", name="Вернуть билеты")).to_have_count(0)


def test_an_event_that_is_gone_leaves_the_booking_a_name(stage: Stage) -> None:
    """Its number, where the title is empty."""
    stage.held, stage.title = [70_010_005], ""
    stage.log_in()
    stage.open("/account")
    expect(stage.page.get_by_role("heading", level=2)).to_contain_text(str(BOOKING))
