"""Events of events.json: what is taken from them, and what stops an import."""

import json
import tracemalloc
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from catalog.event_file import EventFile, EventRow
from tests.catalog.conftest import Data, event

NOT_A_TIME = "datetime_start must look like 2027-12-31T19:30:00"
with pytest.raises(ValueError, match="day") as no_such_day:  # each Python says it in its own words
    date(2027, 2, 29)
NO_SUCH_DAY = f"datetime_start {no_such_day.value}"
NO_SUCH_YEAR = "datetime_start must lie between the years 1900 and 2999"


def refused(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        list(EventFile(path))
    return caught.value


def test_takes_every_field_and_the_local_time(data: Data) -> None:
    """An object gives its row and the time at which it starts, with no zone."""
    path = data.events(event(7, datetime_start="2027-12-31T23:59:59"))
    [(row, starts_at)] = EventFile(path)
    assert row == EventRow(**event(7, datetime_start="2027-12-31T23:59:59"))
    assert starts_at == datetime.fromisoformat("2027-12-31T23:59:59")


@pytest.mark.parametrize("indent", [None, 0, 2, 8])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b" \n\t"])
def test_white_space_means_nothing(
    data: Data, indent: int | None, line_end: bytes, prefix: bytes
) -> None:
    """On one line or on many, after a byte order mark or blanks: the same events."""
    text = json.dumps([event(1), event(2)], indent=indent).encode().replace(b"\n", line_end)
    path = data.text("events.json", prefix + text)
    assert [row.id for row, _ in EventFile(path)] == [1, 2]


def test_unknown_fields_are_ignored(data: Data) -> None:
    """A file that tells more than we need is no fault, not even where it nests."""
    path = data.events(event(1, tags=[{"id": 5}], poster=None))
    assert [row.id for row, _ in EventFile(path)] == [1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "2"}, "id is wrong: expected int, got str"),
        ({"id": 2.0}, "id is wrong: expected int, got float"),
        ({"id": True}, "id is wrong: expected int, got bool"),
        ({"id": 0}, "id is wrong: expected int >= 1"),
        ({"id": 2**53}, f"id is wrong: expected int <= {2**53 - 1}"),
        ({"title": None}, "title is wrong: expected str, got null"),
        ({"title": ""}, "title is wrong: expected str of length >= 1"),
        ({"title": " \n"}, "title must not be blank"),
        ({"title": "я" * 501}, "title is wrong: expected str of length <= 500"),
        ({"description": 5}, "description is wrong: expected str, got int"),
        ({"type": ""}, "type is wrong: expected str of length >= 1"),
        ({"provider": []}, "provider is wrong: expected str, got array"),
        ({"provider": [], "type": "provider"}, "provider is wrong: expected str, got array"),
        ({"datetime_start": "2027-05-01"}, NOT_A_TIME),
        ({"datetime_start": "2027-05-01T10:00:00Z"}, NOT_A_TIME),
        ({"datetime_start": "2027-05-01T10:00:00\n"}, NOT_A_TIME),
        ({"datetime_start": "2027-02-29T10:00:00"}, NO_SUCH_DAY),
        ({"datetime_start": "0027-02-01T10:00:00"}, NO_SUCH_YEAR),
    ],
)  # fmt: skip
def test_faulty_field_is_named_by_its_line(
    data: Data, changes: dict[str, Any], reason: str
) -> None:
    """Line and field are exact: the second event begins on line 10, a field a line."""
    path = data.events(event(1), event(2) | changes, event(3))
    error = refused(path)
    line = 11 + list(event()).index(next(iter(changes)))
    assert (error.file, error.line, error.reason) == (path, line, reason)


