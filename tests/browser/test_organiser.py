"""The organiser's page: who may see it, figures as they change, files, the waiting room."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Stage, Withheld, problem

pytestmark = pytest.mark.browser

FIGURES = ("GET", "/x/analytics")
STREAM = ("GET", "/x/events/7/dashboard")
COURSE = ("GET", "/x/events/7/sales")
ROOM = "/x/events/7/waiting-room"
STAFF = {"json": {"name": "olga", "role": "organiser"}}


def figures(sold: int, *, reserved: int = 0) -> dict[str, Any]:
    """The stalls have 240 seats at 40,000; the balcony, of which nothing is sold, 120."""
    free = 240 - sold - reserved
    zones = [
        ("Партер", "40000.00", 240, sold, reserved, free, sold * 40_000),
        ("Балкон", "1500.50", 120, 0, 0, 120, 0),
    ]
    names = ("name", "price", "total_seats", "sold_seats", "reserved_seats", "free_seats")
    return {
        "event_id": 7,
        "total_seats": 360,
        "sold_seats": sold,
        "reserved_seats": reserved,
        "free_seats": free + 120,
        "total_revenue": f"{sold * 40_000}.00",
        "bookings_count": sold,
        "zones": [
            {**dict(zip(names, zone, strict=False)), "revenue": f"{zone[-1]}.00"} for zone in zones
        ],
    }


def streamed(*told: dict[str, Any]) -> dict[str, Any]:
    body = "".join(f": here\n\ndata: {json.dumps(one)}\n\n" for one in told)
    return {"body": body, "content_type": "text/event-stream"}


def opened(stage: Stage, *first: dict[str, Any]) -> Page:
    """The page of event 7, logged in; the figures are answered as told, then stay at 3 sold."""
    stage.log_in("staff")
    stage.next_time("GET", "/x/staff", STAFF)
    stage.next_time(*FIGURES, *first, *[{"json": figures(3)}] * 20)
    stage.open("/organiser?id=7")
    return stage.page


def line(page: Page, zone: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=zone))


def test_only_staff_come_in(stage: Stage) -> None:
    """A wrong password is told; then events are found by words, each a link to its sale."""
    stage.next_time("GET", "/x/staff", problem("unauthenticated", 401), STAFF, STAFF)
    found = [{"id": 7, "title": "Опера"}]
    stage.next_time("GET", "/api/events", {"json": []}, {"json": found})
    stage.open("/organiser")
    page = stage.page
    assert [] == stage.calls("GET", "/api/events")
    page.get_by_role("button", name="Войти").click()
    page.get_by_label("Имя сотрудника").fill("olga")
    page.get_by_label("Пароль").fill("no")
    submit = page.get_by_role("dialog").get_by_role("button", name="Войти")
    submit.click()
    expect(page.get_by_role("alert")).to_contain_text("не подходят")
    submit.click()
    expect(page.get_by_text("Вы вошли как olga, организатор.")).to_be_visible()
    page.get_by_role("searchbox").fill("опера")
    link = page.get_by_role("link", name="Опера")
    expect(link).to_have_attribute("href", "/organiser?id=7")


def test_figures_follow_the_sale(stage: Stage) -> None:
    """As a whole and by zone, from the first look and then from the stream."""
    stage.next_time(*STREAM, streamed(figures(36, reserved=4)))
    page = opened(stage)
    expect(page.locator("#sold")).to_have_text("36")
    expect(page.locator("#share")).to_have_text("10 % из 360")
    expect(page.locator("#revenue")).to_have_text(re.compile(r"1.440.000.₸"))
    expect(page.locator("#reserved")).to_have_text("4")
    expect(page.locator("#free")).to_have_text("320")
    expect(line(page, "Партер").get_by_role("cell")).to_have_text(
        ["36", "4", "200", re.compile(r"1.440.000.₸")]
    )
    expect(line(page, "Балкон").get_by_role("cell")).to_have_text(
        ["0", "0", "120", re.compile("0.₸")]
    )
    assert "Basic eDp5" == stage.calls(*STREAM)[0].headers["authorization"]


def test_without_a_stream_the_page_asks_again(stage: Stage) -> None:
    """It says how often, and goes on."""
    page = opened(stage, {"json": figures(1)})
    expect(page.get_by_text("раз в две секунды")).to_be_visible()
    expect(page.locator("#sold")).to_have_text("3")


def test_a_lost_connection_is_said_until_it_is_back(stage: Stage) -> None:
    """With the time since when; the figures stay."""
    page = opened(stage, {"json": figures(1)}, *[problem("internal", 500)] * 2)
    expect(page.get_by_text("Нет связи с")).to_be_visible()
    expect(page.locator("#sold")).to_have_text("1")
    expect(page.get_by_text("раз в две секунды")).to_be_visible()
    expect(page.locator("#sold")).to_have_text("3")


def test_the_course_of_a_sale_is_told_in_words_and_rows(stage: Stage) -> None:
    """What the service remembers and what has come since."""
    points = [
        {"at": "2026-11-24T04:00:00Z", "sold": 0, "reserved": 0, "free": 360, "revenue": "0.00"}
    ]
    told = {"event_id": 7, "step_seconds": 60, "points": points}
    stage.next_time(*COURSE, *[{"json": told}] * 9)
    page = opened(stage)
    summary = page.get_by_text("За 1 час: продано мест – 3, выручка")
    expect(summary).to_be_visible()
    expect(page.get_by_role("img", name="Выручка. За 1 час")).to_be_visible()
    page.get_by_text("То же таблицей").click()
    rows = page.locator("#course-rows tr")
    expect(rows.first.get_by_role("cell")).to_have_text(["3", "3", re.compile("120.000.₸")])
    assert "minutes=60" in stage.calls(*COURSE)[0].url
    page.get_by_label("За последние").select_option("15")
    expect(page.get_by_text("За 15 минут: продано мест – 3")).to_be_visible()
    assert "minutes=15" in stage.calls(*COURSE)[-1].url


def course(*ago: int) -> dict[str, Any]:
    """What the service remembers: as many seats more were sold so many minutes ago, each time."""
    now = datetime.now(UTC)
    points = [
        {
            "at": (now - timedelta(minutes=minutes)).isoformat(),
            "sold": sold,
            "reserved": 0,
            "free": 360 - sold,
            "revenue": f"{sold * 40_000}.00",
        }
        for sold, minutes in enumerate(ago)
    ]
    return {"json": {"event_id": 7, "step_seconds": 60, "points": points}}


def test_what_was_sold_while_the_stream_was_cut_has_its_minute(stage: Stage) -> None:
    """The service is asked for it as soon as it is there again."""
    stage.next_time(*STREAM, streamed(figures(3)))
    stage.next_time(*COURSE, course(3), *[course(80, 3)] * 9)
    page = opened(stage)
    expect(page.get_by_text("Данные есть с")).to_be_visible()
    expect(page.get_by_text("Данные есть с")).to_have_count(0)
    expect(page.get_by_text("За 1 час: продано мест – 3")).to_be_visible()


def test_a_slow_answer_about_another_span_changes_nothing(stage: Stage) -> None:
    """Only what was asked for last is shown."""
    loads = Withheld(stage.page, "**/x/events/7/sales?*")
    page = opened(stage)
    slow = loads.next()
    page.get_by_label("За последние").select_option("1440")
    loads.next().fulfill(**course(1500, 1200, 2))
    summary = page.get_by_text("За 24 часа: продано мест – 3")
    expect(summary).to_be_visible()
    loads.answer_late(slow, course(2))
    expect(page.get_by_text("Данные есть с")).to_have_count(0)


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_bookings_are_saved_as_a_file(stage: Stage, kind: str) -> None:
    """Under the service's name for it; the password is in a header and in no address."""
    name = f"event-7-bookings.{kind}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    stage.next_time("GET", "/x/events/7/export", {"body": "a,b", "headers": headers})
    page = opened(stage)
    with page.expect_download() as saving:
        page.get_by_role("button", name=kind.upper()).click()
    assert name == saving.value.suggested_filename
    assert "a,b" == Path(saving.value.path()).read_text(encoding="utf-8")
    (asked,) = stage.calls("GET", "/x/events/7/export")
    assert "Basic eDp5" == asked.headers["authorization"]
    assert f"http://billetter.test/x/events/7/export?format={kind}" == asked.url


