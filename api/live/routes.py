"""The calls of this room."""

from operator import attrgetter
from typing import Any

from api import problems
from api.endpoint import Operation
from api.live import calls
from api.query import id_query


def operations() -> tuple[Operation[Any], ...]:
    live = calls.Live()
    event_of = attrgetter("event_id")
    return (
        Operation(
            "GET",
            "/x/events/{id}/plan",
            calls.show_plan,
            query=id_query,
            public=True,
            durable=False,
            event_of=int,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        Operation(
            "GET",
            "/x/events/{id}/seatmap",
            live.show_map,
            query=calls.since_query,
            public=True,
            durable=False,
            event_of=event_of,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        Operation(
            "GET",
            "/x/events/{id}/stream",
            live.stream,
            query=calls.since_query,
            public=True,
            durable=False,
            event_of=event_of,
            problems=(problems.EVENT_NOT_FOUND, problems.TOO_MANY_WATCHERS),
        ),
    )
