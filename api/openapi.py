"""The OpenAPI 3.1 document, made from the table of routes: what a call may be refused for stands
there, what it takes and gives in `docs.py`. It uses nothing that OpenAPI 3.0 lacks, because the
viewer that we serve knows no more.
"""

import re
from collections.abc import Iterable
from typing import Any

from api import docs, problems
from api.docs import Doc, Docs, Json, object_of
from api.endpoint import Operation
from api.fairness import docs as fairness_docs
from api.live import docs as live_docs
from api.operator import docs as operator_docs
from api.organiser import docs as organiser_docs
from api.problems import PROBLEM_JSON, TYPE_PREFIX, Problem
from api.system import VERSION
from api.tickets import docs as ticket_docs

_OK = "text/plain"
# What each room within says of its calls.
DOCS: Docs = {
    **docs.DOCS,
    **fairness_docs.DOCS,
    **live_docs.DOCS,
    **operator_docs.DOCS,
    **ticket_docs.DOCS,
    **organiser_docs.DOCS,
}
# What nginx in front may answer by itself to any call.
BY_NGINX = (problems.ADDRESS_TOO_LONG, problems.UNREACHABLE, problems.NO_ANSWER)
_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Повтор с тем же ключом и телом не выполняется снова: ответ хранится 24 часа.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}


def document(operations: Iterable[Operation[Any]]) -> Json:
    """The whole document; raises KeyError for a call that DOCS doesn't describe."""
    paths: dict[str, Json] = {}
    for operation in operations:
        if operation.documented:
            doc = DOCS[operation.method, operation.path]
            described = _operation(operation, doc)
            paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Billetter",
            "version": VERSION,
            "description": _about(),
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {"Problem": _PROBLEM},
        },
    }


def _about() -> str:
    kinds = ", ".join(f"{one.status} `{TYPE_PREFIX}{one.name}`" for one in BY_NGINX)
    return (
        "Билеты: поиск событий, выбор мест, бронь, оплата, возврат.\n\n"
        f"nginx перед сервисом может ответить на любой вызов и сам: {kinds}."
    )


_PROBLEM: Json = {
    **object_of(
        type={"type": "string", "format": "uri-reference", "description": "Постоянный адрес."},
        title={"type": "string"},
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail={"type": "string", "description": "Что именно не так с этим запросом."},
        request_id={"type": "string", "description": "То же, что в заголовке X-Request-Id."},
    ),
    "description": "RFC 9457. Что означает type, написано на странице с этим адресом.",
}
_REQUEST_ID: Json = {"X-Request-Id": {"required": True, "schema": {"type": "string"}}}
_COMMIT_LSN: Json = {
    "X-Commit-Lsn": {
        "description": "Место вызова в журнале: номер его записи или последней, которую он видел.",
        "schema": {"type": "integer", "format": "int64", "minimum": 0},
    }
}


def problems_of(operation: Operation[Any]) -> tuple[Problem, ...]:
    """All that a call may be refused for: its own, and what every call of its kind may meet."""
    found: list[Problem] = []
    writes = operation.method in ("POST", "PATCH")
    if writes or operation.query is not None:
        found.append(problems.BAD_REQUEST)
    if not operation.public:
        found += [problems.BAD_REQUEST, problems.UNAUTHENTICATED]
    if operation.for_staff:
        found.append(problems.STAFF_ONLY)
    if writes:
        found += [problems.BODY_TOO_SLOW, problems.BODY_TOO_LARGE]
    if operation.keyed:
        found += [problems.KEY_REUSED, problems.TOO_MANY_KEYS, problems.BUSY]
    if operation.limited or not operation.public:
        found.append(problems.TOO_MANY_CALLS)
    if operation.event_of is not None:
        found.append(problems.EVENT_CROWDED)
    found += [*operation.problems, problems.METHOD_NOT_ALLOWED, problems.INTERNAL]
    if not operation.ungated or operation.path == "/readyz":
        found.append(problems.NOT_READY)
    return tuple(dict.fromkeys(found))


def _operation(operation: Operation[Any], doc: Doc) -> Json:
    described: Json = {
        "operationId": operation.handler.__name__ + re.sub("[^A-Za-z]+", "_", operation.path),
        "summary": doc.summary,
        "tags": [doc.tag],
        "responses": _responses(operation, doc),
    }
    if doc.description:
        described["description"] = doc.description
    parameters = [*doc.parameters, *([_KEY] if operation.keyed else [])]
    if parameters:
        described["parameters"] = parameters
    if doc.takes is not None:
        media = {"schema": doc.takes, "example": doc.sends}
        described["requestBody"] = {"required": True, "content": {"application/json": media}}
    if not operation.public:
        described["security"] = [{"basic": []}]
    return described


def _responses(operation: Operation[Any], doc: Doc) -> Json:
    headers = {**_REQUEST_ID, **(_COMMIT_LSN if operation.durable else {})}
    responses = {str(doc.status): _success(doc, headers)}
    by_status: dict[int, list[Problem]] = {}
    for problem in problems_of(operation):
        by_status.setdefault(problem.status, []).append(problem)
    for status, found in sorted(by_status.items()):
        responses[str(status)] = _refused(found, headers)
    return responses


def _success(doc: Doc, headers: Json) -> Json:
    described: Json = {"description": "Успех.", "headers": dict(headers)}
    if doc.status == 302:
        location = {"required": True, "schema": {"type": "string"}}
        described["headers"]["Location"] = location
        return described
    content: Json = {media: {"schema": {"type": "string"}} for media in doc.media}
    if doc.gives is not None:
        content["application/json"] = {"schema": doc.gives, "example": doc.example}
    described["content"] = content or {_OK: {"schema": {"type": "string"}, "example": "OK"}}
    return described


def _refused(found: list[Problem], headers: Json) -> Json:
    """One status, the problems it may stand for as examples, and their headers."""
    headers = dict(headers)
    for problem in found:
        for name, _ in problem.headers:
            headers[name.decode().title()] = {"schema": {"type": "string"}}
        if problem is problems.METHOD_NOT_ALLOWED:
            headers["Allow"] = {"required": True, "schema": {"type": "string"}}
    examples = {
        problem.name: {
            "summary": problem.title,
            "value": {
                "type": TYPE_PREFIX + problem.name,
                "title": problem.title,
                "status": problem.status,
                "detail": problem.meaning,
                "request_id": "5d0c1f3a-2a",
            },
        }
        for problem in found
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": " · ".join(dict.fromkeys(problem.title for problem in found)) + ".",
        "headers": headers,
        "content": {PROBLEM_JSON.decode(): {"schema": schema, "examples": examples}},
    }
