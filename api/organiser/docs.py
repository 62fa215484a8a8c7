"""What organisers and their programs must know of each call."""

from api.docs import (
    BOOLEAN,
    COUNT,
    EVENT,
    ID,
    INSTANT,
    INT64,
    MONEY,
    TEXT,
    Doc,
    Docs,
    Json,
    list_of,
    object_of,
    parameter,
    up_to,
)
from api.organiser.dashboard import MINUTES_DEFAULT, MINUTES_MAX

_TAG = "Организатор"
_COUNTS: Json = {
    "total_seats": COUNT,
    "sold_seats": COUNT,
    "reserved_seats": COUNT,
    "free_seats": COUNT,
}
_ZONE = object_of(name=TEXT, price=MONEY, **_COUNTS, revenue=MONEY)
_FIGURES: Json = {
    "type": "object",
    "properties": {
        "event_id": ID,
        **_COUNTS,
        "total_revenue": MONEY,
        "bookings_count": COUNT,
        "zones": list_of(_ZONE),
    },
    "required": ["event_id", *_COUNTS, "total_revenue", "bookings_count"],
    "additionalProperties": False,
}
_REPLAY = object_of(
    event_id=ID,
    state={"type": "string", "enum": ["none", "running", "ready", "failed"]},
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    data=TEXT,
    began_at=TEXT,
    ended_at=TEXT,
    whole=BOOLEAN,
    changes=COUNT,
)
_REPLAY_EXAMPLE: Json = {
    "event_id": 1,
    "state": "ready",
    "progress": 100,
    "data": "/x/events/1/replay/data",
    "began_at": "2026-11-24T09:00:00.000Z",
    "ended_at": "2026-11-24T13:12:31.500Z",
    "whole": True,
    "changes": 213480,
}
_FIGURES_EXAMPLE: Json = {
    "event_id": 2,
    "total_seats": 250,
    "sold_seats": 2,
    "reserved_seats": 1,
    "free_seats": 247,
    "total_revenue": "30000.00",
    "bookings_count": 2,
    "zones": [
        {
            "name": "Партер",
            "price": "15000.00",
            "total_seats": 250,
            "sold_seats": 2,
            "reserved_seats": 1,
            "free_seats": 247,
            "revenue": "30000.00",
        }
    ],
}

DOCS: Docs = {
    ("GET", "/x/analytics"): Doc(
        "Продажи события по зонам",
        _TAG,
        _FIGURES,
        _FIGURES_EXAMPLE,
        parameters=(
            parameter("id", INT64, "Событие.", required=True),
            parameter("by", {"type": "string", "enum": ["zone"]}, "zone: ещё и по зонам."),
        ),
        description=(
            "Без by – то же, что /api/analytics. Если нам выделена часть зала, считаются только "
            "её места."
        ),
    ),
    ("GET", "/x/events/{id}/sales"): Doc(
        "Ход продаж",
        _TAG,
        object_of(
            event_id=ID,
            step_seconds=ID,
            since=INSTANT,
            points=list_of(
                object_of(at=INSTANT, sold=COUNT, reserved=COUNT, free=COUNT, revenue=MONEY)
            ),
        ),
        {
            "event_id": 2,
            "step_seconds": 10,
            "since": "2026-11-24T09:00:00.000Z",
            "points": [
                {
                    "at": "2026-11-24T09:00:00.000Z",
                    "sold": 2,
                    "reserved": 1,
                    "free": 247,
                    "revenue": "30000.00",
                }
            ],
        },
        parameters=(
            EVENT,
            parameter(
                "minutes", up_to(MINUTES_MAX, MINUTES_DEFAULT), "За сколько последних минут."
            ),
        ),
        description=(
            "Показатели в конце каждого шага; последняя точка – сейчас. since – с какого момента "
            "ход известен: после перезапуска сервера он начинается заново."
        ),
    ),
    ("GET", "/x/events/{id}/dashboard"): Doc(
        "Продажи на табло",
        _TAG,
        parameters=(EVENT,),
        media=("text/event-stream",),
        description=(
            "Server-sent events: в data – то же, что /x/analytics?by=zone, сразу и не чаще раза "
            "в секунду, если что-то изменилось."
        ),
    ),
    ("GET", "/x/events/{id}/export"): Doc(
        "Все брони события одним файлом",
        _TAG,
        list_of(
            object_of(
                booking_id=ID,
                user_id=ID,
                status=TEXT,
                created_at=INSTANT,
                seats_count=COUNT,
                seats=list_of(object_of(id=ID, row=ID, number=ID, zone=TEXT, price=MONEY)),
                amount=MONEY,
                order_id=COUNT,
                payment_id=TEXT,
                payment_status=TEXT,
                paid_at=TEXT,
                refunded_at=TEXT,
            )
        ),
        [
            {
                "booking_id": 2000000001,
                "user_id": 7,
                "status": "CONFIRMED",
                "created_at": "2026-11-24T09:00:00.000Z",
                "seats_count": 1,
                "seats": [
                    {"id": 20010001, "row": 1, "number": 1, "zone": "Партер", "price": "15000.00"}
                ],
                "amount": "15000.00",
                "order_id": 1795510801000000,
                "payment_id": "20261124090002123456",
                "payment_status": "CAPTURED",
                "paid_at": "2026-11-24T09:00:31.500Z",
                "refunded_at": "",
            }
        ],
        parameters=(
            EVENT,
            parameter(
                "format", {"type": "string", "enum": ["csv", "json"], "default": "csv"}, "Вид."
            ),
        ),
        media=("text/csv",),
        description=(
            "По номерам броней; о покупателе – только его id, без имени и почты. У отменённых "
            "броней мест нет, amount – сколько за них платили. CSV по RFC 4180: текст, с которого "
            "таблица начала бы формулу, начинается с апострофа."
        ),
    ),
    ("POST", "/x/events/{id}/replay"): Doc(
        "Подготовить повтор продаж",
        _TAG,
        _REPLAY,
        {**_REPLAY_EXAMPLE, "state": "running", "progress": 0, "data": "", "began_at": ""},
        status=202,
        parameters=(EVENT,),
        description=(
            "Журнал читает отдельный процесс, по одному повтору за раз. Спрашивайте методом GET, "
            "пока state не станет ready или failed."
        ),
    ),
    ("GET", "/x/events/{id}/replay"): Doc(
        "Готов ли повтор продаж",
        _TAG,
        _REPLAY,
        _REPLAY_EXAMPLE,
        parameters=(EVENT,),
        description=(
            "progress – сколько процентов журнала прочитано. whole: false – начало продаж из "
            "журнала уже удалено, повтор начинается с began_at; чтобы журнал хранился весь, "
            "запустите сервер с --keep-log."
        ),
    ),
    ("GET", "/x/events/{id}/replay/data"): Doc(
        "Повтор продаж",
        _TAG,
        parameters=(EVENT,),
        media=("application/x-ndjson",),
        description=(
            "Строки JSON. Первая – зал: rows, seats_per_row, zones, began_at, whole, "
            "revenue_minor (тиын) и states: base64, два бита на место, место i – в байте i // 4, "
            "биты 2 * (i % 4); 0 – свободно, 1 – занято, 2 – продано, 3 – продаём не мы. "
            "Затем изменения: [мс от began_at, состояние, [места], выручка в тиынах]. "
            "Последняя: ended_at и changes – сколько было изменений. Место – это "
            "(ряд − 1) * seats_per_row + номер − 1."
        ),
    ),
}
