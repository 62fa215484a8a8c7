"""What a query string means is kept, because a crowd asks for the same."""

import pytest

from api import endpoint
from api.endpoint import QUERY_BYTES_KEPT_MAX
from api.query import parse_query
from tests.api.rooms import Rooms

LONGEST = "event_id=1&more=".ljust(QUERY_BYTES_KEPT_MAX, "x")


def test_a_query_is_understood_once(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes again cost nothing; others, however alike, are others."""
    parsed: list[bytes] = []

    def parse(raw: bytes) -> dict[str, str]:
        parsed.append(raw)
        return parse_query(raw)

    monkeypatch.setattr(endpoint, "parse_query", parse)
    first, second = b"event_id=1&pageSize=1", b"event_id=1&pageSize=2"
    for raw in (first, second, first, second):
        answer = rooms.call("GET", f"/api/seats?{raw.decode()}")
        assert len(answer.json) == (1 if raw is first else 2)
    for _ in range(2):
        rooms.call("GET", f"/api/seats?{LONGEST}")
    assert parsed == [first, second, LONGEST.encode()]


@pytest.mark.parametrize("query", ["event_id=x", LONGEST + "x"])
def test_what_is_wrong_or_long_is_not_kept(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Strangers can't fill the memory, and a bad query is bad again."""
    parsed: list[bytes] = []

    def parse(raw: bytes) -> dict[str, str]:
        parsed.append(raw)
        return parse_query(raw)

    monkeypatch.setattr(endpoint, "parse_query", parse)
    statuses = {rooms.call("GET", f"/api/seats?{query}").status for _ in range(3)}
    assert statuses == ({400} if query == "event_id=x" else {200})
    assert len(parsed) == 3
