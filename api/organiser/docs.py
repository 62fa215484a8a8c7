"""What organisers and their programs must know of each call."""

from api.docs import COUNT, ID, INT64, MONEY, TEXT, Doc, Docs, Json, list_of, object_of, parameter

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
}
