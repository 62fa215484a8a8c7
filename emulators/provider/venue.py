"""The places: who holds each (the write side), and the list as readers see it (the read side)."""

import hashlib
import random
import uuid
from bisect import insort
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(slots=True)
class Place:
    """A place as the write side knows it. `row` is what readers see, and may lag behind."""

    place_id: str
    row: Row
    order_id: str | None = None
    selected_at_us: int = 0
    revision: int = 0


class Venue:
    """All places, seeded at the start.

    Invariant: `_list` is sorted by row, then seat, and holds the very rows of the visible places.
    """

    def __init__(self, *, rows: int, seats_per_row: int, seed: int) -> None:
        self._places: dict[str, Place] = {}
        self._list: list[Row] = []
        self._visible: dict[str, Row] = {}
        for row in range(1, rows + 1):
            for seat in range(1, seats_per_row + 1):
                self.show(self.add(seeded_id(seed, row=row, seat=seat), row=row, seat=seat))

    def __len__(self) -> int:
        return len(self._places)

    def add(self, place_id: str, *, row: int, seat: int) -> Place:
        """A new free place, not yet visible. Nothing keeps two places from having one number."""
        place = Place(place_id, {"id": place_id, "row": row, "seat": seat, "is_free": True})
        self._places[place_id] = place
        return place

    def show(self, place: Place) -> None:
        """Make the place visible to readers."""
        row = place.row
        if self._list and _position(self._list[-1]) > _position(row):
            insort(self._list, row, key=_position)
        else:
            self._list.append(row)
        self._visible[place.place_id] = row

    def find(self, place_id: str) -> Place | None:
        """The write side, always up to date."""
        return self._places.get(place_id)

    def seen(self, place_id: str) -> Row | None:
        """What readers see of the place."""
        return self._visible.get(place_id)

    def page(self, *, first: int, count: int) -> list[Row]:
        """`count` places from index `first`, ordered by row and seat."""
        return self._list[first : first + count]

    def drawn(self, chance: random.Random) -> Place | None:
        """Any one of the visible places; None when there is none."""
        return self._places[chance.choice(self._list)["id"]] if self._list else None

    def held_count(self) -> int:
        """How many places are not free on the write side."""
        return sum(place.order_id is not None for place in self._places.values())


def seeded_id(seed: int, *, row: int, seat: int) -> str:
    """The same id for the same seat after every restart: a client's table of ids stays right."""
    digest = hashlib.sha256(f"place:{seed}:{row}:{seat}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _position(row: Row) -> tuple[int, int]:
    return row["row"], row["seat"]
