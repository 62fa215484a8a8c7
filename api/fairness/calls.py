"""The waiting room of an event: opened by the staff, seen by everybody, joined by buyers."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from api.endpoint import Call
from api.fairness.waiting_room import QueuePlace, RoomFull, Stage, WaitingRoom
from api.problems import BAD_REQUEST, WAITING_ROOM_FULL, WAITING_ROOM_OPEN, Refusal
from api.reply import Reply, json_reply
from api.timeline import instant

PER_MINUTE_MAX = 1_000_000
PASS_MINUTES_MAX = 1_440
# A year ahead, as the other times that may be set.
AHEAD_MS_MAX = 365 * 86_400_000
TOKEN_CHARACTERS_MAX = 64
OPENS_AT_CHARACTERS_MAX = 40

_NO_PLACE = QueuePlace(Stage.CLOSED, 0, 0, 0, 0)


class OpenRoom(msgspec.Struct):
    """`opens_at` is RFC 3339, or empty: now."""

    opens_at: Annotated[str, msgspec.Meta(max_length=OPENS_AT_CHARACTERS_MAX)] = ""
    per_minute: Annotated[int, msgspec.Meta(ge=1, le=PER_MINUTE_MAX)] = 600
    pass_minutes: Annotated[int, msgspec.Meta(ge=1, le=PASS_MINUTES_MAX)] = 10


class AskPlace(msgspec.Struct):
    """`place` is the token of the last answer, or empty."""

    place: Annotated[str, msgspec.Meta(max_length=TOKEN_CHARACTERS_MAX)] = ""


async def open_room(call: Call[tuple[int, OpenRoom]]) -> Reply:
    """Open the event's room, or change it; the answer tells of it when the disk knows it."""
    (event_id, wanted), now_ms = call.input, call.now_ms
    call.service.engine.event(event_id)  # raises EventNotFound
    rooms = call.service.waiting_rooms
    room = rooms.rooms.get(event_id)
    opens_at_ms = _opens_at_ms(wanted.opens_at, now_ms)
    if room is not None:
        room.settle(now_ms)
        if room.drawn is not None and wanted.opens_at and opens_at_ms != room.opens_at_ms:
            raise Refusal(WAITING_ROOM_OPEN)
    room = rooms.open(
        event_id,
        opens_at_ms=max(opens_at_ms, now_ms),
        per_minute=wanted.per_minute,
        pass_minutes=wanted.pass_minutes,
        now_ms=now_ms,
    )
    await rooms.durable(room)
    return json_reply(_shown(room, now_ms))


async def close_room(call: Call[int]) -> Reply:
    """Everybody may buy from now on; closing a closed one changes nothing."""
    call.service.engine.event(call.input)  # raises EventNotFound
    await call.service.waiting_rooms.close(call.input)
    return json_reply(_shown(None, call.now_ms))


async def show_room(call: Call[int]) -> Reply:
    """What everybody may know of it."""
    rooms, now_ms = call.service.waiting_rooms, call.now_ms
    room = rooms.rooms.get(call.input)
    if room is None:
        call.service.engine.event(call.input)  # raises EventNotFound
        return json_reply(_shown(None, now_ms))
    shown = _shown(room, now_ms)
    await rooms.durable(room)  # a seed that is told was drawn for good
    return json_reply(shown)


async def ask_place(call: Call[tuple[int, AskPlace]]) -> Reply:
    """The caller's place in it, who gets one if he has none."""
    (event_id, asked), now_ms = call.input, call.now_ms
    rooms = call.service.waiting_rooms
    room = rooms.rooms.get(event_id)
    if room is None:
        call.service.engine.event(event_id)  # raises EventNotFound
        return json_reply(_place_shown(call.user_id, _NO_PLACE, ""))
    try:
        place = room.place(call.user_id, asked.place, now_ms)
    except RoomFull:
        raise Refusal(WAITING_ROOM_FULL) from None
    token = room.token(call.user_id)
    await rooms.durable(room)
    return json_reply(_place_shown(call.user_id, place, token))


def _place_shown(user_id: int, place: QueuePlace, token: str) -> dict[str, object]:
    until_ms = place.admitted_until_ms
    return {
        "state": place.stage,
        "position": place.position,
        "ahead": place.ahead,
        "estimate_seconds": place.estimate_seconds,
        "place": token,
        "admitted_until": instant(until_ms) if until_ms else "",
        "user_id": user_id,
    }


def _shown(room: WaitingRoom | None, now_ms: int) -> dict[str, object]:
    """The seed only after the draw, and then with the number that it was drawn among."""
    if room is None:
        return {
            "state": Stage.CLOSED,
            "opens_at": "",
            "waiting": 0,
            "per_minute": 0,
            "pass_minutes": 0,
            "estimate_seconds": 0,
            "seed_sha256": "",
            "seed": "",
            "drawn": 0,
        }
    room.settle(now_ms)
    is_drawn = room.drawn is not None
    return {
        "state": Stage.OPEN if is_drawn else Stage.BEFORE,
        "opens_at": instant(room.opens_at_ms),
        "waiting": room.waiting(now_ms),
        "per_minute": room.schedule.per_minute,
        "pass_minutes": room.pass_minutes,
        "estimate_seconds": room.estimate_seconds(now_ms),
        "seed_sha256": room.commitment,
        "seed": room.seed.hex() if is_drawn else "",
        "drawn": room.drawn or 0,
    }


def _opens_at_ms(text: str, now_ms: int) -> int:
    """Of RFC 3339, at most a year ahead; raises Refusal."""
    if not text:
        return now_ms
    try:
        at = datetime.fromisoformat(text.upper())
        at_ms = int(at.astimezone(UTC).timestamp() * 1_000) if at.tzinfo else None
    except (ValueError, OverflowError):
        at_ms = None
    if at_ms is None or at_ms > now_ms + AHEAD_MS_MAX:
        detail = "Поле opens_at: нужно время вида 2027-12-31T19:30:00+05:00, не дальше года."
        raise Refusal(BAD_REQUEST, detail)
    return at_ms
