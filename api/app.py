"""The Starlette application: routes, and the answers to requests that no route takes."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.auth import Authenticator
from api.endpoint import Endpoint, Resource, send_refusal
from api.problems import BAD_REQUEST, NO_SUCH_PATH, Refusal
from api.routes import operations
from api.service import Service

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def create_app(
    service: Service,
    *,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """The application over `service`; `lifespan` opens the service and closes it."""
    authenticator = Authenticator(lambda email: service.catalog.users.find(email))
    paths: dict[str, dict[str, Endpoint]] = {}
    for operation in operations():
        endpoint = Endpoint(operation, service, authenticator)
        paths.setdefault(operation.path, {})[operation.method] = endpoint
    # A Resource answers 405 itself: it knows all methods of its path, a Route only its own.
    routes = [Route(path, Resource(endpoints)) for path, endpoints in paths.items()]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.router.default = _no_such_path
    return app


async def _no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    """404, or 400 where the path isn't percent-encoded UTF-8; the server's decoding is lenient."""
    if scope["type"] == "lifespan":  # pragma: no cover - the router never hands it over
        return
    raw: bytes = scope.get("raw_path") or b""
    broken = _BROKEN_ESCAPE.search(raw) or "\ufffd" in scope["path"]
    refusal = Refusal(BAD_REQUEST, "Путь закодирован неверно.") if broken else Refusal(NO_SUCH_PATH)
    await send_refusal(scope, send, refusal)
