"""GET /api/events: pages of the catalog, which never changes, so an answer once found is kept.

A search reads an index on disk and may take milliseconds, during which nobody could buy: it runs
in threads of its own. Most visitors ask for the same few pages, and those are dictionary hits.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import NamedTuple

from api.endpoint import Call
from api.problems import BUSY, Refusal
from api.query import day, page_size, positive
from api.reply import Reply, json_reply

SEARCH_THREADS = 2  # the index releases the GIL, but its results are decoded under it
# Behind so many searches of a millisecond each a newcomer would wait for half a second.
SEARCHES_WAITING_MAX = 1_024
PAGES_KEPT_MAX = 4_096  # pages of at most 20 titles: some 8 MB
QUERY_CHARS_KEPT_MAX = 100  # longer queries are found anew, so that they can't fill the memory


class EventsQuery(NamedTuple):
    """What a visitor looks for; `page` counts from 1."""

    query: str | None
    day: date | None
    page: int
    page_size: int


def events_query(values: Mapping[str, str]) -> EventsQuery:
    return EventsQuery(
        values.get("query"), day(values, "date"), positive(values, "page") or 1, page_size(values)
    )


class EventPages:
    """Answers from memory what was asked before, and from the catalog what was not."""

    def __init__(self) -> None:
        self._kept: OrderedDict[EventsQuery, Reply] = OrderedDict()
        self._threads = ThreadPoolExecutor(SEARCH_THREADS, thread_name_prefix="search")
        self._waiting = 0

    async def find(self, call: Call[EventsQuery]) -> Reply:
        wanted = call.input
        kept = self._kept.get(wanted)
        if kept is not None:
            self._kept.move_to_end(wanted)
            return kept
        answer = json_reply(await self._search(call))
        if len(wanted.query or "") <= QUERY_CHARS_KEPT_MAX:
            self._kept[wanted] = answer
            if len(self._kept) > PAGES_KEPT_MAX:
                self._kept.popitem(last=False)
        return answer

    async def _search(self, call: Call[EventsQuery]) -> list[dict[str, object]]:
        if self._waiting >= SEARCHES_WAITING_MAX:
            raise Refusal(BUSY, "Слишком много поисков сразу. Повторите запрос.")
        query, on_day, page, size = call.input
        search = partial(call.service.catalog.search, query, on_day, page=page, page_size=size)
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            found = await loop.run_in_executor(self._threads, search)
        finally:
            self._waiting -= 1
        return [{"id": event_id, "title": title} for event_id, title in found]
