"""A shop to be stormed: one large hall, many buyers with a booking each, some with many more.

Everything is prepared without the server, so that every server begins with the same directory.
"""

import time
from collections.abc import Iterable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import orjson

from api import store
from api.demo import initialise
from bench.wrk import Walk
from catalog import Catalog, demo
from engine import Engine, Rules, seat_id_of
from torture.servers.clients import User, active_users

FAR_FROM_NOW = date(2099, 1, 10)  # so that every sale's event is still to come
CONCERT = 1
STADIUM = 3  # a hundred thousand seats, whose pages are looked at
ROWS, SEATS_PER_ROW = 100, 9_999
STADIUM_SEATS_PER_ROW = 1_000
SEATS = 90 * SEATS_PER_ROW  # that a Walk may take; those of the last rows are held already
WALK = Walk(CONCERT, SEATS_PER_ROW)
PRICE_MINOR = 40_000_00
HOLD_SECONDS = 86_400  # nothing expires while it is measured
QUERIES = 100


class Size(NamedTuple):
    """Users in the file (four in five are active), and users with so many bookings each."""

    users: int
    with_20: int
    with_900: int


class Shop:
    """The directory to copy for each server, and the requests of its customers."""

    def __init__(self, directory: Path, size: Size) -> None:
        self.data = directory / "data"
        files = written(directory, users=size.users)
        users = active_users(files.users)
        self._with_20 = users[: size.with_20]
        self._with_900 = users[size.with_20 : size.with_20 + size.with_900]
        self._buyers = users[size.with_20 + size.with_900 :]
        self._titles = [one["title"] for one in orjson.loads(files.events.read_bytes())]
        initialise(self.data, files, archive=False)
        self._bookings = self._booked()

    def _booked(self) -> list[int]:
        """A booking for each buyer; bookings with a seat, from the last row on, for the others."""
        catalog = Catalog.open(self.data / store.CATALOG_DIRECTORY)
        rules = Rules(hold_ms=HOLD_SECONDS * 1_000)
        engine = Engine.open(self.data, store.events_on_sale(catalog), rules=rules)
        now_ms = int(time.time() * 1_000)
        seats = _seats_from_the_end()
        for users, count in ((self._with_20, 20), (self._with_900, 900)):
            for user in users:
                for seat_id in islice(seats, count):
                    booking_id = engine.create_booking(
                        user_id=user.user_id, event_id=CONCERT, now_ms=now_ms
                    )
                    engine.select_seat(
                        user_id=user.user_id, booking_id=booking_id, seat_id=seat_id, now_ms=now_ms
                    )
            engine.flush()
        bookings = [
            engine.create_booking(user_id=user.user_id, event_id=CONCERT, now_ms=now_ms)
            for user in self._buyers
        ]
        engine.flush()
        engine.close()
        catalog.close()
        return bookings

    def book(self) -> list[bytes]:
        body = b'{"event_id": %d}' % CONCERT
        return [_request("POST /api/bookings", user, body, len(body)) for user in self._buyers]

    def select(self) -> list[bytes]:
        """Without the seat's id and the closing brace, which a Walk adds."""
        ends = len(f"{seat_id_of(event_id=CONCERT, row=1, number=1)}}}")
        bodies = [b'{"booking_id": %d, "seat_id": ' % one for one in self._bookings]
        return [
            _request("PATCH /api/seats/select", user, body, len(body) + ends)
            for user, body in zip(self._buyers, bodies, strict=True)
        ]

    def buy(self) -> list[bytes]:
        """All that a crowd does at one concert, by turns; a Walk completes the third part."""
        pages = [_page(CONCERT)] * len(self._buyers)
        return [
            one for three in zip(self.book(), pages, self.select(), strict=True) for one in three
        ]

    def search(self) -> list[bytes]:
        """First words of titles; the server has answered each before it is measured."""
        words = dict.fromkeys(title.split()[0] for title in self._titles)
        pairs = dict.fromkeys(" ".join(title.split()[:2]) for title in self._titles)
        queries = islice(dict.fromkeys([*words, *pairs]), QUERIES)
        return [_request(f"GET /api/events?query={quote(query)}") for query in queries]

    def seats(self) -> list[bytes]:
        return [_page(STADIUM)]

    def my_20(self) -> list[bytes]:
        return [_request("GET /api/bookings", user) for user in self._with_20]

    def my_900(self) -> list[bytes]:
        return [_request("GET /api/bookings", user) for user in self._with_900]

    def healthz(self) -> list[bytes]:
        return [_request("GET /healthz")]


def _page(event_id: int) -> bytes:
    return _request(f"GET /api/seats?event_id={event_id}&status=FREE")


def hello() -> list[bytes]:
    return [_request("GET /")]


def _request(
    call: str, user: User | None = None, body: bytes = b"", content_length: int = 0
) -> bytes:
    """The bytes of a request; `content_length` counts what is added to the body later, too."""
    lines = [f"{call} HTTP/1.1", "Host: 127.0.0.1"]
    if user is not None:
        lines.append(f"Authorization: Basic {user.authorization}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {content_length}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _seats_from_the_end() -> Iterable[int]:
    return (
        seat_id_of(event_id=CONCERT, row=row, number=number)
        for row in range(ROWS, 0, -1)
        for number in range(SEATS_PER_ROW, 0, -1)
    )


def written(directory: Path, *, users: int, seats_per_row: int = SEATS_PER_ROW) -> demo.Files:
    """A demo's files, and the halls of concert and stadium."""
    zones = [{"name": "Зал", "rows": [1, ROWS], "price_minor": PRICE_MINOR}]
    hall = {"rows": ROWS, "seats_per_row": seats_per_row, "sale": "own", "zones": zones}
    stadium = {**hall, "seats_per_row": STADIUM_SEATS_PER_ROW}
    files = demo.write(
        directory / "files", today=FAR_FROM_NOW, users=users, events=1_000, archive=1
    )
    files.halls.write_bytes(
        orjson.dumps(
            {
                "halls": {"large": hall, "stadium": stadium},
                "events": {str(CONCERT): "large", str(STADIUM): "stadium"},
            }
        )
    )
    return files