@pytest.mark.parametrize("field", ["id", "title", "description", "datetime_start", "provider"])
def test_missing_field_is_named_by_the_line_of_its_event(data: Data, field: str) -> None:
    """A field that isn't there has no line, but its event has."""
    row = event(2)
    del row[field]
    error = refused(data.events(event(1), row))
    assert (error.line, error.reason) == (10, f"the event has no {field}")


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", None, "is empty"),
        (" \n", 1, "must be a JSON array of events"),
        ("{}", 1, "must be a JSON array of events"),
        ('{"item": [1]}', 1, "must be a JSON array of events"),
        ("null", 1, "must be a JSON array of events"),
        ("[", 1, "the array of events breaks off"),
        ("[\nEVENT,\n", 3, "the array of events breaks off"),
        ("[\nEVENT,\n{", 3, "the array of events breaks off"),
        ("[\nEVENT,\n]", 3, "is not JSON in UTF-8"),
        ("[\nEVENT\nEVENT]", 3, "is not JSON in UTF-8"),
        ("[\nEVENT]\n\n]", 4, "is not JSON in UTF-8"),
        ("[\nEVENT,\n\n7]", 4, "is no event: expected object, got int"),
        ("[\nEVENT,\nnull]", 3, "is no event: expected object, got null"),
        ("[\nEVENT,\n[]]", 3, "is no event: expected object, got array"),
        ("[\nEVENT,\n" + "[" * 5000, 3, "the array of events breaks off"),
        (b"[\n{\n\"title\": \"\xd0\"}]", 3, "is not JSON in UTF-8"),
        ("[\n{\n\"id\": 1" + "0" * 400 + "}]", 3, "is not JSON in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_array_of_events_is_named_by_line(
    data: Data, content: str | bytes, line: int | None, reason: str
) -> None:
    """Broken, cut off or of another shape: each is told with the line where it shows."""
    if isinstance(content, str):
        content = content.replace("EVENT", json.dumps(event(1))).encode()
    error = refused(data.text("events.json", content))
    assert (error.line, error.reason) == (line, reason)


def test_line_is_found_inside_nested_objects(data: Data) -> None:
    """A field of the same name deeper inside is not taken for the event's."""
    path = data.text("events.json", '[\n{"x": {"title": 1},\n"id": 1, "title":\n2}]')
    rows = '"description": "", "type": "a", "datetime_start": "", "provider": "b",'
    path.write_text(path.read_text().replace('"id": 1,', rows + '"id": 1,'))
    assert refused(path).line == 3


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A wrong path is a fault of the input like any other."""
    assert refused(tmp_path / "no.json").reason == "can't be read: No such file or directory"


@pytest.mark.parametrize(
    "broken", ["}", "]]", "x", ",", '{"id": 1', "\n]\n]"], ids=lambda text: text.strip()
)
def test_a_faulty_event_is_told_of_in_a_file_that_is_also_broken(data: Data, broken: str) -> None:
    """The first fault is told, on its line, whatever follows it on the same line."""
    path = data.events(event(1), event(2) | {"id": 0}, event(3))
    path.write_text(path.read_text() + broken)
    error = refused(path)
    assert (11, "id is wrong: expected int >= 1") == (error.line, error.reason)

    path.write_text(json.dumps([event(1), event(2) | {"id": 0}]) + broken)
    assert 1 == refused(path).line


def test_a_field_that_stands_twice_is_refused(data: Data) -> None:
    """Nobody can say which is meant; what we don't know may stand as often as it will."""
    once = json.dumps(event(2))
    path = data.text("events.json", "[\n" + once[:-1] + ',\n"title": "Other"}]')
    error = refused(path)
    assert "title stands twice in one event" == error.reason

    path = data.text("events.json", f'[{once[:-1]}, "tags": 1, "tags": {{"title": 2}}}}]')
    assert [2] == [row.id for row, _ in EventFile(path)]


@pytest.mark.parametrize("nested", ["[", '{"title":'])
def test_deep_nesting_takes_no_memory(data: Data, nested: str) -> None:
    """However deep: the path to every depth would take 4 GB for 100,000 brackets."""
    path = data.text("events.json", "[" + nested * 10_000)
    tracemalloc.start()
    try:
        assert "the array of events breaks off" == refused(path).reason
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()
