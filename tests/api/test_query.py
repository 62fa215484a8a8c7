"""What a query string must look like."""

import pytest

from api.query import PAIRS_MAX, parse_query
from tests.api.rooms import Rooms

MORE = "&".join(f"x{n}=1" for n in range(PAIRS_MAX))


@pytest.mark.parametrize(
    "target",
    [
        "/api/seats",
        "/api/seats?event_id=",
        "/api/seats?event_id=1.0",
        "/api/seats?event_id=+1",
        "/api/seats?event_id=%201",
        "/api/seats?event_id=1_0",
        "/api/seats?event_id=0x1",
        "/api/seats?event_id=%D9%A1",  # an Arabic one
        "/api/seats?event_id=%C2%B2",  # a superscript two
        "/api/seats?event_id=1%00",
        "/api/seats?event_id=9223372036854775808",
        "/api/seats?event_id=" + "9" * 5_000,
        "/api/seats?event_id=true",
        "/api/seats?event_id=1&event_id=1",
        "/api/seats?event_id=1&event%5Fid=1",
        "/api/seats?event_id=1&x=%FF",
        "/api/seats?event_id=1&page=0",
        "/api/seats?event_id=1&page=-1",
        "/api/seats?event_id=1&page=",
        "/api/seats?event_id=1&pageSize=0",
        "/api/seats?event_id=1&pageSize=21",
        "/api/seats?event_id=1&row=0",
        "/api/seats?event_id=1&status=free",
        "/api/seats?event_id=1&status=",
        f"/api/seats?{MORE}&event_id=1",
        "/api/events?page=two",
        "/api/events?pageSize=100",
        "/api/events?date=2027-02-30",
        "/api/events?date=20270228",
        "/api/events?date=2027-1-1",
        "/api/events?date=",
        "/api/events?date=2027-W01-1",
        "/api/events?query=%FF",
        "/api/events?query=a&query=b",
        "/api/payments/success",
        "/api/payments/success?orderId=",
        "/api/payments/fail?orderId=abc",
        "/api/payments/fail?orderId=9223372036854775808",
    ],
)
def test_a_query_that_is_not_well_formed_is_400(rooms: Rooms, target: str) -> None:
    """Before anybody is asked who they are."""
    answer = rooms.call("GET", target)
    assert (400, "bad-request") == (answer.status, answer.problem)


def test_leading_zeros_and_minus_are_integers(rooms: Rooms) -> None:
    """`-?[0-9]+` within int64 is well-formed, whatever it means."""
    zeros = "0" * 5_000
    assert 200 == rooms.call("GET", f"/api/seats?event_id={zeros}1").status
    assert 404 == rooms.call("GET", "/api/seats?event_id=-9223372036854775808").status
    assert 404 == rooms.call("GET", "/api/seats?event_id=-0").status


@pytest.mark.parametrize("more", [MORE.partition("&")[2], "&&"])
def test_a_query_may_be_long_and_have_gaps(rooms: Rooms, more: str) -> None:
    """As many pairs as are read at all; where nothing stands between two signs, there is none."""
    assert 200 == rooms.call("GET", f"/api/seats?{more}&event_id=1").status


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"query=a+b", {"query": "a b"}),
        (b"query=a%2Bb+c", {"query": "a+b c"}),
        (b"a%20b=%D1%91&c+d", {"a b": "ё", "c d": ""}),
        ("б=1=2&в=".encode(), {"б": "1=2", "в": ""}),
    ],
)
def test_a_query_is_written_as_browsers_write_a_form(raw: bytes, values: dict[str, str]) -> None:
    """A plus is a space, unless it is escaped; the first sign ends the name."""
    assert values == parse_query(raw)
