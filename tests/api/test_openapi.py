"""The served OpenAPI document says exactly what there is, and the viewer can show it."""

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from starlette.routing import Route

import web
from api import openapi, problems
from api.endpoint import Operation, Resource
from api.fairness.limits import Rates
from api.problems import NOT_READY, TOO_MANY_CALLS, Problem
from api.routes import operations
from tests.api.conftest import opened
from tests.api.rooms import ANN, CONCERT, OLGA, ReplaysAtOnce, Rooms, seat

CALLS = [one for one in operations() if one.documented]


@pytest.fixture
def document(rooms: Rooms) -> Any:
    return rooms.call("GET", "/openapi.json").json


def test_every_route_is_documented_and_nothing_else(rooms: Rooms, document: Any) -> None:
    """But for the pages for people."""
    served = set()
    for route in rooms.app.routes:
        assert isinstance(route, Route)
        assert isinstance(route.endpoint, Resource)
        served |= {(method, route.path) for method in route.endpoint.endpoints if method != "HEAD"}
    pages = {(one.method, one.path) for one in operations() if not one.documented}
    documented = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert served - pages == documented
    for_people = {"/"} | {f"/{path.stem}" for path in web.files() if path.suffix == ".html"}
    about_the_api = ("/docs", "/openapi", "/problems", "/web/")
    assert all(path in for_people or path.startswith(about_the_api) for _, path in pages)


def test_every_description_belongs_to_a_call() -> None:
    """No description is left over."""
    assert {(one.method, one.path) for one in CALLS} == set(openapi.DOCS)


def test_the_document_is_openapi_31(document: Any) -> None:
    """Checked against the members that the specification requires, and its schemas as such."""
    assert "3.1.0" == document["openapi"]
    assert {"title", "version"} <= set(document["info"])
    for schema in schemas(document):
        jsonschema_rs.meta.validate(schema)


def schemas(node: Any) -> list[Any]:
    """All schemas anywhere in the document."""
    if isinstance(node, list):
        return [found for one in node for found in schemas(one)]
    if not isinstance(node, dict):
        return []
    mine = [node["schema"]] if "schema" in node else []
    return mine + [found for one in node.values() for found in schemas(one)]


def test_operation_ids_are_unique(document: Any) -> None:
    """Generated clients name their methods by them."""
    ids = [call["operationId"] for item in document["paths"].values() for call in item.values()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z_]+", one) for one in ids)


def test_every_example_fits_its_schema(document: Any) -> None:
    """Of bodies, answers and problems."""
    seen = 0
    for media in medias(document):
        schema = {**media["schema"], "components": document["components"]}
        examples = [one["value"] for one in media.get("examples", {}).values()]
        examples += [media["example"]] if "example" in media else []
        for example in examples:
            jsonschema_rs.validator_for(schema).validate(example)
            seen += 1
    assert seen > 50


def medias(node: Any) -> list[Any]:
    if isinstance(node, list):
        return [found for one in node for found in medias(one)]
    if not isinstance(node, dict):
        return []
    mine = list(node["content"].values()) if "content" in node else []
    return mine + [found for one in node.values() for found in medias(one)]


def test_every_problem_is_documented_somewhere(document: Any) -> None:
    """But for the path that doesn't exist; what nginx alone says stands where the service's own
    words about all calls are.
    """
    told = {problem for one in CALLS for problem in openapi.problems_of(one)}
    about = document["info"]["description"]
    by_nginx = {one for one in problems.ALL if f"{one.status} `/problems/{one.name}`" in about}
    assert not told & by_nginx
    assert set(problems.ALL) - {problems.NO_SUCH_PATH} == told | by_nginx


def asked_alone(rooms: Rooms, one: Operation[Any]) -> int:
    """The status of a well-formed request that names no user."""
    example = openapi.DOCS[one.method, one.path]
    query = "&".join(f"{p['name']}=1" for p in example.parameters if p["required"])
    path = one.path.replace("{id}", "1")
    return rooms.call(one.method, f"{path}?{query}", json=example.sends).status


def test_what_is_said_before_the_server_is_ready_is_documented(runner: asyncio.Runner) -> None:
    """For every call; the readiness itself is asked for just then."""
    rooms = Rooms(runner)
    refused = [one for one in CALLS if asked_alone(rooms, one) == 503]
    assert refused == [one for one in CALLS if NOT_READY in openapi.problems_of(one)]
    assert 0 < len(refused) < len(CALLS)


