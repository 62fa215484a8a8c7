"""What all calls have in common: order of checks, limits, keys, the disk, headers."""

import asyncio
import hashlib
import hmac
from typing import Any

import orjson
import pytest

from api.routes import operations
from engine import Rules
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, CONCERT, SOON, Answer, Rooms, basic, seat

SELECT, RELEASE = "/api/seats/select", "/api/seats/release"
PAY, CANCEL = "/api/bookings/initiatePayment", "/api/bookings/cancel"
TOGETHER = "/x/seats/together"
CALLS = [one for one in operations() if one.documented]
GATED = [one for one in CALLS if not one.ungated]


def keyed(key: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"idempotency-key", key)]


# Order of checks: well-formed, authenticated, exists, owner, state.


@pytest.mark.parametrize(
    ("body", "user", "expected"),
    [
        ("malformed", None, 400),
        ("malformed", ANN, 400),
        ("unknown booking, unknown seat", None, 401),
        ("unknown booking, unknown seat", ANN, 404),
        ("bob's, unknown seat", ANN, 404),
        ("bob's, taken seat", None, 401),
        ("bob's, taken seat", ANN, 403),
        ("bob's, of another event", ANN, 403),
        ("bob's, under payment", ANN, 403),
        ("ann's, taken seat", ANN, 419),
        ("ann's, of another event", ANN, 419),
        ("ann's, free seat", ANN, 200),
    ],
)
def test_order_of_checks_of_select(
    rooms: Rooms, body: str, user: str | None, expected: int
) -> None:
    """The first thing that is wrong is what is told."""
    anns, bobs, paying = rooms.book(ANN), rooms.book(BOB, seat(1)), rooms.book(BOB, seat(2))
    rooms.initiate(paying, BOB)
    wanted: dict[str, object] = {
        "malformed": {"booking_id": bobs, "seat_id": "1"},
        "unknown booking, unknown seat": {"booking_id": 1, "seat_id": 1},
        "bob's, unknown seat": {"booking_id": bobs, "seat_id": 1},
        "bob's, taken seat": {"booking_id": bobs, "seat_id": seat(2)},
        "bob's, of another event": {"booking_id": bobs, "seat_id": seat(1, event_id=SOON)},
        "bob's, under payment": {"booking_id": paying, "seat_id": seat(3)},
        "ann's, taken seat": {"booking_id": anns, "seat_id": seat(1)},
        "ann's, of another event": {"booking_id": anns, "seat_id": seat(1, event_id=SOON)},
        "ann's, free seat": {"booking_id": anns, "seat_id": seat(9)},
    }
    assert expected == rooms.call("PATCH", SELECT, user=user, json=wanted[body]).status


@pytest.mark.parametrize(
    ("path", "body", "user", "expected"),
    [
        (RELEASE, {"seat_id": 1.5}, None, 400),
        (RELEASE, {"seat_id": 1}, None, 401),
        (RELEASE, {"seat_id": 1}, ANN, 404),
        (RELEASE, {"seat_id": seat(1)}, ANN, 403),
        (RELEASE, {"seat_id": seat(3)}, ANN, 403),  # sold, and not hers to ask about
        (RELEASE, {"seat_id": seat(2)}, ANN, 419),
        (PAY, {}, None, 400),
        (PAY, {"booking_id": 1}, None, 401),
        (PAY, {"booking_id": 1}, ANN, 404),
        (PAY, {"booking_id": 1_000_000_001}, ANN, 403),
        (PAY, {"booking_id": 1_000_000_002}, ANN, 403),
        (CANCEL, [], None, 400),
        (CANCEL, {"booking_id": 1}, None, 401),
        (CANCEL, {"booking_id": 1}, ANN, 404),
        (CANCEL, {"booking_id": 1_000_000_001}, ANN, 403),
        (CANCEL, {"booking_id": 2_000_000_001}, ANN, 403),  # bob's, paid, and too late
        ("/api/bookings", {"event_id": None}, None, 400),
        ("/api/bookings", {"event_id": 999}, None, 401),
        ("/api/bookings", {"event_id": 999}, ANN, 404),
    ],
)
def test_order_of_checks_elsewhere(
    rooms: Rooms, path: str, body: object, user: str | None, expected: int
) -> None:
    """The same order for the other changing calls."""
    rooms.book(BOB, seat(1))
    rooms.pay(rooms.book(BOB, seat(3)), BOB)
    rooms.pay(rooms.book(BOB, seat(1, event_id=SOON), event_id=SOON), BOB)
    method = "POST" if path == "/api/bookings" else "PATCH"
    assert expected == rooms.call(method, path, user=user, json=body).status


