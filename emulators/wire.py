"""Bytes in and out: bounded bodies, JSON answers, addresses, the settings of both emulators."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec
import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.faults import CONTROL_PREFIX
from emulators.knobs import AnyKnobs, BadKnobs, Panel

# The largest honest body is an init of a hundred seats with a receipt: some 30 KiB.
BODY_BYTES_MAX = 262_144


async def read_body(request: Request) -> bytes:
    """The whole body; 413 as soon as it grows past BODY_BYTES_MAX."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise HTTPException(413, "The body is too large.")
        chunks.append(chunk)
    return b"".join(chunks)


def json_answer(
    content: object, status: int = 200, *, media_type: str = "application/json; charset=utf-8"
) -> Response:
    """`content` as JSON, nulls included, as both services send it."""
    return Response(plain_json(content), status, media_type=media_type)


def plain_json(content: object) -> bytes:
    """Encode; a decimal becomes the number it was. Raises TypeError for what JSON cannot hold."""
    return orjson.dumps(content, default=_number)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)


def is_absolute_url(url: str) -> bool:
    """Whether a browser or a webhook can be sent there."""
    # A line break would end the Location header and begin another.
    if " " in url or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def read_control(request: Request) -> Mapping[str, Any]:
    """The JSON object of a control call; an empty body is an empty object, anything else a 400."""
    body = await read_body(request)
    try:
        content: dict[str, Any] = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise HTTPException(400, "A JSON object is expected.") from None
    return content


def settings_route(
    panel: Panel[AnyKnobs], *, before_change: Callable[[], None] = lambda: None
) -> Route:
    """`GET` shows the knobs; `PUT` changes those named and leaves the others."""

    async def settings(request: Request) -> Response:
        if request.method == "PUT":
            before_change()
            try:
                panel.change(await read_body(request))
            except BadKnobs as error:
                return json_answer({"error": str(error)}, 400)
        return json_answer(msgspec.to_builtins(panel.knobs))

    return Route(f"{CONTROL_PREFIX}/settings", settings, methods=["GET", "PUT"])
