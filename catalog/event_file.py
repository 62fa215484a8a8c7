"""The published events.json and events_archive.json, event by event, whatever their size.

The parser streams: 2.8 GB of archive pass through a megabyte of memory. It keeps no line
numbers, so a fault is looked up by reading the file a second time.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import ijson
import msgspec

from catalog.errors import BadInput
from catalog.source import READ_BYTES, opened

ACTIVE_ID_MAX = 9_000_000  # ids of bookings, a billion for each event, stay below 2**53
ARCHIVED_ID_MAX = 2**53 - 1  # browsers read ids as doubles
TITLE_CHARS_MAX = 500  # six times the longest published title
DESCRIPTION_CHARS_MAX = 20_000  # several printed pages
WORD_CHARS_MAX = 100  # types and providers are one or two words
YEAR_MIN, YEAR_MAX = 1900, 2999  # anything else is a slip of the keyboard

_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=TITLE_CHARS_MAX)]
_Description = Annotated[str, msgspec.Meta(max_length=DESCRIPTION_CHARS_MAX)]
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=WORD_CHARS_MAX)]

_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_FIELD_IN_PATH = re.compile(r"`\$\.(\w+)`|field `(\w+)`")


class EventRow(msgspec.Struct, frozen=True):
    """One object of the file; `datetime_start` is the local time at the hall."""

    id: Annotated[int, msgspec.Meta(ge=1, le=ARCHIVED_ID_MAX)]
    title: _Title
    description: _Description
    type: _Word
    datetime_start: str
    provider: _Word

    def starts_at(self) -> datetime:
        """Local time without a zone; raises ValueError for anything but YYYY-MM-DDTHH:MM:SS."""
        if not _LOCAL_TIME.fullmatch(self.datetime_start):
            raise ValueError("must look like 2027-12-31T19:30:00")
        starts_at = datetime.fromisoformat(self.datetime_start)
        if not YEAR_MIN <= starts_at.year <= YEAR_MAX:
            raise ValueError(f"must lie between the years {YEAR_MIN} and {YEAR_MAX}")
        return starts_at


_FIELDS = frozenset(EventRow.__struct_fields__)


class EventFile:
    """Iterates over the events of one file; `fault` turns a reason into file and line.

    Raises BadInput where the file isn't a JSON array, breaks off, or holds an object that is
    no event.
    """

    def __init__(self, path: Path, *, progress: bool = False) -> None:
        self.path = path
        self._progress = progress
        self._index = -1  # of the event read last

    def __iter__(self) -> Iterator[tuple[EventRow, datetime]]:
        with opened(self.path, progress=self._progress) as file:
            self._require_array(file)
            try:
                for value in self._items(file):
                    yield self._event(value)
            except (ijson.JSONError, UnicodeDecodeError):
                raise self._not_json() from None

    def fault(self, field: str | None, reason: str, *, place: int | None = None) -> BadInput:
        """The error for the event at `place` (from 0), or for the one read last."""
        text = reason if field is None else f"{field} {reason}"
        index = self._index if place is None else place
        return BadInput(self.path, _line_of(self.path, index, field), text)

    def _items(self, file: BinaryIO) -> Iterator[Any]:
        """What stands in the array. Of an object the fields we know, and of what nests its kind.

        Not by ijson.items: it keeps the path to every depth, so that 100,000 brackets take 4 GB.
        """
        depth, item, field = 0, None, ""
        for kind, value in ijson.basic_parse(file, buf_size=READ_BYTES, use_float=True):
            if kind == "map_key":
                field = value
                continue
            if kind in ("end_map", "end_array"):
                depth -= 1
                if depth == 1:
                    yield item
                continue
            kept = {} if kind == "start_map" else [] if kind == "start_array" else value
            if depth == 1:
                self._index += 1
                item = kept
                if kept is value:
                    yield item
            elif depth == 2 and field in _FIELDS and isinstance(item, dict):
                if field in item:
                    raise self.fault(field, "stands twice in one event")
                item[field] = kept
            depth += kept is not value

    def _event(self, value: Any) -> tuple[EventRow, datetime]:
        try:
            row = msgspec.convert(value, EventRow)
        except msgspec.ValidationError as error:
            field, reason = _explained(str(error))
            raise self.fault(field, reason) from None
        if not row.title.strip():
            raise self.fault("title", "must not be blank")
        try:
            return row, row.starts_at()
        except ValueError as error:
            raise self.fault("datetime_start", str(error)) from None

    def _require_array(self, file: BinaryIO) -> None:
        start = file.peek(READ_BYTES).lstrip()  # type: ignore[attr-defined]  # a BufferedReader
        if not start.startswith(b"["):
            raise BadInput(self.path, 1, "must be a JSON array of events")

    def _not_json(self) -> BadInput:
        line, ended = _line_of_syntax_error(self.path)
        reason = "the array of events breaks off" if ended else "is not JSON in UTF-8"
        return BadInput(self.path, line, reason)


def _explained(message: str) -> tuple[str | None, str]:
    """Split msgspec's "Expected `int`, got `str` - at `$.id`" into field and reason."""
    found = _FIELD_IN_PATH.search(message)
    reason = message.split(" - at ")[0].replace("`", "")
    if found is None:
        return None, f"is no event: {reason[:1].lower()}{reason[1:]}"
    field = found[1] or found[2]
    if "missing required" in reason:
        return None, f"the event has no {field}"
    return field, f"is wrong: {reason[:1].lower()}{reason[1:]}"


def _line_of(path: Path, index: int, field: str | None) -> int:
    """Where `field` of the event at `index` (from 0) stands, else where the event begins."""
    depth = 0
    items = -1
    begun = 1
    for line, event, value in _before_any_fault(_parse_by_line(path)):
        if event in ("end_map", "end_array"):
            depth -= 1
            continue
        if depth == 1:
            items += 1
            if items == index:
                begun = line
        if items > index:
            break
        if items == index and depth == 2 and event == "map_key" and value == field:
            return line
        depth += event in ("start_map", "start_array")
    return begun


def _before_any_fault(parsed: Iterator[tuple[int, str, Any]]) -> Iterator[tuple[int, str, Any]]:
    """What can be read of a file that may also be broken, further on."""
    with suppress(_Broken):
        yield from parsed


def _line_of_syntax_error(path: Path) -> tuple[int, bool]:
    """The line on which the parser gives up, and whether that is the end of the file."""
    line = 1
    try:
        for line, _event, _value in _parse_by_line(path):  # noqa: B007
            pass
    except _Broken as error:
        return error.line, error.ended
    return line, True


class _Broken(Exception):
    def __init__(self, line: int, *, ended: bool) -> None:
        super().__init__(line)
        self.line = line
        self.ended = ended


def _parse_by_line(path: Path) -> Iterator[tuple[int, str, Any]]:
    """Parser events with their line: the parser is fed line by line and asked what it saw."""
    seen = ijson.sendable_list()
    parser = ijson.basic_parse_coro(seen, use_float=True)
    line = 1
    with opened(path, progress=False) as file:
        while piece := file.readline(READ_BYTES):
            broken = False
            try:
                parser.send(piece)
            except (ijson.JSONError, UnicodeDecodeError):
                broken = True
            for event, value in seen:  # those before the fault, too
                yield line, event, value
            if broken:
                raise _Broken(line, ended=False)
            del seen[:]
            line += piece.endswith(b"\n")
    try:
        parser.close()
    except (ijson.JSONError, UnicodeDecodeError):
        raise _Broken(line, ended=True) from None
