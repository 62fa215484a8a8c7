"""Between the wire and an emulator: latency, faults, and paths as the real services read them."""

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulators.connections import Connections
from emulators.knobs import Fault, Panel

# The control endpoints live here, on no path of a real service, and never fail on purpose.
CONTROL_PREFIX = "/__emu"
# Cut in the middle of a string: no JSON parser may take it for an answer.
GARBAGE = b'{"success":tru\x00\xff,"payments":[{"paymentId":"175'
# A slow body comes in so many pieces, with a wait before each.
SLOW_PIECES = 10

Sleep = Callable[[float], Awaitable[None]]


class NormalPath:
    """Accepts a trailing slash and, for the gateway, any case, as the real routers do."""

    def __init__(self, app: ASGIApp, *, ignore_case: bool) -> None:
        self._app = app
        self._ignore_case = ignore_case

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].rstrip("/") or "/"
            scope = {**scope, "path": path.lower() if self._ignore_case else path}
        await self._app(scope, receive, send)


class Faults:
    """Delays every answer by its latency and spoils those that a fault has chosen."""

    def __init__(
        self, app: ASGIApp, *, panel: Panel[Any], sleep: Sleep, connections: Connections
    ) -> None:
        self._app = app
        self._panel = panel
        self._sleep = sleep
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        if self._panel.is_refusing():
            self._connections.refuse(scope)
            return
        if latency_s := self._panel.latency_s():
            await self._sleep(latency_s)
        fault = self._panel.fault_for(f"{scope['method']} {scope['path']}")
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._strike(fault, scope, receive, send)

    async def _strike(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case "hang":
                await self._hang(fault, scope, receive, send)
            case "slow":
                kept = await self._answer(scope, receive)
                await self._send_slowly(kept, send, piece_s=fault.hang_s / SLOW_PIECES)
            case "truncated":
                kept = await self._answer(scope, receive)
                await _send_half(kept, send)
                self._connections.truncate(scope)
            case "drop":
                if fault.when == "after":
                    await self._answer(scope, receive)
                self._connections.drop(scope)
            case "status" | "garbage":
                if fault.when == "after":
                    await self._answer(scope, receive)
                await _spoiled_answer(fault)(scope, receive, send)

    async def _hang(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        hang_s = self._panel.spread(fault.hang_s, fault.sigma)
        if fault.when == "before":
            await self._sleep(hang_s)
            await self._app(scope, receive, send)
            return
        kept = await self._answer(scope, receive)
        await self._sleep(hang_s)
        for message in kept:
            await send(message)

    async def _answer(self, scope: Scope, receive: Receive) -> list[Message]:
        """Let the real work be done, and keep its answer back."""
        kept: list[Message] = []

        async def keep(message: MutableMapping[str, Any]) -> None:
            kept.append(message)

        await self._app(scope, receive, keep)
        return kept

    async def _send_slowly(self, kept: list[Message], send: Send, *, piece_s: float) -> None:
        start, body = _parts(kept)
        await send(start)
        for piece in _pieces(body):
            await self._sleep(piece_s)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_half(kept: list[Message], send: Send) -> None:
    """The headers, which promise the whole body, and half of it."""
    start, body = _parts(kept)
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


def _parts(kept: list[Message]) -> tuple[Message, bytes]:
    start, *bodies = kept
    return start, b"".join(message.get("body", b"") for message in bodies)


def _pieces(body: bytes) -> Iterator[bytes]:
    size = max(1, -(-len(body) // SLOW_PIECES))
    for first in range(0, len(body), size):
        yield body[first : first + size]


def _spoiled_answer(fault: Fault) -> Response:
    if fault.kind == "garbage":
        return Response(GARBAGE, media_type="application/json")
    limited = fault.status in (429, 503)
    headers = {"Retry-After": str(fault.retry_after_s)} if limited else None
    return Response(status_code=fault.status, headers=headers)