def test_the_waiting_room_is_opened_and_closed(stage: Stage) -> None:
    """With a rate; a change begins with what is set."""
    closed = {"state": "closed", "opens_at": "", "waiting": 0, "per_minute": 0, "pass_minutes": 0}
    room = {**closed, "state": "open", "waiting": 42, "per_minute": 900, "pass_minutes": 5}
    stage.next_time("GET", ROOM, {"json": closed})
    stage.next_time("POST", ROOM, {"json": room})
    stage.next_time("POST", f"{ROOM}/close", {"json": closed})
    page = opened(stage)
    expect(page.get_by_text("пускают всех сразу")).to_be_visible()
    page.get_by_label("Впускать в минуту").fill("900")
    page.get_by_label("Пропуск действует").fill("5")
    page.get_by_role("button", name="Открыть очередь").click()
    expect(page.get_by_text("ждут 42 человека, впускаем по 900")).to_be_visible()
    sent = stage.calls("POST", ROOM)[0].post_data_json
    assert {"opens_at": "", "per_minute": 900, "pass_minutes": 5} == sent
    page.get_by_role("button", name="Закрыть очередь").click()
    expect(page.get_by_text("пускают всех сразу")).to_be_visible()


def test_a_set_waiting_room_fills_its_form(stage: Stage) -> None:
    """Else a change of the rate would change when it opens."""
    room = {"state": "before", "opens_at": "2027-01-01T05:00:00.000Z", "waiting": 1}
    stage.next_time("GET", ROOM, {"json": {**room, "per_minute": 70, "pass_minutes": 9}})
    page = opened(stage)
    expect(page.get_by_label("Когда начать")).to_have_value("2027-01-01T10:00")
    expect(page.get_by_label("Впускать в минуту")).to_have_value("70")
    expect(page.get_by_label("Пропуск действует")).to_have_value("9")


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        (None, "2027-01-01T05:00:30.000Z"),
        ("", ""),
        ("2027-01-01T11:00", "2027-01-01T06:00:00.000Z"),
    ],
    ids=["left", "now", "an hour later"],
)
def test_a_time_that_is_left_is_sent_as_it_was_set(
    stage: Stage, typed: str | None, sent: str
) -> None:
    """The form has no seconds: a change of the rate would move it, or be refused after the draw."""
    room = {"state": "before", "opens_at": "2027-01-01T05:00:30.000Z", "waiting": 1}
    whole = {"json": {**room, "per_minute": 70, "pass_minutes": 9}}
    stage.next_time("GET", ROOM, *[whole] * 9)
    stage.next_time("POST", ROOM, whole)
    page = opened(stage)
    expect(page.get_by_label("Когда начать")).to_have_value("2027-01-01T10:00")
    if typed is not None:
        page.get_by_label("Когда начать").fill(typed)
    with page.expect_response(f"**{ROOM}") as changed:
        page.get_by_role("button", name="Изменить").click()
    body: dict[str, Any] = changed.value.request.post_data_json or {}
    assert sent == body["opens_at"]


