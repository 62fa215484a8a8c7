"""The event's page: the hall kept true, seats taken and released, refusals in clear words."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.stage import BOOKING, COLUMNS, SOLD, WITHHELD, Stage, problem

pytestmark = pytest.mark.browser

SELECT = ("PATCH", "/api/seats/select")
STREAM = ("GET", "/x/events/7/stream")


def opened(stage: Stage) -> Page:
    """The page, logged in, with its hall there."""
    stage.log_in()
    stage.open("/event?id=7")
    expect(seat(stage.page, 3)).to_be_visible()
    return stage.page


def seat(page: Page, number: int, row: int = 1) -> Any:
    return page.get_by_role("button", name=re.compile(f"^Ряд {row}, место {number},"))


def told(page: Page, words: str) -> None:
    expect(page.get_by_role("alert")).to_contain_text(words)


def seconds_pass(page: Page, awaited: Locator) -> None:
    """Of a page whose clock is the test's: until this is seen, or half a minute is over."""
    for _ in range(30):
        if awaited.is_visible():
            return
        page.clock.run_for(1000)
    expect(awaited).to_be_visible()


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_an_event_is_told_with_its_zones(stage: Stage) -> None:
    """Title as text, whatever it holds; day, prices and what is free."""
    page = opened(stage)
    expect(page.get_by_role("heading", level=1)).to_have_text("Опера <b>Ночь</b>")
    expect(page).to_have_title("Опера <b>Ночь</b> – Billetter")
    expect(page.get_by_text("31 декабря 2027")).to_be_visible()
    parter = page.get_by_role("button", name=re.compile("^Партер"))
    expect(parter).to_contain_text("свободно 238 мест")
    assert page.evaluate("performance.getEntriesByName('hall-ready').length") == 1


def test_of_a_hall_some_zones_may_not_be_sold_here(stage: Stage) -> None:
    """The plan leaves them out: the others keep their prices, and every seat has its words."""
    stage.states[: 4 * COLUMNS] = [WITHHELD] * (4 * COLUMNS)
    balcony = stage.plan()["zones"][1]
    stage.next_time("GET", "/x/events/7/plan", {"json": {**stage.plan(), "zones": [balcony]}})
    stage.open("/event?id=7")
    page = stage.page
    expect(seat(page, 3, row=5)).to_have_accessible_name(re.compile("свободно, 1.500,50.₸"))
    hall = page.get_by_role("img", name=re.compile("^Схема зала"))
    hall.focus()
    for _ in range(2):  # the first one goes to the middle, row 4
        page.keyboard.press("ArrowUp")
    expect(page.get_by_role("status").last).to_have_text("Ряд 3, место 31, не продаётся здесь")


def test_an_unknown_event_is_said_to_be_none(stage: Stage) -> None:
    """With the way back to the search."""
    stage.next_time("GET", "/x/events/7", problem("event-not-found", 404))
    stage.open("/event?id=7")
    expect(stage.page.get_by_role("status")).to_contain_text("Такого события нет")
    expect(stage.page.get_by_role("link", name="К поиску событий")).to_be_visible()


def test_a_service_that_is_away_is_waited_for(stage: Stage) -> None:
    """The page says so, and goes on by itself: a toast would be gone, and the page empty."""
    stage.next_time("GET", "/x/events/7", problem("stopping", 503))
    stage.next_time("GET", "/x/events/7/plan", problem("stopping", 503))
    stage.open("/event?id=7")
    trouble = stage.page.get_by_text("Не получилось (stopping)")
    expect(trouble).to_be_visible()
    expect(seat(stage.page, 3)).to_be_visible()
    expect(trouble).to_be_hidden()


def test_a_seat_is_taken_from_the_list_after_a_login(stage: Stage) -> None:
    """Wrong words are told; then the seat is held, and the basket knows its price."""
    stage.open("/event?id=7")
    page = stage.page
    seat(page, 3).click()
    stage.next_time("GET", "/api/bookings", problem("unauthenticated", 401))
    page.get_by_label("Почта").fill("анна@билет.kz")
    page.get_by_label("Пароль").fill("p:a:ss")
    page.get_by_role("dialog").get_by_role("button", name="Войти").click()
    told(page, "Почта или пароль не подходят")
    page.get_by_role("dialog").get_by_role("button", name="Войти").click()
    expect(seat(page, 3)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("complementary")).to_contain_text("40 000 ₸")
    assert [{"booking_id": BOOKING, "seat_id": 70_010_003}] == [
        one.post_data_json for one in stage.calls(*SELECT)
    ]


