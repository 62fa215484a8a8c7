"""A reply that goes on: until its client leaves, the server stops or it is told to its end."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import structlog

from api.reply import EVENTS, JSON, stream_reply
from api.streams import PARTS_HEARD_MAX, Streams


class Client:
    """Takes parts as long as it reads, and may leave."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.leaves = asyncio.Event()
        self.sends_for_ever = False
        self.parts_taken = 0
        self._has_asked = False

    async def receive(self) -> dict[str, Any]:
        if self.sends_for_ever:
            self.parts_taken += 1
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"!", "more_body": True}
        if not self._has_asked:
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, part: Any) -> None:
        await self.reads.wait()
        self.heard.append(part)

    @property
    def bodies(self) -> list[tuple[bytes, bool]]:
        return [(one["body"], one.get("more_body", False)) for one in self.heard[1:]]


class Source:
    """Parts 1, 2, 3 …; it remembers how many were taken and whether it was closed."""

    def __init__(self, end: int = 1_000_000) -> None:
        self.made = 0
        self.is_closed = False
        self._end = end

    async def parts(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.made < self._end:
                self.made += 1
                yield b"%d" % self.made
                await asyncio.sleep(0)
        finally:
            self.is_closed = True


async def sent(
    streams: Streams, client: Client, source: Source, media_type: bytes = EVENTS
) -> asyncio.Task[None]:
    """Some rounds of a stream that is under way."""
    answer = stream_reply(media_type, source.parts())
    more = [(b"x-request-id", b"one")]
    sending = asyncio.ensure_future(streams.send(client.receive, client.send, answer, more))
    for _ in range(20):
        await asyncio.sleep(0)
    return sending


def ended_by(end: Callable[[Streams, Client], None], *, reads: bool = True) -> list[Any]:
    """Whether the source was closed, and the last part that the client has heard."""

    async def story() -> list[Any]:
        streams, client, source = Streams(), Client(), Source()
        sending = await sent(streams, client, source)
        assert 1 == len(streams)
        if not reads:
            client.reads.clear()
            for _ in range(20):
                await asyncio.sleep(0)
        made = source.made
        for _ in range(20):
            await asyncio.sleep(0)
        assert reads == (source.made > made)
        end(streams, client)
        await asyncio.wait_for(sending, 10)
        assert 0 == len(streams)
        assert 1 == len(asyncio.all_tasks())
        return [source.is_closed, client.bodies[-1]]

    return asyncio.run(story())


def test_a_stream_that_ends_is_a_whole_reply() -> None:
    """Headers of the reply and of the call, all parts, and the last one says so."""

    async def story() -> None:
        streams, client = Streams(), Client()
        await (await sent(streams, client, Source(2)))
        headers = dict(client.heard[0]["headers"])
        assert 200 == client.heard[0]["status"]
        assert (b"text/event-stream", b"one") == (
            headers[b"content-type"],
            headers[b"x-request-id"],
        )
        assert b"no" == headers[b"x-accel-buffering"]
        assert [(b"1", True), (b"2", True), (b"", False)] == client.bodies

    asyncio.run(story())


def test_a_client_who_leaves_ends_it() -> None:
    """And what makes the parts is closed, whether he has read or not."""
    for reads in (True, False):
        assert ended_by(lambda _, client: client.leaves.set(), reads=reads)[0]


def test_a_client_who_sends_a_body_without_an_end_is_left() -> None:
    """Every byte of it would take a turn of the loop, for as long as he likes."""

    async def story() -> None:
        streams, client, source = Streams(), Client(), Source()
        client.sends_for_ever = True
        sending = await sent(streams, client, source)
        for _ in range(PARTS_HEARD_MAX):
            await asyncio.sleep(0)
        assert sending.done()
        assert (True, PARTS_HEARD_MAX) == (source.is_closed, client.parts_taken)

    asyncio.run(story())


def test_a_stop_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a whole reply; but nobody waits for a client who doesn't read."""
    is_closed, last = ended_by(lambda streams, _: streams.close())
    assert (True, (b"", False)) == (is_closed, last)
    monkeypatch.setattr("api.streams.END_SECONDS_MAX", 0.001)
    is_closed, (_, more) = ended_by(lambda streams, _: streams.close(), reads=False)
    assert (True, True) == (is_closed, more)


@pytest.mark.parametrize("is_closed_before", [True, False])
def test_a_file_that_a_stop_cuts_off_has_no_end(*, is_closed_before: bool) -> None:
    """Else its client would take a part of it for the whole."""

    async def story() -> None:
        streams, client = Streams(), Client()
        if is_closed_before:
            streams.close()
        sending = await sent(streams, client, Source(), JSON)
        streams.close()
        await asyncio.wait_for(sending, 10)
        assert all(more for _, more in client.bodies)

    asyncio.run(story())


def test_a_stopping_server_begins_no_stream() -> None:
    """It is answered, and over."""

    async def story() -> None:
        streams, client, source = Streams(), Client(), Source()
        streams.close()
        await (await sent(streams, client, source))
        assert (200, [(b"", False)]) == (client.heard[0]["status"], client.bodies)
        assert 0 == source.made

    asyncio.run(story())


def test_a_stream_that_fails_is_ended_and_logged() -> None:
    """Its headers are gone, so nobody can be told a status."""

    async def failing() -> AsyncGenerator[bytes, None]:
        yield b"1"
        raise RuntimeError("no more")

    async def story() -> None:
        streams, client = Streams(), Client()
        await streams.send(client.receive, client.send, stream_reply(EVENTS, failing()), ())
        assert [(b"1", True)] == client.bodies
        assert 0 == len(streams)

    with structlog.testing.capture_logs() as logs:
        asyncio.run(story())
    assert ["no more"] == [str(one["exc_info"]) for one in logs]
