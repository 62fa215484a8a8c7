"""What a body must look like, how large it may be, and how long it may take."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from api import body
from api.body import PARTS_MAX, BodyReader, decoder
from api.problems import BAD_REQUEST, BODY_TOO_SLOW, Refusal
from api.seats import SelectSeat
from api.service import Limits
from tests.api.conftest import opened
from tests.api.rooms import ANN, Rooms, basic

RELEASE = "/api/seats/release"
LIMIT = 50_000

BAD_BODIES = {
    "empty": b"",
    "not JSON": b"booking_id=1",
    "trailing garbage": b'{"seat_id":1}x',
    "two documents": b'{"seat_id":1}{"seat_id":1}',
    "repeated name": b'{"seat_id":1,"seat_id":2}',
    "repeated name, escaped": b'{"seat_id":1,"seat\\u005fid":2}',
    "repeated inside": b'{"seat_id":1,"more":{"a":1,"a":2}}',
    "boolean": b'{"seat_id":true}',
    "float": b'{"seat_id":1.0}',
    "exponent": b'{"seat_id":1e3}',
    "string": b'{"seat_id":"1"}',
    "null": b'{"seat_id":null}',
    "array": b"[1]",
    "null itself": b"null",
    "NaN": b'{"seat_id":NaN}',
    "infinity": b'{"seat_id":Infinity}',
    "too large": b'{"seat_id":9223372036854775808}',
    "too small": b'{"seat_id":-9223372036854775809}',
    "far too large": b'{"seat_id":1' + b"0" * 400 + b"}",
    "other name": b'{"seat":1}',
    "other case": b'{"Seat_id":1}',
    "UTF-16": '{"seat_id":1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"seat_id":1}',
    "invalid UTF-8": b'{"seat_id":1,"x":"\xff"}',
    "half a surrogate": b'{"seat_id":1,"x":"\\ud800"}',
    "deep": b'{"seat_id":' + b"[" * 30_000,
    "deep and whole": b'{"seat_id":1,"x":"","y":' + b"[" * 1_000 + b"]" * 1_000 + b"}" * 2,
}


@pytest.fixture
def rooms(runner: asyncio.Runner) -> Iterator[Rooms]:
    yield from opened(Rooms(runner, limits=Limits(body_bytes_max=LIMIT)), runner)


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_not_well_formed_is_400(rooms: Rooms, name: str) -> None:
    """Types are exact, names stand once, nothing follows the object; the connection goes on."""
    answer = rooms.call("PATCH", RELEASE, user=ANN, body=BAD_BODIES[name])
    assert (400, "bad-request") == (answer.status, answer.problem)
    assert "connection" not in answer.headers


NUMBERS = [
    *("0", "-0", "-1", "+1", "01", "1.0", "1.5", "1e2", "1E2", "1.", "0x1", "1_0", "- 1", "1e400"),
    *("true", "null", "NaN", "[]", "{}", "", "-", "1 2", "9223372036854775807"),
    *("9223372036854775808", "-9223372036854775808", "-9223372036854775809"),
    *("18446744073709551616", "1" + "0" * 400),
]
FRAMES = ("{%s}", " \n{%s}\t", "{%s", "{%s}}", "[{%s}]", "{%s,}", "\ufeff{%s}", "{%s}x")


def outcome(raw: str) -> str:
    try:
        return repr(decoder(SelectSeat)(raw.encode()))
    except Refusal as refusal:
        return refusal.problem.name


@pytest.mark.parametrize("number", NUMBERS)
def test_a_body_with_nothing_else_in_it_is_read_as_any_other(number: str) -> None:
    """It is decoded by another way, which takes and refuses the same."""
    for names in ("booking_id seat_id", "seat_id booking_id", "seat_id seat_id", "id seat_id"):
        one, other = names.split()
        plain = f'"{one}": {number}, "{other}": 7'
        for frame in FRAMES:
            assert outcome(frame % plain) == outcome(frame % f'{plain}, "note": 0')
    assert "SelectSeat(booking_id=1, seat_id=2)" == outcome('{"booking_id":1,"seat_id":2}')


def test_a_name_more_than_there_are_is_looked_at() -> None:
    """With all names there once, and one of them again: neither way takes the last of them."""
    assert BAD_REQUEST.name == outcome('{"booking_id":1,"seat_id":2,"seat_id":3}')


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"[1]", "Тело запроса должно быть объектом JSON."),
        (b"{}", "Поле seat_id обязательно."),
        (b'{"seat_id":"1"}', "Поле seat_id: значение не того типа."),
        (b'{"seat_id":1,"seat_id":2}', "Поле seat_id указано дважды."),
        (b'{"%b":1,"%b":2}' % (b"x" * 65, b"x" * 65), f"Поле {'x' * 64} указано дважды."),
        (b"seat_id=1", "Тело запроса – не JSON в UTF-8."),
    ],
)
def test_a_refused_body_is_told_what_is_wrong(rooms: Rooms, raw: bytes, detail: str) -> None:
    """The name of the field, where it is one; of a long name the beginning will do."""
    assert detail == rooms.call("PATCH", RELEASE, user=ANN, body=raw).json["detail"]


class WithChoice(msgspec.Struct):
    """A body of which a part may be left out."""

    seat_id: int
    row: int = 0


def test_a_name_that_stands_twice_is_not_taken_for_two() -> None:
    """Where one may be missing, the number of quotes says nothing."""
    assert WithChoice(1, 2) == decoder(WithChoice)(b'{"seat_id":1,"row":2}')
    with pytest.raises(Refusal):
        decoder(WithChoice)(b'{"seat_id":1,"seat_id":2}')


@pytest.mark.parametrize("media_type", [None, b"text/plain", b"application/x-www-form-urlencoded"])
def test_content_type_does_not_matter(rooms: Rooms, media_type: bytes | None) -> None:
    """curl sends a form's type, or a script none; the body is JSON all the same."""
    headers = [] if media_type is None else [(b"content-type", media_type)]
    body = b' {"event_id": 1, "note": "ignored", "more": {"a": ["b"]}}\n'
    answer = rooms.call("POST", "/api/bookings", user=ANN, body=body, headers=headers)
    assert 201 == answer.status


