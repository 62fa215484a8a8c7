"""Every booking of an event as one file, for a spreadsheet or a program.

It is made in slices while it is sent, as fast as the client takes it: a hundred thousand bookings
take no more memory than a hundred, and the loop goes on between two slices. Each booking is told as
it stands when its slice is made. Of the buyers it holds their ids and nothing else.
"""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from api.endpoint import Call
from api.organiser.rows import BookingRow, booking_row
from api.query import choice, required_integer
from api.reply import JSON, Reply, stream_reply
from engine import Engine

CSV = b"text/csv; charset=utf-8; header=present"
# About 1 ms of the loop.
BOOKINGS_PER_SLICE = 25
# Others wait for their turn: an export is no hurry, and the buyers are.
EXPORTS_AT_ONCE_MAX = 4
# With one of these a spreadsheet takes a text for a formula, and does what a stranger wants.
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")

_Rows = Iterable[BookingRow]


class ExportQuery(NamedTuple):
    event_id: int
    format: str


def export_query(values: Mapping[str, str]) -> ExportQuery:
    formats = {"csv": "csv", "json": "json"}
    return ExportQuery(required_integer(values, "id"), choice(values, "format", formats) or "csv")


class Exports:
    """As many at once as the loop can bear."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(EXPORTS_AT_ONCE_MAX)

    def send_export(self, call: Call[ExportQuery]) -> Reply:
        """A file that is written while it is sent, when its turn comes; raises EventNotFound."""
        event_id, kind = call.input
        engine = call.service.engine
        engine.event(event_id)  # raises EventNotFound
        name = b'attachment; filename="event-%d-bookings.%b"' % (event_id, kind.encode())
        header = (b"content-disposition", name)
        if kind == "json":
            return stream_reply(JSON, self._json(engine, event_id), header)
        return stream_reply(CSV, self._csv(engine, event_id), header)

    async def _csv(self, engine: Engine, event_id: int) -> AsyncGenerator[bytes, None]:
        yield ",".join(BookingRow._fields).encode() + b"\r\n"
        async for piece in self._slices(engine, event_id, csv_lines):
            yield piece

    async def _json(self, engine: Engine, event_id: int) -> AsyncGenerator[bytes, None]:
        before = b"["
        async for piece in self._slices(engine, event_id, json_objects):
            yield before + piece
            before = b",\n"
        yield b"[]" if before == b"[" else b"]"

    async def _slices(
        self, engine: Engine, event_id: int, written: Callable[[_Rows], bytes]
    ) -> AsyncGenerator[bytes, None]:
        """Every booking that there is now, by number; nothing leaves before it is on disk (I5)."""
        async with self._turn:
            event = engine.event(event_id)
            for first in range(1, engine.bookings_made(event_id) + 1, BOOKINGS_PER_SLICE):
                found = engine.bookings_from(event_id, first, limit=BOOKINGS_PER_SLICE)
                rows = [booking_row(event, one, engine.attempts_of(one)) for one in found]
                if rows:
                    piece = written(rows)
                    await engine.durable()
                    yield piece
                await asyncio.sleep(0)


def csv_lines(rows: _Rows) -> bytes:
    """Lines of RFC 4180, one a booking."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        seats = "; ".join(
            f"ряд {one['row']} место {one['number']} {one['zone']} {one['price']}"
            for one in row.seats
        )
        writer.writerow(map(_cell, row._replace(seats=seats)))
    return text.getvalue().encode()


def json_objects(rows: _Rows) -> bytes:
    """The objects, with commas between."""
    return b",\n".join(orjson.dumps(row._asdict()) for row in rows)


def _cell(value: Any) -> Any:
    """A text that a spreadsheet takes for a text."""
    if isinstance(value, str) and value.startswith(_FORMULA_BEGINS):
        return f"'{value}"
    return value
