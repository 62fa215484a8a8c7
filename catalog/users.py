"""Who may sign in: a read-only table of users in one SQLite file, found by email.

A million users stay on disk; what is looked up often lies in a small page cache and in the
operating system's. Whether a password is right is the caller's question.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Self

import msgspec

from catalog.errors import NotACatalog
from catalog.user_file import UserRow

BUILD_CACHE_KIB = 64 * 1024  # holds the inner pages of a million rows while they are inserted
READ_CACHE_KIB = 8 * 1024  # the hot part of the email index; the rest is the page cache's
INSERT_ROWS = 10_000  # one statement's worth: enough to forget the cost of a call

_TABLE = """
CREATE TABLE users (
    user_id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    password_sha256 BLOB NOT NULL,
    is_active INTEGER NOT NULL,
    first_name TEXT NOT NULL,
    surname TEXT NOT NULL
)
"""
_SELECT = "SELECT user_id, email, password_sha256, is_active, first_name, surname FROM users"
# Whoever has this email; or else whoever has the next one, and after the last one anybody.
_NEAREST = f"""
{_SELECT} WHERE user_id = coalesce(
    (SELECT user_id FROM users WHERE email >= ? ORDER BY email LIMIT 1),
    (SELECT min(user_id) FROM users)
)
"""


class User(msgspec.Struct, frozen=True):
    """One row of the user file; `password_sha256` is the 32 raw bytes."""

    user_id: int
    email: str
    password_sha256: bytes
    is_active: bool
    first_name: str
    surname: str


class UserTable:
    """Users by email. Open it once; lookups may come from any thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raise NotACatalog when the file is missing or is no table of users."""
        # immutable: nobody writes it any more, so SQLite needs neither locks nor change checks.
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with ExitStack() as unless_opened:
            try:
                connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
                unless_opened.callback(connection.close)
                connection.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
                connection.execute(f"{_SELECT} LIMIT 1").fetchone()
            except sqlite3.Error as error:
                raise NotACatalog(path, str(error)) from None
            unless_opened.pop_all()
        return cls(connection)

    def find(self, email: str) -> User | None:
        """The user with exactly this email, active or not.

        An unknown email costs what a known one costs, so that time doesn't tell them apart: a row
        is read and decoded for it, too.
        """
        try:
            row = self._connection.execute(_NEAREST, (email,)).fetchone()
        except UnicodeEncodeError:  # half a surrogate pair: no email of any file
            return None
        user = _user(row)
        return user if user is not None and user.email == email else None

    def close(self) -> None:
        """Close the file; the table can't be used afterwards."""
        self._connection.close()


class EmailRepeated(Exception):
    """Two rows share an email; the reader of the file knows on which lines."""

    def __init__(self, email: str) -> None:
        super().__init__("two users share an email")
        self.email = email


def build_users(path: Path, rows: Iterable[UserRow]) -> int:
    """Write the table and return how many users it has; raises EmailRepeated and OSError.

    The index over emails is made at the end, from a sort: inserting a million emails in the
    order of ids would read and write a random page for each.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # The file is worthless until the whole import has succeeded: no journal, no syncs.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{BUILD_CACHE_KIB}")
        connection.execute(_TABLE)
        count = _insert(connection, rows)
        _index_emails(connection)
    except sqlite3.OperationalError as error:
        raise OSError(f"the table of users can't be written: {error}") from None
    finally:
        connection.close()
    return count


def _insert(connection: sqlite3.Connection, rows: Iterable[UserRow]) -> int:
    stream = iter(rows)
    count = 0
    connection.execute("BEGIN")
    while batch := list(islice(stream, INSERT_ROWS)):
        connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", batch)
        count += len(batch)
    connection.execute("COMMIT")
    return count


def _index_emails(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("CREATE UNIQUE INDEX users_by_email ON users (email)")
    except sqlite3.IntegrityError:
        repeated = "SELECT email FROM users GROUP BY email HAVING count(*) > 1 LIMIT 1"
        raise EmailRepeated(connection.execute(repeated).fetchone()[0]) from None


def _user(row: tuple[int, str, bytes, int, str, str] | None) -> User | None:
    if row is None:
        return None
    user_id, email, password_sha256, is_active, first_name, surname = row
    return User(user_id, email, password_sha256, bool(is_active), first_name, surname)
