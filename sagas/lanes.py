"""A connection for each call under way, found at once.

httpcore's own pool looks through all of its connections whenever a call begins or ends, and through
all of them again for each that is idle: with 64 connections a call costs the loop 1.5 ms, in a lane
of its own 0.5.

A lane is used again only when its call has ended well. One that is cancelled between two steps of
httpcore (1.0.9) leaves a connection there that counts as busy for ever, and in a lane there is no
other: all calls after it would wait in vain.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx


class Lanes(httpx.AsyncBaseTransport):
    """At most `lanes_max` calls at once; further ones wait for a lane."""

    def __init__(self, lanes_max: int) -> None:
        self._tls = httpx.create_ssl_context(trust_env=False)  # for all lanes: it takes 10 to 20 ms
        self._free = asyncio.Semaphore(lanes_max)
        self._all: list[httpx.AsyncHTTPTransport] = []
        self._idle: list[httpx.AsyncHTTPTransport] = []
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._free.acquire()
        # The one used last: its connection is the least likely to have been ended by the service.
        lane = self._idle.pop() if self._idle else self._made()
        try:
            answer = await lane.handle_async_request(request)
        except AttributeError as failure:
            self._give_up(lane)
            # uvloop has no socket any more for a connection that is reset as soon as it is there,
            # and anyio (4.16) asks it for its address all the same.
            raise httpx.ConnectError("reset at once", request=request) from failure
        except BaseException:
            self._give_up(lane)
            raise
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Body(
            answer.stream,
            closed=lambda: self._leave(lane),
            failed=lambda: self._give_up(lane),
        )
        return answer

    async def aclose(self) -> None:
        await asyncio.gather(*self._closing, *(lane.aclose() for lane in self._all))

    def _leave(self, lane: httpx.AsyncHTTPTransport) -> None:
        self._idle.append(lane)
        self._free.release()

    def _give_up(self, lane: httpx.AsyncHTTPTransport) -> None:
        self._all.remove(lane)
        self._free.release()
        # Not by the call, which may have been cancelled because its time is over.
        closing = asyncio.get_running_loop().create_task(lane.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _made(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=1)
        lane = httpx.AsyncHTTPTransport(verify=self._tls, limits=limits)
        self._all.append(lane)
        return lane


class _Body(httpx.AsyncByteStream):
    """An answer's body; one of the two is told when nobody reads it any more."""

    def __init__(
        self,
        body: httpx.AsyncByteStream,
        *,
        closed: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self._body = body
        self._closed = closed
        self._failed = failed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        except BaseException:
            self._failed()
            raise
        self._closed()
