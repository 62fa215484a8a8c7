"""One hall as it was at its last look, and what the looks before that have found.

Whatever is told of it is encoded once, however many ask.
"""

from typing import NamedTuple

import orjson

from api.bits import changed, packed
from engine import WITHHELD, SeatStatus

VERSION_BYTES = 8
# Where more has changed, the whole hall in bits is shorter than the list of what has.
SEATS_PER_CHANGE = 32
CHANGES_KEPT_LEAST = 256
LOOKS_KEPT_MAX = 256
NO_VERSION = 0

_Changes = dict[int, int]  # statuses by the seat's index


class News(NamedTuple):
    """What has changed since some version, as JSON and as a message of server-sent events."""

    body: bytes
    frame: bytes


class WatchedHall:
    """Statuses of one hall, a version that rises whenever a look has found others, and the ring."""

    def __init__(self, statuses: bytes, version: int) -> None:
        self.version = version
        self._statuses = statuses
        self._kept_max = max(CHANGES_KEPT_LEAST, len(statuses) // SEATS_PER_CHANGE)
        # By the version that they lead away from, oldest first: what each look has found.
        self._looks: dict[int, _Changes] = {}
        self._kept = 0
        # Of this version only: the map, and the news by the version that they are told since.
        self._map = b""
        self._news: dict[int, News] = {}

    def look(self, statuses: bytes, version: int) -> None:
        """The hall is found like this; the version is taken if anything is new."""
        if statuses == self._statuses:
            return
        changes = self._changes_to(statuses)
        if changes is None:
            self._looks.clear()
            self._kept = 0
        else:
            self._looks[self.version] = changes
            self._kept += len(changes)
            self._forget_the_oldest()
        self._statuses, self.version = statuses, version
        self._map = b""
        self._news.clear()

    def map(self) -> bytes:
        """The version in 8 bytes, the highest first, and two bits a seat."""
        if not self._map:
            self._map = self.version.to_bytes(VERSION_BYTES, "big") + packed(self._statuses)
        return self._map

    def news(self, since: int) -> News:
        """What has changed since that version; `whole` where that can't be told any more."""
        if since != self.version and since not in self._looks:
            since = NO_VERSION
        news = self._news.get(since)
        if news is None:
            news = self._news[since] = self._told(since)
        return news

    def _changes_to(self, statuses: bytes) -> _Changes | None:
        """None: too many to tell, or of another kind: the hall or what of it is ours."""
        if len(statuses) != len(self._statuses):
            return None
        found = changed(self._statuses, statuses)
        if len(found) > self._kept_max:  # before a sold-out stadium's reset is gone through
            return None
        if any(WITHHELD in (statuses[index], self._statuses[index]) for index in found):
            return None
        return {index: statuses[index] for index in found}

    def _forget_the_oldest(self) -> None:
        while self._kept > self._kept_max or len(self._looks) > LOOKS_KEPT_MAX:
            oldest = next(iter(self._looks))
            self._kept -= len(self._looks.pop(oldest))

    def _told(self, since: int) -> News:
        merged = self._merged(since) if since != NO_VERSION else {}
        content = {
            "version": self.version,
            "whole": since == NO_VERSION,
            **{
                status.name.lower(): [seat for seat, now in merged.items() if now == status]
                for status in SeatStatus
            },
        }
        body = orjson.dumps(content)
        return News(body, b"id: %d\ndata: %b\n\n" % (self.version, body))

    def _merged(self, since: int) -> _Changes:
        """The changes of all looks after that version; the last one of a seat counts."""
        newest_first: list[_Changes] = []
        if since != self.version:
            for version, changes in reversed(self._looks.items()):
                newest_first.append(changes)
                if version == since:
                    break
        merged: _Changes = {}
        for changes in reversed(newest_first):
            merged |= changes
        return merged
