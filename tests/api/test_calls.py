"""Every call of the contract with every status it may answer."""

from typing import Any

import orjson
import pytest

from engine import Sale
from sagas import (
    GatewayUnavailable,
    NoGateway,
    PaymentEnded,
    PaymentRefusedByGateway,
    PlacesUnknown,
)
from tests.api.rooms import ANN, BOB, CHARITY, CONCERT, NOW_MS, OPERA, PAST, SOON, Rooms, seat

SELECT, RELEASE = "/api/seats/select", "/api/seats/release"
PAY, CANCEL = "/api/bookings/initiatePayment", "/api/bookings/cancel"
NOT_SELECTED = "Не удалось добавить место в бронь"
NOT_RELEASED = "Не удалось освободить место"


def test_events_are_a_bare_array_of_ids_and_titles(rooms: Rooms) -> None:
    """The default page holds twenty; nothing but id and title is told."""
    answer = rooms.call("GET", "/api/events")
    expected = [{"id": n, "title": f"Концерт {n}"} for n in range(1, 21)]
    assert (200, expected) == (answer.status, answer.json)


def test_events_hand_query_and_date_to_the_catalog(rooms: Rooms) -> None:
    """Any characters of a query are safe, and signs between words are left out; a plus is one."""
    rooms.call("GET", "/api/events?query=%D0%B0%D0%B7+100%25%26&date=2027-12-31&page=2&pageSize=5")
    rooms.call("GET", "/api/events?query=100%")
    rooms.call("GET", "/api/events?query=a+b")
    asked = [(query, str(day), page, size) for query, day, page, size in rooms.catalog.asked]
    assert [
        ("аз 100", "2027-12-31", 2, 5),
        ("100", "None", 1, 20),
        ("a b", "None", 1, 20),
    ] == asked


def test_the_same_page_of_events_is_searched_once(rooms: Rooms) -> None:
    """The catalog never changes, so an answer is kept, and it is the same answer."""
    first = rooms.call("GET", "/api/events?page=3")
    again = rooms.call("GET", "/api/events?page=3&pageSize=20")
    assert (1, first.body) == (len(rooms.catalog.asked), again.body)


def test_spellings_of_one_query_are_searched_once(rooms: Rooms) -> None:
    """Capitals, ё, spaces and signs don't make another query; quotes and another day do."""
    for query in ("Ёлка, мир!", "елка  МИР", "елка+мир", '"елка мир"', "елка мир&date=2027-01-01"):
        rooms.call("GET", f"/api/events?query={query.replace(' ', '%20')}".replace("+", "%2B"))
    asked = [(query, str(day)) for query, day, _, _ in rooms.catalog.asked]
    assert [("елка мир", "None"), ('"елка мир"', "None"), ("елка мир", "2027-01-01")] == asked


def test_a_sale_leaves_the_kept_pages_alone(rooms: Rooms) -> None:
    """Titles don't change with what is sold, so nothing is searched again."""
    before = rooms.call("GET", "/api/events")
    rooms.pay(rooms.book(ANN, seat(1)))
    assert before.body == rooms.call("GET", "/api/events").body
    assert 1 == len(rooms.catalog.asked)


def test_one_event_is_shown_with_what_each_zone_has_left(rooms: Rooms) -> None:
    """Taken seats of either kind aren't left; the price is that of the zone."""
    rooms.book(ANN, seat(1))
    rooms.pay(rooms.book(BOB, seat(2), seat(3)), BOB)
    zone = {"name": "Партер", "price": "15000.50", "total_seats": 30, "free_seats": 27}
    expected = {
        "id": CONCERT,
        "title": "Концерт 1",
        "description": "Без антракта.",
        "type": "concert",
        "date": "2027-12-31",
        "datetime_start": "2027-12-31T19:30:00",
        "provider": "Сахна",
        "active": True,
        "zones": [zone],
    }
    assert expected == rooms.call("GET", f"/x/events/{CONCERT}").json


def test_a_past_event_is_shown_without_zones(rooms: Rooms) -> None:
    """It isn't sold, but found; whatever else is asked in the query string means nothing."""
    shown = rooms.call("GET", f"/x/events/{PAST}?id=1").json
    assert (PAST, False, []) == (shown["id"], shown["active"], shown["zones"])


@pytest.mark.parametrize(
    ("event_id", "status"),
    [("999", 404), ("0", 404), ("-1", 404), (str(2**63 - 1), 404), (str(2**63), 400), ("x", 400)],
)
def test_an_event_that_is_not_there(rooms: Rooms, event_id: str, status: int) -> None:
    """404 for a number of no event, 400 for what is no int64."""
    assert status == rooms.call("GET", f"/x/events/{event_id}").status


