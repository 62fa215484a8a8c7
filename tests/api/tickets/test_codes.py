"""A code says which ticket it is, and nobody else can make one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.tickets.codes import ALPHABET, CODE_CHARS, Codes, as_printed, named_by
from engine import seat_id_of
from engine.domain import EVENT_ID_MAX, booking_id_of

CODES = Codes(b"k" * 32)
TICKET = {"booking_id": 7_000_000_003, "seat_id": 70_120_005, "order_id": 1_795_510_801_000_000}
CODE = "0000E0000060R00P5MZVS4WXX8RTSGZW"


def test_a_code_stays_what_it_is() -> None:
    """Tickets are printed: what is a code today is the same code after every update."""
    assert CODE == CODES.code_of(**TICKET)
    assert CODES.is_good(CODE, **TICKET)


@given(
    st.integers(1, EVENT_ID_MAX),
    st.integers(1, 999_999_999),
    st.integers(1, 999),
    st.integers(1, 9_999),
)
def test_it_names_its_booking_and_its_seat(event: int, sequence: int, row: int, seat: int) -> None:
    """Of every size that ids can have."""
    booking_id = booking_id_of(event_id=event, sequence=sequence)
    seat_id = seat_id_of(event_id=event, row=row, number=seat)
    code = CODES.code_of(booking_id=booking_id, seat_id=seat_id, order_id=2**53)
    assert (CODE_CHARS, code) == (len(code), as_printed(code))
    assert (booking_id, seat_id) == named_by(code)


@pytest.mark.parametrize("other", ["booking_id", "seat_id", "order_id"])
def test_every_ticket_has_its_own(other: str) -> None:
    """Another payment for the same seat makes another ticket."""
    assert not CODES.is_good(CODE, **{**TICKET, other: TICKET[other] + 1})


def test_another_key_makes_other_codes() -> None:
    """Whoever doesn't have ours can only guess."""
    assert CODES.code_of(**TICKET)[-16:] != Codes(b"l" * 32).code_of(**TICKET)[-16:]
    assert not Codes(b"l" * 32).is_good(CODE, **TICKET)


@pytest.mark.parametrize("at", range(CODE_CHARS))
def test_one_wrong_letter_is_no_ticket(at: int) -> None:
    """Wherever it stands, also in the part that is only there to be checked."""
    other = ALPHABET[ALPHABET.index(CODE[at]) ^ 1]
    forged = CODE[:at] + other + CODE[at + 1 :]
    booking_id, seat_id = named_by(forged)
    told = {"booking_id": booking_id, "seat_id": seat_id, "order_id": TICKET["order_id"]}
    assert not CODES.is_good(forged, **told)


@pytest.mark.parametrize(
    "typed",
    [
        CODE.lower(),
        " ".join(CODE[at : at + 4] for at in range(0, CODE_CHARS, 4)),
        "-".join(CODE[at : at + 8] for at in range(0, CODE_CHARS, 8)),
        "".join(f"{char} " for char in CODE),
        CODE.replace("0", "O").replace("1", "l"),
        CODE.replace("0", "o").replace("1", "I"),
    ],
)
def test_what_people_type_is_understood(typed: str) -> None:
    """In groups, in small letters, and with letters that look like digits."""
    assert CODE == as_printed(typed)


@pytest.mark.parametrize("typed", ["", CODE[:-1], CODE + "0", CODE[:-1] + "U", "Ж" * 32, CODE * 9])
def test_what_was_never_printed(typed: str) -> None:
    """Of another length, with other letters, or a whole page of them."""
    assert as_printed(typed) is None
