"""What a person and a program must know of the operator's calls."""

from api.docs import COUNT, ID, MONEY, TEXT, Doc, Docs, Json, list_of, object_of

_OUTSIDE: Json = {"type": "string", "enum": ["up", "down", "none"]}

DOCS: Docs = {
    ("GET", "/x/sagas"): Doc(
        "Что мы должны шлюзу и организатору",
        "Сервер",
        object_of(
            gateway=_OUTSIDE,
            provider=_OUTSIDE,
            unsettled=COUNT,
            owed_back=MONEY,
            parked_count=COUNT,
            parked=list_of(
                object_of(
                    order_id=ID,
                    booking_id=ID,
                    payment_id=TEXT,
                    amount=MONEY,
                    payment=TEXT,
                    reservation=TEXT,
                    provider_order=TEXT,
                    since=TEXT,
                    reasons=list_of(TEXT),
                )
            ),
        ),
        {
            "gateway": "up",
            "provider": "up",
            "unsettled": 0,
            "owed_back": "0.00",
            "parked_count": 0,
            "parked": [],
        },
        description="Только с машины сервера или оператору.",
    ),
    ("POST", "/x/sagas/retry"): Doc(
        "Повторить отложенное сейчас",
        "Сервер",
        object_of(retried=COUNT),
        {"retried": 0},
        description="С машины сервера или оператору. Само отложенное повторяется раз в час.",
    ),
    ("GET", "/metrics"): Doc(
        "Показатели для Prometheus",
        "Сервер",
        description="С машины сервера или оператору; с metrics_open – всем.",
    ),
}
