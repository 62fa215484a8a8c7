"""What a person and a program must know of each call: what it takes, what it gives, an example.

`openapi.py` makes the document of it; what a call may be refused for stands in `routes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.query import INT64_MAX, INT64_MIN, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX

Json = dict[str, Any]

INT64: Json = {"type": "integer", "format": "int64", "minimum": INT64_MIN, "maximum": INT64_MAX}
ID: Json = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**53 - 1}
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
MONEY: Json = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$"}
BOOLEAN: Json = {"type": "boolean"}
INSTANT: Json = {"type": "string", "format": "date-time"}


def object_of(**properties: Json) -> Json:
    """Every property is required; what we answer holds no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def taken(**properties: Json) -> Json:
    """What we read: other properties are ignored."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def taken_with(optional: Json, **properties: Json) -> Json:
    """What we read, and what may be left out."""
    return {**taken(**properties), "properties": {**properties, **optional}}


def list_of(items: Json) -> Json:
    return {"type": "array", "items": items}


def up_to(most: int, default: int) -> Json:
    """A whole number from 1, which may be left out."""
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}


def message_of(text: str) -> Json:
    """An answer that says these words and no others."""
    return object_of(message={"type": "string", "enum": [text]})


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
    # What is answered beside JSON, or where `gives` is None instead of plain text.
    media: tuple[str, ...] = ()


def parameter(
    name: str, schema: Json, description: str, *, required: bool = False, where: str = "query"
) -> Json:
    """`where` is query, path or header."""
    return {
        "name": name,
        "in": where,
        "required": required,
        "description": description,
        "schema": schema,
    }


EVENT = parameter("id", INT64, "Событие.", required=True, where="path")
_PAGE = parameter(
    "page", {**INT64, "minimum": 1, "default": 1}, "Номер страницы, с 1. За последней – []."
)
_PAGE_SIZE = parameter(
    "pageSize", up_to(PAGE_SIZE_MAX, PAGE_SIZE_DEFAULT), "Сколько записей на странице."
)
_ORDER = parameter("orderId", INT64, "Номер платежа, который мы дали шлюзу.", required=True)
_SEAT_STATUS: Json = {"type": "string", "enum": ["FREE", "RESERVED", "SOLD"]}

Docs = Mapping[tuple[str, str], Doc]

DOCS: Docs = {
    ("GET", "/api/events"): Doc(
        "Список и поиск событий",
        "События",
        list_of(object_of(id=ID, title=TEXT)),
        [{"id": 1, "title": "Селеста Морейра"}],
        parameters=(
            parameter("query", TEXT, "Слова из названия или описания."),
            parameter("date", {"type": "string", "format": "date"}, "День события."),
            _PAGE,
            _PAGE_SIZE,
        ),
        description="С query – сначала самые подходящие; с одной датой – по времени; иначе по id.",
    ),
    ("GET", "/x/events/{id}"): Doc(
        "Одно событие и свободные места по зонам",
        "События",
        object_of(
            id=ID,
            title=TEXT,
            description=TEXT,
            type=TEXT,
            date={"type": "string", "format": "date"},
            datetime_start=TEXT,
            provider=TEXT,
            active=BOOLEAN,
            zones=list_of(object_of(name=TEXT, price=MONEY, total_seats=COUNT, free_seats=COUNT)),
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
        parameters=(EVENT,),
        description=(
            "У прошедших событий (active: false) зон нет: они не продаются. Если нам выделена "
            "часть зала, считаются только её места."
        ),
    ),
    ("GET", "/x/bookings/{id}"): Doc(
        "Одна моя бронь и её платежи",
        "Брони",
        object_of(
            id=ID,
            event_id=ID,
            status=TEXT,
            created_at=INSTANT,
            expires_at=TEXT,
            seats=list_of(object_of(id=ID)),
            title=TEXT,
            starts_at=TEXT,
            returnable_until=TEXT,
            payments=list_of(
                object_of(
                    order_id=ID,
                    amount=MONEY,
                    status=TEXT,
                    page=TEXT,
                    refund_pending=BOOLEAN,
                    parked=BOOLEAN,
                    timeline=list_of(object_of(at=INSTANT, what=TEXT, text=TEXT)),
                )
            ),
        ),
        {
            "id": 1000000001,
            "event_id": 1,
            "status": "PAYMENT_INITIATED",
            "created_at": "2026-11-24T09:00:00.000Z",
            "expires_at": "2026-11-24T09:12:01.000Z",
            "seats": [{"id": 10010001}],
            "title": "Селеста Морейра",
            "starts_at": "2027-03-11T20:00:00",
            "returnable_until": "",
            "payments": [
                {
                    "order_id": 1795510801000000,
                    "amount": "40000.00",
                    "status": "INITIATED",
                    "page": "",
                    "refund_pending": False,
                    "parked": False,
                    "timeline": [
                        {
                            "at": "2026-11-24T09:00:01.000Z",
                            "what": "PaymentInitiated",
                            "text": "Оплата начата",
                        }
                    ],
                }
            ],
        },
        parameters=(parameter("id", INT64, "Бронь.", required=True, where="path"),),
        description=(
            "starts_at – местное время зала. returnable_until – до какого момента можно вернуть "
            "оплаченную бронь; пусто, если она не оплачена или по ней вошли. parked: без оператора "
            "дальше не пойдёт; ничего не потеряно."
        ),
    ),
    ("GET", "/x/staff"): Doc(
        "Кто я из сотрудников",
        "Сервер",
        object_of(name=TEXT, role={"type": "string", "enum": ["organiser", "operator"]}),
        {"name": "olga", "role": "organiser"},
    ),
    ("POST", "/api/bookings"): Doc(
        "Создать бронь",
        "Брони",
        object_of(id=ID),
        {"id": 1000000001},
        status=201,
        takes=taken(event_id=INT64),
        sends={"event_id": 1},
    ),
    ("GET", "/api/bookings"): Doc(
        "Мои брони",
        "Брони",
        list_of(object_of(id=ID, event_id=ID, seats=list_of(object_of(id=ID)))),
        [{"id": 1000000001, "event_id": 1, "seats": [{"id": 10010001}]}],
        description="Новые – в конце; у отменённых нет мест.",
    ),
    ("GET", "/api/seats"): Doc(
        "Места зала",
        "Места",
        list_of(object_of(id=ID, row=ID, number=ID, status=_SEAT_STATUS, price=MONEY)),
        [{"id": 10010001, "row": 1, "number": 1, "status": "FREE", "price": "40000.00"}],
        parameters=(
            parameter("event_id", INT64, "Событие.", required=True),
            _PAGE,
            _PAGE_SIZE,
            parameter("row", {**INT64, "minimum": 1}, "Только этот ряд."),
            parameter("status", _SEAT_STATUS, "Только такие места."),
        ),
        description=(
            "По рядам и номерам. Со status=FREE и без page свободные места раздаются: следующий "
            "ответ продолжает предыдущий, чтобы не всем предлагать одно и то же место. Если нам "
            "выделена часть зала, других мест в списке нет."
        ),
    ),
    ("PATCH", "/api/seats/select"): Doc(
        "Добавить место в бронь",
        "Места",
        message_of("Место успешно добавлено в бронь"),
        {"message": "Место успешно добавлено в бронь"},
        takes=taken(booking_id=INT64, seat_id=INT64),
        sends={"booking_id": 1000000001, "seat_id": 10010001},
    ),
    ("PATCH", "/x/seats/together"): Doc(
        "Добавить в бронь лучшие места рядом",
        "Места",
        object_of(
            seats=list_of(object_of(id=ID, row=ID, number=ID, status=_SEAT_STATUS, price=MONEY))
        ),
        {
            "seats": [
                {"id": 10010501, "row": 1, "number": 501, "status": "RESERVED", "price": "40000.00"}
            ]
        },
        takes=taken_with(
            {"zone": TEXT},
            booking_id=INT64,
            count={"type": "integer", "minimum": 1, "maximum": 20},
        ),
        sends={"booking_id": 1000000001, "count": 1, "zone": "Золотой круг"},
        description=(
            "Все или ни одного. Лучшие – в ближайшем к сцене ряду (зала или названной зоны), где "
            "столько есть рядом, и ближе всего к его середине."
        ),
    ),
    ("PATCH", "/api/seats/release"): Doc(
        "Освободить место",
        "Места",
        message_of("Место успешно освобождено"),
        {"message": "Место успешно освобождено"},
        takes=taken(seat_id=INT64),
        sends={"seat_id": 10010001},
        description="После начала оплаты прекращает её; бронь остаётся с прочими местами.",
    ),
    ("PATCH", "/api/bookings/initiatePayment"): Doc(
        "Начать оплату",
        "Брони",
        status=302,
        takes=taken(booking_id=INT64),
        sends={"booking_id": 1000000001},
        description="Адрес страницы оплаты – в заголовке Location; при повторе тот же.",
    ),
    ("PATCH", "/api/bookings/cancel"): Doc(
        "Отменить бронь",
        "Брони",
        message_of("Бронь успешно отменена"),
        {"message": "Бронь успешно отменена"},
        takes=taken(booking_id=INT64),
        sends={"booking_id": 1000000001},
        description=(
            "На любом шаге; оплаченную – не позже чем за return_hours часов до события (см. план "
            "зала) и пока по ней никто не вошёл."
        ),
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
        takes=taken(paymentId=TEXT, status=TEXT, teamSlug=TEXT, timestamp=TEXT),
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
        object_of(
            event_id=ID,
            total_seats=COUNT,
            sold_seats=COUNT,
            reserved_seats=COUNT,
            free_seats=COUNT,
            total_revenue=MONEY,
            bookings_count=COUNT,
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
        parameters=(parameter("id", INT64, "Событие.", required=True),),
        description="Выручка – за проданные места; отменённые брони не считаются.",
    ),
    ("POST", "/api/reset"): Doc(
        "Сбросить брони",
        "Сервер",
        description="Все места свободны, броней нет; пользователи и события остаются.",
    ),
    ("GET", "/healthz"): Doc("Сервер жив", "Сервер"),
    ("GET", "/readyz"): Doc("Сервер восстановился и принимает записи", "Сервер"),
    ("GET", "/x/version"): Doc("Версия", "Сервер", object_of(version=TEXT), {"version": "0.1.0"}),
}
