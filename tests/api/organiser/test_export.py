"""Every booking of an event as a file: whole, in order, and harmless in a spreadsheet."""

import asyncio
import csv
import io
from typing import Any

import pytest

from api.organiser import export
from api.organiser.rows import BookingRow
from api.timeline import instant
from engine.errors import Busy
from tests.api.rooms import ANN, BOB, CHARITY, NOW_MS, OLGA, OPERA, Rooms, basic, seat

NOW = instant(NOW_MS)


def exported(rooms: Rooms, kind: str, event_id: int = OPERA) -> Any:
    answer = rooms.call("GET", f"/x/events/{event_id}/export?format={kind}", user=OLGA)
    assert 200 == answer.status
    name = f'attachment; filename="event-{event_id}-bookings.{kind}"'
    assert name == answer.headers["content-disposition"]
    return answer.json if kind == "json" else answer.body.decode()


def opera(number: int, row: int = 1) -> int:
    return seat(number, event_id=OPERA, row=row)


@pytest.fixture
def booked(rooms: Rooms) -> list[int]:
    """Sold, held, given back, empty; and one of another event. Returns the order ids."""
    sold = rooms.book(ANN, opera(8), opera(1, row=2), event_id=OPERA)
    rooms.book(BOB, opera(9), event_id=OPERA)
    returned = rooms.book(BOB, opera(10), event_id=OPERA)
    rooms.book(ANN, event_id=OPERA)
    rooms.book(ANN, seat(1, event_id=CHARITY), event_id=CHARITY)
    orders = []
    for booking_id, user in ((sold, ANN), (returned, BOB)):
        orders.append(rooms.initiate(booking_id, user))
        rooms.sagas.pay(orders[-1])
    rooms.call("PATCH", "/api/bookings/cancel", user=BOB, json={"booking_id": returned})
    rooms.engine.return_payment(order_id=orders[-1], now_ms=NOW_MS + 1_000)
    return orders


def test_a_program_gets_every_booking_of_the_event(rooms: Rooms, booked: list[int]) -> None:
    """With its seats and its money, by number; nothing of a buyer but the id."""
    zone = {"zone": "Партер", "price": "9000.00"}
    unpaid = {"order_id": 0, "payment_id": "", "payment_status": "", "paid_at": ""}
    sold, held, returned, empty = exported(rooms, "json")

    assert {
        "booking_id": 4_000_000_001,
        "user_id": 1,
        "status": "CONFIRMED",
        "created_at": NOW,
        "seats_count": 2,
        "seats": [
            {"id": opera(8), "row": 1, "number": 8, **zone},
            {"id": opera(1, row=2), "row": 2, "number": 1, **zone},
        ],
        "amount": "18000.00",
        "order_id": booked[0],
        "payment_id": f"pay-{booked[0]}",
        "payment_status": "CAPTURED",
        "paid_at": NOW,
        "refunded_at": "",
    } == sold
    assert {**held, **unpaid, "amount": "9000.00", "status": "CREATED"} == held
    given_back = {"status": "CANCELLED", "seats": [], "seats_count": 0, "amount": "9000.00"}
    times = {"paid_at": NOW, "refunded_at": instant(NOW_MS + 1_000)}
    assert {**returned, **given_back, **times, "payment_status": "RETURNED"} == returned
    assert {**empty, **unpaid, "amount": "0.00", "seats": []} == empty


