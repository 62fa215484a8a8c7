"""Runs one emulator as a server of its own."""

import os
from collections.abc import Callable
from typing import NamedTuple

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.processes import (
    Interrupt,
    die_with_demo,
    die_with_parent,
    hear_the_first_end,
    keep_the_end_for_workers,
    parent_id,
    require_free_port,
)
from emulators import gateway, provider
from emulators.environment import BadEnvironment as BadEnvironment  # for the command line


class Emulator(NamedTuple):
    """What Granian makes, and its usual port; `settings` raises BadEnvironment."""

    target: str
    port: int
    settings: Callable[[], object]


EMULATORS = {
    "gateway": Emulator(
        "api.emulators:gateway_application", 8082, gateway.settings_from_environment
    ),
    "provider": Emulator(
        "api.emulators:provider_application", 8083, provider.settings_from_environment
    ),
}


def emulate(service: str, *, host: str, port: int | None) -> None:
    """Serve the emulator until a signal ends it. Raises PortTaken and BadEnvironment."""
    emulator = EMULATORS[service]
    port = port or emulator.port
    die_with_demo()
    require_free_port(host, port)
    shown_host = f"[{host}]" if ":" in host else host
    os.environ.setdefault("BILLETTER_EMULATOR_BASE_URL", f"http://{shown_host}:{port}")
    emulator.settings()  # a fault is told here, in one sentence, and not by the worker
    server = Granian(
        emulator.target,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=1,  # everything is in its memory
        loop=Loops.uvloop,
        runtime_mode=RuntimeModes.mt,
        runtime_threads=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=4_096,
        backpressure=4_096,
        workers_kill_timeout=5,
    )
    server.main_loop_interrupt = Interrupt()
    keep_the_end_for_workers()
    server.serve()


def gateway_application() -> ASGIApp:
    """For a worker of Granian's, which ends with its parent from now on."""
    die_with_parent(parent_id())
    return _told_to_end(gateway.app_from_environment())


def provider_application() -> ASGIApp:
    """For a worker of Granian's, which ends with its parent from now on."""
    die_with_parent(parent_id())
    return _told_to_end(provider.app_from_environment())


def _told_to_end(app: ASGIApp) -> ASGIApp:
    """The same application, in a worker that hears a stop whenever it comes."""

    async def live(scope: Scope, receive: Receive, send: Send) -> None:
        has_started = hear_the_first_end(lambda: None)

        async def send_and_note(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                has_started()

        await app(scope, receive, send_and_note)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await (live if scope["type"] == "lifespan" else app)(scope, receive, send)

    return application
