"""Rows of users.csv: what is taken from them, and what stops an import."""

import csv
import hashlib
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from catalog.user_file import EMAIL_CHARS_MAX, NAME_CHARS_MAX, USER_ID_MAX, read_users
from tests.catalog.conftest import Data, user

DIGEST = hashlib.sha256(b"secret").hexdigest()


def refused(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        list(read_users(path))
    return caught.value


def test_takes_what_signing_in_needs(data: Data) -> None:
    """A row gives id, email, raw hash, activity and both names, in that order."""
    path = data.users(user(4, is_active="False"))
    expected = [(4, "user4@example.kz", bytes.fromhex(DIGEST), 0, "Дана", "Лунина")]
    assert expected == list(read_users(path))


def test_columns_may_stand_in_any_order_and_extra_ones_are_ignored(data: Data) -> None:
    """The header decides where a column is; password_plain may be missing."""
    row = dict(reversed(user(4, favourite="чай").items()))
    del row["password_plain"]
    assert [found[0] for found in read_users(data.users(row))] == [4]


def test_quoted_values_may_hold_commas_quotes_and_line_breaks(data: Data) -> None:
    """A difficult password moves no other column, and lines are still counted in the file."""
    path = data.users(user(1, password_plain='a,"b"\nc'), user(2, email=""))
    error = refused(path)
    assert (error.line, error.reason) == (4, "email must not be empty")


def test_byte_order_mark_and_windows_line_ends_are_accepted(data: Data) -> None:
    """A file that went through a spreadsheet program is read the same."""
    content = data.users(user(1), user(2)).read_bytes().replace(b"\n", b"\r\n")
    path = data.text("windows.csv", b"\xef\xbb\xbf" + content)
    assert [row[0] for row in read_users(path)] == [1, 2]


def test_last_line_needs_no_line_end(data: Data) -> None:
    """A complete last row counts, whether or not a line end follows."""
    path = data.text("users.csv", data.users(user(1)).read_bytes().rstrip(b"\n"))
    assert [row[0] for row in read_users(path)] == [1]


def test_longest_values_are_taken(data: Data) -> None:
    """The greatest id, and as many characters of email and names as there may be."""
    email, name = "x" * EMAIL_CHARS_MAX, "я" * NAME_CHARS_MAX
    path = data.users(user(USER_ID_MAX, email=email, first_name=name, surname=name))
    expected = (USER_ID_MAX, email, bytes.fromhex(DIGEST), 1, name, name)
    assert [expected] == list(read_users(path))


NOT_AN_ID = f"user_id must be a whole number from 1 to {USER_ID_MAX}"
NOT_A_HASH = "password_hash must be a SHA-256: 64 digits 0-9 and a-f, in lower case"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user_id": "0"}, NOT_AN_ID),
        ({"user_id": "-3"}, NOT_AN_ID),
        ({"user_id": "x"}, NOT_AN_ID),
        ({"user_id": "1٣"}, NOT_AN_ID),  # a digit to Python, but to nobody who types an id
        ({"user_id": ""}, NOT_AN_ID),
        ({"user_id": str(2**53)}, NOT_AN_ID),
        ({"user_id": "1"}, "user_id 1 is used by an earlier row"),
        ({"email": ""}, "email must not be empty"),
        ({"email": "x" * 255}, f"email must not be longer than {EMAIL_CHARS_MAX} characters"),
        ({"password_hash": DIGEST.upper()}, NOT_A_HASH),
        ({"password_hash": DIGEST[1:]}, NOT_A_HASH),
        ({"password_hash": "g" * 64}, NOT_A_HASH),
        ({"password_hash": ""}, NOT_A_HASH),
        ({"is_active": "true"}, "is_active must be True or False"),
        ({"is_active": ""}, "is_active must be True or False"),
        (
            {"first_name": "я" * 201},
            "first_name and surname must not be longer than 200 characters",
        ),
        ({"surname": "я" * 201}, "first_name and surname must not be longer than 200 characters"),
    ],
)
def test_faulty_row_is_named_by_line_and_column(
    data: Data, changes: dict[str, Any], reason: str
) -> None:
    """The third line of the file holds the fault, and the sentence says which column it is."""
    path = data.users(user(1), user(2) | changes, user(3))
    error = refused(path)
    assert (path, 3, reason) == (error.file, error.line, error.reason)
    assert f"{path}, line 3: {reason}" == str(error)