# Nobody touches what belongs to somebody else.

BODIES = {
    SELECT: {"booking_id": "booking", "seat_id": "free"},
    TOGETHER: {"booking_id": "booking", "count": "two"},
    RELEASE: {"seat_id": "held"},
    PAY: {"booking_id": "booking"},
    CANCEL: {"booking_id": "booking"},
}
# What the other calls that change something take is nobody's property.
OWNERLESS = {"/api/bookings", "/api/reset", "/api/payments/notifications", "/x/sagas/retry"}
OWNERLESS.add("/x/events/{id}/waiting-room/place")


def test_the_owner_matrix_is_whole() -> None:
    """Every call with a body is in it, is the staff's, or takes nothing that has an owner."""
    with_body = {one.path for one in CALLS if one.method in ("POST", "PATCH") and not one.for_staff}
    assert with_body == set(BODIES) | OWNERLESS


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("state", ["empty", "held", "paying", "paid", "cancelled"])
def test_what_is_somebody_elses_is_never_2xx(rooms: Rooms, path: str, state: str) -> None:
    """Whatever state it is in, and nothing changes."""
    booking_id = rooms.book(BOB, *([] if state == "empty" else [seat(1)]))
    if state == "paying":
        rooms.initiate(booking_id, BOB)
    elif state == "paid":
        rooms.pay(booking_id, BOB)
    elif state == "cancelled":
        rooms.call("PATCH", CANCEL, user=BOB, json={"booking_id": booking_id})
    stands_for = {"booking": booking_id, "held": seat(1), "free": seat(2), "two": 2}
    body = {name: stands_for[value] for name, value in BODIES[path].items()}
    before = rooms.engine.digest()
    answer = rooms.call("PATCH", path, user=ANN, json=body)
    # Of a seat that nobody holds, Bob isn't the owner either.
    nobodys = path == RELEASE and state in ("empty", "cancelled")
    assert (419 if nobodys else 403, before) == (answer.status, rooms.engine.digest())


# Idempotency keys


def test_a_key_replays_the_answer(rooms: Rooms) -> None:
    """The booking is made once, and the second answer is the first."""
    answers = [
        rooms.call("POST", "/api/bookings", user=ANN, json={"event_id": 1}, headers=keyed(b"k1"))
        for _ in range(2)
    ]
    assert [201, 201] == [answer.status for answer in answers]
    assert answers[0].body == answers[1].body
    assert 1 == len(rooms.call("GET", "/api/bookings", user=ANN).json)


def test_a_key_replays_even_when_the_world_has_moved_on(rooms: Rooms) -> None:
    """A select is answered as it was, after the seat was released and taken by another."""
    booking_id = rooms.book(ANN)
    wanted = {"booking_id": booking_id, "seat_id": seat(1)}
    rooms.call("PATCH", SELECT, user=ANN, json=wanted, headers=keyed(b"k"))
    rooms.call("PATCH", RELEASE, user=ANN, json={"seat_id": seat(1)})
    rooms.book(BOB, seat(1))
    replayed = rooms.call("PATCH", SELECT, user=ANN, json=wanted, headers=keyed(b"k"))
    assert 200 == replayed.status


