"""Whatever arrives, nobody without the right changes anything, and nothing is a 500."""

import asyncio
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.routes import operations
from tests.api.conftest import opened
from tests.api.rooms import ANN, BOB, Rooms, basic, seat

PATHS = sorted({one.path for one in operations() if one.documented})
METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
names = st.sampled_from(["booking_id", "seat_id", "event_id", "paymentId", "page", "status", "x"])
objects = st.dictionaries(names, json_values, max_size=4)
bodies = st.binary(max_size=64) | (json_values | objects).map(lambda value: repr(value).encode())
bodies |= (json_values | objects).map(
    lambda value: repr(value).replace("'", '"').replace("None", "null").encode("utf-8", "replace")
)
queries = st.text(max_size=40) | st.lists(
    st.tuples(
        st.sampled_from(["event_id", "page", "pageSize", "row", "status", "orderId", "id", "date"]),
        st.integers().map(str) | st.text(max_size=8) | st.sampled_from(["FREE", "2027-01-01", ""]),
    ),
    max_size=4,
).map(lambda pairs: "&".join(f"{name}={quote(value)}" for name, value in pairs))
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [
                b"authorization",
                b"idempotency-key",
                b"x-request-id",
                b"content-length",
                b"content-type",
                b"x-webhook-signature",
            ]
        ),
        st.binary(max_size=40) | st.just(basic(ANN, "wrong")),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def busy() -> Iterator[Rooms]:
    """Something of everything is booked, and resets are forbidden."""
    with asyncio.Runner() as runner:
        for rooms in opened(Rooms(runner, allow_reset=False), runner):
            rooms.book(ANN, seat(1))
            rooms.pay(rooms.book(BOB, seat(2)), BOB)
            rooms.initiate(rooms.book(ANN, seat(3)))
            yield rooms


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PATHS) | st.text(max_size=20).map(lambda text: f"/{text}"),
    query=queries,
    sent=headers,
    body=bodies,
)
def test_strangers_change_nothing(
    busy: Rooms,
    method: str,
    path: str,
    query: str,
    sent: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    """Without a right password: any bytes anywhere, the state stays, and the answer is decent."""
    before = busy.engine.digest()
    target = f"{path.replace('?', '')}?{query}"
    answer = busy.call(method, target, body=body, headers=sent)
    assert answer.status in {200, 400, 401, 403, 404, 405, 413}
    assert before == busy.engine.digest()
    if answer.status >= 400 and method != "HEAD":
        assert answer.status == answer.json["status"]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    path=st.sampled_from(["/api/seats/select", "/api/seats/release", "/api/bookings/cancel"]),
    body=bodies,
)
def test_garbage_of_a_user_changes_nothing(busy: Rooms, path: str, body: bytes) -> None:
    """Where a body isn't what the call takes, even a user's request is refused whole."""
    before = busy.engine.digest()
    answer = busy.call("PATCH", path, user=BOB, body=body)
    assert answer.status in {400, 403, 404, 419}
    assert before == busy.engine.digest()


@settings(max_examples=200)
@given(header=st.binary(max_size=80) | st.binary(max_size=40).map(lambda raw: b"Basic " + raw))
def test_no_authorization_header_breaks_anything(busy: Rooms, header: bytes) -> None:
    """Garbage is 401."""
    headers = [(b"authorization", header)]
    assert 401 == busy.call("GET", "/api/bookings", headers=headers).status


@settings(max_examples=200)
@given(wanted=st.integers(-(2**70), 2**70), page=st.integers(1, 2**63 - 1))
def test_any_integer_is_answered(busy: Rooms, wanted: int, page: int) -> None:
    """Within int64 it may exist or not; beyond it is malformed."""
    answer = busy.call("GET", f"/api/seats?event_id={wanted}&page={page}")
    within = -(2**63) <= wanted < 2**63
    assert answer.status in ({200, 404} if within else {400})