def test_a_spreadsheet_gets_the_same(rooms: Rooms, booked: list[int]) -> None:
    """By RFC 4180: a header, and CRLF after every line."""
    text = exported(rooms, "csv")
    header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)

    assert 5 == text.count("\r\n") == text.count("\n")
    assert [*BookingRow._fields] == header
    seats = "ряд 1 место 8 Партер 9000.00; ряд 2 место 1 Партер 9000.00"
    told = [f"{4_000_000_001}", "1", "CONFIRMED", NOW, "2", seats, "18000.00", f"{booked[0]}"]
    assert [*told, f"pay-{booked[0]}", "CAPTURED", NOW, ""] == lines[0]
    assert ["CREATED", "CANCELLED", "CREATED"] == [line[2] for line in lines[1:]]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_is_never_a_formula(begin: str) -> None:
    """What the gateway named a payment is written by a stranger."""
    formula = f'{begin}HYPERLINK("http://evil.example")'
    row = BookingRow(1, 1, "", "", 0, [], "0.00", 0, formula, "", "", "")
    ((_, *cells),) = csv.reader(io.StringIO(export.csv_lines([row]).decode(), newline=""))

    assert f"'{formula}" in cells


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_an_event_that_nobody_has_booked(rooms: Rooms, kind: str) -> None:
    empty = {"csv": ",".join(BookingRow._fields) + "\r\n", "json": []}
    assert empty[kind] == exported(rooms, kind)


def test_slices_lack_nothing(rooms: Rooms) -> None:
    """Two slices and a half, after a reset: numbers go on, and the first of them are no more."""
    for _ in range(3):
        rooms.engine.create_booking(user_id=1, event_id=OPERA, now_ms=NOW_MS)
    rooms.engine.reset(now_ms=NOW_MS)
    made = [
        rooms.engine.create_booking(user_id=1, event_id=OPERA, now_ms=NOW_MS)
        for _ in range(5 * export.BOOKINGS_PER_SLICE // 2)
    ]

    assert made == [one["booking_id"] for one in exported(rooms, "json")]
    assert made == [int(line.partition(",")[0]) for line in exported(rooms, "csv").split()[1:]]


def test_others_go_on_between_two_slices(rooms: Rooms, runner: asyncio.Runner) -> None:
    """A few go on around it, too: many slices tell them apart."""
    for _ in range(20 * export.BOOKINGS_PER_SLICE):
        rooms.engine.create_booking(user_id=1, event_id=OPERA, now_ms=NOW_MS)
    rounds = 0

    async def others() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    async def both() -> None:
        await rooms.engine.durable()
        task = asyncio.create_task(others())
        headers = [(b"authorization", basic(OLGA))]
        await rooms.asgi("GET", f"/x/events/{OPERA}/export", headers)
        task.cancel()

    runner.run(both())
    assert 20 <= rounds


def test_nothing_leaves_before_it_is_on_disk(
    rooms: Rooms, booked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I5, for every slice; the reply is cut off, so that nobody takes it for the whole."""

    async def refuse() -> None:
        raise Busy

    monkeypatch.setattr(rooms.engine, "durable", refuse)
    assert 1 == len(exported(rooms, "csv").splitlines())


def test_more_than_a_few_at_once_wait_for_their_turn(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And get theirs when another one has ended."""
    monkeypatch.setattr(export, "EXPORTS_AT_ONCE_MAX", 2)
    rooms.book(ANN, opera(8), event_id=OPERA)
    others = Rooms(runner)
    others.engine = rooms.engine
    others.open()
    under_way = most = 0

    async def slow() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    monkeypatch.setattr(rooms.engine, "durable", slow)
    target = f"/x/events/{OPERA}/export"
    headers = [(b"authorization", basic(OLGA))]

    async def all_at_once() -> list[bytes]:
        answers = await asyncio.gather(*(others.asgi("GET", target, headers) for _ in range(5)))
        return [one.body for one in answers]

    assert 1 == len(set(runner.run(all_at_once())))
    assert 2 == most


def test_what_is_refused(rooms: Rooms) -> None:
    target = f"/x/events/{OPERA}/export"
    assert "staff-only" == rooms.call("GET", target, user=ANN).problem
    assert "unauthenticated" == rooms.call("GET", target).problem
    assert "event-not-found" == rooms.call("GET", "/x/events/77/export", user=OLGA).problem
    assert "bad-request" == rooms.call("GET", f"{target}?format=xls", user=OLGA).problem


def test_to_head_only_the_headers(rooms: Rooms) -> None:
    answer = rooms.call("HEAD", f"/x/events/{OPERA}/export", user=OLGA)
    assert (200, b"") == (answer.status, answer.body)
    assert "text/csv; charset=utf-8; header=present" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]