def test_a_page_past_the_end_is_empty(rooms: Rooms) -> None:
    """However far past: the largest int64 is a page, too."""
    far = 2**63 - 1
    for target in ("events?", "seats?event_id=1&", "seats?event_id=1&status=FREE&row=1&"):
        answer = rooms.call("GET", f"/api/{target}page={far}")
        assert (200, []) == (answer.status, answer.json)


def test_a_booking_is_created_with_201(rooms: Rooms) -> None:
    """The body holds the new id and nothing else."""
    answer = rooms.call("POST", "/api/bookings", user=ANN, json={"event_id": CONCERT})
    assert (201, b'{"id":1000000001}') == (answer.status, answer.body)


def test_bookings_are_listed_newest_last_with_their_seats(rooms: Rooms) -> None:
    """A cancelled booking stays in the list without seats; those of others aren't in it."""
    first, second = rooms.book(ANN, seat(1), seat(2)), rooms.book(ANN, seat(3))
    rooms.book(BOB, seat(4))
    rooms.call("PATCH", CANCEL, user=ANN, json={"booking_id": second})
    expected = [
        {"id": first, "event_id": CONCERT, "seats": [{"id": seat(1)}, {"id": seat(2)}]},
        {"id": second, "event_id": CONCERT, "seats": []},
    ]
    assert expected == rooms.call("GET", "/api/bookings", user=ANN).json


def test_seats_tell_status_and_price(rooms: Rooms) -> None:
    """FREE, RESERVED and SOLD; the price is a string with two decimals."""
    rooms.pay(rooms.book(ANN, seat(1)))
    rooms.book(BOB, seat(2))
    answer = rooms.call("GET", f"/api/seats?event_id={CONCERT}&pageSize=3")
    expected = [
        {"id": seat(n), "row": 1, "number": n, "status": status, "price": "15000.50"}
        for n, status in ((1, "SOLD"), (2, "RESERVED"), (3, "FREE"))
    ]
    assert expected == answer.json


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("row=2&pageSize=2", [(2, 1), (2, 2)]),
        ("row=2&page=5&pageSize=2", [(2, 9), (2, 10)]),
        ("row=4", []),
        ("status=RESERVED", [(1, 1)]),
        ("status=SOLD", []),
        ("status=FREE&page=1&pageSize=2", [(1, 2), (1, 3)]),
        ("page=2&pageSize=2", [(1, 3), (1, 4)]),
    ],
)
def test_seats_are_filtered_and_paged(
    rooms: Rooms, query: str, places: list[tuple[int, int]]
) -> None:
    """By row and by status, in order of row and number."""
    rooms.book(ANN, seat(1))
    answer = rooms.call("GET", f"/api/seats?event_id={CONCERT}&{query}")
    assert places == [(one["row"], one["number"]) for one in answer.json]


def test_free_seats_without_a_page_are_dealt(rooms: Rooms) -> None:
    """The second visitor is offered other seats than the first; with a page both see the same."""
    dealt = [
        [one["number"] for one in rooms.call("GET", f"/api/seats?event_id=1&{query}").json]
        for query in ["status=FREE&pageSize=2"] * 2 + ["status=FREE&pageSize=2&page=1"] * 2
    ]
    assert [[1, 2], [3, 4], [1, 2], [1, 2]] == dealt


def test_selecting_twice_changes_nothing(rooms: Rooms) -> None:
    """The same seat for the same booking is 200 again, with the same words."""
    booking_id = rooms.book(ANN)
    wanted = {"booking_id": booking_id, "seat_id": seat(1)}
    first = rooms.call("PATCH", SELECT, user=ANN, json=wanted)
    before = rooms.engine.digest()
    again = rooms.call("PATCH", SELECT, user=ANN, json=wanted)
    assert {"message": "Место успешно добавлено в бронь"} == first.json == again.json
    assert before == rooms.engine.digest()


def test_release_frees_the_seat(rooms: Rooms) -> None:
    """Another buyer can take it at once."""
    rooms.book(ANN, seat(1))
    answer = rooms.call("PATCH", RELEASE, user=ANN, json={"seat_id": seat(1)})
    assert (200, {"message": "Место успешно освобождено"}) == (answer.status, answer.json)
    rooms.book(BOB, seat(1))


