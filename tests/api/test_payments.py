"""Who is sent to the gateway, whom it sends back, and what it tells us itself."""

import pytest

from engine import Sale
from tests.api.rooms import ANN, MERCHANT, NOW_MS, SOON, Rooms, seat

BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("outcome", ["success", "fail"])
def test_a_browser_goes_on_to_its_order(rooms: Rooms, outcome: str) -> None:
    """The same OK as ever, and a header that leads to the page of the order."""
    path = f"/api/payments/{outcome}?orderId=-17"
    answer = rooms.call("GET", path, headers=[(b"accept", BROWSER)])
    assert (200, b"OK") == (answer.status, answer.body)
    assert "0; url=/ticket?order=-17" == answer.headers["refresh"]


@pytest.mark.parametrize("accept", [b"*/*", b"application/json", None])
def test_a_program_is_told_ok_and_nothing_else(rooms: Rooms, accept: bytes | None) -> None:
    """What the contract says, header by header."""
    headers = [] if accept is None else [(b"accept", accept)]
    answer = rooms.call("GET", "/api/payments/success?orderId=1", headers=headers)
    assert (200, b"OK") == (answer.status, answer.body)
    assert "refresh" not in answer.headers


def news(order_id: int, status: str) -> dict[str, str]:
    return {
        "paymentId": f"pay-{order_id}",
        "status": status,
        "teamSlug": MERCHANT,
        "timestamp": "2027-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("status", "waits"), [("completed", False), ("CONFIRMED", False), ("AUTHORIZED", True)]
)
def test_the_gateway_may_tell_of_a_capture_before_it_answers_it(
    rooms: Rooms, status: str, waits: bool
) -> None:
    """Who waits for that answer here holds it up; news of a card holds while the money is taken."""
    order_id = rooms.initiate(rooms.book(ANN, seat(1)))
    rooms.engine.authorize_payment(order_id=order_id, now_ms=NOW_MS)
    answer = rooms.call("POST", "/api/payments/notifications", json=news(order_id, status))
    assert (200, b"OK") == (answer.status, answer.body)
    assert ([(order_id, 2.0)] if waits else []) == rooms.sagas.verified


def test_a_capture_that_we_know_nothing_of_makes_us_ask(rooms: Rooms) -> None:
    """The gateway says completed, and we haven't even heard that the card was good."""
    order_id = rooms.initiate(rooms.book(ANN, seat(1)))
    told = news(order_id, "completed")
    assert 200 == rooms.call("POST", "/api/payments/notifications", json=told).status
    assert [(order_id, 2.0)] == rooms.sagas.verified


@pytest.mark.parametrize("sells", [set(), {Sale.OWN}])
@pytest.mark.parametrize(
    ("became", "problem"),
    [
        ("empty", "booking-empty"),
        ("paid", "booking-not-payable"),
        ("cancelled", "booking-not-payable"),
    ],
)
def test_what_can_never_be_paid_is_not_put_off(
    rooms: Rooms, became: str, problem: str, sells: set[Sale]
) -> None:
    """That gateway or provider isn't there is no news to a booking that has nothing to pay for."""
    booking_id = rooms.book(ANN, *(() if became == "empty" else (seat(1),)))
    wanted = {"booking_id": booking_id}
    if became == "paid":
        rooms.pay(booking_id)
    if became == "cancelled":
        rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json=wanted)
    rooms.sagas.sells = sells
    answer = rooms.call("PATCH", "/api/bookings/initiatePayment", user=ANN, json=wanted)
    assert (419, problem) == (answer.status, answer.problem)


def test_a_booking_is_paid_for_though_its_event_has_left_the_catalog(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new catalog may lack it: what is booked goes on by the plan with which its sale began."""
    booking_id = rooms.book(ANN, seat(1, event_id=SOON), event_id=SOON)
    monkeypatch.setattr(rooms.catalog.events, "hall", lambda _: None)
    wanted = {"booking_id": booking_id}
    assert 302 == rooms.call("PATCH", "/api/bookings/initiatePayment", user=ANN, json=wanted).status
