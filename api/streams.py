"""Replies that go on until their client leaves or the server stops.

A part is handed over when the server has room for it, so a client who doesn't read has one part
waiting here, and the kernel ends his connection (`readers.py`).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import structlog
from starlette.types import Receive, Send

from api.reply import EVENTS, Header, Reply, start

# A client who has not read for so long misses the end of his stream.
END_SECONDS_MAX = 1.0
# Nobody who wants to read a stream has more to say, and each part of it takes a turn of the loop.
PARTS_HEARD_MAX = 16
_END = {"type": "http.response.body", "body": b""}

log = structlog.get_logger("streams")


class Streams:
    """Those under way; `close` ends them at once: a server that stops waits for every reply."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._under_way)

    def close(self) -> None:
        """A client comes back by itself, to whoever is started next.

        What isn't a stream of events ends like a broken connection: a part of a file would be taken
        for the whole.
        """
        self._is_closed = True
        for sending in self._under_way:
            sending.cancel()

    async def send(
        self, receive: Receive, send: Send, answer: Reply, more: Sequence[Header]
    ) -> None:
        """Send a reply that has a stream, with `more` headers, until one side has enough."""
        assert answer.stream is not None
        await send(start(answer, more))
        is_events = (b"content-type", EVENTS) in answer.headers
        if self._is_closed:
            if is_events:
                await send(_END)
            return
        sending = asyncio.create_task(_sent(send, answer.stream))
        leaving = asyncio.create_task(_left(receive))
        self._under_way.add(sending)
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._under_way.discard(sending)
            sending.cancel()
            leaving.cancel()
            ended = await asyncio.gather(sending, leaving, return_exceptions=True)
        if isinstance(ended[0], Exception):
            log.error("stream failed", exc_info=ended[0])
        elif self._is_closed and is_events:
            # A reply without its end looks to the client, and to nginx, like a broken connection.
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS_MAX):
                    await send(_END)


async def _sent(send: Send, stream: AsyncGenerator[bytes, None]) -> None:
    try:
        async for part in stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send(_END)
    finally:
        await stream.aclose()


async def _left(receive: Receive) -> None:
    """Return when the client has left, or goes on sending where there is nothing to be sent."""
    for _ in range(PARTS_HEARD_MAX):
        if (await receive())["type"] == "http.disconnect":
            return