def test_an_order_outlasts_what_was_asked_before_it(stage: Stage) -> None:
    """A slow look at the waiting room doesn't show it as it was."""
    closed = {"state": "closed", "opens_at": "", "waiting": 0, "per_minute": 0, "pass_minutes": 0}
    room = {**closed, "state": "open", "waiting": 42, "per_minute": 900, "pass_minutes": 5}
    calls = Withheld(stage.page, f"**{ROOM}")
    page = opened(stage)
    calls.next().fulfill(json=closed)
    expect(page.get_by_text("пускают всех сразу")).to_be_visible()
    slow = calls.next()
    page.get_by_role("button", name="Открыть очередь").click()
    calls.next().fulfill(json=room)
    expect(page.get_by_text("ждут 42 человека")).to_be_visible()
    calls.answer_late(slow, {"json": closed})
    expect(page.get_by_text("ждут 42 человека")).to_be_visible()


def test_a_service_that_is_away_is_waited_for(stage: Stage) -> None:
    """Its hall and its waiting room are there as soon as it is."""
    closed = {"state": "closed", "opens_at": "", "waiting": 0, "per_minute": 0, "pass_minutes": 0}
    stage.next_time("GET", "/x/events/7/plan", problem("stopping", 503))
    stage.next_time("GET", ROOM, problem("stopping", 503), *[{"json": closed}] * 9)
    page = opened(stage)
    expect(page.locator("#map")).to_be_visible()
    expect(page.get_by_text("пускают всех сразу")).to_be_visible()


