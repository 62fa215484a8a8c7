"""After the choice: what became of an order, the tickets, the account, and the door."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.stage import BOOKING, Stage, problem

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
CANCEL = ("PATCH", "/api/bookings/cancel")
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


def test_a_paid_booking_is_returned_after_a_question(stage: Stage) -> None:
    """No leaves it as it is; yes returns it, and the rule is told before."""
    stage.held, stage.status = [70_010_005], "CONFIRMED"
    stage.log_in()
    stage.open("/account")
    page = stage.page
    expect(page.get_by_text("Вернуть билеты можно до 31 дек. 2027")).to_be_visible()
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