def test_payment_redirects_to_the_gateway_and_repeats_it(rooms: Rooms) -> None:
    """302 with an empty body; while it is pending, the same Location."""
    booking_id = rooms.book(ANN, seat(1))
    first = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    again = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    booking = rooms.engine.booking(booking_id)
    assert booking is not None
    assert (302, b"") == (first.status, first.body)
    expected = f"https://gateway.example/pay/{booking.order_id}"
    assert expected == first.headers["location"] == again.headers["location"]


@pytest.mark.parametrize(
    ("failure", "status", "problem", "retries"),
    [
        (GatewayUnavailable(), 503, "gateway-down", True),
        (NoGateway(), 503, "no-gateway", True),
        (PlacesUnknown(), 503, "places-unknown", True),
        (PaymentRefusedByGateway(), 419, "payment-refused", False),
    ],
)
def test_a_payment_that_cannot_begin_keeps_the_seats(
    rooms: Rooms, failure: Any, status: int, problem: str, retries: bool
) -> None:
    """The gateway's trouble is told apart, and where waiting helps there is a Retry-After."""
    booking_id = rooms.book(ANN, seat(1))
    rooms.sagas.failure = failure
    answer = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    assert (status, problem) == (answer.status, answer.problem)
    assert retries == ("retry-after" in answer.headers)
    held = rooms.call("GET", "/api/bookings", user=ANN).json[0]["seats"]
    assert [{"id": seat(1)}] == held


def test_a_payment_that_ended_while_it_began_is_told_apart(rooms: Rooms) -> None:
    """Its booking was cancelled meanwhile, say: the gateway has refused nothing."""
    booking_id = rooms.book(ANN, seat(1))
    rooms.sagas.failure = PaymentEnded()
    answer = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    assert (419, "payment-ended") == (answer.status, answer.problem)


@pytest.mark.parametrize(
    ("sells", "event_id", "problem"),
    [
        (set(), SOON, "no-gateway"),
        (set(), CONCERT, "no-gateway"),
        ({Sale.OWN}, CONCERT, "no-provider"),
        ({Sale.OWN}, SOON, "302"),
        ({Sale.OWN, Sale.ALLOTMENT}, OPERA, "302"),
    ],
)
def test_what_cannot_be_sold_is_refused_before_anything_changes(
    rooms: Rooms, sells: set[Sale], event_id: int, problem: str
) -> None:
    """Without a gateway, or without a provider for a partner's event; the hold goes on."""
    booking_id = rooms.book(ANN, seat(9, event_id=event_id), event_id=event_id)
    rooms.sagas.sells = sells
    before = rooms.engine.digest()
    answer = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    assert problem == answer.problem
    assert (before == rooms.engine.digest()) == (problem != "302")


def test_a_payment_that_has_begun_is_told_again_though_nothing_can_be_sold(rooms: Rooms) -> None:
    """Under its key: a server without its gateway still knows the page."""
    wanted, key = {"booking_id": rooms.book(ANN, seat(1))}, [(b"idempotency-key", b"pay")]
    first = rooms.call("PATCH", PAY, user=ANN, json=wanted, headers=key)
    rooms.sagas.sells = set()
    again = rooms.call("PATCH", PAY, user=ANN, json=wanted, headers=key)
    assert (302, first.headers["location"]) == (again.status, again.headers.get("location"))


def test_whose_booking_it_is_counts_before_what_can_be_sold(rooms: Rooms) -> None:
    """403 and 404 as ever; strangers don't learn how the server is set up."""
    booking_id = rooms.book(BOB, seat(1))
    rooms.sagas.sells = set()
    for wanted, status in ((booking_id, 403), (1, 404)):
        answer = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": wanted})
        assert status == answer.status


