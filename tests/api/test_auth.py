"""Who gets in, and what is remembered of it."""

import hashlib
from base64 import b64encode
from urllib.parse import quote

import pytest

from api.auth import HEADER_BYTES_MAX, Authenticator
from catalog import User
from tests.api.rooms import ANN, BOB, GONE, IDS, PASSWORDS, FakeUsers, Rooms, basic


def coded(pair: bytes, scheme: bytes = b"Basic ") -> bytes:
    return scheme + b64encode(pair)


GOOD = {
    "cyrillic email, colons in the password": (basic(ANN), IDS[ANN]),
    "ascii email": (basic(BOB), IDS[BOB]),
    "lower-case scheme": (b"basic " + basic(BOB)[6:], IDS[BOB]),
    "upper-case scheme": (b"BASIC " + basic(BOB)[6:], IDS[BOB]),
    "more spaces": (b"Basic   " + basic(BOB)[6:], IDS[BOB]),
    "as long as may be": (basic(BOB).ljust(HEADER_BYTES_MAX), IDS[BOB]),
}
BAD = {
    "none": None,
    "empty": b"",
    "scheme alone": b"Basic",
    "scheme and a space": b"Basic ",
    "another scheme": b"Bearer " + basic(BOB)[6:],
    "no scheme": basic(BOB)[6:],
    "wrong password": basic(BOB, "wrong"),
    "empty password": basic(BOB, ""),
    "password cut at the last colon": basic(ANN, "p:a"),
    "unknown email": basic("nobody@show.go", "x"),
    "empty email": basic("", PASSWORDS[BOB]),
    "inactive": basic(GONE),
    "no colon": coded(b"bob@show.go"),
    "latin-1": coded(f"{ANN}:{PASSWORDS[ANN]}".encode("cp1251")),
    "not base64": b"Basic !!!!",
    "url-quoted": b"Basic " + quote(f"{BOB}:{PASSWORDS[BOB]}").encode(),
    "missing padding": coded(f"{BOB}:{PASSWORDS[BOB]}".encode()).rstrip(b"="),
    "junk after padding": coded(b"a:b") + b"=junk",
    "bytes above ascii": b"Basic \xff\xfe",
    "a zero byte": coded(b"bob@show.go\x00:x"),
    "two passwords": basic(BOB) + b", " + basic(BOB),
    "huge": b"Basic " + b"A" * HEADER_BYTES_MAX,
    "a byte too long": basic(BOB).ljust(HEADER_BYTES_MAX + 1),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_right_header_is_known(name: str) -> None:
    """Email and password are UTF-8, split at the first colon; the scheme has no case."""
    header, user_id = GOOD[name]
    authenticator = Authenticator(FakeUsers().find)
    assert [user_id] * 2 == [authenticator.user_id(header) for _ in range(2)]


@pytest.mark.parametrize("name", BAD)
def test_any_other_header_is_nobody(name: str) -> None:
    """Garbage of any kind is refused, never an error, and never remembered."""
    authenticator = Authenticator(FakeUsers().find)
    assert [None] * 2 == [authenticator.user_id(BAD[name]) for _ in range(2)]
    assert 0 == len(authenticator)


def test_padding_is_needed_in_this_table() -> None:
    """Otherwise "missing padding" would test nothing."""
    assert basic(BOB).endswith(b"=")


def test_success_is_looked_up_once() -> None:
    """The second time it is a dictionary hit."""
    users = FakeUsers()
    authenticator = Authenticator(users.find)
    for _ in range(3):
        authenticator.user_id(basic(ANN))
    assert 1 == users.finds


def test_failure_is_looked_up_every_time() -> None:
    """A failure is never cached."""
    users = FakeUsers()
    authenticator = Authenticator(users.find)
    for _ in range(3):
        authenticator.user_id(basic(ANN, "wrong"))
    assert (3, 0) == (users.finds, len(authenticator))


def test_a_huge_header_is_not_even_looked_at() -> None:
    """Nobody makes us decode and hash kilobytes."""
    users = FakeUsers()
    Authenticator(users.find).user_id(basic(BOB, "x" * HEADER_BYTES_MAX))
    assert 0 == users.finds


def test_without_a_colon_there_is_no_password() -> None:
    """Not even an empty one."""
    nobodys = hashlib.sha256(b"").digest()
    authenticator = Authenticator(lambda email: User(7, email, nobodys, True, "", ""))
    assert [7, None] == [authenticator.user_id(coded(pair)) for pair in (b"a@b.kz:", b"a@b.kz")]


def test_what_is_remembered_is_bounded_and_the_oldest_goes() -> None:
    """Whoever came last stays; a use counts as coming."""
    users = FakeUsers()
    authenticator = Authenticator(users.find, remembered_max=2)
    other_ann = b"basic " + basic(ANN)[6:]
    for header in (basic(ANN), basic(BOB), basic(ANN), other_ann):
        authenticator.user_id(header)
    assert (2, 3) == (len(authenticator), users.finds)
    authenticator.user_id(basic(ANN))
    assert 3 == users.finds
    authenticator.user_id(basic(BOB))
    assert 4 == users.finds


def test_no_header_stays_in_memory() -> None:
    """What is remembered is a digest."""
    authenticator = Authenticator(FakeUsers().find)
    authenticator.user_id(basic(BOB))
    assert basic(BOB)[6:] not in repr(vars(authenticator)).encode()


@pytest.mark.parametrize("header", [value for value in BAD.values() if value is not None])
def test_refused_with_the_contracts_challenge(rooms: Rooms, header: bytes) -> None:
    """401, a problem, and exactly this WWW-Authenticate."""
    answer = rooms.call("GET", "/api/bookings", headers=[(b"authorization", header)])
    assert (401, "unauthenticated") == (answer.status, answer.problem)
    expected = 'Basic realm="Billetter", charset="UTF-8"'
    assert expected == answer.headers["www-authenticate"]
    assert "no-store" == answer.headers["cache-control"]


@pytest.mark.parametrize("header", [value for value in BAD.values() if value is not None])
def test_public_calls_ignore_the_header(rooms: Rooms, header: bytes) -> None:
    """A wrong password doesn't keep anybody from looking."""
    headers = [(b"authorization", header)]
    assert 200 == rooms.call("GET", "/api/events", headers=headers).status
    assert 200 == rooms.call("GET", "/api/seats?event_id=1", headers=headers).status