@pytest.mark.parametrize("column", ["user_id", "email", "password_hash", "is_active", "surname"])
def test_header_without_a_needed_column_is_refused(data: Data, column: str) -> None:
    """The missing column is named."""
    row = user()
    del row[column]
    error = refused(data.users(row))
    assert (1, f"the header has no column {column}") == (error.line, error.reason)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", None, "is empty"),
        (b"\xef\xbb\xbf", 1, "the header has no column user_id"),
        (b"1,a@b,True\n", 1, "the header has no column user_id"),
        (b"{}", 1, "the header has no column user_id"),
    ],
)
def test_file_without_a_header_is_refused(
    data: Data, content: bytes, line: int | None, reason: str
) -> None:
    """Nothing, or rows without a header, is told apart from a faulty row."""
    error = refused(data.text("users.csv", content))
    assert (line, reason) == (error.line, error.reason)


def test_header_that_names_a_column_twice_is_refused(data: Data) -> None:
    """Which of two columns is meant can't be guessed."""
    path = data.text("users.csv", "email," + data.users(user()).read_text(encoding="utf-8"))
    assert refused(path).reason == "the header names the column email twice"


def test_header_alone_is_refused(data: Data) -> None:
    """Without a user nobody could sign in."""
    header = data.users(user()).read_text(encoding="utf-8").splitlines()[0]
    error = refused(data.text("users.csv", header + "\n"))
    assert (error.line, error.reason) == (None, "holds a header but no users")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A wrong path is a fault of the input like any other."""
    path = tmp_path / "no.csv"
    assert f"{path}: can't be read: No such file or directory" == str(refused(path))


def test_wrong_encoding_is_named_by_line_and_byte(data: Data) -> None:
    """A file in Windows-1251 is refused where its first Cyrillic letter stands."""
    content = data.users(user(1, first_name="D", surname="L"), user(2)).read_text(encoding="utf-8")
    error = refused(data.text("users.csv", content.encode("cp1251")))
    assert error.line == 3
    assert error.reason == "is not UTF-8 (byte 92 of the line)"


@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        (",2025-04-20 00:00:00", "has 9 columns where the header has 10"),
        ("secret,Дана", "has 3 columns where the header has 10"),
    ],
)
def test_truncated_file_is_named_by_its_last_line(data: Data, cut: str, reason: str) -> None:
    """A row that breaks off isn't taken for a user."""
    content = data.users(user(1), user(2)).read_text(encoding="utf-8")
    error = refused(data.text("users.csv", content[: content.rindex(cut)].rstrip(",")))
    assert (3, reason) == (error.line, error.reason)


def test_file_that_ends_inside_a_quoted_value_is_refused(data: Data) -> None:
    """The fault is where the open quote's row begins, not at the end of the file."""
    content = data.users(user(1), user(2, password_plain='a"b'), user(3)).read_bytes()
    error = refused(data.text("users.csv", content.replace(b'a""b"', b"a")))
    assert (error.line, error.reason) == (3, "is not CSV: the file ends inside a quoted value")


def test_blank_line_is_refused(data: Data) -> None:
    """A gap in the file means that something is missing."""
    content = data.users(user(1), user(2)).read_bytes().replace(b"\n2,", b"\n\n2,")
    error = refused(data.text("users.csv", content))
    assert (error.line, error.reason) == (3, "is blank")


def test_errors_tell_no_passwords(data: Data) -> None:
    """An unquoted comma shifts a password into other columns; none of it is shown."""
    header, row = data.users(user(1, password_plain="PIECE")).read_text().splitlines()
    columns = header.split(",")
    for position in range(len(columns)):
        values = next(csv.reader([row]))
        values[position] = "PIECE"
        if columns[position] in ("first_name", "surname", "email"):
            values[position] *= 100  # any short text would be good
        content = f"{header}\n{','.join(values)}\n"
        try:
            list(read_users(data.text("users.csv", content)))
        except BadInput as error:
            assert "PIECE" not in str(error)  # noqa: PT017
            assert DIGEST not in str(error)  # noqa: PT017
