"""What a person and a program must know of each call of this room."""

from api.docs import BOOLEAN, ID, INT64, MONEY, TEXT, Doc, Docs, list_of, object_of, parameter

_CODE = parameter(
    "code", TEXT, "Код билета; регистр, пробелы и дефисы не важны.", required=True, where="path"
)
_TICKET = object_of(
    valid=BOOLEAN,
    reason=TEXT,
    booking_id=ID,
    event_id=ID,
    title=TEXT,
    starts_at=TEXT,
    row=ID,
    number=ID,
    zone=TEXT,
    admitted_at=TEXT,
)
_EXAMPLE = {
    "valid": True,
    "reason": "",
    "booking_id": 1000000001,
    "event_id": 1,
    "title": "Селеста Морейра",
    "starts_at": "2027-03-11T20:00:00",
    "row": 1,
    "number": 499,
    "zone": "Золотой круг",
    "admitted_at": "",
}

DOCS: Docs = {
    ("GET", "/x/bookings/{id}/tickets"): Doc(
        "Билеты моей оплаченной брони",
        "Билеты",
        list_of(
            object_of(seat_id=ID, row=ID, number=ID, zone=TEXT, price=MONEY, code=TEXT, qr=TEXT)
        ),
        [
            {
                "seat_id": 10010499,
                "row": 1,
                "number": 499,
                "zone": "Золотой круг",
                "price": "40000.00",
                "code": "00001000000100405NDMZ3WJ8M4GT9QR",
                "qr": "<svg></svg>",
            }
        ],
        parameters=(
            parameter("id", INT64, "Бронь.", required=True, where="path"),
            parameter(
                "page", {**INT64, "minimum": 1, "default": 1}, "Страница, с 1, по 100 билетов."
            ),
        ),
        description=(
            "По билету на место. code – то, что предъявляют на входе; qr – он же картинкой SVG. "
            "Место, возвращённое и проданное снова, получает другой код."
        ),
    ),
    ("GET", "/x/tickets/{code}"): Doc(
        "Проверить билет на входе",
        "Билеты",
        _TICKET,
        _EXAMPLE,
        parameters=(_CODE,),
        description=(
            "valid: по нему можно пропустить; иначе reason говорит, почему нет. Поддельный код – "
            "404. starts_at – местное время зала."
        ),
    ),
    ("POST", "/x/tickets/{code}/admit"): Doc(
        "Пропустить по билету",
        "Билеты",
        _TICKET,
        {**_EXAMPLE, "admitted_at": "2027-03-11T14:31:07.250Z"},
        parameters=(_CODE,),
        description="Один раз: второй ответ – 419, и в detail сказано, когда вошли.",
    ),
}
