"""Bits and differences agree with going from seat to seat."""

from hypothesis import example, given
from hypothesis import strategies as st

from api.bits import BLOCK_SEATS, changed, packed

HALLS = st.lists(st.integers(0, 3), max_size=50).map(bytes)


@given(HALLS)
def test_a_seat_has_two_bits(statuses: bytes) -> None:
    """Seat i stands in byte i // 4 at bits 2 * (i % 4); what is left of the last byte is zero."""
    bits = packed(statuses)

    assert -(-len(statuses) // 4) == len(bits)
    padded = statuses + bytes(-len(statuses) % 4)
    assert list(padded) == [bits[at // 4] >> 2 * (at % 4) & 3 for at in range(len(padded))]


@given(st.sets(st.integers(0, 2 * BLOCK_SEATS + 9)), st.integers(1, 3))
@example({0, BLOCK_SEATS - 1, BLOCK_SEATS, 2 * BLOCK_SEATS, 2 * BLOCK_SEATS + 9}, 3)
def test_every_difference_is_found(places: set[int], status: int) -> None:
    """In order, in the first and the last block, at their edges and in a block that isn't whole."""
    before = bytes(2 * BLOCK_SEATS + 10)
    after = bytearray(before)
    for place in places:
        after[place] = status

    assert sorted(places) == changed(before, bytes(after))
    assert sorted(places) == changed(bytes(after), before)
