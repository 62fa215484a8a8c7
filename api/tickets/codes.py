"""A ticket's code: 32 letters and digits that say which seat of which booking, and that we say so.

| bits | what |
|---|---|
| 24, 30 | the event, and the number of the booking in it |
| 10, 14 | row and number of the seat |
| 82 | of HMAC-SHA256 over booking, seat and the order of the payment that made it a ticket |

A seat that was returned and is sold again belongs to another order, so it has another code. Base32
in Crockford's alphabet, which has no letter that looks like a digit: it can be read out and typed.
"""

import hmac
import re
from struct import Struct

from engine import event_of_booking, place_of_seat, seat_id_of
from engine.domain import BOOKING_SPAN, booking_id_of

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARS = 32
# Longer than a code that somebody has cut into groups, each with its space.
TYPED_CHARS_MAX = 2 * CODE_CHARS

_BITS_A_CHAR = 5
_SEQUENCE_BITS, _ROW_BITS, _NUMBER_BITS = 30, 10, 14
_MAC_BITS = 82
_SIGNED = Struct(">QQQ")
_CODE = re.compile(f"[{ALPHABET}]{{{CODE_CHARS}}}")
_VALUES = {char: value for value, char in enumerate(ALPHABET)}
# What people write for what they read.
_TYPED = str.maketrans("OIL", "011", "- ")


class Codes:
    """Codes signed with one key; whoever has it could make tickets."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def code_of(self, *, booking_id: int, seat_id: int, order_id: int) -> str:
        """As printed; `order_id` paid for the seat: sold again, it has another code."""
        row, number = place_of_seat(seat_id)
        said = event_of_booking(booking_id)
        said = said << _SEQUENCE_BITS | booking_id % BOOKING_SPAN
        said = said << _ROW_BITS | row
        said = said << _NUMBER_BITS | number
        content = _SIGNED.pack(booking_id, seat_id, order_id)
        mac = int.from_bytes(hmac.digest(self._key, content, "sha256"))
        return _encoded(said << _MAC_BITS | mac >> 256 - _MAC_BITS)

    def is_good(self, code: str, *, booking_id: int, seat_id: int, order_id: int) -> bool:
        """Whether `code` is this ticket's; it takes as long for a code that is nearly right."""
        own = self.code_of(booking_id=booking_id, seat_id=seat_id, order_id=order_id)
        return hmac.compare_digest(own, code)


def as_printed(typed: str) -> str | None:
    """A code as we write it; None: nothing that anybody could have read on a ticket."""
    if len(typed) > TYPED_CHARS_MAX:
        return None
    code = typed.upper().translate(_TYPED)
    return code if _CODE.fullmatch(code) else None


def named_by(code: str) -> tuple[int, int]:
    """(booking id, seat id) that a code as printed speaks of; nothing is known of its truth yet."""
    said = 0
    for char in code:
        said = said << _BITS_A_CHAR | _VALUES[char]
    said >>= _MAC_BITS
    said, number = said >> _NUMBER_BITS, said & (1 << _NUMBER_BITS) - 1
    said, row = said >> _ROW_BITS, said & (1 << _ROW_BITS) - 1
    event_id, sequence = said >> _SEQUENCE_BITS, said & (1 << _SEQUENCE_BITS) - 1
    booking_id = booking_id_of(event_id=event_id, sequence=sequence)
    return booking_id, seat_id_of(event_id=event_id, row=row, number=number)


def _encoded(bits: int) -> str:
    shifts = range((CODE_CHARS - 1) * _BITS_A_CHAR, -1, -_BITS_A_CHAR)
    return "".join(ALPHABET[bits >> shift & 31] for shift in shifts)