def test_a_key_replays_the_redirect_release_cancel_and_reset(rooms: Rooms) -> None:
    """Every changing call that isn't idempotent by nature takes a key."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    calls = (
        ("PATCH", PAY, {"booking_id": booking_id}, 302),
        ("PATCH", RELEASE, {"seat_id": seat(2)}, 200),
        ("PATCH", CANCEL, {"booking_id": booking_id}, 200),
        ("POST", "/api/reset", None, 200),
    )
    for method, path, body, status in calls:
        headers = keyed(path.encode())
        first = rooms.call(method, path, user=ANN, json=body, headers=headers)
        before = rooms.engine.digest()
        again = rooms.call(method, path, user=ANN, json=body, headers=headers)
        assert (status, status) == (first.status, again.status)
        assert (first.body, first.headers.get("location")) == (
            again.body,
            again.headers.get("location"),
        )
        assert before == rooms.engine.digest()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/bookings", b'{"event_id":2}'),
        ("POST", "/api/bookings", b'{"event_id":1,"booking_id": 1000000001}'),
        ("PATCH", CANCEL, b'{"event_id":1,"booking_id":1000000001}'),
    ],
)
def test_a_key_with_another_request_is_422(
    rooms: Rooms, method: str, path: str, body: bytes
) -> None:
    """Another body, even by a space, or another call."""
    first = b'{"event_id":1,"booking_id":1000000001}'
    rooms.call("POST", "/api/bookings", user=ANN, body=first, headers=keyed(b"k"))
    answer = rooms.call(method, path, user=ANN, body=body, headers=keyed(b"k"))
    assert (422, "key-reused") == (answer.status, answer.problem)


def test_a_key_belongs_to_its_user(rooms: Rooms) -> None:
    """Bob may use the same key for something else."""
    for user, event_id in ((ANN, CONCERT), (BOB, SOON)):
        body = {"event_id": event_id}
        answer = rooms.call("POST", "/api/bookings", user=user, json=body, headers=keyed(b"k"))
        assert 201 == answer.status


@pytest.mark.parametrize("key", [b"", b"a b", b"\xc3\xa9", b"x" * 256, b"\x7f", b"a\tb"])
def test_a_malformed_key_is_400(rooms: Rooms, key: bytes) -> None:
    """1 to 255 visible characters of ASCII; a call that takes no key reads none."""
    body = {"event_id": 1}
    answer = rooms.call("POST", "/api/bookings", user=ANN, json=body, headers=keyed(key))
    assert (400, "bad-request") == (answer.status, answer.problem)
    assert 200 == rooms.call("GET", "/api/bookings", user=ANN, headers=keyed(key)).status


def test_two_keys_are_400(rooms: Rooms) -> None:
    """Nobody could say which one is meant; of a header that means nothing there may be two."""
    for name, status in ((b"idempotency-key", 400), (b"x-forwarded-for", 201)):
        headers = [(name, b"a"), (name, b"b")]
        body = {"event_id": 1}
        answer = rooms.call("POST", "/api/bookings", user=ANN, json=body, headers=headers)
        assert status == answer.status


def test_too_many_keys_are_429(runner: asyncio.Runner) -> None:
    """The server's memory is nobody's to fill."""
    for rooms in opened(Rooms(runner, rules=Rules(receipts_per_user_max=1)), runner):
        answers = [
            rooms.call("POST", "/api/bookings", user=ANN, json={"event_id": 1}, headers=keyed(key))
            for key in (b"a", b"b")
        ]
        assert [201, 429] == [answer.status for answer in answers]
        assert "retry-after" in answers[1].headers


# The disk


def _requests(rooms: Rooms) -> dict[str, tuple[str, str, str | None, object]]:
    """One call of each kind, by what it is about, and some refusals."""
    booking_id, paying = rooms.book(ANN, seat(5)), rooms.book(ANN, seat(1), seat(2))
    bobs = rooms.book(BOB, seat(3))
    rooms.initiate(paying)
    return {
        "taken": ("PATCH", SELECT, ANN, {"booking_id": booking_id, "seat_id": seat(3)}),
        "unknown": ("PATCH", RELEASE, ANN, {"seat_id": 1}),
        "not owner": ("PATCH", CANCEL, ANN, {"booking_id": bobs}),
        "create": ("POST", "/api/bookings", ANN, {"event_id": 1}),
        "list": ("GET", "/api/bookings", ANN, None),
        "select": ("PATCH", SELECT, ANN, {"booking_id": booking_id, "seat_id": seat(9)}),
        "release": ("PATCH", RELEASE, ANN, {"seat_id": seat(1)}),
        "pay": ("PATCH", PAY, ANN, {"booking_id": booking_id}),
        "cancel": ("PATCH", CANCEL, ANN, {"booking_id": paying}),
        "success": ("GET", "/api/payments/success?orderId=1", None, None),
        "fail": ("GET", "/api/payments/fail?orderId=1", None, None),
        "reset": ("POST", "/api/reset", None, None),
    }


WAITING = [
    *("taken", "unknown", "not owner", "create", "list", "select", "release", "pay", "cancel"),
    *("success", "fail", "reset"),
]


@pytest.mark.parametrize("name", WAITING)
def test_no_reply_leaves_before_the_disk_has_it(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Successes and refusals alike; outside services aren't told earlier either."""
    method, path, user, body = _requests(rooms)[name]
    rooms.sagas.asked.clear()

    async def story() -> tuple[bool, list[int], Answer]:
        on_disk = asyncio.Event()

        async def durable() -> None:
            await on_disk.wait()

        monkeypatch.setattr(rooms.engine, "durable", durable)
        headers = [] if user is None else [(b"authorization", basic(user))]
        raw = b"" if body is None else _json(body)
        task = asyncio.create_task(rooms.asgi(method, path, headers, [(raw, False)]))
        for _ in range(20):
            await asyncio.sleep(0)
        early, woken = task.done(), rooms.sagas.woken + rooms.sagas.asked
        on_disk.set()
        return early, woken, await task

    early, woken, answer = runner.run(story())
    assert (False, []) == (early, woken)
    assert answer.status in (200, 201, 302, 403, 404, 419)