def test_a_seat_is_taken_and_released_with_the_keyboard_on_the_map(stage: Stage) -> None:
    """Arrows go from seat to seat, Enter takes, Enter releases."""
    page = opened(stage)
    page.get_by_role("img", name=re.compile("^Схема зала")).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary")).to_contain_text("Ряд 4, место 32")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary")).not_to_contain_text("Ряд 4, место 32")
    assert [] == stage.held


def near(page: Page) -> tuple[float, float]:
    """Pixels of a free seat, seen from near."""
    hall = page.get_by_role("img", name=re.compile("^Схема зала"))
    for _ in range(5):
        page.get_by_role("button", name="Ближе").click()
    hall.scroll_into_view_if_needed()
    box = hall.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2 + 5, box["y"] + box["height"] / 2 + 5


def test_a_menu_takes_no_seat(stage: Stage) -> None:
    """Of the mouse's buttons only the first one does."""
    page = opened(stage)
    x, y = near(page)
    page.mouse.click(x, y, button="right")
    page.mouse.click(x + 44, y, button="middle")
    page.mouse.click(x + 88, y)
    expect(page.get_by_role("complementary")).to_contain_text("1 место")
    assert 1 == len(stage.calls(*SELECT))


def test_two_fingers_take_no_seat(stage: Stage) -> None:
    """Not even where neither of them moves."""
    page = opened(stage)
    x, y = near(page)
    fingers = page.context.new_cdp_session(page)
    for pressed in ([0], [0, 88], [88], [], [44], []):
        kind = "touchStart" if pressed in ([0], [0, 88], [44]) else "touchEnd"
        points = [{"x": x + right, "y": y, "id": right} for right in pressed]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(20)
    expect(page.get_by_role("complementary")).to_contain_text("1 место")
    assert 1 == len(stage.calls(*SELECT))


def test_what_others_take_is_seen_as_it_happens(stage: Stage) -> None:
    """By the stream where there is one."""
    change = '{"version": 2, "whole": false, "free": [0], "reserved": [2], "sold": [3]}'
    body = f"id: 2\ndata: {change}\n\n"
    stage.next_time(*STREAM, {"body": body, "content_type": "text/event-stream"})
    page = opened(stage)
    expect(seat(page, 1)).to_have_accessible_name("Ряд 1, место 1, свободно, 40 000 ₸")
    expect(seat(page, 3)).to_have_accessible_name(re.compile("забронировано"))
    expect(seat(page, 4)).to_have_accessible_name(re.compile("продано"))
    expect(page.get_by_role("button", name=re.compile("^Партер"))).to_contain_text("237")


def test_what_happens_while_the_map_is_fetched_is_not_lost(stage: Stage) -> None:
    """The map that comes is of before the change that has been told already."""
    told = [
        '{"version": 2, "whole": true, "free": [], "reserved": [], "sold": []}',
        '{"version": 3, "whole": false, "free": [], "reserved": [], "sold": [4]}',
    ]
    body = "".join(f"id: {at}\ndata: {one}\n\n" for at, one in enumerate(told, start=2))
    stage.next_time(*STREAM, {"body": body, "content_type": "text/event-stream"})
    page = opened(stage)
    maps = re.compile(r"/seatmap$")
    expect(seat(page, 5)).to_have_accessible_name(re.compile("продано"))
    assert 2 == len([one for one in stage.asked if maps.search(one.url)])


SILENT = """
  const fetched = window.fetch;
  let streams = 0;
  window.fetch = (path, request) => path.includes("/stream?") && streams++ === 0
    ? Promise.resolve(new Response(new ReadableStream({})))
    : fetched(path, request);
"""


