"""What there is to see: pages of the catalog, and one event with the seats it has left.

The catalog never changes while the server runs, whatever is sold, so a page once found is kept.

A search reads an index on disk and may take milliseconds, during which nobody could buy: it runs
in threads of its own. Most visitors ask for the same few pages, and those are dictionary hits.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import NamedTuple, TypeVar

from api.cores import aside
from api.endpoint import Call
from api.problems import BUSY, Refusal
from api.query import day, page_size, positive
from api.reply import Reply, compact, json_reply
from api.seats import money
from catalog import Catalog, Event, normalised
from engine.errors import EventNotFound

SEARCH_THREADS = 2  # the index releases the GIL, but its results are decoded under it
# Behind so many searches of a millisecond each a newcomer would wait for half a second.
SEARCHES_WAITING_MAX = 1_024
PAGES_KEPT_MAX = 4_096  # pages of at most 20 titles: some 8 MB
QUERY_CHARS_KEPT_MAX = 100  # longer queries are found anew, so that they can't fill the memory

_Seen = TypeVar("_Seen")


class EventsQuery(NamedTuple):
    """What a visitor looks for, spelled as `normalised` spells it; `page` counts from 1."""

    query: str | None
    day: date | None
    page: int
    page_size: int


def events_query(values: Mapping[str, str]) -> EventsQuery:
    return EventsQuery(
        normalised(values.get("query")),
        day(values, "date"),
        positive(values, "page") or 1,
        page_size(values),
    )


class EventPages:
    """Answers from memory what was asked before, and from the catalog what was not."""

    def __init__(self) -> None:
        self._kept: OrderedDict[EventsQuery, Reply] = OrderedDict()
        self._searches: dict[EventsQuery, asyncio.Task[Reply]] = {}
        self._threads = aside("search", SEARCH_THREADS)
        self._waiting = 0

    async def find(self, call: Call[EventsQuery]) -> Reply:
        """Events by words and day, a page of them; raises Refusal while too many others search.

        Whoever asks for what is searched for already waits for that: after a start a whole crowd
        wants the same page.
        """
        wanted = call.input
        kept = self._kept.get(wanted)
        if kept is not None:
            self._kept.move_to_end(wanted)
            return kept
        search = self._searches.get(wanted)
        if search is None:
            search = asyncio.create_task(self._search(call.service.catalog, wanted))
            self._searches[wanted] = search
            search.add_done_callback(lambda _: self._searches.pop(wanted))
        return await asyncio.shield(search)  # one of them may leave

    async def _search(self, catalog: Catalog, wanted: EventsQuery) -> Reply:
        answer = await self._in_thread(partial(_found, catalog, wanted))
        if len(wanted.query or "") <= QUERY_CHARS_KEPT_MAX:
            self._kept[wanted] = compact(answer)
            if len(self._kept) > PAGES_KEPT_MAX:
                self._kept.popitem(last=False)
        return answer

    async def show(self, call: Call[int]) -> Reply:
        """One event, active or archived. Its figures move with every sale, so nothing is kept."""
        events = call.service.catalog.events
        event = events.on_sale(call.input)
        if event is None:
            event = await self._in_thread(partial(events.get, call.input))
        if event is None:
            raise EventNotFound(call.input)
        zones = call.service.engine.zones(event.id) if event.active else []
        return json_reply(
            {
                **_described(event),
                "zones": [
                    {
                        "name": zone.name,
                        "price": money(zone.price_minor),
                        "total_seats": zone.total_seats,
                        "free_seats": zone.free_seats,
                    }
                    for zone in zones
                ],
            }
        )

    async def _in_thread(self, look: Callable[[], _Seen]) -> _Seen:
        if self._waiting >= SEARCHES_WAITING_MAX:
            raise Refusal(BUSY, "Слишком много поисков сразу. Повторите запрос.")
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            return await loop.run_in_executor(self._threads, look)
        finally:
            self._waiting -= 1


async def title_and_start(catalog: Catalog, event_id: int) -> tuple[str, str]:
    """An event's title and its local time, as `/x/events` tells them; empty: no catalog has it."""
    event = catalog.events.on_sale(event_id)
    if event is None:
        event = await asyncio.to_thread(catalog.events.get, event_id)
    return ("", "") if event is None else (event.title, event.starts_at.isoformat())


def _found(catalog: Catalog, wanted: EventsQuery) -> Reply:
    query, on_day, page, size = wanted
    found = catalog.search(query, on_day, page=page, page_size=size)
    return json_reply([{"id": event_id, "title": title} for event_id, title in found])


def _described(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "title": event.title,
        "description": event.description,
        "type": event.type,
        "date": event.starts_at.date().isoformat(),
        "datetime_start": event.starts_at.isoformat(),
        "provider": event.provider,
        "active": event.active,
    }
