"""A connection for each call under way, found at once.

httpcore's own pool looks through all of its connections whenever a call begins or ends, and through
all of them again for each that is idle: with 64 connections a call costs the loop 1.5 ms, in a lane
of its own 0.5.
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

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._free.acquire()
        # The one used last: its connection is the least likely to have been ended by the service.
        lane = self._idle.pop() if self._idle else self._made()

        def leave() -> None:
            self._idle.append(lane)
            self._free.release()

        try:
            answer = await lane.handle_async_request(request)
        except AttributeError as failure:
            leave()
            # uvloop has no socket any more for a connection that is reset as soon as it is there,
            # and anyio (4.16) asks it for its address all the same.
            raise httpx.ConnectError("reset at once", request=request) from failure
        except BaseException:
            leave()
            raise
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Body(answer.stream, closed=leave)
        return answer

    async def aclose(self) -> None:
        for lane in self._all:
            await lane.aclose()

    def _made(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=1)
        lane = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=limits)
        self._all.append(lane)
        return lane


class _Body(httpx.AsyncByteStream):
    """An answer's body; `closed` is told when nobody reads it any more."""

    def __init__(self, body: httpx.AsyncByteStream, *, closed: Callable[[], None]) -> None:
        self._body = body
        self._closed = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            self._closed()
