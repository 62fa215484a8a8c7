"""An organiser sees what is sold by zone, and nobody else does."""

import pytest

from tests.api.rooms import ANN, BOB, CONCERT, IVAN, OLGA, OPERA, Rooms, seat

PRICE = "9000.00"


def test_a_zone_s_revenue_is_what_its_sold_seats_cost(rooms: Rooms) -> None:
    """Two sold, one held: the sums of the zones are the event's figures."""
    rooms.pay(rooms.book(ANN, seat(8, event_id=OPERA), seat(9, event_id=OPERA), event_id=OPERA))
    rooms.book(BOB, seat(1, event_id=OPERA, row=2), event_id=OPERA)

    found = rooms.call("GET", f"/x/analytics?id={OPERA}&by=zone", user=OLGA).json

    # Of the allotment's five seats, and no zone in which none is ours.
    figures = {"total_seats": 5, "sold_seats": 2, "reserved_seats": 1, "free_seats": 2}
    zones = [{"name": "Партер", "price": PRICE, **figures, "revenue": "18000.00"}]
    whole = {"event_id": OPERA, **figures, "total_revenue": "18000.00", "bookings_count": 2}
    assert {**whole, "zones": zones} == found


def test_without_by_it_is_what_the_contract_tells(rooms: Rooms) -> None:
    rooms.pay(rooms.book(ANN, seat(1)))

    found = rooms.call("GET", f"/x/analytics?id={CONCERT}", user=IVAN).body
    assert rooms.call("GET", f"/api/analytics?id={CONCERT}", user=ANN).body == found


@pytest.mark.parametrize(
    ("query", "status"), [("id=77", 404), ("by=zone", 400), ("id=1&by=row", 400)]
)
def test_what_is_refused(rooms: Rooms, query: str, status: int) -> None:
    assert status == rooms.call("GET", f"/x/analytics?{query}", user=OLGA).status


def test_buyers_and_strangers_see_no_figures(rooms: Rooms) -> None:
    assert "staff-only" == rooms.call("GET", "/x/analytics?id=1", user=ANN).problem
    assert "unauthenticated" == rooms.call("GET", "/x/analytics?id=1").problem