def _json(body: object) -> bytes:
    return orjson.dumps(body)


@pytest.mark.parametrize(
    "target", ["/api/seats?event_id=1", "/api/events", "/api/analytics?id=1", "/readyz"]
)
def test_mere_looking_does_not_wait_for_the_disk(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """The hot pages are answered from memory."""

    async def never() -> None:
        raise AssertionError("waited")

    monkeypatch.setattr(rooms.engine, "durable", never)
    assert 200 == rooms.call("GET", target, user=ANN).status


# Where a call stands in the log


def test_a_reply_tells_the_record_that_its_call_has_made(rooms: Rooms) -> None:
    """The LSN of the record itself, for every call that changes something."""
    booking_id = rooms.book(ANN)
    selected = {"booking_id": booking_id, "seat_id": seat(1)}
    told = [
        rooms.call(method, path, user=ANN, json=body).headers["x-commit-lsn"]
        for method, path, body in (
            ("PATCH", SELECT, selected),
            ("PATCH", RELEASE, {"seat_id": seat(1)}),
            ("PATCH", SELECT, selected),
            ("PATCH", CANCEL, {"booking_id": booking_id}),
            ("POST", "/api/bookings", {"event_id": SOON}),
            ("POST", "/api/reset", None),
        )
    ]
    assert [str(lsn) for lsn in range(2, 8)] == told


def test_a_reply_that_took_long_tells_its_own_record(rooms: Rooms) -> None:
    """A payment's record is the attempt, not what the gateway has answered meanwhile."""
    booking_id = rooms.book(ANN, seat(1))
    answer = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    again = rooms.call("PATCH", PAY, user=ANN, json={"booking_id": booking_id})
    assert ("3", "4") == (answer.headers["x-commit-lsn"], again.headers["x-commit-lsn"])


def test_a_reply_to_a_call_without_a_record_tells_the_last_one_it_has_seen(rooms: Rooms) -> None:
    """A refusal, a repetition and a list stand after everything that they tell of."""
    booking_id = rooms.book(BOB, seat(1))
    mine = {"booking_id": booking_id, "seat_id": seat(1)}
    taken = {"booking_id": rooms.book(ANN), "seat_id": seat(1)}
    told = [
        rooms.call("PATCH", SELECT, user=ANN, json=taken),
        rooms.call("PATCH", SELECT, user=BOB, json=mine),
        rooms.call("GET", "/api/bookings", user=ANN),
    ]
    assert [(419, "3"), (200, "3"), (200, "3")] == [
        (answer.status, answer.headers["x-commit-lsn"]) for answer in told
    ]


@pytest.mark.parametrize(
    ("target", "user"),
    [("/api/seats?event_id=1", ANN), ("/api/analytics?id=1", ANN), ("/api/bookings", None)],
)
def test_a_reply_that_has_seen_no_record_tells_none(
    rooms: Rooms, target: str, user: str | None
) -> None:
    """Pages that may run ahead of the disk promise nothing; nor does who was never let in."""
    rooms.book(ANN)
    assert "x-commit-lsn" not in rooms.call("GET", target, user=user).headers


# Readiness


@pytest.mark.parametrize("operation", GATED, ids=lambda one: f"{one.method} {one.path}")
def test_nothing_is_answered_until_ready_and_after_the_end(
    runner: asyncio.Runner, operation: Any
) -> None:
    """503 with a Retry-After, even where no room behind exists yet."""
    rooms = Rooms(runner)
    answer = rooms.call(operation.method, operation.path, user=ANN)
    assert (503, "not-ready", "1") == (answer.status, answer.problem, answer.headers["retry-after"])
    rooms.open()
    rooms.service.close()
    assert 503 == rooms.call(operation.method, operation.path, user=ANN).status


def test_health_is_told_before_ready(runner: asyncio.Runner) -> None:
    """Alive from the start; ready only while open."""
    rooms = Rooms(runner)
    assert (200, 503) == (rooms.call("GET", "/healthz").status, rooms.call("GET", "/readyz").status)
    rooms.open()
    assert (200, 200) == (rooms.call("GET", "/healthz").status, rooms.call("GET", "/readyz").status)


# Paths, methods, headers


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        ("/nowhere", 404, "no-such-path"),
        ("/api/bookings/", 404, "no-such-path"),
        ("/API/events", 404, "no-such-path"),
        ("/api/events%", 400, "bad-request"),
        ("/%zz", 400, "bad-request"),
        ("/\ufffd", 400, "bad-request"),
        ("/билеты", 404, "no-such-path"),
        ("//", 404, "no-such-path"),
        ("/problems/none", 404, "no-such-path"),
    ],
)
def test_other_paths(rooms: Rooms, path: str, status: int, problem: str) -> None:
    """404, or 400 for broken percent-encoding; never a redirect."""
    answer = rooms.call("GET", path)
    assert (status, problem) == (answer.status, answer.problem)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/api/bookings", "GET, HEAD, POST"),
        ("POST", "/api/seats/select", "PATCH"),
        ("DELETE", "/api/events", "GET, HEAD"),
        ("OPTIONS", "/healthz", "GET, HEAD"),
        ("GET", "/api/reset", "POST"),
        ("BREW", "/api/reset", "POST"),
    ],
)
def test_other_methods_are_405(rooms: Rooms, method: str, path: str, allow: str) -> None:
    """With all methods that the path has."""
    answer = rooms.call(method, path)
    assert (405, "method-not-allowed", allow) == (
        answer.status,
        answer.problem,
        answer.headers["allow"],
    )


