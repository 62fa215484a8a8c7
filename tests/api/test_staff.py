"""Who may do more than buy comes from a small file, and nobody else gets in."""

import asyncio
import os
import resource
import stat
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from api import staff
from api.staff import BadStaffFile, Role, Staff
from tests.api.conftest import opened
from tests.api.rooms import ANN, IVAN, OLGA, Rooms, basic

DIGEST = "0" * 64


def header(name: str, password: str) -> bytes:
    return b"Basic " + b64encode(f"{name}:{password}".encode())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "staff.txt"


def test_who_is_added_gets_in_with_the_drawn_password(file: Path) -> None:
    """And with no other; the file holds no password and nobody else may read it."""
    password = staff.add(file, Role.ORGANISER, "olga")
    other = staff.add(file, Role.OPERATOR, "пётр")

    found = staff.read(file)
    assert Role.ORGANISER == _role(found, "olga", password)
    assert Role.OPERATOR == _role(found, "пётр", other)
    assert None is _role(found, "olga", other)
    assert None is _role(found, "nobody", password)
    assert password not in file.read_text(encoding="utf-8")
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def _role(found: Staff, name: str, password: str) -> Role | None:
    member = found.member(header(name, password))
    return member.role if member else None


@pytest.mark.parametrize(
    "given",
    [None, b"", b"Bearer x", b"Basic ?", b"Basic " + b"A" * 5_000, header("olga", "")],
    ids=["none", "empty", "bearer", "no base64", "too long", "no password"],
)
def test_anything_else_is_nobody(file: Path, given: bytes | None) -> None:
    staff.add(file, Role.ORGANISER, "olga")
    assert None is staff.read(file).member(given)


@pytest.mark.parametrize(
    "line",
    [
        "organiser olga",
        f"king olga {DIGEST}",
        f"organiser ol:ga {DIGEST}",
        f"organiser olga {DIGEST[1:]}",
        f"organiser olga {'A' * 64}",
        f"organiser olga {DIGEST}\norganiser olga {DIGEST}",
    ],
)
def test_a_bad_line_is_named(file: Path, line: str) -> None:
    file.write_text(f"# who\n\n{line}\n", encoding="utf-8")
    number = 2 + len(line.splitlines())
    with pytest.raises(BadStaffFile, match=rf"staff\.txt, line {number}: ") as told:
        staff.read(file)
    assert DIGEST not in str(told.value)


def test_other_bytes_and_large_files_are_refused(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(BadStaffFile, match="UTF-8"):
        staff.read(file)
    file.write_bytes(b"#" * (staff.FILE_BYTES_MAX + 1))
    with pytest.raises(BadStaffFile, match="larger"):
        staff.read(Path("/dev/zero"))
    with pytest.raises(BadStaffFile, match="larger"):
        staff.read(file)


def test_a_name_is_added_once_and_well_formed(file: Path) -> None:
    staff.add(file, Role.ORGANISER, "olga")
    with pytest.raises(BadStaffFile, match="already"):
        staff.add(file, Role.OPERATOR, "olga")
    assert 1 == len(file.read_text(encoding="utf-8").splitlines())
    for name in ("a b", "\udcff", "a\0", "\x1b[2J"):
        with pytest.raises(BadStaffFile, match="no spaces"):
            staff.add(file, Role.ORGANISER, name)
    with pytest.raises(BadStaffFile, match="no spaces"):
        staff.add(file, Role.OPERATOR, "ol ga")


def test_a_last_line_without_an_end_is_kept(file: Path) -> None:
    """And no empty lines come between."""
    file.write_text(staff.line_of(Role.ORGANISER, "olga", "old"), encoding="utf-8")
    staff.add(file, Role.OPERATOR, "ivan")
    assert Role.ORGANISER == _role(staff.read(file), "olga", "old")
    staff.add(file, Role.ORGANISER, "anna")
    assert 3 == len(staff.read(file)) == len(file.read_text(encoding="utf-8").splitlines())


@contextmanager
def no_room_beyond(size_bytes: int) -> Iterator[None]:
    """A file may grow so far, as on a disk that is nearly full: the rest of a write is refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_where_a_line_has_no_room_the_file_is_as_it_was(file: Path) -> None:
    """With half of one nobody else could be added, and no server would start."""
    staff.add(file, Role.ORGANISER, "olga")
    before = file.read_bytes()
    with no_room_beyond(len(before) + 20), pytest.raises(OSError, match="large"):
        staff.add(file, Role.OPERATOR, "ivan")

    assert before == file.read_bytes()
    assert [file] == list(file.parent.iterdir())
    staff.add(file, Role.OPERATOR, "ivan")
    assert 2 == len(staff.read(file))


def test_a_file_behind_a_link_stays_there_and_whose_it_is(file: Path) -> None:
    """The server's group may read it, and somebody has made it so on purpose."""
    link = file.with_name("link")
    link.symlink_to(file.name)
    staff.add(link, Role.ORGANISER, "olga")
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    owner = (1, 1) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(file, *owner)
    file.chmod(0o640)
    staff.add(link, Role.OPERATOR, "ivan")

    found = file.stat()
    assert (owner, 0o640) == ((found.st_uid, found.st_gid), stat.S_IMODE(found.st_mode))
    assert link.is_symlink()
    assert 2 == len(staff.read(file))


def test_two_who_add_at_once_lose_nobody(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: staff.add(file, Role.ORGANISER, f"o{number}"), range(24)))
    assert 24 == len(staff.read(file))


def test_a_member_is_told_who_it_is(rooms: Rooms) -> None:
    """A buyer is refused, and so is nobody, each in its way."""
    assert {"name": OLGA, "role": "organiser"} == rooms.call("GET", "/x/staff", user=OLGA).json
    assert {"name": IVAN, "role": "operator"} == rooms.call("GET", "/x/staff", user=IVAN).json
    assert 403 == rooms.call("GET", "/x/staff", user=ANN).status
    assert 401 == rooms.call("GET", "/x/staff").status
    wrong = [(b"authorization", basic(OLGA, "wrong"))]
    assert 401 == rooms.call("GET", "/x/staff", headers=wrong).status


def test_without_a_file_nobody_is_of_the_staff(runner: asyncio.Runner) -> None:
    """Whoever knows a name and its password is a stranger."""
    for rooms in opened(Rooms(runner, staff=None), runner):
        for user, status in ((OLGA, 401), (ANN, 403)):
            assert status == rooms.call("GET", "/x/staff", user=user).status


def test_a_member_is_no_buyer(rooms: Rooms) -> None:
    assert 401 == rooms.call("GET", "/api/bookings", user=OLGA).status


def test_from_elsewhere_operators_alone_see_what_is_owed(rooms: Rooms) -> None:
    """Neither buyers nor organisers do."""
    elsewhere = [(b"x-forwarded-for", b"10.0.0.1")]
    statuses = [
        rooms.call("GET", "/x/sagas", user=user, headers=elsewhere).status
        for user in (IVAN, OLGA, ANN, None)
    ]
    assert [200, 403, 403, 403] == statuses
