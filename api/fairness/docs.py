"""What a person and a program must know of the waiting room's calls."""

from typing import Any

from api.docs import COUNT, EVENT, ID, TEXT, Doc, Docs, Json, object_of, up_to
from api.fairness.calls import (
    OPENS_AT_CHARACTERS_MAX,
    PASS_MINUTES_MAX,
    PER_MINUTE_MAX,
    TOKEN_CHARACTERS_MAX,
)

_TAG = "Зал ожидания"
_INSTANT_OR_EMPTY: Json = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "enum": [""]}]
}
_ROOM = object_of(
    state={"type": "string", "enum": ["closed", "before", "open"]},
    opens_at=_INSTANT_OR_EMPTY,
    waiting=COUNT,
    per_minute=COUNT,
    pass_minutes=COUNT,
    estimate_seconds=COUNT,
    seed_sha256=TEXT,
    seed=TEXT,
    drawn=COUNT,
)
_ROOM_OPEN: dict[str, Any] = {
    "state": "before",
    "opens_at": "2027-03-01T05:00:00.000Z",
    "waiting": 4211,
    "per_minute": 600,
    "pass_minutes": 10,
    "estimate_seconds": 902,
    "seed_sha256": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
    "seed": "",
    "drawn": 0,
}


def _optional(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


DOCS: Docs = {
    ("GET", "/x/events/{id}/waiting-room"): Doc(
        "Зал ожидания события",
        _TAG,
        _ROOM,
        _ROOM_OPEN,
        parameters=(EVENT,),
        description=(
            "До открытия (before) все равны. При открытии каждый из drawn пришедших получает номер "
            "HMAC-SHA256(seed, user_id) × drawn / 2^64, где user_id записан десятичными цифрами, а "
            "от HMAC взяты первые 8 байтов; кто пришёл позже – стоит за ними. seed_sha256 "
            "известен заранее, seed – после жребия, так что проверить его может каждый."
        ),
    ),
    ("POST", "/x/events/{id}/waiting-room"): Doc(
        "Открыть или изменить зал ожидания",
        _TAG,
        _ROOM,
        _ROOM_OPEN,
        parameters=(EVENT,),
        takes=_optional(
            opens_at={"type": "string", "maxLength": OPENS_AT_CHARACTERS_MAX, "default": ""},
            per_minute=up_to(PER_MINUTE_MAX, 600),
            pass_minutes=up_to(PASS_MINUTES_MAX, 10),
        ),
        sends={"opens_at": "", "per_minute": 600, "pass_minutes": 10},
        description=(
            "opens_at – время RFC 3339 или пусто: сейчас. per_minute – скольких впускать в "
            "минуту, pass_minutes – сколько действует пропуск. После жребия время открытия не "
            "меняется."
        ),
    ),
    ("POST", "/x/events/{id}/waiting-room/close"): Doc(
        "Закрыть зал ожидания", _TAG, _ROOM, {**_ROOM_OPEN, "state": "closed"}, parameters=(EVENT,)
    ),
    ("POST", "/x/events/{id}/waiting-room/place"): Doc(
        "Моё место в очереди",
        _TAG,
        object_of(
            state={"type": "string", "enum": ["closed", "before", "waiting", "admitted"]},
            position=COUNT,
            ahead=COUNT,
            estimate_seconds=COUNT,
            place=TEXT,
            admitted_until=_INSTANT_OR_EMPTY,
            user_id=ID,
        ),
        {
            "state": "waiting",
            "position": 118,
            "ahead": 117,
            "estimate_seconds": 12,
            "place": "AAAAAAAAAJZ0eG9uZSBhbmQgb25seQ",
            "admitted_until": "",
            "user_id": 42,
        },
        parameters=(EVENT,),
        takes=_optional(place={"type": "string", "maxLength": TOKEN_CHARACTERS_MAX, "default": ""}),
        sends={"place": ""},
        description=(
            "Кто ещё не стоит в очереди – встаёт в неё. place из последнего ответа посылайте "
            "снова: он сохраняет место и после перезапуска сервера. Пропуск действует с той "
            "минуты, когда подошла очередь: кто не приходит до admitted_until, встаёт в конец."
        ),
    ),
}