@pytest.mark.parametrize(
    "target", ["/api/seats?event_id=1&page=1", "/docs/swagger-ui.css", "/openapi.json"]
)
def test_head_is_get_without_the_body(rooms: Rooms, target: str) -> None:
    """The length is that of the body, of its parts, or of the file, which isn't sent."""
    got, head = rooms.call("GET", target), rooms.call("HEAD", target)
    assert (200, b"") == (head.status, head.body)
    assert str(len(got.body)) == head.headers["content-length"]


@pytest.mark.parametrize("operation", CALLS, ids=lambda one: f"{one.method} {one.path}")
def test_every_reply_has_an_id_and_secrets_are_not_stored(rooms: Rooms, operation: Any) -> None:
    """A client's id is taken over; what only one user may see isn't kept by caches."""
    headers = [(b"x-request-id", b"Mine-1._")]
    answer = rooms.call(operation.method, operation.path, headers=headers)
    assert "Mine-1._" == answer.headers["x-request-id"]
    assert ("no-store" if not operation.public else None) == answer.headers.get("cache-control")


@pytest.mark.parametrize("given", [b"", b"a b", b'"x"', b"x" * 65, b"\xff", b"a\r\nb: c"])
def test_a_strange_request_id_is_replaced(rooms: Rooms, given: bytes) -> None:
    """By one of our own, different each time."""
    answers = [rooms.call("GET", "/nowhere", headers=[(b"x-request-id", given)]) for _ in range(2)]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert 2 == len(ids)
    assert given.decode("latin-1") not in ids


def test_metrics_are_for_this_machine(rooms: Rooms, runner: asyncio.Runner) -> None:
    """Neither for other machines nor for what a proxy passes on."""
    far = ("10.0.0.1", 1)
    forwarded = [(b"x-forwarded-for", b"10.0.0.1")]
    assert 200 == runner.run(rooms.asgi("GET", "/metrics")).status
    assert 403 == runner.run(rooms.asgi("GET", "/metrics", client=far)).status
    assert 403 == runner.run(rooms.asgi("GET", "/metrics", client=None)).status
    assert 403 == runner.run(rooms.asgi("GET", "/metrics", forwarded)).status


def test_signatures_are_checked_where_a_secret_is_set(runner: asyncio.Runner) -> None:
    """Over the raw bytes; missing or wrong is 400."""
    secret = b"s3cret"
    raw = b'{"paymentId":"x","status":"AUTHORIZED","teamSlug":"demo","timestamp":"t","data":{}}'
    right = b"sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest().encode()
    path = "/api/payments/notifications"
    for rooms in opened(Rooms(runner, webhook_secret=secret), runner):
        for signature, status in ((right, 200), (right[:-1] + b"x", 400), (b"\xff", 400)):
            headers = [(b"x-webhook-signature", signature)]
            assert status == rooms.call("POST", path, body=raw, headers=headers).status
        assert "bad-signature" == rooms.call("POST", path, body=raw).problem
