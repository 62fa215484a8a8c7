"""The events themselves: active ones in memory with their halls, archived ones on disk."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import msgspec

from catalog.errors import NotACatalog
from catalog.event_file import EventRow
from catalog.halls import HallPlan
from catalog.search import SearchIndex


class Event(msgspec.Struct, frozen=True):
    """One concert, play or game.

    `starts_at` is the local time at the hall, without a zone; `starts_at_ms` the same moment in
    milliseconds since 1970 in UTC. Only active events are sold.
    """

    id: int
    title: str
    description: str
    type: str
    starts_at: datetime
    starts_at_ms: int
    provider: str
    active: bool


def event_from(row: EventRow, *, timezone: ZoneInfo, active: bool) -> Event:
    """The event a row of the file describes; an hour that comes twice counts as the first."""
    starts_at = row.starts_at()
    return Event(
        id=row.id,
        title=row.title,
        description=row.description,
        type=row.type,
        starts_at=starts_at,
        starts_at_ms=int(starts_at.replace(tzinfo=timezone).timestamp()) * 1000,
        provider=row.provider,
        active=active,
    )


class _Stored(msgspec.Struct, frozen=True):
    """The file of active events: each refers to its hall by the hall's place in `halls`."""

    halls: tuple[HallPlan, ...]
    events: tuple[tuple[Event, int], ...]


class EventTable:
    """Events by id, and the active ones with their halls."""

    def __init__(
        self,
        active: dict[int, Event],
        halls: dict[int, HallPlan],
        *,
        archive: SearchIndex,
        timezone: ZoneInfo,
    ) -> None:
        self._active = active
        self._halls = halls
        self._archive = archive
        self._timezone = timezone

    @classmethod
    def open(cls, path: Path, *, archive: SearchIndex, timezone: ZoneInfo) -> Self:
        """Raise NotACatalog when the file is missing or damaged."""
        try:
            stored = msgspec.msgpack.decode(path.read_bytes(), type=_Stored)
        except (OSError, msgspec.DecodeError) as error:
            raise NotACatalog(path, str(error)) from None
        return cls(
            {event.id: event for event, _ in stored.events},
            {event.id: stored.halls[hall] for event, hall in stored.events},
            archive=archive,
            timezone=timezone,
        )

    def on_sale(self, event_id: int) -> Event | None:
        """The active event with this id, without a look at the disk."""
        return self._active.get(event_id)

    def get(self, event_id: int) -> Event | None:
        """The event with this id, active or archived."""
        event = self.on_sale(event_id)
        if event is not None:
            return event
        row = self._archive.find(event_id)
        return None if row is None else event_from(row, timezone=self._timezone, active=False)

    def hall(self, event_id: int) -> HallPlan | None:
        """The hall of an active event; events with equal halls share one plan."""
        return self._halls.get(event_id)

    def active(self) -> Iterator[tuple[Event, HallPlan]]:
        """Every active event with its hall, by rising id."""
        for event_id, event in self._active.items():
            yield event, self._halls[event_id]


def write_active(path: Path, active: list[tuple[Event, HallPlan]]) -> None:
    """Write the file EventTable.open reads: events by rising id, each different hall once."""
    numbers: dict[HallPlan, int] = {}
    events = tuple((event, numbers.setdefault(hall, len(numbers))) for event, hall in active)
    path.write_bytes(msgspec.msgpack.encode(_Stored(tuple(numbers), events)))
