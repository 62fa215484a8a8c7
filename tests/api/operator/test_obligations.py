"""What is owed outside, as an operator sees it."""

import asyncio

import pytest

from tests.api.rooms import ANN, Rooms, seat


def park(rooms: Rooms) -> int:
    """A refund that the gateway refuses for good; returns its order id."""
    booking_id = rooms.book(ANN, seat(1))
    order_id = rooms.initiate(booking_id)
    rooms.sagas.pay(order_id)
    rooms.now_ms += 1_000
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": booking_id})
    rooms.engine.park_payment(
        order_id=order_id, reason="return: HTTP 401, 3001", now_ms=rooms.now_ms + 1
    )
    return order_id


def test_what_is_parked_is_shown_with_its_reason(rooms: Rooms) -> None:
    """Ids of both sides, the money, since when, and what was said."""
    order_id = park(rooms)
    shown = rooms.call("GET", "/x/sagas").json
    assert (shown["unsettled"], shown["parked_count"]) == (1, 1)
    assert shown["parked"] == [
        {
            "order_id": order_id,
            "booking_id": 1_000_000_001,
            "payment_id": f"pay-{order_id}",
            "amount": "15000.50",
            "payment": "RETURN_DUE",
            "reservation": "",
            "provider_order": "",
            "since": "2027-01-15T08:00:01.001Z",
            "reasons": ["return: HTTP 401, 3001"],
        }
    ]


def test_the_operator_can_have_it_tried_again(rooms: Rooms) -> None:
    """At once, not within the hour."""
    park(rooms)
    assert {"retried": 1} == rooms.call("POST", "/x/sagas/retry").json


@pytest.mark.parametrize(("method", "path"), [("GET", "/x/sagas"), ("POST", "/x/sagas/retry")])
def test_only_on_this_machine(rooms: Rooms, runner: asyncio.Runner, method: str, path: str) -> None:
    """Whoever comes from elsewhere, or through a proxy, is refused."""
    forwarded = [(b"x-forwarded-for", b"127.0.0.1")]
    assert 200 == runner.run(rooms.asgi(method, path)).status
    assert 403 == runner.run(rooms.asgi(method, path, client=("10.0.0.1", 5))).status
    assert 403 == runner.run(rooms.asgi(method, path, client=None)).status
    assert 403 == runner.run(rooms.asgi(method, path, forwarded)).status
