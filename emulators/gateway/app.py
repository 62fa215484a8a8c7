"""The gateway's routes. Read this first; then `desk.py`, and one module per endpoint.

Paths are matched in any case, as the real service does, so they stand here in lower case.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from emulators.connections import Sockets
from emulators.faults import CONTROL_PREFIX, Faults, NormalPath
from emulators.gateway import administration, control, forms
from emulators.gateway.answers import Refused, answer_refused
from emulators.gateway.cancel import cancel
from emulators.gateway.check import check, status
from emulators.gateway.confirm import confirm
from emulators.gateway.desk import Desk
from emulators.gateway.init import init
from emulators.gateway.settings import GatewaySettings, settings_from_environment
from emulators.wire import settings_route

API = "/api/v1"
EXPIRY_ROUND_S = 1.0


def create_app(settings: GatewaySettings | None = None) -> Starlette:
    """A gateway with no payments yet. `app.state.desk` is its inside, for tests."""
    desk = Desk(settings or GatewaySettings())
    app = Starlette(
        routes=[
            Route(f"{API}/paymentinit/init", init, methods=["POST"]),
            Route(f"{API}/paymentcheck/check", check, methods=["POST"]),
            Route(f"{API}/paymentcheck/status", status),
            Route(f"{API}/paymentconfirm/confirm", confirm, methods=["POST"]),
            Route(f"{API}/paymentcancel/cancel", cancel, methods=["POST"]),
            Route(f"{API}/paymentform/render/{{payment_id}}", forms.render),
            Route(f"{API}/paymentform/submit", forms.submit, methods=["POST"]),
            Route(f"{API}/paymentform/result/{{payment_id}}", forms.result),
            *administration_routes(),
            *control_routes(desk),
        ],
        middleware=[
            Middleware(
                Faults,
                panel=desk.panel,
                sleep=desk.settings.sleep,
                connections=desk.settings.connections,
            ),
            Middleware(NormalPath, ignore_case=True),
        ],
        exception_handlers={Refused: answer_refused},
        lifespan=_run(desk),
    )
    app.state.desk = desk
    return app


def administration_routes() -> list[Route]:
    """What merchants and administrators set."""
    clear = f"{API}/admin/clear"
    return [
        Route(f"{API}/teammanagement/profile", administration.profile, methods=["GET", "PUT"]),
        Route(f"{API}/teamregistration/register", administration.register, methods=["POST"]),
        Route(f"{clear}-team-data/{{slug}}", administration.clear_team, methods=["POST", "DELETE"]),
        Route(f"{clear}-database", administration.clear_all, methods=["POST", "DELETE"]),
    ]


def control_routes(desk: Desk) -> list[Route]:
    """What a test steers the gateway with."""
    payment = f"{CONTROL_PREFIX}/payments/{{payment_id}}"
    return [
        Route(f"{payment}/pay", control.pay, methods=["POST"]),
        Route(f"{payment}/authorize", control.authorize, methods=["POST"]),
        Route(f"{CONTROL_PREFIX}/ledger", control.ledger),
        Route(f"{CONTROL_PREFIX}/webhooks", control.webhooks),
        Route(f"{CONTROL_PREFIX}/reset", control.reset, methods=["POST"]),
        settings_route(desk.panel),
    ]


def app_from_environment() -> Starlette:
    """The factory for a server that gives no arguments; reads `BILLETTER_EMULATOR_*`."""
    return create_app(dataclasses.replace(settings_from_environment(), connections=Sockets()))


def _run(desk: Desk) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        rounds = asyncio.create_task(_expire_in_rounds(desk))
        try:
            yield
        finally:
            rounds.cancel()
            await desk.webhooks.close()

    return lifespan


async def _expire_in_rounds(desk: Desk) -> None:
    """Payments that nobody asks about expire too, when the expiry job is on."""
    while True:
        await desk.settings.sleep(EXPIRY_ROUND_S)
        if desk.knobs.expire_job:
            await desk.expire_all_due()
