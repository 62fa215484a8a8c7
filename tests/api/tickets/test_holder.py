"""The tickets of a booking, as its owner sees them."""

import asyncio

import pytest
import segno

from api.tickets import holder
from tests.api.rooms import ANN, BOB, IVAN, OPERA, Rooms, basic, seat
from tests.api.tickets.conftest import Sold


def test_a_ticket_a_seat(rooms: Rooms, sold: Sold) -> None:
    """In the booking's order, each with a code of its own and with its picture."""
    shown = [
        {name: one[name] for name in one if name not in ("code", "qr")} for one in sold.tickets
    ]
    same = {"row": 1, "zone": "Партер", "price": "15000.50"}
    assert [{"seat_id": seat(number), "number": number, **same} for number in (4, 5)] == shown
    assert 2 == len({one["code"] for one in sold.tickets})
    assert sold.tickets == (
        rooms.call("GET", f"/x/bookings/{sold.booking_id}/tickets", user=ANN).json
    )


def test_the_picture_is_of_the_code(sold: Sold) -> None:
    """As one whole SVG with its namespace, for any scanner the code itself in 25 modules."""
    for one in sold.tickets:
        drawn = segno.make_qr(one["code"], error="m", mask=3)
        within_html = one["qr"].replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
        assert one["qr"].startswith('<svg xmlns="http://www.w3.org/2000/svg" ')
        assert (within_html, "2-M") == (drawn.svg_inline(omitsize=True), drawn.designator)
        assert "alphanumeric" == drawn.mode


def test_others_have_their_turn_between_two_tickets(
    rooms: Rooms, sold: Sold, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large group's pictures take as long as many other calls."""
    done: list[str] = []
    monkeypatch.setattr(holder, "picture_of", done.append)

    async def others() -> None:
        while len(done) < 6:
            done.append("another call")
            await asyncio.sleep(0)

    async def story() -> None:
        path = f"/x/bookings/{sold.booking_id}/tickets"
        headers = [(b"authorization", basic(ANN))]
        await asyncio.gather(rooms.asgi("GET", path, headers), others())

    runner.run(story())
    first, second = (done.index(one["code"]) for one in sold.tickets)
    assert "another call" in done[first:second]


def test_zone_and_price_are_those_of_the_seat(rooms: Rooms) -> None:
    """Of the hall as it is sold."""
    booking_id = rooms.book(ANN, seat(8, event_id=OPERA), event_id=OPERA)
    rooms.pay(booking_id)
    [ticket] = rooms.call("GET", f"/x/bookings/{booking_id}/tickets", user=ANN).json
    assert ("Партер", "9000.00") == (ticket["zone"], ticket["price"])


def test_a_seat_that_is_sold_again_has_another_code(rooms: Rooms, sold: Sold) -> None:
    """Though it is the same seat, and even where the same buyer has it."""
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": sold.booking_id})
    again = rooms.book(ANN, seat(4))
    rooms.pay(again)
    [ticket] = rooms.call("GET", f"/x/bookings/{again}/tickets", user=ANN).json
    assert (seat(4), False) == (ticket["seat_id"], ticket["code"] == sold.code)


def test_there_are_none_before_and_after(rooms: Rooms, sold: Sold) -> None:
    """Neither before it is paid, nor while it is, nor once it is returned."""
    booking_id = rooms.book(ANN, seat(1))
    path = f"/x/bookings/{booking_id}/tickets"
    assert "not-paid" == rooms.call("GET", path, user=ANN).problem
    rooms.initiate(booking_id)
    assert "not-paid" == rooms.call("GET", path, user=ANN).problem
    rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json={"booking_id": sold.booking_id})
    answer = rooms.call("GET", f"/x/bookings/{sold.booking_id}/tickets", user=ANN)
    assert (419, "not-paid") == (answer.status, answer.problem)


@pytest.mark.parametrize(
    ("user", "booking", "status", "problem"),
    [
        (BOB, "mine", 403, "not-owner"),
        (IVAN, "mine", 401, "unauthenticated"),
        (None, "mine", 401, "unauthenticated"),
        (ANN, "1000000999", 404, "booking-not-found"),
        (ANN, "x", 400, "bad-request"),
        (ANN, "mine?page=0", 400, "bad-request"),
    ],
)
def test_whose_they_are(
    rooms: Rooms, sold: Sold, user: str | None, booking: str, status: int, problem: str
) -> None:
    """Their owner's alone: a code is as good as a ticket."""
    booking, _, query = booking.replace("mine", str(sold.booking_id)).partition("?")
    answer = rooms.call("GET", f"/x/bookings/{booking}/tickets?{query}", user=user)
    assert (status, problem) == (answer.status, answer.problem)


def test_a_group_has_pages(rooms: Rooms, sold: Sold, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's tickets are drawn without end."""
    monkeypatch.setattr(holder, "TICKETS_A_PAGE", 1)
    path = f"/x/bookings/{sold.booking_id}/tickets"
    pages = [rooms.call("GET", f"{path}?page={page}", user=ANN).json for page in (1, 2, 3)]
    assert [*([one] for one in sold.tickets), []] == pages
