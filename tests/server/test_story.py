"""The contract's story, from search to ticket, with the real server and both emulators."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.buyer import DECLINED_CARD, Buyer, Cashier, eventually
from tests.server.conftest import StartServer, selling
from torture.servers.child import Server

pytestmark = pytest.mark.server
STADIUM = 1
OWN = 7


@pytest.fixture
def cashier(emulators: dict[str, Server]) -> Iterator[Cashier]:
    cashier = Cashier(emulators["gateway"].url)
    with cashier.http:
        yield cashier


@pytest.mark.parametrize("event_id", [OWN, STADIUM], ids=["our own hall", "the partner's stadium"])
def test_a_buyer_goes_from_search_to_ticket(shop: Server, cashier: Cashier, event_id: int) -> None:
    """Search, book, select two seats, pay by card: CONFIRMED, SOLD, counted once."""
    with Buyer(shop.url) as buyer:
        assert buyer.http.get("/api/events", params={"query": "концерт"}).json()
        booking_id, seats = buyer.hold(event_id, seats=2)
        prices = [float(buyer.seat(event_id, seat)["price"]) for seat in seats]
        answer = _initiated(buyer, booking_id)
        assert buyer.initiate_payment(booking_id).headers["location"] == answer

        cashier.pay(answer)

        eventually(lambda: buyer.seat(event_id, seats[0])["status"], "SOLD")
        assert {booking_id: seats} == buyer.bookings()
        assert buyer.analytics(event_id)["total_revenue"] == f"{sum(prices):.2f}"
        assert buyer.analytics(event_id)["sold_seats"] == 2
        assert cashier.payment(answer)["captured"] == round(sum(prices) * 100)
        assert buyer.select(booking_id, seats[0]) == 419
        assert buyer.release(seats[0]) == 419


def test_cancelling_before_the_payment_frees_the_seats(shop: Server) -> None:
    """First cancellation story: nothing was asked of the gateway."""
    with Buyer(shop.url) as buyer:
        booking_id, seats = buyer.hold(OWN, seats=3)

        assert buyer.cancel(booking_id) == 200
        assert buyer.cancel(booking_id) == 200

        assert {booking_id: []} == buyer.bookings()
        assert {"FREE"} == {buyer.seat(OWN, seat)["status"] for seat in seats}


@pytest.mark.parametrize("event_id", [OWN, STADIUM], ids=["our own hall", "the partner's stadium"])
def test_cancelling_during_the_payment_voids_it(
    shop: Server, cashier: Cashier, event_id: int
) -> None:
    """Second cancellation story: the page at the gateway takes no card afterwards."""
    with Buyer(shop.url) as buyer:
        booking_id, seats = buyer.hold(event_id)
        location = _initiated(buyer, booking_id)

        assert buyer.cancel(booking_id) == 200

        assert "FREE" == buyer.seat(event_id, seats[0])["status"]
        eventually(lambda: cashier.payment(location)["status"], "CANCELLED")


@pytest.mark.parametrize("event_id", [OWN, STADIUM], ids=["our own hall", "the partner's stadium"])
def test_returning_a_paid_booking_refunds_it_in_full(
    shop: Server, cashier: Cashier, event_id: int
) -> None:
    """Third cancellation story: the seats are sold again, the money is the customer's."""
    with Buyer(shop.url) as buyer:
        booking_id, seats = buyer.hold(event_id)
        location = _initiated(buyer, booking_id)
        cashier.pay(location)
        eventually(lambda: buyer.seat(event_id, seats[0])["status"], "SOLD")

        assert buyer.cancel(booking_id) == 200

        assert "FREE" == buyer.seat(event_id, seats[0])["status"]
        assert buyer.analytics(event_id)["total_revenue"] == "0.00"
        eventually(lambda: cashier.payment(location)["status"], "REFUNDED")
        again = buyer.book(event_id)
        assert buyer.select(again, seats[0]) == 200
        second = _initiated(buyer, again)
        cashier.pay(second)
        eventually(lambda: buyer.seat(event_id, seats[0])["status"], "SOLD")


def test_a_declined_card_frees_the_seats_by_itself(shop: Server, cashier: Cashier) -> None:
    """Fourth cancellation story: the gateway says no, nobody has to do anything."""
    with Buyer(shop.url) as buyer:
        booking_id, seats = buyer.hold(OWN, seats=2)
        location = _initiated(buyer, booking_id)

        cashier.pay(location, card=DECLINED_CARD)

        eventually(lambda: buyer.bookings(), {booking_id: []})
        assert {"FREE"} == {buyer.seat(OWN, seat)["status"] for seat in seats}
        assert cashier.payment(location)["captured"] == 0


def test_a_hold_that_runs_out_frees_the_seats(
    data: Path, serve: StartServer, emulators: dict[str, Server], cashier: Cashier
) -> None:
    """Fifth cancellation story: with and without a payment under way."""
    shop = serve(data, *selling(emulators), "--hold-seconds", 4, "--payment-seconds", 6)
    with Buyer(shop.url) as buyer:
        idle, seats = buyer.hold(OWN)
        paying, more = buyer.hold(OWN)
        location = _initiated(buyer, paying)

        eventually(lambda: buyer.bookings(), {idle: [], paying: []})

        assert {"FREE"} == {buyer.seat(OWN, seat)["status"] for seat in seats + more}
        eventually(lambda: cashier.payment(location)["status"], "CANCELLED")


def test_forged_callbacks_change_nothing(shop: Server, cashier: Cashier) -> None:
    """Anyone can say "paid" or "failed": the gateway is asked, and it says neither."""
    with Buyer(shop.url) as buyer:
        booking_id, seats = buyer.hold(OWN)
        location = _initiated(buyer, booking_id)
        ours = cashier.payment(location)
        for path in ("success", "fail"):
            answer = buyer.http.get(f"/api/payments/{path}", params={"orderId": ours["order_id"]})
            assert (200, "OK") == (answer.status_code, answer.text)
        for status in ("AUTHORIZED", "completed", "failed"):
            forged = {
                "paymentId": ours["payment_id"],
                "status": status,
                "teamSlug": "demo-merchant",
                "timestamp": "2027-01-10T10:00:00.0000000Z",
                "data": {},
            }
            assert buyer.http.post("/api/payments/notifications", json=forged).status_code == 200

        assert "RESERVED" == buyer.seat(OWN, seats[0])["status"]
        assert {booking_id: seats} == buyer.bookings()
        cashier.pay(location)
        eventually(lambda: buyer.seat(OWN, seats[0])["status"], "SOLD")


def _initiated(buyer: Buyer, booking_id: int) -> str:
    answer = buyer.initiate_payment(booking_id)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])
