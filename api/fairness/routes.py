"""The calls of this room."""

from operator import itemgetter
from typing import Any

from api import problems
from api.body import decoder
from api.endpoint import Operation
from api.fairness import calls
from api.query import id_query

_ROOM = "/x/events/{id}/waiting-room"


def operations() -> tuple[Operation[Any], ...]:
    return (
        Operation(
            "GET",
            _ROOM,
            calls.show_room,
            query=id_query,
            public=True,
            durable=False,
            event_of=int,
            problems=(problems.EVENT_NOT_FOUND, problems.BUSY),
        ),
        Operation(
            "POST",
            f"{_ROOM}/place",
            calls.ask_place,
            query=id_query,
            body=decoder(calls.AskPlace),
            durable=False,
            event_of=itemgetter(0),
            problems=(
                problems.EVENT_NOT_FOUND,
                problems.WAITING_ROOM_FULL,
                problems.BUSY,
            ),
        ),
        Operation(
            "POST",
            _ROOM,
            calls.open_room,
            query=id_query,
            body=decoder(calls.OpenRoom),
            for_staff=True,
            durable=False,
            problems=(
                problems.EVENT_NOT_FOUND,
                problems.WAITING_ROOM_OPEN,
                problems.TOO_MANY_ROOMS,
                problems.BUSY,
            ),
        ),
        Operation(
            "POST",
            f"{_ROOM}/close",
            calls.close_room,
            query=id_query,
            for_staff=True,
            durable=False,
            problems=(problems.EVENT_NOT_FOUND, problems.BUSY),
        ),
    )