@pytest.mark.parametrize("body", [{}, {"paymentId": 1}, {"paymentId": "a"}, [], "x", None])
def test_a_malformed_notification_is_400(rooms: Rooms, body: object) -> None:
    """Four strings are needed."""
    raw = b"null" if body is None else b""
    answer = rooms.call("POST", "/api/payments/notifications", json=body, body=raw)
    assert (400, "bad-request") == (answer.status, answer.problem)


# Limits of the body


@pytest.mark.parametrize(
    ("length", "parts"),
    [
        (b"%d" % (LIMIT + 1), [(b"", False)]),
        (b"9" * 5_000, [(b"", False)]),
        (None, [(b" " * (LIMIT + 1), False)]),
        (None, [(b" " * LIMIT, True), (b"!", True)]),
        (b"2", [(b" " * LIMIT, True), (b"!", True)]),
    ],
)
def test_a_large_body_is_refused_before_it_has_come(
    rooms: Rooms, runner: asyncio.Runner, length: bytes | None, parts: list[tuple[bytes, bool]]
) -> None:
    """413 by the announced length or by counting; the connection is closed."""
    headers = [] if length is None else [(b"content-length", length)]
    answer = runner.run(rooms.asgi("PATCH", RELEASE, headers, parts))
    assert (413, "close") == (answer.status, answer.headers["connection"])


def test_a_body_of_the_largest_size_is_read(rooms: Rooms) -> None:
    """The limit itself is allowed, and no byte more."""
    for size, status in ((LIMIT, 201), (LIMIT + 1, 413)):
        body = b'{"event_id":1}'.ljust(size)
        assert status == rooms.call("POST", "/api/bookings", user=ANN, body=body).status


def test_a_body_in_parts_is_one_body(rooms: Rooms, runner: asyncio.Runner) -> None:
    """However the network cut it."""
    parts = [(b'{"eve', True), (b"", True), (b'nt_id":', True), (b"1}", False)]
    headers = [(b"authorization", basic(ANN))]
    assert 201 == runner.run(rooms.asgi("POST", "/api/bookings", headers, parts)).status


@pytest.mark.parametrize(("more", "status"), [(0, 201), (1, 400)])
def test_a_body_in_crumbs_is_not_read_to_its_end(
    rooms: Rooms, runner: asyncio.Runner, more: int, status: int
) -> None:
    """Each takes a round of three threads: 60,000 of them kept a core busy for three seconds."""
    body = b'{"event_id":1}'
    crumbs = [(b" ", True)] * (PARTS_MAX - 1 + more)
    headers = [(b"authorization", basic(ANN))]

    answer = runner.run(rooms.asgi("POST", "/api/bookings", headers, [*crumbs, (body, False)]))

    assert status == answer.status
    assert ("close" if more else None) == answer.headers.get("connection")


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        ([(b"content-length", b"15")], 1),
        ([(b"content-length", b"15"), (b"transfer-encoding", b"chunked")], 2),
        ([], 2),
    ],
    ids=["told", "told, but in chunks", "untold"],
)
def test_nothing_is_waited_for_behind_a_body_of_known_length(
    runner: asyncio.Runner, headers: list[tuple[bytes, bytes]], parts: int
) -> None:
    """To ask the server for the end of the body takes another round of three threads.

    By ASGI, a message with neither a part nor a word of more is the end.
    """
    told: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"event_id": 1}', "more_body": True},
        {"type": "http.request"},
    ]
    taken = iter(told)

    async def receive() -> dict[str, Any]:
        return next(taken)

    assert b'{"event_id": 1}' == runner.run(BodyReader(Limits()).read(receive, dict(headers)))
    assert told[parts:] == list(taken)


