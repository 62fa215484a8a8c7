"""Limits of calls: who is refused, with what, and what no limit stops."""

import asyncio
from collections.abc import Iterator

import pytest

from api.fairness.limits import BURST_SECONDS, Rates
from api.routes import operations
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, CONCERT, SOON, Answer, Rooms, basic, seat

MINE = "/api/bookings"
SEATS = f"/api/seats?event_id={CONCERT}"
# They free seats, are owed, or tell whether we live.
NEVER_LIMITED = {
    "/api/seats/release",
    "/api/bookings/cancel",
    "/api/payments/notifications",
    "/api/payments/success",
    "/api/payments/fail",
    "/healthz",
    "/readyz",
    "/metrics",
}


@pytest.fixture
def rooms(runner: asyncio.Runner, request: pytest.FixtureRequest) -> Iterator[Rooms]:
    yield from opened(Rooms(runner, rates=request.param), runner)


def until_refused(rooms: Rooms, target: str, user: str | None = None) -> int:
    """How many are answered before the first 429."""
    for answered in range(1_000):
        if rooms.call("GET", target, user=user).status == 429:
            return answered
    return 1_000


@pytest.mark.parametrize("rooms", [Rates(user=1)], indirect=True)
def test_a_user_is_limited_wherever_he_calls(rooms: Rooms) -> None:
    """Ten at once, then one a second; others and those without a name go on."""
    assert BURST_SECONDS == until_refused(rooms, MINE, ANN)
    assert 429 == rooms.call("GET", "/x/bookings/1", user=ANN).status
    assert 200 == rooms.call("GET", MINE, user=BOB).status
    assert 1_000 == until_refused(rooms, SEATS)
    rooms.now_ms += 1_000
    assert 1 == until_refused(rooms, MINE, ANN)


@pytest.mark.parametrize("rooms", [Rates(user=1)], indirect=True)
def test_what_a_refusal_says(rooms: Rooms) -> None:
    """When to come again, as a header and to a person."""
    until_refused(rooms, MINE, ANN)
    answer = rooms.call("GET", MINE, user=ANN)
    assert ("too-many-calls", "1") == (answer.problem, answer.headers["retry-after"])
    assert answer.json["detail"].endswith("через 1 с.")


@pytest.mark.parametrize("rooms", [Rates(event=1)], indirect=True)
def test_the_crowd_of_one_event_is_limited_as_a_whole(rooms: Rooms) -> None:
    """All who ask for it, whoever they are; other events and other calls are not."""
    assert BURST_SECONDS == until_refused(rooms, SEATS)
    made = rooms.call("POST", "/api/bookings", user=ANN, json={"event_id": CONCERT})
    assert "too-many-calls" == made.problem
    assert 200 == rooms.call("GET", f"/api/seats?event_id={SOON}").status
    assert 200 == rooms.call("GET", MINE, user=ANN).status


@pytest.mark.parametrize("rooms", [Rates(address=1)], indirect=True)
def test_an_address_is_limited_before_anybody_is_known(rooms: Rooms) -> None:
    """Wrong passwords are counted, too; another address is served."""

    def guess(client: str) -> Answer:
        header = (b"authorization", basic(ANN, "guess"))
        return rooms._runner.run(rooms.asgi("GET", MINE, [header], client=(client, 50_000)))

    answers = [guess("198.51.100.7").status for _ in range(BURST_SECONDS + 1)]
    assert [401] * BURST_SECONDS + [429] == answers
    assert 401 == guess("198.51.100.8").status


@pytest.mark.parametrize("rooms", [Rates(user=1, address=1, event=1)], indirect=True)
def test_what_frees_seats_is_never_refused(rooms: Rooms) -> None:
    """Release and cancel go on when nothing else does; so do health and the gateway's news."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    until_refused(rooms, MINE, ANN)
    released = {"seat_id": seat(1)}
    assert 200 == rooms.call("PATCH", "/api/seats/release", user=ANN, json=released).status
    cancelled = {"booking_id": booking_id}
    assert 200 == rooms.call("PATCH", "/api/bookings/cancel", user=ANN, json=cancelled).status
    for target in ("/healthz", "/readyz", "/metrics", "/api/payments/success?orderId=1"):
        assert 20 == sum(rooms.call("GET", target).status == 200 for _ in range(20))


def test_which_calls_no_limit_stops() -> None:
    """These and no others."""
    assert NEVER_LIMITED == {one.path for one in operations() if not one.limited}


@pytest.mark.parametrize("rooms", [Rates()], indirect=True)
def test_by_default_nothing_is_limited(rooms: Rooms) -> None:
    """There is nothing to ask."""
    assert rooms.service.call_limits is None
    assert 1_000 == until_refused(rooms, "/healthz")