@pytest.mark.parametrize("page", ["organiser", "replay"])
def test_a_page_of_an_event_waits_for_its_service(stage: Stage, page: str) -> None:
    """It says what it waits for, and doesn't offer to choose another event."""
    stage.log_in("staff")
    stage.next_time("GET", "/x/staff", STAFF)
    stage.next_time("GET", "/x/events/7", *[problem("stopping", 503)] * 2)
    stage.next_time(*FIGURES, *[{"json": figures(3)}] * 20)
    stage.open(f"/{page}?id=7")
    expect(stage.page.get_by_role("alert")).to_be_visible()
    expect(stage.page.get_by_role("heading", level=1)).to_have_text("Опера <b>Ночь</b>")
    expect(stage.page.get_by_role("searchbox")).to_have_count(0)


def test_what_the_service_has_not_is_not_shown(stage: Stage) -> None:
    """No card of a waiting room where there is none; the hall is there."""
    page = opened(stage)
    expect(page.locator("#map")).to_be_visible()
    expect(page.get_by_role("heading", name="Очередь на вход")).to_have_count(0)


def test_a_sale_that_is_none_leads_to_the_others(stage: Stage) -> None:
    """It is said why."""
    stage.next_time("GET", "/x/events/7", problem("event-not-found", 404))
    page = opened(stage)
    expect(page.get_by_role("alert")).to_contain_text("не продаются")
    expect(page.get_by_role("searchbox")).to_be_visible()


def test_a_sale_that_is_refused_is_not_asked_for_again(stage: Stage) -> None:
    """Whoever looks away and back still has one search, which asks once."""
    stage.log_in("staff")
    stage.next_time("GET", "/x/staff", STAFF)
    stage.next_time(*FIGURES, *[problem("staff-only", 403)] * 9)
    stage.open("/organiser?id=7")
    page = stage.page
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_load_state("networkidle")
    assert 1 == len(stage.calls(*FIGURES))


def test_a_login_that_holds_no_more_is_asked_for_again(stage: Stage) -> None:
    """And nothing of the sale stays on the page."""
    stage.next_time("GET", "/x/staff", STAFF)
    stage.next_time(*FIGURES, problem("unauthenticated", 401))
    stage.open("/organiser?id=7")
    stage.page.evaluate("sessionStorage.setItem('staff-authorization', 'Basic eDp5')")
    stage.page.reload()
    expect(stage.page.get_by_role("button", name="Войти")).to_be_visible()
    expect(stage.page.locator("#sale")).to_be_hidden()
    assert None is stage.page.evaluate("sessionStorage.getItem('staff-authorization')")