def test_whom_the_limits_stop_is_documented(runner: asyncio.Runner) -> None:
    """At an address that has nothing left."""
    for rooms in opened(Rooms(runner, rates=Rates(address=1)), runner):
        while rooms.call("GET", "/api/events").status != 429:
            pass
        refused = [one for one in CALLS if asked_alone(rooms, one) == 429]
        assert refused == [one for one in CALLS if TOO_MANY_CALLS in openapi.problems_of(one)]
        assert 0 < len(refused) < len(CALLS)


def test_who_needs_a_user_is_told(document: Any) -> None:
    """Security stands exactly where the contract wants a user."""
    closed = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, call in item.items()
        if "security" in call
    }
    expected = {
        ("POST", "/api/bookings"),
        ("GET", "/api/bookings"),
        ("PATCH", "/api/seats/select"),
        ("PATCH", "/api/seats/release"),
        ("PATCH", "/x/seats/together"),
        ("PATCH", "/api/bookings/initiatePayment"),
        ("PATCH", "/api/bookings/cancel"),
        ("GET", "/api/analytics"),
        ("GET", "/x/bookings/{id}"),
        ("GET", "/x/bookings/{id}/tickets"),
        ("GET", "/x/tickets/{code}"),
        ("POST", "/x/tickets/{code}/admit"),
        ("GET", "/x/staff"),
        ("POST", "/x/events/{id}/waiting-room"),
        ("POST", "/x/events/{id}/waiting-room/close"),
        ("POST", "/x/events/{id}/waiting-room/place"),
        ("GET", "/x/analytics"),
        ("GET", "/x/events/{id}/sales"),
        ("GET", "/x/events/{id}/dashboard"),
        ("GET", "/x/events/{id}/export"),
        ("POST", "/x/events/{id}/replay"),
        ("GET", "/x/events/{id}/replay"),
        ("GET", "/x/events/{id}/replay/data"),
    }
    assert expected == closed


@pytest.mark.parametrize("one", CALLS, ids=lambda one: f"{one.method} {one.path}")
def test_who_needs_a_user_is_refused_without(rooms: Rooms, one: Any) -> None:
    """A well-formed request gets 401 exactly where the document says so."""
    assert (asked_alone(rooms, one) == 401) == (not one.public)


def test_the_document_keeps_to_what_30_knows(document: Any) -> None:
    """So that the viewer, which knows no more, may show it."""
    for schema in schemas(document):
        assert not {"const", "$defs", "examples", "prefixItems"} & set(schema)
        assert not isinstance(schema.get("type"), list)


OF_ORGANISERS = [
    ("GET", "/x/analytics?id=1&by=zone", None),
    ("GET", "/x/events/{id}/sales", None),
    ("GET", "/x/events/{id}/dashboard", None),
    ("GET", "/x/events/{id}/export?format=json", None),
    ("POST", "/x/events/{id}/replay", None),
    ("GET", "/x/events/{id}/replay", None),
    ("GET", "/x/events/{id}/replay/data", None),
]


