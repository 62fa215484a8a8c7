"""The provider's routes and their statuses. Read this first, then `box_office.py`.

Errors of the handlers have an empty body. An id that is no UUID is an accident in the real
service, so the answer differs from endpoint to endpoint; see `uuid_in_path`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from emulators.connections import Sockets
from emulators.faults import CONTROL_PREFIX, Faults, NormalPath
from emulators.provider import control
from emulators.provider.box_office import BoxOffice, office_of
from emulators.provider.errors import Broken, Conflict
from emulators.provider.java import INT_MAX, coerce_integer, parse_integer, parse_uuid
from emulators.provider.settings import ProviderSettings, settings_from_environment
from emulators.wire import json_answer, read_body, settings_route

ORDERS = "/api/partners/v1/orders"
PLACES = "/api/partners/v1/places"

PAGE_SIZE_DEFAULT = 20
PAGE_SIZE_MAX = 1_000


async def start_order(request: Request) -> Response:
    return json_answer({"order_id": office_of(request).start()}, 201)


async def show_order(request: Request) -> Response:
    order_id = parse_uuid(request.path_params["order_id"])
    if order_id is None:
        return Response(status_code=500)
    view = office_of(request).order_view(order_id)
    return Response(status_code=404) if view is None else json_answer(view)


async def submit_order(request: Request) -> Response:
    return _order_command(request, BoxOffice.submit)


async def confirm_order(request: Request) -> Response:
    return _order_command(request, BoxOffice.confirm)


async def cancel_order(request: Request) -> Response:
    return _order_command(request, BoxOffice.cancel)


async def list_places(request: Request) -> Response:
    page = parse_integer(request.query_params.get("page"), 1)
    size = parse_integer(request.query_params.get("pageSize"), PAGE_SIZE_DEFAULT)
    if page is None or size is None or size < 0:
        return Response(status_code=500)
    page, size = max(page, 1), min(size, PAGE_SIZE_MAX)
    # A page beyond 32 bits ends in an exception there.
    if page * size > INT_MAX:
        return Response(status_code=500)
    rows = office_of(request).venue.page(first=(page - 1) * size, count=size)
    # The rows that readers see, as they are: a thousand of them encode in a blink.
    return Response(orjson.dumps(rows), media_type="application/json")


async def show_place(request: Request) -> Response:
    place_id = uuid_in_path(request, "place_id")
    row = office_of(request).venue.seen(place_id)
    return Response(status_code=404) if row is None else json_answer(row)


async def select_place(request: Request) -> Response:
    place_id = parse_uuid(request.path_params["place_id"])
    order_id = parse_uuid((await _json_object(request)).get("order_id"))
    if place_id is None or order_id is None:
        return Response(status_code=422)
    office_of(request).select(place_id, order_id)
    return Response(status_code=204)


async def release_place(request: Request) -> Response:
    place_id = parse_uuid(request.path_params["place_id"])
    if place_id is None:
        return Response(status_code=500)
    office_of(request).release(place_id)
    return Response(status_code=204)


async def create_place(request: Request) -> Response:
    body = await _json_object(request)
    if "row" not in body or "seat" not in body:
        return Response(status_code=422)
    row, seat = coerce_integer(body["row"]), coerce_integer(body["seat"])
    return json_answer({"place_id": office_of(request).create_place(row=row, seat=seat)}, 202)


def create_app(settings: ProviderSettings | None = None) -> Starlette:
    """A provider whose places are all free. `app.state.office` is its inside, for tests."""
    office = BoxOffice(settings or ProviderSettings())
    app = Starlette(
        routes=[
            Route(ORDERS, start_order, methods=["POST"]),
            Route(f"{ORDERS}/{{order_id}}", show_order),
            Route(f"{ORDERS}/{{order_id}}/submit", submit_order, methods=["PATCH"]),
            Route(f"{ORDERS}/{{order_id}}/confirm", confirm_order, methods=["PATCH"]),
            Route(f"{ORDERS}/{{order_id}}/cancel", cancel_order, methods=["PATCH"]),
            Route(PLACES, list_places),
            Route(f"{PLACES}/{{place_id}}", show_place),
            Route(f"{PLACES}/{{place_id}}/select", select_place, methods=["PATCH"]),
            Route(f"{PLACES}/{{place_id}}/release", release_place, methods=["PATCH"]),
            Route("/api/admin/v1/places", create_place, methods=["POST"]),
            Route(f"{CONTROL_PREFIX}/orders", control.orders),
            Route(f"{CONTROL_PREFIX}/foreign", control.foreign, methods=["POST"]),
            Route(f"{CONTROL_PREFIX}/reset", control.reset, methods=["POST"]),
            # What is due by now went by the old knobs.
            settings_route(office.panel, before_change=office.catch_up),
        ],
        middleware=[
            Middleware(
                Faults,
                panel=office.panel,
                sleep=office.settings.sleep,
                connections=office.settings.connections,
            ),
            Middleware(NormalPath, ignore_case=False),
        ],
        exception_handlers={
            Conflict: _answer_conflict,
            Broken: _answer_broken,
            NoUuid: _answer_no_uuid,
            404: _answer_no_route,
            405: _answer_no_route,
        },
    )
    app.state.office = office
    return app


def app_from_environment() -> Starlette:
    """The factory for a server that gives no arguments; reads `BILLETTER_EMULATOR_*`."""
    return create_app(dataclasses.replace(settings_from_environment(), connections=Sockets()))


class NoUuid(Exception):
    """An id that the real service fails to parse outside of its error handling."""


def uuid_in_path(request: Request, name: str) -> str:
    """The id in the path; what is no UUID falls through to the server's own 500, with a body."""
    parsed = parse_uuid(request.path_params[name])
    if parsed is None:
        raise NoUuid
    return parsed


def _order_command(request: Request, command: Callable[[BoxOffice, str], None]) -> Response:
    command(office_of(request), uuid_in_path(request, "order_id"))
    return Response(status_code=200)


async def _answer_conflict(request: Request, conflict: Exception) -> Response:
    return Response(status_code=409)


async def _answer_broken(request: Request, broken: Exception) -> Response:
    return Response(status_code=500)


async def _answer_no_uuid(request: Request, no_uuid: Exception) -> Response:
    return _server_answer(request, 500, "Server Error")


async def _answer_no_route(request: Request, error: Exception) -> Response:
    """A wrong method is an unknown route as well: the real server has no 405."""
    title = f"Endpoint {request.method} {request.url.path} not found"
    return _server_answer(request, 404, title)


def _server_answer(request: Request, status: int, title: str) -> Response:
    """An error of the server underneath: text, or JSON for those who ask for it."""
    if "application/json" not in request.headers.get("accept", ""):
        return PlainTextResponse(title, status)
    kind = "endpointnotfound" if status == 404 else "internalservererrorresponse"
    body = {
        "title": title,
        "status": status,
        "type": f"https://javalin.io/documentation#{kind}",
        "details": {},
    }
    return json_answer(body, status, media_type="application/json")


async def _json_object(request: Request) -> Mapping[str, Any]:
    """The body as an object; nothing in it when it is anything else."""
    try:
        return msgspec.json.decode(await read_body(request), type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return {}