def test_a_stream_that_has_fallen_silent_is_no_stream(stage: Stage) -> None:
    """As of a phone whose network has forgotten the connection: nobody says that it is gone."""
    page = stage.page
    page.add_init_script(SILENT)
    page.clock.install()
    opened(stage)
    expect(page.get_by_text("Приблизьте схему")).to_be_visible()
    stage.changes = {"version": 2, "whole": False, "sold": [4]}
    sold = page.get_by_role("button", name=re.compile("^Ряд 1, место 5, продано"))
    for _ in range(6):
        page.clock.run_for(10_000)
    expect(sold).to_be_visible()


def test_without_a_stream_the_map_is_asked_for(stage: Stage) -> None:
    """Every two seconds, from the version that is known."""
    stage.next_time(*STREAM, problem("too-many-watchers", 503))
    page = opened(stage)
    stage.changes = {"version": 2, "whole": False, "sold": [4]}
    expect(seat(page, 5)).to_have_accessible_name(re.compile("продано"))
    versions = [one.url.partition("since=")[2] for one in stage.calls("GET", "/x/events/7/seatmap")]
    assert ["", "1"] == versions[:2]


def test_the_first_map_is_asked_for_until_it_comes(stage: Stage) -> None:
    """A network that was down for a while leaves neither an empty hall nor an unknown basket."""
    stage.held, stage.expires_at = [70_010_005], soon(600)
    stage.log_in()
    page = stage.page
    page.clock.install()
    page.route("**/seatmap", lambda route: route.abort())
    stage.open("/event?id=7")
    seconds_pass(page, page.get_by_role("status").filter(has_text="Нет связи с сервером"))
    page.unroute("**/seatmap")
    seconds_pass(page, page.get_by_role("complementary").get_by_text("Ряд 1, место 5"))
    expect(seat(page, 3)).to_have_accessible_name(re.compile("свободно"))


def test_the_last_seats_come_and_go_without_a_word(stage: Stage) -> None:
    """That nothing is free is said of a hall in which that has been so for two seconds."""
    stage.states = [SOLD] * len(stage.states)
    page = stage.page
    page.clock.install()
    stage.log_in()
    stage.open("/event?id=7")
    expect(seat(page, 3)).to_be_visible()
    words = page.get_by_text("Свободных мест нет")
    page.clock.run_for(1500)
    expect(words).to_be_hidden()
    seconds_pass(page, words)


def test_a_seat_that_somebody_was_faster_to_take(stage: Stage) -> None:
    """Clear words, and the basket stays empty."""
    page = opened(stage)
    stage.next_time(*SELECT, problem("seat-taken", 419))
    seat(page, 3).click()
    told(page, "Это место только что заняли")
    expect(page.get_by_role("complementary")).to_contain_text("Выберите места")


def test_a_crowd_is_waited_for_with_one_key(stage: Stage) -> None:
    """A passing refusal did nothing: the same call is sent again, and it is the same call."""
    page = opened(stage)
    crowded = problem("event-crowded", 503, **{"retry-after": "0"})
    stage.next_time(*SELECT, crowded, crowded)
    seat(page, 3).click()
    expect(seat(page, 3)).to_have_attribute("aria-pressed", "true")
    keys = [one.headers["idempotency-key"] for one in stage.calls(*SELECT)]
    assert 3 == len(keys)
    assert 1 == len(set(keys))


def test_a_lost_answer_is_asked_for_with_the_same_key(stage: Stage) -> None:
    """The network failed, and nobody knows whether the seat is taken: the key makes it once."""
    page = opened(stage)
    lost = iter([True, False])
    page.route(
        "**/api/seats/select",
        lambda route: route.abort() if next(lost) else route.fallback(),
    )
    with page.expect_request("**/api/seats/select") as first:
        seat(page, 3).click()
    expect(seat(page, 3)).to_have_attribute("aria-pressed", "true")
    (second,) = stage.calls(*SELECT)
    assert first.value.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_the_best_seats_together_are_taken_at_once(stage: Stage) -> None:
    """How many, and in which zone."""
    page = opened(stage)
    seats = [{"id": 70_050_000 + n, "row": 5, "number": n} for n in (30, 31, 32)]
    stage.next_time("PATCH", "/x/seats/together", {"json": {"seats": seats}})
    stage.held = [one["id"] for one in seats]
    page.get_by_label("Сколько").select_option("3")
    page.locator("#together").get_by_label("Зона").select_option("Балкон")
    page.get_by_role("button", name="Подобрать").click()
    expect(page.get_by_role("complementary")).to_contain_text("4 501,50 ₸")
    (call,) = stage.calls("PATCH", "/x/seats/together")
    assert {"booking_id": BOOKING, "count": 3, "zone": "Балкон"} == call.post_data_json


