"""The given data, opened for reading: users, events with their halls, and search over all."""

from datetime import date
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from catalog import manifest
from catalog.errors import NotACatalog
from catalog.events import EventTable
from catalog.importer import ACTIVE_EVENTS, INDEX, USERS
from catalog.index import TEXTS
from catalog.manifest import Summary
from catalog.search import SearchIndex
from catalog.users import UserTable
from catalog.warm import read_ahead


class Catalog:
    """What one import made. `timezone` is the zone in which the events' dates are meant."""

    def __init__(
        self,
        *,
        users: UserTable,
        events: EventTable,
        index: SearchIndex,
        index_directory: Path,
        summary: Summary,
        timezone: ZoneInfo,
    ) -> None:
        self.users = users
        self.events = events
        self.summary = summary
        self.timezone = timezone
        self._index = index
        self._index_directory = index_directory

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Raise NotACatalog where no import has finished, or a file is missing or cut short.

        Or where one that is read whole has a wrong bit: it would be another price.
        """
        found = manifest.read(directory)
        try:
            manifest.require_whole(directory, found, ACTIVE_EVENTS, f"{INDEX}/{TEXTS}")
        except OSError as error:
            raise NotACatalog(directory, str(error)) from None
        try:
            timezone = ZoneInfo(found.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise NotACatalog(directory, f"no time zone {found.timezone} is known here") from None
        index = SearchIndex.open(directory / INDEX)
        events = EventTable.open(directory / ACTIVE_EVENTS, archive=index, timezone=timezone)
        return cls(
            users=UserTable.open(directory / USERS),
            events=events,
            index=index,
            index_directory=directory / INDEX,
            summary=found.summary,
            timezone=timezone,
        )

    def warm_up(self) -> None:
        """Have the search's files read from the disk before anybody asks; takes a moment."""
        read_ahead(self._index_directory)

    def search(
        self, query: str | None, day: date | None, *, page: int, page_size: int
    ) -> list[tuple[int, str]]:
        """Page `page` (from 1) of id and title of the events that match; past the end: [].

        With a query that isn't blank, best match first; equally good ones with active events
        first, then by id. A query without a letter or digit finds nothing. With a day alone by
        local time, then id. With neither by id.
        """
        if page < 1 or page_size < 1:
            raise ValueError("pages are counted from 1 and hold at least one event")
        rows = self._index.page(query, day, offset=(page - 1) * page_size, limit=page_size)
        return [(row.id, row.title) for row in rows]

    def close(self) -> None:
        """Close the files; the catalog can't be used afterwards."""
        self.users.close()
