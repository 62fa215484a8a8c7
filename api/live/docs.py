"""What a person and a program must know of this room's calls."""

from api.docs import (
    BOOLEAN,
    COUNT,
    EVENT,
    ID,
    INT64,
    MONEY,
    TEXT,
    Doc,
    Docs,
    list_of,
    object_of,
    parameter,
)

_SINCE = parameter("since", INT64, "Версия, которую клиент уже знает.")

DOCS: Docs = {
    ("GET", "/x/events/{id}/plan"): Doc(
        "План зала: ряды, зоны, цены",
        "События",
        object_of(
            id=ID,
            rows=ID,
            seats_per_row=ID,
            zones=list_of(object_of(name=TEXT, first_row=ID, last_row=ID, price=MONEY)),
            hold_seconds=COUNT,
            return_hours=COUNT,
        ),
        {
            "id": 1,
            "rows": 100,
            "seats_per_row": 1000,
            "zones": [
                {"name": "Золотой круг", "first_row": 1, "last_row": 10, "price": "40000.00"}
            ],
            "hold_seconds": 900,
            "return_hours": 12,
        },
        parameters=(EVENT,),
        description=(
            "Номер места: id · 10000000 + ряд · 10000 + место; его индекс в карте: (ряд – 1) · "
            "seats_per_row + место – 1. Зоны, где наших мест нет, не показаны."
        ),
    ),
    ("GET", "/x/events/{id}/seatmap"): Doc(
        "Карта зала или то, что в ней изменилось",
        "События",
        object_of(
            version=COUNT,
            whole=BOOLEAN,
            free=list_of(COUNT),
            reserved=list_of(COUNT),
            sold=list_of(COUNT),
        ),
        {"version": 1795510801000000, "whole": False, "free": [], "reserved": [0], "sold": []},
        parameters=(EVENT, _SINCE),
        media=("application/octet-stream",),
        description=(
            "Без since – 8 байт версии, старший первым, и по два бита на место: место i – в байте "
            "i // 4, биты 2 · (i % 4); 0 свободно, 1 занято, 2 продано, 3 продаём не мы. С since – "
            "JSON: индексы мест, которые с тех пор изменились. whole: версия слишком стара, "
            "возьмите карту целиком. Знать карту – ещё не значит держать место."
        ),
    ),
    ("GET", "/x/events/{id}/stream"): Doc(
        "Изменения зала по мере продажи",
        "События",
        parameters=(EVENT, _SINCE),
        media=("text/event-stream",),
        description=(
            "Server-sent events: id – версия, data – тот же JSON, что у seatmap?since=. Last-Event-"
            "ID важнее since. Раз в 15 секунд без новостей – комментарий. Кому не хватило места "
            "(503), спрашивает seatmap?since= раз в несколько секунд."
        ),
    ),
}