def test_a_slow_body_is_408(runner: asyncio.Runner) -> None:
    """Nothing has been done; the connection is closed."""
    for rooms in opened(Rooms(runner, limits=Limits(body_read_seconds=0.02)), runner):
        before = rooms.engine.digest()
        answer = runner.run(rooms.asgi("POST", "/api/reset", [], [(b"{", True)]))
        assert (408, "close") == (answer.status, answer.headers["connection"])
        assert before == rooms.engine.digest()


def test_only_the_slow_are_ended(runner: asyncio.Runner) -> None:
    """Of many who send at once; and nobody is looked after when all are done."""

    async def read(reader: BodyReader, seconds: float) -> bytes | Refusal:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(seconds)
            return {"type": "http.request", "body": b"{}", "more_body": False}

        try:
            return await reader.read(receive, {})
        except Refusal as refusal:
            return refusal

    async def many() -> list[bytes | Refusal]:
        reader = BodyReader(Limits(body_read_seconds=0.05))
        found = await asyncio.gather(*(read(reader, one) for one in (0, 9, 0.001, 9, 0)))
        assert len(reader) == 0
        await asyncio.sleep(0.12)  # nobody is looked for any more
        return [*found, *await asyncio.gather(read(reader, 9), read(reader, 0))]

    found = runner.run(many())
    slow = [one.problem if isinstance(one, Refusal) else one for one in found]
    assert slow == [b"{}", BODY_TOO_SLOW, b"{}", BODY_TOO_SLOW, b"{}", BODY_TOO_SLOW, b"{}"]


def test_many_slow_ones_are_ended_one_after_the_other(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few at each look, and in the end all of them."""
    monkeypatch.setattr(body, "ENDED_AT_ONCE_MAX", 2)
    ended: list[int] = []

    async def read(reader: BodyReader, number: int) -> None:
        async def receive() -> dict[str, Any]:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)
            return {}

        with pytest.raises(Refusal):
            await reader.read(receive, {})

    async def many() -> None:
        reader = BodyReader(Limits(body_read_seconds=0.01))
        reading = [asyncio.create_task(read(reader, number)) for number in range(5)]
        await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
        assert ended == [0, 1]
        await asyncio.wait(reading)
        assert ended == [0, 1, 2, 3, 4]

    runner.run(many())


def test_who_is_within_the_limit_is_left_alone(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the slow are looked for."""
    monkeypatch.setattr(body, "LOOK_SECONDS", 0.001)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    assert runner.run(BodyReader(Limits()).read(receive, {})) == b"{}"


def test_who_is_cancelled_while_reading_is_not_slow(runner: asyncio.Runner) -> None:
    """A server that stops ends its tasks: they must end, and not answer."""

    async def cancelled() -> None:
        reader = BodyReader(Limits())

        async def never() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        task = asyncio.create_task(reader.read(never, {}))
        await asyncio.sleep(0)
        assert len(reader) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(reader) == 0

    runner.run(cancelled())


def test_who_is_cancelled_and_slow_at_once_ends_too(runner: asyncio.Runner) -> None:
    """Whatever its body is: nobody may be answered by a server that stops."""

    async def cancelled() -> None:
        reader = BodyReader(Limits(body_read_seconds=0))

        async def never() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        task = asyncio.create_task(reader.read(never, {}))
        await asyncio.sleep(0)
        for _ in range(2):  # whoever hasn't gone by the next look isn't ended again
            reader._end_the_slow(asyncio.get_running_loop())
        assert 1 == task.cancelling()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    runner.run(cancelled())


def test_the_time_limit_is_for_reading_alone(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk is waited for, however long: giving up would leave the client in doubt."""
    for rooms in opened(Rooms(runner, limits=Limits(body_read_seconds=0.01)), runner):

        async def slowly() -> None:
            await asyncio.sleep(0.05)

        monkeypatch.setattr(rooms.engine, "durable", slowly)
        answer = rooms.call("POST", "/api/bookings", user=ANN, json={"event_id": 1})
        assert 201 == answer.status


def test_a_body_that_breaks_off_is_400(rooms: Rooms, runner: asyncio.Runner) -> None:
    """Whoever sent nonsense for a chunk is told so; who has gone doesn't hear it."""

    async def break_off() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(part: Any) -> None:
            sent.append(part)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/reset",
            "query_string": b"",
            "headers": [],
            "root_path": "",
        }
        await rooms.app(scope, receive, send)
        return sent

    before = rooms.engine.digest()
    start, _ = runner.run(break_off())
    assert 400 == start["status"]
    assert before == rooms.engine.digest()
