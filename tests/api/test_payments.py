"""The gateway sends people back to us, and so do programs: one address, two readers."""

import pytest

from tests.api.rooms import Rooms

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