def test_every_success_is_as_documented(rooms: Rooms, document: Any, tmp_path: Path) -> None:
    """The bytes of a story through all calls fit the schemas and media types."""
    booking_id = rooms.book(ANN, seat(1), seat(2))
    seats = {"booking_id": booking_id, "seat_id": seat(3)}
    rooms.service.replays = ReplaysAtOnce(tmp_path)
    told = openapi.DOCS["POST", "/api/payments/notifications"].sends
    paid = rooms.book(ANN, seat(9))
    rooms.pay(paid)
    [ticket] = rooms.call("GET", f"/x/bookings/{paid}/tickets", user=ANN).json
    story: list[tuple[str, str, object]] = [
        ("GET", "/api/events", None),
        ("GET", "/x/events/{id}", None),
        ("GET", "/x/events/{id}/plan", None),
        ("GET", "/x/events/{id}/seatmap", None),
        ("GET", "/x/events/{id}/seatmap?since=1", None),
        ("GET", "/x/events/{id}/stream", None),
        ("GET", "/api/seats?event_id=1", None),
        ("POST", "/api/bookings", {"event_id": 1}),
        ("PATCH", "/api/seats/select", seats),
        ("PATCH", "/api/seats/release", {"seat_id": seat(2)}),
        ("PATCH", "/x/seats/together", {"booking_id": booking_id, "count": 2}),
        ("PATCH", "/api/bookings/initiatePayment", {"booking_id": booking_id}),
        ("GET", "/api/bookings", None),
        ("GET", "/x/bookings/{id}", None),
        ("GET", "/x/bookings/{id}/tickets", None),
        ("GET", "/x/tickets/{code}", None),
        ("POST", "/x/tickets/{code}/admit", None),
        ("GET", "/x/sagas", None),
        ("POST", "/x/sagas/retry", None),
        ("GET", "/api/analytics?id=1", None),
        *OF_ORGANISERS,
        ("PATCH", "/api/bookings/cancel", {"booking_id": booking_id}),
        ("GET", "/api/payments/success?orderId=1", None),
        ("GET", "/api/payments/fail?orderId=1", None),
        ("POST", "/api/payments/notifications", told),
        ("POST", "/api/reset", None),
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/x/staff", None),
        ("GET", "/x/version", None),
        ("GET", "/x/status", None),
        ("GET", "/metrics", None),
        ("POST", "/x/events/{id}/waiting-room", {"per_minute": 60}),
        ("GET", "/x/events/{id}/waiting-room", None),
        ("POST", "/x/events/{id}/waiting-room/place", {}),
        ("POST", "/x/events/{id}/waiting-room/close", None),
    ]
    of_staff = {(one.method, one.path) for one in CALLS if one.for_staff}
    for method, target, body in story:
        user = OLGA if (method, target.partition("?")[0]) in of_staff else ANN
        call = document["paths"][target.partition("?")[0]][method.lower()]
        one = str(booking_id) if "bookings" in target else "1"
        one = str(paid) if target.endswith("/tickets") else one
        asked = target.replace("{id}", one).replace("{code}", ticket["code"])
        answer = rooms.call(method, asked, user=user, json=body)
        documented = call["responses"][str(answer.status)]
        assert answer.status < 400
        content = documented.get("content", {})
        if content:
            media_type = answer.headers["content-type"].partition(";")[0]
            schema = content[media_type]["schema"]
            if media_type == "application/json":
                jsonschema_rs.validator_for(schema).validate(answer.json)
    assert {(one.method, one.path) for one in CALLS} == {
        (method, target.partition("?")[0]) for method, target, _ in story
    }


def test_every_id_is_an_int64(document: Any) -> None:
    """All whole numbers in what we read say their limits."""
    for item in document["paths"].values():
        for call in item.values():
            taken = [one["schema"] for one in call.get("parameters", [])]
            if "requestBody" in call:
                body = call["requestBody"]["content"]["application/json"]["schema"]
                taken += body["properties"].values()
            for schema in taken:
                if schema["type"] == "integer":
                    assert -(2**63) <= schema["minimum"] < schema["maximum"] < 2**63


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/problems", "text/html; charset=utf-8"),
        ("/docs/docs.js", "text/javascript; charset=utf-8"),
        ("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
        ("/docs/favicon-32x32.png", "image/png"),
        ("/openapi.json", "application/json"),
    ],
)
def test_pages_come_from_here_alone(rooms: Rooms, path: str, media_type: str) -> None:
    """The policy of each lets nothing load from another host."""
    answer = rooms.call("GET", path)
    assert (200, media_type) == (answer.status, answer.headers["content-type"])
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert not re.search(r"https?:|\*", policy)
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert "x-commit-lsn" not in answer.headers, "it tells of no record, and waits for none"


@pytest.mark.parametrize("problem", problems.ALL, ids=lambda problem: problem.name)
def test_what_a_problem_means_stands_at_its_address(rooms: Rooms, problem: Problem) -> None:
    """With its status, there and among all others."""
    for page in (problems.TYPE_PREFIX + problem.name, "/problems"):
        html = unescape(rooms.call("GET", page).body.decode())
        assert f"<p>{problem.meaning}</p><p>Код ответа {problem.status}," in html


def test_the_docs_page_refers_to_what_is_served(rooms: Rooms) -> None:
    """Every src and href is a page of ours."""
    for page in ("/", "/docs", "/problems"):
        html = rooms.call("GET", page).body.decode()
        targets = re.findall(r'(?:src|href)="([^"#]+)"', html)
        assert targets
        assert {200} == {rooms.call("GET", target).status for target in targets}


def test_an_example_from_the_document_works(rooms: Rooms) -> None:
    """The first thing a newcomer tries is 201."""
    example = openapi.DOCS["POST", "/api/bookings"]
    assert {"event_id": CONCERT} == example.sends
    answer = rooms.call("POST", "/api/bookings", user=ANN, body=orjson.dumps(example.sends))
    assert (example.status, example.example) == (answer.status, answer.json)
