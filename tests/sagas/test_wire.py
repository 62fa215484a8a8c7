"""A request that goes wrong in any way ends as Unknown, in bounded time and space."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from sagas import wire
from sagas.outcome import Unknown
from tests.sagas.world import reply

Answer = Callable[[httpx.Request], httpx.Response]


def ask(
    answer: Answer, *, total_seconds: float = 5.0, content: object = None
) -> wire.Reply | Unknown:
    async def whole() -> wire.Reply | Unknown:
        async with open_client(answer, total_seconds=total_seconds) as client:
            return await wire.ask(
                client, "POST", "/x", total_seconds=total_seconds, content=content
            )

    return asyncio.run(whole())


def open_client(answer: Answer, *, total_seconds: float = 5.0) -> httpx.AsyncClient:
    return wire.open_client(
        "http://outside.test",
        total_seconds=total_seconds,
        connections_max=1,
        transport=httpx.MockTransport(answer),
    )


class Drip(httpx.AsyncByteStream):
    """A body that comes in small pieces and never ends."""

    def __init__(self, piece: bytes, pause_seconds: float) -> None:
        self._piece = piece
        self._pause_seconds = pause_seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(self._pause_seconds)
            yield self._piece


def test_answer() -> None:
    """An answer comes through as it is, whatever its status."""
    assert ask(lambda _: reply(418, b"teapot")) == wire.Reply(418, b"teapot", 0.0)


def test_an_answer_leaves_nothing_to_the_collector() -> None:
    """Whatever it was: it is gone as soon as it was read, and so is its request."""

    async def left() -> list[int]:
        async with open_client(lambda _: reply(200, b"{}")) as client:
            found = []
            for _ in range(3):
                gc.collect()
                await wire.ask(client, "GET", "/x", total_seconds=5.0)
                found.append(gc.collect())
            return found

    assert 0 == asyncio.run(left())[-1]


@pytest.mark.parametrize(
    ("content", "body", "kind"), [(None, b"", None), ({}, b"{}", "application/json")]
)
def test_what_is_sent(content: object, body: bytes, kind: str | None) -> None:
    """JSON that says it is, or nothing; and a few compressed bytes could be gigabytes."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reply(200, b"")

    ask(answer, content=content)
    assert (body, kind) == (seen[0].content, seen[0].headers.get("Content-Type"))
    assert seen[0].headers["Accept-Encoding"] == "identity"


def test_no_cookie_is_kept() -> None:
    """However many there are, with whatever names."""
    sent: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("Cookie"))
        return reply(200, b"", {"Set-Cookie": f"name{len(sent)}=value"})

    async def kept() -> int:
        async with open_client(answer) as client:
            for _ in range(3):
                await wire.ask(client, "GET", "/x", total_seconds=5.0)
            return len(client.cookies)

    assert 0 == asyncio.run(kept())
    assert [None] * 3 == sent


def test_too_large() -> None:
    """An answer without end is dropped at the limit."""
    piece = b"x" * 65_536
    ended = ask(lambda _: httpx.Response(200, stream=Drip(piece, 0)))
    assert ended == Unknown("the answer is too large")
    body = b"x" * wire.ANSWER_BYTES_MAX
    assert ask(lambda _: reply(200, body)) == wire.Reply(200, body, 0.0)
    assert ask(lambda _: reply(200, body + b"x")) == ended


def test_too_slow() -> None:
    """An answer that drips is cut when its time is over, however often a byte comes."""
    ended = ask(lambda _: httpx.Response(200, stream=Drip(b"x", 0.001)), total_seconds=0.02)
    assert ended == Unknown("TimeoutError")


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.ReadError])
def test_broken(failure: type[httpx.RequestError]) -> None:
    """A connection that breaks says nothing about what was done."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise failure("broken", request=request)

    assert ask(answer) == Unknown(failure.__name__)


def test_redirect() -> None:
    """Nobody leads us elsewhere."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return reply(307, b"", {"Location": "http://elsewhere.test/"})

    ended = ask(answer)
    assert isinstance(ended, wire.Reply)
    assert (ended.status, seen) == (307, ["http://outside.test/x"])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("7", 7), ("0", 0), ("86400", 60), ("-1", 0), ("1.5", 0), ("９", 0), ("9" * 5_000, 60)],
)
def test_retry_after(written: str, seconds: float) -> None:
    """A wish to be left alone is heard, within reason."""
    headers = httpx.Headers([(b"Retry-After", written.encode())])
    ended = ask(lambda _: httpx.Response(503, stream=httpx.ByteStream(b""), headers=headers))
    assert ended == wire.Reply(503, b"", seconds)
