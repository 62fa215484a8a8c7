"""The published users.csv, row by row; a row that can't be trusted stops the import.

Nothing here quotes a value of the file: in a row with a comma too many any column may hold a
piece of a password. `password_plain` may be there and is never looked at.
"""

import csv
import io
import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, cast

from catalog.errors import BadInput
from catalog.source import SeenIds, opened

COLUMNS = ("user_id", "email", "password_hash", "is_active", "first_name", "surname")

USER_ID_MAX = 2**53 - 1  # browsers read ids as doubles
EMAIL_CHARS_MAX = 254  # RFC 5321 leaves no room for a longer address
NAME_CHARS_MAX = 200  # a name longer than this is a shifted column

_ID = re.compile(r"[1-9][0-9]{0,15}")
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_ACTIVE = {"True": 1, "False": 0}

UserRow = tuple[int, str, bytes, int, str, str]  # in the order of COLUMNS


def read_users(path: Path, *, progress: bool = False) -> Iterator[UserRow]:
    """Every user of the file, checked; ids are unique, emails are not yet compared.

    Raises BadInput with the line on which the faulty row begins.
    """
    with opened(path, progress=progress) as file:
        yield from _checked(path, _rows(path, file))


def find_email_repeat(path: Path, email: str) -> BadInput:
    """The error for an email that two rows share. Reads the file again: a fault is rare."""
    lines: list[int] = []
    with opened(path, progress=False) as file:
        rows = _rows(path, file)
        at = next(rows)[1].index("email")
        lines.extend(line for line, row in rows if row[at] == email)
    return BadInput(path, lines[1], f"email is already used on line {lines[0]}")


def _rows(path: Path, file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Rows with the physical line they begin on: a quoted value may hold line breaks."""
    line = 1
    try:
        with io.TextIOWrapper(file, "utf-8", newline="") as text:
            reader = csv.reader(text, strict=True)
            for row in reader:
                yield line, row
                line = reader.line_num + 1
    except csv.Error as error:
        reason = str(error)
        if "unexpected end of data" in reason:
            reason = "the file ends inside a quoted value"
        raise BadInput(path, line, f"is not CSV: {reason}") from None
    except UnicodeDecodeError:
        raise _wrong_encoding(path) from None


def _wrong_encoding(path: Path) -> BadInput:
    # The decoder reads ahead in blocks and knows no lines, so look for the line now.
    with path.open("rb") as file:
        for line, content in enumerate(file, start=1):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                return BadInput(path, line, f"is not UTF-8 (byte {error.start + 1} of the line)")
    raise AssertionError("the decoder refused a file of valid lines")


def _checked(path: Path, rows: Iterator[tuple[int, list[str]]]) -> Iterator[UserRow]:
    line, header = next(rows, (1, []))
    columns = _positions(path, line, header)
    seen = SeenIds()
    empty = True
    for line, row in rows:
        if len(row) != len(header):
            raise BadInput(path, line, _wrong_width(row, len(header)))
        user_id, email, sha256_hex, active, first_name, surname = values = columns(row)
        fault = _fault(values)
        if fault:
            raise BadInput(path, line, fault)
        if not seen.add(int(user_id)):
            raise BadInput(path, line, f"user_id {user_id} is used by an earlier row")
        empty = False
        yield int(user_id), email, bytes.fromhex(sha256_hex), _ACTIVE[active], first_name, surname
    if empty:
        raise BadInput(path, None, "holds a header but no users")


def _positions(path: Path, line: int, header: list[str]) -> "itemgetter[tuple[str, ...]]":
    for column in COLUMNS:
        if column not in header:
            raise BadInput(path, line, f"the header has no column {column}")
        if header.count(column) > 1:
            raise BadInput(path, line, f"the header names the column {column} twice")
    pick: Any = itemgetter(*(header.index(column) for column in COLUMNS))
    return cast("itemgetter[tuple[str, ...]]", pick)


def _wrong_width(row: list[str], expected: int) -> str:
    if not row:
        return "is blank"
    return f"has {len(row)} columns where the header has {expected}"


def _fault(values: tuple[str, ...]) -> str | None:
    user_id, email, sha256_hex, active, first_name, surname = values
    if not _ID.fullmatch(user_id) or int(user_id) > USER_ID_MAX:
        return f"user_id must be a whole number from 1 to {USER_ID_MAX}"
    if not email:
        return "email must not be empty"
    if len(email) > EMAIL_CHARS_MAX:
        return f"email must not be longer than {EMAIL_CHARS_MAX} characters"
    if not _SHA256_HEX.fullmatch(sha256_hex):
        return "password_hash must be a SHA-256: 64 digits 0-9 and a-f, in lower case"
    if active not in _ACTIVE:
        return "is_active must be True or False"
    if len(first_name) > NAME_CHARS_MAX or len(surname) > NAME_CHARS_MAX:
        return f"first_name and surname must not be longer than {NAME_CHARS_MAX} characters"
    return None