def test_the_waiting_room_is_waited_in(stage: Stage) -> None:
    """The place is shown, and the seat is taken when it is the buyer's turn."""
    page = opened(stage)
    place = ("POST", "/x/events/7/waiting-room/place")
    stage.next_time("POST", "/api/bookings", problem("waiting-room", 503))
    waiting = {"state": "waiting", "position": 1234, "ahead": 1233, "estimate_seconds": 130}
    stage.next_time(*place, {"json": {**waiting, "place": "token"}})
    stage.next_time(*place, {"json": {"state": "admitted", "place": "token"}})
    seat(page, 3).click()
    room = page.get_by_role("dialog", name="Очередь на вход")
    expect(room).to_contain_text(re.compile(r"Ваше место в очереди: 1\s234"))
    expect(room).to_contain_text("Ждать примерно 3 минуты")
    expect(seat(page, 3)).to_have_attribute("aria-pressed", "true")
    assert [{}, {"place": "token"}] == [one.post_data_json for one in stage.calls(*place)]


def test_time_runs_out_and_is_said_to(stage: Stage) -> None:
    """The countdown is the server's; in the end it says what happened and what to do."""
    stage.held, stage.expires_at = [70_010_005], soon(3)
    page = opened(stage)
    expect(page.get_by_role("complementary")).to_contain_text("Осталось 0:0")
    stage.held, stage.status, stage.expires_at = [], "CANCELLED", ""
    told(page, "Время вышло")
    expect(page.get_by_role("complementary")).to_contain_text("Выберите места ещё раз")


def test_seats_that_were_paid_for_elsewhere_are_not_returned_unasked(stage: Stage) -> None:
    """Whoever cancels on a page that is old is shown what is true, and nothing is called."""
    page = paid_for_elsewhere(stage)
    page.get_by_role("button", name="Отменить бронь").click()
    told(page, "Эти места оплачены")
    expect(page.get_by_role("complementary")).to_contain_text("Эти места оплачены")
    expect(page.get_by_role("complementary")).not_to_contain_text("Ряд 1, место 5")
    assert [] == stage.calls("PATCH", "/api/bookings/cancel")


def test_a_booking_that_is_gone_holds_up_no_other(stage: Stage) -> None:
    """After a reset the next seat begins a new one."""
    stage.held, stage.expires_at = [70_010_005], soon(600)
    page = opened(stage)
    basket = page.get_by_role("complementary")
    expect(basket).to_contain_text("Ряд 1, место 5")
    stage.held = []
    stage.next_time(*SELECT, problem("booking-not-found", 404))
    stage.next_time("GET", f"/x/bookings/{BOOKING}", problem("booking-not-found", 404))
    seat(page, 3).click()
    expect(basket).not_to_contain_text("Ряд 1, место 5")
    seat(page, 3).click()
    expect(basket).to_contain_text("Ряд 1, место 3")
    assert 1 == len(stage.calls("POST", "/api/bookings"))


def test_a_refused_payment_shows_what_it_was_refused_for(stage: Stage) -> None:
    """The booking is read again: it isn't what the page has shown."""
    page = paid_for_elsewhere(stage)
    pay = ("PATCH", "/api/bookings/initiatePayment")
    stage.next_time(*pay, problem("booking-not-payable", 419))
    page.get_by_role("button", name="Оплатить").click()
    expect(page.get_by_role("complementary")).to_contain_text("Эти места оплачены")


@pytest.mark.parametrize(
    "coming",
    [
        "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
        "document.dispatchEvent(new Event('visibilitychange'))",
    ],
    ids=["by the Back button", "from another tab"],
)
def test_whoever_comes_back_sees_the_booking_as_it_is(stage: Stage, coming: str) -> None:
    """It may have been paid for meanwhile, and a page from the browser's cache hasn't heard."""
    page = paid_for_elsewhere(stage)
    page.evaluate(coming)
    expect(page.get_by_role("complementary")).to_contain_text("Эти места оплачены")


