"""Limits of calls: who is refused, with what, and what no limit stops."""

import asyncio
from collections.abc import Iterator

import pytest

from api.fairness import limits
from api.fairness.addresses import Addresses
from api.fairness.limits import BURST_SECONDS, CallLimits, Rates
from api.problems import Refusal
from api.routes import operations
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, CONCERT, NOW_MS, SOON, Answer, Rooms, basic, seat

MINE = "/api/bookings"
RELEASE, CANCEL = "/api/seats/release", "/api/bookings/cancel"
# Where passwords are tried; the last two are never limited otherwise.
TRIED = [
    ("GET", MINE, b""),
    ("PATCH", RELEASE, b'{"seat_id":1}'),
    ("PATCH", CANCEL, b'{"booking_id":1}'),
]
HOME, ELSEWHERE = "198.51.100.7", "198.51.100.8"
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


def tried(
    rooms: Rooms, client: str, password: str | None = None, call: tuple[str, str, bytes] = TRIED[1]
) -> Answer:
    """Ann's password, or a guess at it, from an address."""
    method, path, body = call
    header = (b"authorization", basic(ANN, password))
    asked = rooms.asgi(method, path, [header], [(body, False)], client=(client, 50_000))
    return rooms._runner.run(asked)


def exhaust(rooms: Rooms, client: str) -> None:
    """Guess until the address has nothing left."""
    assert 429 in [tried(rooms, client, "guess").status for _ in range(BURST_SECONDS + 1)]


@pytest.mark.parametrize("call", TRIED)
@pytest.mark.parametrize("rooms", [Rates(address=1)], indirect=True)
def test_an_address_is_limited_before_anybody_is_known(
    rooms: Rooms, call: tuple[str, str, bytes]
) -> None:
    """Wrong passwords are counted, wherever they are tried; another address is served."""
    answers = [tried(rooms, HOME, "guess", call).status for _ in range(BURST_SECONDS + 1)]
    assert [401] * BURST_SECONDS + [429] == answers
    assert 401 == tried(rooms, ELSEWHERE, "guess", call).status


@pytest.mark.parametrize("rooms", [Rates(address=1)], indirect=True)
def test_an_address_is_limited_before_its_body_is_read(rooms: Rooms) -> None:
    """Too large a body costs as much as any other, and when nothing is left it isn't looked at."""
    body = b"x" * (rooms.service.limits.body_bytes_max + 1)
    call = ("POST", MINE, body)
    answers = [tried(rooms, HOME, call=call) for _ in range(BURST_SECONDS + 1)]
    assert [413] * BURST_SECONDS + [429] == [one.status for one in answers]
    # With what is left of the body the connection can't go on, and who keeps it is told.
    assert ["close"] * (BURST_SECONDS + 1) == [one.headers["connection"] for one in answers]
    bodiless = tried(rooms, HOME, call=TRIED[0])
    assert (429, False) == (bodiless.status, "connection" in bodiless.headers)


@pytest.mark.parametrize("rooms", [Rates(address=1)], indirect=True)
def test_right_passwords_cost_an_unlimited_call_nothing(rooms: Rooms) -> None:
    """As often as they come: of the address nothing is taken."""
    assert {404} == {tried(rooms, HOME).status for _ in range(3 * BURST_SECONDS)}
    assert [401] * BURST_SECONDS == [
        tried(rooms, HOME, "guess").status for _ in range(BURST_SECONDS)
    ]


@pytest.mark.parametrize("rooms", [Rates(address=1)], indirect=True)
def test_an_address_with_nothing_left_tells_nobody_that_a_guess_was_right(rooms: Rooms) -> None:
    """A right password gets the answer of a wrong one, until the address has something again."""
    assert 404 == tried(rooms, HOME).status
    exhaust(rooms, ELSEWHERE)
    wrong, right = (tried(rooms, ELSEWHERE, password) for password in ("guess", None))
    assert (429, wrong.headers["retry-after"]) == (right.status, right.headers["retry-after"])
    assert wrong.json["detail"] == right.json["detail"]
    assert 404 == tried(rooms, HOME).status
    rooms.now_ms += 1_000
    assert 404 == tried(rooms, ELSEWHERE).status


@pytest.mark.parametrize("rooms", [Rates(address=1)], indirect=True)
@pytest.mark.parametrize("call", TRIED[:2])
def test_who_was_last_right_at_an_address_is_served_there(
    rooms: Rooms, call: tuple[str, str, bytes]
) -> None:
    """By a limited call or another; whatever others do there. But only where he was last."""
    tried(rooms, HOME, call=call)
    exhaust(rooms, HOME)
    assert 404 == tried(rooms, HOME).status
    tried(rooms, ELSEWHERE)
    assert 429 == tried(rooms, HOME).status


def test_only_so_many_users_are_known_by_their_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who was right longest ago is forgotten, and waits like anybody."""
    monkeypatch.setattr(limits, "USERS_PLACED_MAX", 2)
    calls = CallLimits(Rates(address=1), Addresses(""))
    for _ in range(BURST_SECONDS):
        calls.charge_address(HOME, [], NOW_MS)
    for user_id in (1, 2, 1, 3):
        calls.place(user_id, HOME, [])
    for user_id in (1, 3):
        calls.require_placed(user_id, HOME, [], NOW_MS)
    with pytest.raises(Refusal):
        calls.require_placed(2, HOME, [], NOW_MS)


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
