"""Pages of the catalog are kept encoded, so many of them, and in no more memory than they need."""

import asyncio
from threading import Event

import pytest

from api import events
from api.endpoint import Call
from api.events import QUERY_CHARS_KEPT_MAX, EventPages, events_query
from api.problems import BUSY, Refusal
from api.reply import Reply, json_reply
from tests.api.rooms import CONCERT, PAST, Rooms


async def find(pages: EventPages, rooms: Rooms, query: str) -> Reply:
    wanted = events_query({"query": query})
    return await pages.find(Call(rooms.service, wanted, 0, None, b"", {}, ""))


def ask(pages: EventPages, rooms: Rooms, runner: asyncio.Runner, query: str) -> Reply:
    return runner.run(find(pages, rooms, query))


def test_the_page_asked_for_longest_ago_goes_first(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When there are as many as may be kept."""
    monkeypatch.setattr(events, "PAGES_KEPT_MAX", 2)
    pages = EventPages()
    for query in ("a", "b", "a", "c", "a", "b"):
        ask(pages, rooms, runner, query)
    assert ["a", "b", "c", "b"] == [query for query, *_ in rooms.catalog.asked]


def test_what_is_kept_is_a_copy(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the encoder gives has room for far more than it holds."""
    given = json_reply([])
    monkeypatch.setattr(events, "json_reply", lambda _: given)
    pages = EventPages()
    ask(pages, rooms, runner, "опера")
    kept = ask(pages, rooms, runner, "опера")
    assert given == kept
    assert given.body is not kept.body


def test_a_long_query_is_found_anew(rooms: Rooms, runner: asyncio.Runner) -> None:
    """Queries of any length would fill the memory that so many short ones are given."""
    pages = EventPages()
    longest = "я" * QUERY_CHARS_KEPT_MAX
    for query in (longest, longest, longest + "я", longest + "я"):
        ask(pages, rooms, runner, query)
    assert [longest, longest + "я", longest + "я"] == [query for query, *_ in rooms.catalog.asked]


def test_only_so_many_searches_wait(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes behind them is refused, until they are answered; what is kept is told."""
    monkeypatch.setattr(events, "SEARCHES_WAITING_MAX", 3)
    pages, slow, search = EventPages(), Event(), rooms.catalog.search
    ask(pages, rooms, runner, "kept")

    def slowly(query: str | None, *_: object, **page: int) -> list[tuple[int, str]]:
        slow.wait()
        return search(query, None, **page)

    async def story() -> None:
        waiting = [asyncio.create_task(find(pages, rooms, query)) for query in ("a", "b", "c")]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await asyncio.wait_for(find(pages, rooms, "d"), 10)
        assert refused.value.problem is BUSY
        await find(pages, rooms, "kept")
        slow.set()
        await asyncio.gather(*waiting)
        await find(pages, rooms, "d")

    monkeypatch.setattr(rooms.catalog, "search", slowly)
    try:
        runner.run(story())
    finally:
        slow.set()


def test_the_page_of_an_event_on_sale_waits_for_no_search(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wants to buy is let in, however many others search; what is past lies on disk."""
    monkeypatch.setattr(events, "SEARCHES_WAITING_MAX", 0)
    pages = EventPages()

    def show(event_id: int) -> Reply:
        return runner.run(pages.show(Call(rooms.service, event_id, 0, None, b"", {}, "")))

    assert 200 == show(CONCERT).status
    with pytest.raises(Refusal) as refused:
        show(PAST)
    assert refused.value.problem is BUSY


def test_what_is_searched_for_already_is_searched_for_once(
    rooms: Rooms, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all who ask meanwhile, also when the first of them leaves, or all are told of a fault."""
    pages, slow, search = EventPages(), Event(), rooms.catalog.search
    longest = "я" * (QUERY_CHARS_KEPT_MAX + 1)

    def slowly(query: str | None, *_: object, **page: int) -> list[tuple[int, str]]:
        slow.wait()
        found = search(query, None, **page)
        if query == "fault":
            raise OSError
        return found

    async def asked_at_once(query: str) -> list[Reply | BaseException]:
        slow.clear()
        first, *others = [asyncio.create_task(find(pages, rooms, query)) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        slow.set()
        return await asyncio.gather(*others, return_exceptions=True)

    monkeypatch.setattr(rooms.catalog, "search", slowly)
    try:
        for query, status in (("a", 200), (longest, 200), (longest, 200)):
            answers = runner.run(asked_at_once(query))
            assert [status] * 2 == [one.status for one in answers if isinstance(one, Reply)]
        faults = runner.run(asked_at_once("fault"))
        assert [OSError] * 2 == [type(one) for one in faults]
    finally:
        slow.set()
    assert ["a", longest, longest, "fault"] == [query for query, *_ in rooms.catalog.asked]
