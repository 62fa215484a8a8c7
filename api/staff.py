"""Who may do more than buy: organisers see sales, operators run the server.

They come from a small file, a line each: role, name, SHA-256 of the password in lower-case hex.
Passwords are drawn by `billetter staff`, 128 bits each: a fast hash is as good as a slow one then,
and checking a stranger's guess takes the loop a microsecond.
"""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from api.auth import HEADER_BYTES_MAX, credentials, is_right
from api.store import write_own

FILE_BYTES_MAX = 1_048_576
PASSWORD_BYTES = 16

_NAME = re.compile(r"[^\s:#]{1,254}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadStaffFile(Exception):
    """The credentials file can't be used: the message names file and line, never a password."""


class Role(StrEnum):
    """Either may do all that the staff may; only an OPERATOR may look after the server."""

    ORGANISER = "organiser"
    OPERATOR = "operator"


class Member(NamedTuple):
    name: str
    role: Role
    password_sha256: bytes


class Staff:
    """Knows members by their Authorization header; without a file there are none."""

    def __init__(self, members: Mapping[str, Member] | None = None) -> None:
        self._members = dict(members or {})

    def __len__(self) -> int:
        return len(self._members)

    def member(self, header: bytes | None) -> Member | None:
        """Whose name and password `header` holds; None: anything else."""
        if header is None or len(header) > HEADER_BYTES_MAX:
            return None
        pair = credentials(header)
        if pair is None:
            return None
        name, password = pair
        member = self._members.get(name)
        expected = None if member is None else member.password_sha256
        return member if is_right(password, expected) else None


def chosen(file: str) -> Staff:
    """Those of the file that a setting names; empty: none. Raises BadStaffFile and OSError."""
    return read(Path(file)) if file else Staff()


def read(path: Path) -> Staff:
    """The members that the file names; raises BadStaffFile and OSError."""
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)  # a device has no size and no end
    if len(content) > FILE_BYTES_MAX:
        raise BadStaffFile(f"{path}: larger than {FILE_BYTES_MAX} bytes")
    members: dict[str, Member] = {}
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise BadStaffFile(f"{path}: not UTF-8") from None
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        member = _member(text)
        if member is None or member.name in members:
            fault = "needs a role, a name of its own and a SHA-256 in lower-case hex"
            raise BadStaffFile(f"{path}, line {number}: {fault}")
        members[member.name] = member
    return Staff(members)


def add(path: Path, role: Role, name: str) -> str:
    """Add a member and return the password, which is kept nowhere.

    Raises BadStaffFile and OSError, and the file is as it was: half a line would be in the way of
    every start.
    """
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise BadStaffFile(f"{name!r}: a name has no spaces, no colon, no # and can be printed")
    file = Path(os.path.realpath(path))  # where a link leads to: the link itself stays
    with _alone_in(file.parent):
        there = file.exists()
        if there and name in read(file)._members:
            raise BadStaffFile(f"{path}: {name} is there already; remove the line to draw anew")
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        text = file.read_text(encoding="utf-8") if there else ""
        line_end = "" if not text or text.endswith("\n") else "\n"
        write_own(file, f"{text}{line_end}{line_of(role, name, password)}\n".encode())
    return password


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Who adds a member at the same time waits, lest one of the two is written over."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def line_of(role: Role, name: str, password: str) -> str:
    """The member as the file says it."""
    return f"{role} {name} {hashlib.sha256(password.encode()).hexdigest()}"


def _member(text: str) -> Member | None:
    parts = text.split()
    if len(parts) != 3 or parts[0] not in tuple(Role):
        return None
    role, name, digest = parts
    if not _NAME.fullmatch(name) or not _SHA256.fullmatch(digest):
        return None
    return Member(name, Role(role), bytes.fromhex(digest))
