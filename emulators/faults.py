"""Between the wire and an emulator: latency, faults, and paths as the real services read them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulators.knobs import Fault, Panel

# The control endpoints live here, on no path of a real service, and never fail on purpose.
CONTROL_PREFIX = "/__emu"
# Cut in the middle of a string: no JSON parser may take it for an answer.
GARBAGE = b'{"success":tru\x00\xff,"payments":[{"paymentId":"175'

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
    """Delays every answer by `latency_ms` and spoils those that a fault has chosen."""

    def __init__(self, app: ASGIApp, *, panel: Panel[Any], sleep: Sleep) -> None:
        self._app = app
        self._panel = panel
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        if self._panel.knobs.latency_ms:
            await self._sleep(self._panel.knobs.latency_ms / 1000)
        fault = self._panel.fault_for(f"{scope['method']} {scope['path']}")
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "hang":
            await self._hang(fault, scope, receive, send)
        else:
            await self._spoil(fault, scope, receive, send)

    async def _hang(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.when == "before":
            await self._sleep(fault.hang_s)
            await self._app(scope, receive, send)
            return
        kept: list[Message] = []
        await self._app(scope, receive, _keep_in(kept))
        await self._sleep(fault.hang_s)
        for message in kept:
            await send(message)

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.when == "after":
            await self._app(scope, receive, _keep_in([]))
        await _spoiled_answer(fault)(scope, receive, send)


def _keep_in(kept: list[Message]) -> Send:
    async def keep(message: MutableMapping[str, Any]) -> None:
        kept.append(message)

    return keep


def _spoiled_answer(fault: Fault) -> Response:
    if fault.kind == "garbage":
        return Response(GARBAGE, media_type="application/json")
    limited = fault.status in (429, 503)
    headers = {"Retry-After": str(fault.retry_after_s)} if limited else None
    return Response(status_code=fault.status, headers=headers)
