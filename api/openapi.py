"""The OpenAPI 3.1 document, made from the table of routes: what a call may be refused for stands
there, what it takes and gives stands here. It uses nothing that OpenAPI 3.0 lacks, because the
viewer that we serve knows no more.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from api import problems
from api.endpoint import Operation
from api.problems import PROBLEM_JSON, TYPE_PREFIX, Problem
from api.query import INT64_MAX, INT64_MIN, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX

Json = dict[str, Any]

_INT64: Json = {"type": "integer", "format": "int64", "minimum": INT64_MIN, "maximum": INT64_MAX}
_ID: Json = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**53 - 1}
_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_MONEY: Json = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$"}
_OK = "text/plain"


def _object(**properties: Json) -> Json:
    """Every property is required; what we answer holds no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _taken(**properties: Json) -> Json:
    """What we read: other properties are ignored."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _message(text: str) -> Json:
    return _object(message={"type": "string", "enum": [text]})


@dataclass(frozen=True)
class Doc:
    """What a person must know of one call. `gives` is the schema of its success, None: no JSON."""

    summary: str
    tag: str
    gives: Json | None = None
    example: Any = None
    status: int = 200
    parameters: tuple[Json, ...] = ()
    takes: Json | None = None
    sends: Any = None  # an example of the body
    description: str = ""


def _parameter(
    name: str, schema: Json, description: str, *, required: bool = False, where: str = "query"
) -> Json:
    return {
        "name": name,
        "in": where,
        "required": required,
        "description": description,
        "schema": schema,
    }


_PAGE = _parameter(
    "page", {**_INT64, "minimum": 1, "default": 1}, "Номер страницы, с 1. За последней – []."
)
_PAGE_SIZE = _parameter(
    "pageSize",
    {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_MAX, "default": PAGE_SIZE_DEFAULT},
    "Сколько записей на странице.",
)
_ORDER = _parameter("orderId", _INT64, "Номер платежа, который мы дали шлюзу.", required=True)
_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Повтор с тем же ключом и телом не выполняется снова: ответ хранится 24 часа.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}
_SEAT_STATUS: Json = {"type": "string", "enum": ["FREE", "RESERVED", "SOLD"]}

DOCS: Mapping[tuple[str, str], Doc] = {
    ("GET", "/api/events"): Doc(
        "Список и поиск событий",
        "События",
        _list(_object(id=_ID, title={"type": "string"})),
        [{"id": 1, "title": "Селеста Морейра"}],
        parameters=(
            _parameter("query", {"type": "string"}, "Слова из названия или описания."),
            _parameter("date", {"type": "string", "format": "date"}, "День события."),
            _PAGE,
            _PAGE_SIZE,
        ),
        description="С query – сначала самые подходящие; с одной датой – по времени; иначе по id.",
    ),
    ("GET", "/x/events/{id}"): Doc(
        "Одно событие и свободные места по зонам",
        "События",
        _object(
            id=_ID,
            title=_TEXT,
            description=_TEXT,
            type=_TEXT,
            date={"type": "string", "format": "date"},
            datetime_start=_TEXT,
            provider=_TEXT,
            active={"type": "boolean"},
            zones=_list(_object(name=_TEXT, price=_MONEY, total_seats=_COUNT, free_seats=_COUNT)),
        ),
        {
            "id": 1,
            "title": "Селеста Морейра",
            "description": "Сто тысяч мест на стадионе Көкдалы.",
            "type": "concert",
            "date": "2027-03-11",
            "datetime_start": "2027-03-11T20:00:00",
            "provider": "Билеттер",
            "active": True,
            "zones": [
                {
                    "name": "Золотой круг",
                    "price": "40000.00",
                    "total_seats": 10000,
                    "free_seats": 9998,
                }
            ],
        },
        parameters=(_parameter("id", _INT64, "Событие.", required=True, where="path"),),
        description="У прошедших событий (active: false) зон нет: они не продаются.",
    ),
    ("POST", "/api/bookings"): Doc(
        "Создать бронь",
        "Брони",
        _object(id=_ID),
        {"id": 1000000001},
        status=201,
        takes=_taken(event_id=_INT64),
        sends={"event_id": 1},
    ),
    ("GET", "/api/bookings"): Doc(
        "Мои брони",
        "Брони",
        _list(_object(id=_ID, event_id=_ID, seats=_list(_object(id=_ID)))),
        [{"id": 1000000001, "event_id": 1, "seats": [{"id": 10010001}]}],
        description="Новые – в конце; у отменённых нет мест.",
    ),
    ("GET", "/api/seats"): Doc(
        "Места зала",
        "Места",
        _list(_object(id=_ID, row=_ID, number=_ID, status=_SEAT_STATUS, price=_MONEY)),
        [{"id": 10010001, "row": 1, "number": 1, "status": "FREE", "price": "40000.00"}],
        parameters=(
            _parameter("event_id", _INT64, "Событие.", required=True),
            _PAGE,
            _PAGE_SIZE,
            _parameter("row", {**_INT64, "minimum": 1}, "Только этот ряд."),
            _parameter("status", _SEAT_STATUS, "Только такие места."),
        ),
        description=(
            "По рядам и номерам. Со status=FREE и без page свободные места раздаются: следующий "
            "ответ продолжает предыдущий, чтобы не всем предлагать одно и то же место."
        ),
    ),
    ("PATCH", "/api/seats/select"): Doc(
        "Добавить место в бронь",
        "Места",
        _message("Место успешно добавлено в бронь"),
        {"message": "Место успешно добавлено в бронь"},
        takes=_taken(booking_id=_INT64, seat_id=_INT64),
        sends={"booking_id": 1000000001, "seat_id": 10010001},
    ),
    ("PATCH", "/api/seats/release"): Doc(
        "Освободить место",
        "Места",
        _message("Место успешно освобождено"),
        {"message": "Место успешно освобождено"},
        takes=_taken(seat_id=_INT64),
        sends={"seat_id": 10010001},
        description="После начала оплаты прекращает её; бронь остаётся с прочими местами.",
    ),
    ("PATCH", "/api/bookings/initiatePayment"): Doc(
        "Начать оплату",
        "Брони",
        status=302,
        takes=_taken(booking_id=_INT64),
        sends={"booking_id": 1000000001},
        description="Адрес страницы оплаты – в заголовке Location; при повторе тот же.",
    ),
    ("PATCH", "/api/bookings/cancel"): Doc(
        "Отменить бронь",
        "Брони",
        _message("Бронь успешно отменена"),
        {"message": "Бронь успешно отменена"},
        takes=_taken(booking_id=_INT64),
        sends={"booking_id": 1000000001},
        description="На любом шаге; оплаченную – не позже чем за 12 часов до события.",
    ),
    ("GET", "/api/payments/success"): Doc(
        "Покупатель вернулся после оплаты",
        "Платежи",
        parameters=(_ORDER,),
        description="Лишь повод спросить шлюз; неизвестный номер – тоже OK.",
    ),
    ("GET", "/api/payments/fail"): Doc(
        "Покупатель вернулся без оплаты",
        "Платежи",
        parameters=(_ORDER,),
        description="Лишь повод спросить шлюз; неизвестный номер – тоже OK.",
    ),
    ("POST", "/api/payments/notifications"): Doc(
        "Уведомление платёжного шлюза",
        "Платежи",
        takes={
            **_taken(
                paymentId={"type": "string"},
                status={"type": "string"},
                teamSlug={"type": "string"},
                timestamp={"type": "string"},
            )
        },
        sends={
            "paymentId": "20250817112233",
            "status": "AUTHORIZED",
            "teamSlug": "demo",
            "timestamp": "2027-08-17T11:22:33.1234567Z",
            "data": {},
        },
        description=(
            "Лишь повод спросить шлюз, поэтому повторы безвредны и Idempotency-Key не нужен. "
            "Если задан секрет, тело должно быть подписано: X-Webhook-Signature: sha256=<hex>."
        ),
    ),
    ("GET", "/api/analytics"): Doc(
        "Продажи события",
        "Аналитика",
        _object(
            event_id=_ID,
            total_seats=_COUNT,
            sold_seats=_COUNT,
            reserved_seats=_COUNT,
            free_seats=_COUNT,
            total_revenue=_MONEY,
            bookings_count=_COUNT,
        ),
        {
            "event_id": 1,
            "total_seats": 100000,
            "sold_seats": 2,
            "reserved_seats": 1,
            "free_seats": 99997,
            "total_revenue": "80000.00",
            "bookings_count": 2,
        },
        parameters=(_parameter("id", _INT64, "Событие.", required=True),),
        description="Выручка – за проданные места; отменённые брони не считаются.",
    ),
    ("POST", "/api/reset"): Doc(
        "Сбросить брони",
        "Сервер",
        description="Все места свободны, броней нет; пользователи и события остаются.",
    ),
    ("GET", "/healthz"): Doc("Сервер жив", "Сервер"),
    ("GET", "/readyz"): Doc("Сервер восстановился и принимает записи", "Сервер"),
    ("GET", "/x/version"): Doc(
        "Версия", "Сервер", _object(version={"type": "string"}), {"version": "0.1.0"}
    ),
    ("GET", "/metrics"): Doc("Показатели для Prometheus", "Сервер"),
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
            "version": version("billetter"),
            "description": "Билеты: поиск событий, выбор мест, бронь, оплата, возврат.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {"Problem": _PROBLEM},
        },
    }


_PROBLEM: Json = {
    **_object(
        type={"type": "string", "format": "uri-reference", "description": "Постоянный адрес."},
        title={"type": "string"},
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail={"type": "string", "description": "Что именно не так с этим запросом."},
        request_id={"type": "string", "description": "То же, что в заголовке X-Request-Id."},
    ),
    "description": "RFC 9457. Что означает type, написано на странице с этим адресом.",
}
_REQUEST_ID: Json = {"X-Request-Id": {"required": True, "schema": {"type": "string"}}}


def problems_of(operation: Operation[Any]) -> tuple[Problem, ...]:
    """All that a call may be refused for: its own, and what every call of its kind may meet."""
    found: list[Problem] = []
    writes = operation.method in ("POST", "PATCH")
    if writes or operation.query is not None:
        found.append(problems.BAD_REQUEST)
    if not operation.public:
        found += [problems.BAD_REQUEST, problems.UNAUTHENTICATED]
    if writes:
        found += [problems.BODY_TOO_SLOW, problems.BODY_TOO_LARGE]
    if operation.keyed:
        found += [problems.KEY_REUSED, problems.TOO_MANY_KEYS, problems.BUSY]
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
    responses = {str(doc.status): _success(doc)}
    by_status: dict[int, list[Problem]] = {}
    for problem in problems_of(operation):
        by_status.setdefault(problem.status, []).append(problem)
    for status, found in sorted(by_status.items()):
        responses[str(status)] = _refused(found)
    return responses


def _success(doc: Doc) -> Json:
    described: Json = {"description": "Успех.", "headers": dict(_REQUEST_ID)}
    if doc.status == 302:
        location = {"required": True, "schema": {"type": "string"}}
        described["headers"]["Location"] = location
    elif doc.gives is None:
        described["content"] = {_OK: {"schema": {"type": "string"}, "example": "OK"}}
    else:
        described["content"] = {"application/json": {"schema": doc.gives, "example": doc.example}}
    return described


def _refused(found: list[Problem]) -> Json:
    """One status, the problems it may stand for as examples, and their headers."""
    headers = dict(_REQUEST_ID)
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
