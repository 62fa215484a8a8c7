"""The table of users: found by email, on disk."""

import hashlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from catalog import users
from catalog.errors import NotACatalog
from catalog.user_file import USER_ID_MAX
from catalog.users import EmailRepeated, User, UserTable, build_users
from tests.descriptors import opened_files

DIGEST = hashlib.sha256(b"secret").digest()
ROWS = [
    (7, "dana@example.kz", DIGEST, 1, "Дана", "Лунина"),
    (3, "dаna@example.kz", DIGEST, 0, "Дана", "Другая"),  # the second letter is Cyrillic
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a ?#% b" / "users.sqlite"  # nothing in a path may confuse the URI
    path.parent.mkdir()
    assert len(ROWS) == build_users(path, iter(ROWS))
    return path


def test_user_is_found_by_email(path: Path) -> None:
    """The lookup gives the whole user, with the hash as raw bytes."""
    table = UserTable.open(path)
    expected = User(7, "dana@example.kz", DIGEST, True, "Дана", "Лунина")
    assert expected == table.find("dana@example.kz")
    table.close()
    assert path not in opened_files()


def test_lookups_may_come_from_any_thread(path: Path) -> None:
    """Not only from the one that opened the table."""
    table = UserTable.open(path)
    with ThreadPoolExecutor() as pool:
        found = pool.submit(table.find, "dana@example.kz").result()
    assert table.find("dana@example.kz") == found
    table.close()


def test_emails_are_told_apart_letter_by_letter(path: Path) -> None:
    """A Cyrillic letter that looks like a Latin one makes another user."""
    table = UserTable.open(path)
    twin = table.find("dаna@example.kz")
    assert twin is not None
    assert (twin.user_id, twin.is_active) == (3, False)
    table.close()


@pytest.mark.parametrize(
    "email",
    ["", "DANA@example.kz", "dana@example.kz ", "' OR 1=1 --", "\ud800", "\0", "x" * 10_000],
)
def test_unknown_email_finds_nobody(path: Path, email: str) -> None:
    """Any text at all is safe to look up."""
    table = UserTable.open(path)
    assert table.find(email) is None
    table.close()


@pytest.mark.parametrize("email", ["dana@example.kz", "", "dana@example.kz0", "dаna@example.kz0"])
def test_a_user_is_read_whoever_is_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    """Before, between or after all that there are: time must not tell which emails are known."""
    read = []

    def remembering(*row: Any) -> User:
        read.append(row)
        return User(*row)

    monkeypatch.setattr(users, "User", remembering)
    table = UserTable.open(path)
    table.find(email)
    assert 1 == len(read)
    table.close()


def test_an_empty_table_knows_nobody(tmp_path: Path) -> None:
    """There is no other user to be read instead."""
    assert 0 == build_users(tmp_path / "users.sqlite", ())
    table = UserTable.open(tmp_path / "users.sqlite")
    assert table.find("dana@example.kz") is None
    table.close()


def test_the_first_and_the_last_id_there_may_be_are_kept(tmp_path: Path) -> None:
    """The limits of an id are ids themselves."""
    rows = [(n, f"{n}@example.kz", DIGEST, 1, "Дана", "Лунина") for n in (1, USER_ID_MAX)]
    build_users(tmp_path / "users.sqlite", rows)
    table = UserTable.open(tmp_path / "users.sqlite")
    found = [table.find(f"{one}@example.kz") for one in (1, USER_ID_MAX)]
    assert [1, USER_ID_MAX] == [one and one.user_id for one in found]
    table.close()


def test_repeated_email_is_told(tmp_path: Path) -> None:
    """The table can't be built, and the error carries the email for the reader of the file."""
    rows = [*ROWS, (9, "dana@example.kz", DIGEST, 1, "Дана", "Третья")]
    with pytest.raises(EmailRepeated) as caught:
        build_users(tmp_path / "users.sqlite", rows)
    assert tmp_path / "users.sqlite" not in opened_files()  # though its traceback is kept
    assert caught.value.email == "dana@example.kz"
    assert "dana" not in str(caught.value)


def test_missing_or_foreign_file_is_no_table(tmp_path: Path) -> None:
    """Opening creates nothing and names the file."""
    missing = tmp_path / "no.sqlite"
    with pytest.raises(NotACatalog, match=r"no\.sqlite is not a usable catalog"):
        UserTable.open(missing)
    assert not missing.exists()
    foreign = tmp_path / "foreign.sqlite"
    foreign.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(NotACatalog, match=r"file is not a database") as refused:
        UserTable.open(foreign)
    assert foreign not in opened_files(), refused  # nor does its traceback hold the file open
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE visitors (visitor_id INTEGER)")
    connection.close()
    with pytest.raises(NotACatalog, match=r"no such table: users"):
        UserTable.open(other)
