"""However many calls there are, they take no more connections than run at once, one each."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import uvloop

from sagas import wire
from sagas.outcome import Unknown
from tests.resetting import resetting

LANES = 3


class Outside:
    """A service that counts connections, and answers when it is told to."""

    def __init__(self) -> None:
        self.connections = 0
        self.under_way = 0
        self.most_under_way = 0
        self.is_full = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.hangs_up = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                if self.under_way == LANES:
                    self.is_full.set()
                await self.may_answer.wait()
                self.under_way -= 1
                if self.hangs_up:
                    return
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


def tell(
    story: Callable[[Outside, httpx.AsyncClient], Awaitable[None]],
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    async def whole() -> None:
        outside = Outside()
        async with await asyncio.start_server(outside.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with wire.open_client(
                f"http://127.0.0.1:{port}", total_seconds=5, connections_max=LANES, transport=None
            ) as client:
                await story(outside, client)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(whole())


async def ask(client: httpx.AsyncClient, *, total_seconds: float = 5) -> wire.Reply | Unknown:
    return await wire.ask(client, "GET", "/", total_seconds=total_seconds)


ANSWERED = wire.Reply(200, b"ok", 0.0)


def test_one_call_after_the_other_takes_one_connection() -> None:
    """The next call goes where the last one went."""

    async def story(outside: Outside, client: httpx.AsyncClient) -> None:
        outside.may_answer.set()
        assert [ANSWERED] * 5 == [await ask(client) for _ in range(5)]
        assert 1 == outside.connections

    tell(story)


def test_calls_at_once_have_a_connection_each_up_to_the_limit() -> None:
    """The others wait, and then take the connections that are there."""

    async def story(outside: Outside, client: httpx.AsyncClient) -> None:
        asked = [asyncio.create_task(ask(client)) for _ in range(3 * LANES)]
        await outside.is_full.wait()
        outside.may_answer.set()
        assert [ANSWERED] * len(asked) == await asyncio.gather(*asked)
        assert (LANES, LANES) == (outside.connections, outside.most_under_way)

    tell(story)


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("steps", range(40))
def test_a_call_may_be_given_up_at_any_step(
    loop: Callable[[], asyncio.AbstractEventLoop], steps: int
) -> None:
    """While it connects, sends, or reads: the next one isn't kept waiting for that connection."""

    async def story(outside: Outside, client: httpx.AsyncClient) -> None:
        outside.may_answer.set()
        call = asyncio.create_task(ask(client))
        for _ in range(steps):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
        assert [ANSWERED] * LANES == [await ask(client) for _ in range(LANES)]

    tell(story, loop)


def test_a_call_that_ends_badly_leaves_its_lane() -> None:
    """Whether nobody answers in time or the service hangs up: the next calls find their lanes."""

    async def story(outside: Outside, client: httpx.AsyncClient) -> None:
        late = await asyncio.gather(*(ask(client, total_seconds=0.01) for _ in range(LANES)))
        assert [Unknown("TimeoutError")] * LANES == late
        outside.may_answer.set()
        outside.hangs_up = True
        assert [Unknown("RemoteProtocolError")] * LANES == [await ask(client) for _ in range(LANES)]
        outside.hangs_up = False
        assert [ANSWERED] * LANES == await asyncio.gather(*(ask(client) for _ in range(LANES)))

    tell(story)


class Unclosable(httpx.AsyncByteStream):
    """A body whose connection is gone when it is to be closed."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"ok"

    async def aclose(self) -> None:
        raise httpx.ReadError("reset")


async def find_no_socket(_: httpx.AsyncHTTPTransport, __: httpx.Request) -> httpx.Response:
    raise AttributeError("a connection without a socket")


async def answer_unclosably(_: httpx.AsyncHTTPTransport, __: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=Unclosable())


@pytest.mark.parametrize(
    ("handle", "told"), [(find_no_socket, "ConnectError"), (answer_unclosably, "ReadError")]
)
def test_a_connection_that_is_lost_at_its_begin_or_end(
    monkeypatch: pytest.MonkeyPatch, handle: Callable[..., object], told: str
) -> None:
    """The call has no answer, the next one finds its lane, and the end waits for all closing."""
    closed = []

    async def close_slowly(lane: httpx.AsyncHTTPTransport) -> None:
        await asyncio.sleep(0.01)
        closed.append(lane)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "aclose", close_slowly)

    async def story(_: Outside, client: httpx.AsyncClient) -> None:
        calls = LANES + 1
        assert [Unknown(told)] * calls == [await ask(client) for _ in range(calls)]
        await client.aclose()
        assert calls == len(closed)

    tell(story)


def test_nothing_is_kept_of_what_was_given_up() -> None:
    """Its connection is closed and forgotten, not when all ends but now."""

    def kept() -> int:
        kinds = (httpx.AsyncHTTPTransport, asyncio.Task)
        return sum(isinstance(one, kinds) for one in gc.get_objects())

    async def story(outside: Outside, client: httpx.AsyncClient) -> None:
        outside.may_answer.set()
        outside.hangs_up = True
        found = []
        for _ in range(3):
            assert [Unknown("RemoteProtocolError")] * 5 == [await ask(client) for _ in range(5)]
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
            gc.collect()
            found.append(kept())
        assert found[1:] == found[:1] * 2

    tell(story)


def test_the_environment_leads_nobody_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to a proxy nor to other authorities: both services are named in the settings."""
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, "/nowhere")

    async def story(outside: Outside, client: httpx.AsyncClient) -> None:
        outside.may_answer.set()
        assert ANSWERED == await ask(client)

    tell(story)


def test_connections_that_are_reset_at_once_are_calls_without_an_answer() -> None:
    """On the server's own loop some of them are gone before the client has looked at them."""

    async def asked(url: str) -> set[wire.Reply | Unknown]:
        async with wire.open_client(
            url, total_seconds=5, connections_max=50, transport=None
        ) as client:
            return set(await asyncio.gather(*(ask(client) for _ in range(500))))

    with resetting() as url:
        found = uvloop.run(asked(url))
    # A peer that a busy machine doesn't let accept is one more way.
    assert {Unknown(one) for one in ("ConnectError", "ReadError", "ConnectTimeout")} >= found