def paid_for_elsewhere(stage: Stage) -> Page:
    """A page that still shows seats as held."""
    stage.held, stage.expires_at = [70_010_005], soon(600)
    page = opened(stage)
    expect(page.get_by_role("complementary")).to_contain_text("Ряд 1, место 5")
    stage.status, stage.expires_at = "CONFIRMED", ""
    return page


def test_seats_that_were_paid_for_elsewhere_do_not_run_out(stage: Stage) -> None:
    """When their time is up the server is asked first: it may have sold them to this very buyer."""
    stage.held, stage.expires_at = [70_010_005], soon(3)
    basket = opened(stage).get_by_role("complementary")
    expect(basket).to_contain_text("Осталось 0:0")
    stage.status = "PAYMENT_INITIATED"
    expect(basket).to_contain_text("Эта бронь оплачивается")
    expect(basket).to_contain_text("Осталось 0:00")
    stage.status, stage.expires_at = "CONFIRMED", ""
    expect(basket).not_to_contain_text("Ряд 1, место 5")
    expect(basket).not_to_contain_text("Время вышло")
    expect(stage.page.get_by_role("alert").filter(has_text="Время вышло")).to_have_count(0)


def test_seats_held_by_an_older_booking_are_shown(stage: Stage) -> None:
    """Newer ones of the same event that are paid or over, as after two tabs, don't hide them."""
    stage.held, stage.expires_at = [70_010_005], soon(600)
    held = stage.booking()
    paid = {**held, "id": BOOKING + 1, "seats": [{"id": 70_010_006}], "status": "CONFIRMED"}
    over = {**held, "id": BOOKING + 2, "seats": [], "status": "CANCELLED"}
    for one in (paid, over):
        stage.next_time("GET", f"/x/bookings/{one['id']}", {"json": one})
    stage.next_time("GET", "/api/bookings", {"json": [held, paid, over, {**over, "event_id": 8}]})
    page = opened(stage)
    expect(page.get_by_role("complementary")).to_contain_text("Ряд 1, место 5")
    expect(seat(page, 5)).to_have_attribute("aria-pressed", "true")


def test_a_browser_that_remembers_nothing_sells_as_well(stage: Stage) -> None:
    """As one that forbids cookies: the page remembers, and is left to pay."""
    stage.page.add_init_script("""
      for (const name of ["sessionStorage", "localStorage"]) {
        const refuse = () => { throw new DOMException("denied", "SecurityError"); };
        Object.defineProperty(window, name, {get: refuse});
      }
    """)
    stage.open("/event?id=7")
    page = stage.page
    seat(page, 3).click()
    page.get_by_label("Почта").fill("anna@billetter.kz")
    page.get_by_label("Пароль").fill("word")
    page.get_by_role("dialog").get_by_role("button", name="Войти").click()
    expect(seat(page, 3)).to_have_attribute("aria-pressed", "true")
    stage.next_time("PATCH", "/api/bookings/initiatePayment", {"json": {}})
    stage.payments = [{"page": "http://billetter.test/blank?paying"}]
    page.get_by_role("button", name="Оплатить").click()
    page.wait_for_url("**/blank?paying")


def test_paying_leads_to_the_gateway_s_page(stage: Stage) -> None:
    """The redirect isn't shown to a script, so the booking is asked; a script's address is none."""
    stage.held, stage.expires_at = [70_010_005], soon(600)
    page = opened(stage)
    pay = ("PATCH", "/api/bookings/initiatePayment")
    away = {"status": 302, "headers": {"location": "http://billetter.test/blank?gateway"}}
    stage.next_time(*pay, problem("gateway-down", 503), away, away)
    page.get_by_role("button", name="Оплатить").click()
    told(page, "Места остаются за вами")
    stage.payments = [{"page": "javascript:alert(1)"}]
    page.get_by_role("button", name="Оплатить").click()
    expect(page.get_by_role("button", name="Оплатить")).to_be_enabled()
    stage.payments = [{"page": "http://billetter.test/blank?paying"}]
    page.get_by_role("button", name="Оплатить").click()
    page.wait_for_url("**/blank?paying")
    assert str(BOOKING) == page.evaluate("sessionStorage.getItem('paying')")