def test_a_reset_while_the_gateway_is_asked_is_404(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The booking is gone, and so is its payment."""
    booking_id = rooms.book(ANN, seat(1))
    monkeypatch.setattr(rooms.engine, "payment", lambda order_id: None)
    answer = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    assert (404, "booking-not-found") == (answer.status, answer.problem)


def test_cancel_is_repeatable_and_frees_the_seats(rooms: Rooms) -> None:
    """200 both times."""
    booking_id = rooms.book(ANN, seat(1))
    for _ in range(2):
        answer = rooms.call("PATCH", CANCEL, user=ANN, json={"booking_id": booking_id})
        assert (200, {"message": "Бронь успешно отменена"}) == (answer.status, answer.json)
    rooms.book(BOB, seat(1))


def test_a_paid_booking_may_be_returned_early_enough(rooms: Rooms) -> None:
    """A month before it is 200 and the money's saga is woken; six hours before it is 419."""
    early, late = rooms.book(ANN, seat(1)), rooms.book(ANN, seat(1, event_id=SOON), event_id=SOON)
    order_id = rooms.initiate(early)
    rooms.sagas.pay(order_id)
    rooms.pay(late)
    answer = rooms.call("PATCH", CANCEL, user=ANN, json={"booking_id": early})
    assert (200, [order_id]) == (answer.status, rooms.sagas.woken)
    refused = rooms.call("PATCH", CANCEL, user=ANN, json={"booking_id": late})
    assert (419, "too-late") == (refused.status, refused.problem)


def test_releasing_during_payment_wakes_its_saga(rooms: Rooms) -> None:
    """The attempt ends with the seat, and the gateway must hear of it soon; once, if repeated."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    order_id = rooms.initiate(booking_id)
    wanted, key = {"seat_id": seat(1)}, [(b"idempotency-key", b"release")]
    for _ in range(2):
        assert 200 == rooms.call("PATCH", RELEASE, user=ANN, json=wanted, headers=key).status
        assert [order_id] == rooms.sagas.woken


@pytest.mark.parametrize("page", ["success", "fail"])
def test_a_returning_customer_makes_us_ask_the_gateway(rooms: Rooms, page: str) -> None:
    """The page is no proof; whatever the gateway says, the customer reads OK."""
    order_id = rooms.initiate(rooms.book(ANN, seat(1)))
    before = rooms.engine.digest()
    answer = rooms.call("GET", f"/api/payments/{page}?orderId={order_id}")
    assert (200, b"OK") == (answer.status, answer.body)
    assert [(order_id, 5.0)] == rooms.sagas.verified
    assert before == rooms.engine.digest()


@pytest.mark.parametrize("page", ["success", "fail"])
@pytest.mark.parametrize("order_id", [0, -1, 2**63 - 1, -(2**63)])
def test_an_unknown_order_is_ok(rooms: Rooms, page: str, order_id: int) -> None:
    """Any int64 will do."""
    answer = rooms.call("GET", f"/api/payments/{page}?orderId={order_id}")
    assert (200, b"OK") == (answer.status, answer.body)


def notification(payment_id: str, **changes: object) -> dict[str, object]:
    return {
        "paymentId": payment_id,
        "status": "AUTHORIZED",
        "teamSlug": "demo",
        "timestamp": "2027-01-01T00:00:00Z",
        "data": {"a": 1},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({}, True),
        ({"data": None}, True),
        ({"more": "of it"}, True),
        ({"paymentId": "unknown"}, False),
        ({"teamSlug": "somebody else"}, False),
        ({"status": "FORM_SHOWED"}, False),
        ({"status": "failed"}, True),
        ({"status": "a new word"}, True),
    ],
)
def test_a_notification_makes_us_ask_the_gateway(
    rooms: Rooms, changes: dict[str, object], asks: bool
) -> None:
    """Only about payments of ours, and only if there may be news; the answer is always 200."""
    order_id = rooms.initiate(rooms.book(ANN, seat(1)))
    told = notification(f"pay-{order_id}", **changes)
    answer = rooms.call("POST", "/api/payments/notifications", json=told)
    assert (200, b"OK") == (answer.status, answer.body)
    assert ([(order_id, 2.0)] if asks else []) == rooms.sagas.verified


def test_analytics_count_seats_money_and_live_bookings(rooms: Rooms) -> None:
    """Revenue is that of sold seats; a cancelled booking doesn't count."""
    rooms.pay(rooms.book(ANN, seat(1), seat(2)))
    rooms.book(BOB, seat(3))
    rooms.call("PATCH", CANCEL, user=ANN, json={"booking_id": rooms.book(ANN, seat(4))})
    expected = {
        "event_id": CONCERT,
        "total_seats": 30,
        "sold_seats": 2,
        "reserved_seats": 1,
        "free_seats": 27,
        "total_revenue": "30001.00",
        "bookings_count": 2,
    }
    assert expected == rooms.call("GET", f"/api/analytics?id={CONCERT}", user=BOB).json


def test_reset_frees_everything(rooms: Rooms) -> None:
    """Bookings are gone and seats are FREE."""
    rooms.initiate(rooms.book(ANN, seat(1)))
    assert 200 == rooms.call("POST", "/api/reset").status
    assert [] == rooms.call("GET", "/api/bookings", user=ANN).json
    rooms.book(BOB, seat(1))


def test_reset_is_forbidden_unless_allowed(rooms: Rooms) -> None:
    """403, and nothing is gone."""
    rooms.book(ANN, seat(1))
    rooms.service.allow_reset = False
    before = rooms.engine.digest()
    answer = rooms.call("POST", "/api/reset")
    assert (403, "reset-forbidden", before) == (
        answer.status,
        answer.problem,
        rooms.engine.digest(),
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [
        ("POST", "/api/bookings", {"event_id": 999}, 404, "event-not-found"),
        ("GET", "/api/analytics?id=999", None, 404, "event-not-found"),
        ("GET", "/api/seats?event_id=999", None, 404, "event-not-found"),
        ("GET", "/api/seats?event_id=999&status=FREE", None, 404, "event-not-found"),
        ("PATCH", SELECT, {"booking_id": 1, "seat_id": seat(1)}, 404, "booking-not-found"),
        ("PATCH", RELEASE, {"seat_id": 1}, 404, "seat-not-found"),
        ("PATCH", PAY, {"booking_id": -5}, 404, "booking-not-found"),
        ("PATCH", CANCEL, {"booking_id": 2**63 - 1}, 404, "booking-not-found"),
    ],
)
def test_what_does_not_exist_is_404(
    rooms: Rooms, method: str, path: str, body: object, status: int, problem: str
) -> None:
    """Each kind of thing has a type of its own."""
    answer = rooms.call(method, path, user=ANN, json=body)
    assert (status, problem) == (answer.status, answer.problem)


@pytest.mark.parametrize(
    ("taken", "problem"),
    [
        (seat(1), "seat-taken"),
        (seat(1, event_id=SOON), "seat-elsewhere"),
    ],
)
def test_a_seat_that_cannot_be_had_is_419(rooms: Rooms, taken: int, problem: str) -> None:
    """Taken by another booking, even of the same user, or of another event."""
    rooms.book(BOB, seat(1))
    wanted = {"booking_id": rooms.book(ANN), "seat_id": taken}
    answer = rooms.call("PATCH", SELECT, user=ANN, json=wanted)
    assert (419, problem, NOT_SELECTED) == (answer.status, answer.problem, answer.json["title"])


def test_nothing_is_added_to_a_booking_under_payment(rooms: Rooms) -> None:
    """419 with the contract's title."""
    booking_id = rooms.book(ANN, seat(1))
    rooms.initiate(booking_id)
    wanted = {"booking_id": booking_id, "seat_id": seat(2)}
    answer = rooms.call("PATCH", SELECT, user=ANN, json=wanted)
    assert (419, "booking-closed", NOT_SELECTED) == (
        answer.status,
        answer.problem,
        answer.json["title"],
    )


def test_a_free_or_sold_seat_cannot_be_released(rooms: Rooms) -> None:
    """419 with the contract's title."""
    rooms.pay(rooms.book(ANN, seat(1)))
    for number in (1, 2):
        answer = rooms.call("PATCH", RELEASE, user=ANN, json={"seat_id": seat(number)})
        assert (419, "seat-not-held", NOT_RELEASED) == (
            answer.status,
            answer.problem,
            answer.json["title"],
        )


def test_what_cannot_be_paid_is_419(rooms: Rooms) -> None:
    """Nothing booked, a sum the gateway refuses, a booking that is paid or cancelled."""
    paid = rooms.book(ANN, seat(1))
    rooms.pay(paid)
    cheap = rooms.book(ANN, seat(1, event_id=CHARITY), event_id=CHARITY)
    for booking_id, problem in (
        (rooms.book(ANN), "booking-empty"),
        (cheap, "amount-out-of-range"),
        (paid, "booking-not-payable"),
    ):
        answer = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
        assert (419, problem) == (answer.status, answer.problem)


def test_every_problem_says_what_it_is(rooms: Rooms) -> None:
    """The body has a type, a Russian title, the status, and the request's id."""
    answer = rooms.call("GET", "/api/seats?event_id=999", headers=[(b"x-request-id", b"abc-1")])
    expected = {
        "type": "/problems/event-not-found",
        "title": "Событие не найдено",
        "status": 404,
        "detail": "Такого события нет или билеты на него не продаются.",
        "request_id": "abc-1",
    }
    assert expected == orjson.loads(answer.body)
    assert "application/problem+json" == answer.headers["content-type"]
    assert "abc-1" == answer.headers["x-request-id"]
    assert str(len(answer.body)) == answer.headers["content-length"]


def test_time_comes_from_the_given_clock(rooms: Rooms) -> None:
    """A booking is as old as the clock says."""
    rooms.now_ms = NOW_MS + 5
    booking = rooms.engine.booking(rooms.book(ANN))
    assert booking is not None
    assert NOW_MS + 5 == booking.created_at_ms
