"""Pages of the catalog are kept encoded, so many of them, and in no more memory than they need."""

import asyncio

import pytest

from api import events
from api.endpoint import Call
from api.events import EventPages, events_query
from api.reply import Reply, json_reply
from tests.api.rooms import Rooms


def ask(pages: EventPages, rooms: Rooms, runner: asyncio.Runner, query: str) -> Reply:
    wanted = events_query({"query": query})
    return runner.run(pages.find(Call(rooms.service, wanted, 0, None, b"", {}, "")))


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
