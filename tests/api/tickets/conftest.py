"""A paid booking: its tickets are what all of these tests are about."""

from typing import Any, NamedTuple

import pytest

from tests.api.rooms import ANN, Rooms, seat


class Sold(NamedTuple):
    """Two seats of Ann's, and the tickets that she was shown."""

    booking_id: int
    tickets: list[dict[str, Any]]

    @property
    def code(self) -> str:
        code: str = self.tickets[0]["code"]
        return code


@pytest.fixture
def sold(rooms: Rooms) -> Sold:
    booking_id = rooms.book(ANN, seat(4), seat(5))
    rooms.pay(booking_id)
    return Sold(booking_id, rooms.call("GET", f"/x/bookings/{booking_id}/tickets", user=ANN).json)
