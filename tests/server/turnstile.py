"""Stands between the server and an outside service, and can keep a call under way for good.

What an emulator's own `hang` can't tell is told here: that the call has come, and on which side of
its effect it stands.
"""

import asyncio
import re
import threading
from typing import Literal, Self

from torture.servers.ports import free_port

# Never gets there · gets there when its caller is dead · gets there, and its answer never comes.
When = Literal["before", "late", "after"]
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Turnstile:
    """Passes HTTP/1.1 on to `port`, message by message, until it is told to hold a route."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own_port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._route: re.Pattern[str] | None = None
        self._when: When = "before"
        self.held = 0
        self.url = f"http://127.0.0.1:{self._own_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        opening = asyncio.start_server(self._pass_on, "127.0.0.1", self._own_port)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hold(self, route: str, when: When) -> None:
        """From now on, calls like `"POST /path"` that the expression finds are held."""
        self._when, self._route = when, re.compile(route)

    def let_through(self) -> None:
        """Hold no more calls; those that are held stay so."""
        self._route = None

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _pass_on(self, caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, there = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while await self._pass_one(caller, back, answers, there):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return  # cancelled by `_close`: told so, asyncio 3.11 would log a traceback for each
        finally:
            there.close()
            back.close()

    async def _pass_one(
        self,
        caller: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        there: asyncio.StreamWriter,
    ) -> bool:
        """False: the call was held, and its caller is dead."""
        request = await _message(caller)
        when = self._when if self._is_held(request) else None
        if when in ("before", "late"):
            await self._keep(caller)
        if when == "before":
            return False
        there.write(request)
        answer = await _message(answers)
        if when == "after":
            await self._keep(caller)
        if when is not None:
            return False
        back.write(answer)
        return True

    def _is_held(self, request: bytes) -> bool:
        route = request.partition(b" HTTP/1.1")[0].decode("ascii")
        return self._route is not None and self._route.search(route) is not None

    async def _keep(self, caller: asyncio.StreamReader) -> None:
        """Until the caller hangs up, which is what its death looks like from here."""
        self.held += 1
        try:
            await caller.read()
        except ConnectionError:
            pass
        finally:
            self.held -= 1


async def _message(stream: asyncio.StreamReader) -> bytes:
    """A request or an answer, whole; none of ours is chunked."""
    head = await stream.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + await stream.readexactly(int(length[1]) if length else 0)
