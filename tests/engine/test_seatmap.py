"""Any page of any status, against a list of statuses that is searched from the beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import SeatStatus
from engine.seatmap import BLOCK_SEATS, SeatMap

STATUSES = st.sampled_from(SeatStatus)
# Around the bounds of blocks, where a count can go to the wrong one.
SIZES = st.one_of(
    st.integers(1, 40),
    st.sampled_from([k * BLOCK_SEATS + by for k in (1, 2) for by in (-1, 0, 1)]),
)


@st.composite
def halls(draw: st.DrawFn) -> tuple[SeatMap, list[SeatStatus]]:
    """A seat map and the plain list that it must agree with; whole runs are changed at once."""
    total = draw(SIZES)
    seatmap, naive = SeatMap(total), [SeatStatus.FREE] * total
    for _ in range(draw(st.integers(0, 6))):
        first = draw(st.integers(0, total - 1))
        status = draw(STATUSES)
        step = draw(st.sampled_from([1, 2, 7]))
        for index in range(first, min(total, first + draw(st.integers(1, total))), step):
            seatmap.change(index, status)
            naive[index] = status
    return seatmap, naive


def wanted(naive: list[SeatStatus], status: SeatStatus | None) -> list[int]:
    return [index for index, one in enumerate(naive) if status is None or one is status]


@given(halls())
def test_changes_are_counted(hall: tuple[SeatMap, list[SeatStatus]]) -> None:
    """Bytes, totals and the counts of blocks say the same."""
    seatmap, naive = hall

    seatmap.check_invariants()
    assert naive == list(seatmap.statuses)
    assert [naive.count(status) for status in SeatStatus] == seatmap.totals


@given(halls(), st.none() | STATUSES, st.data())
def test_a_page_is_a_slice(
    hall: tuple[SeatMap, list[SeatStatus]], status: SeatStatus | None, data: st.DataObject
) -> None:
    """Any page is what a slice of all seats of the status is; past the end it is empty."""
    seatmap, naive = hall
    found = wanted(naive, status)
    offset = data.draw(st.integers(0, len(found) + 3))
    limit = data.draw(st.integers(1, 20))

    assert found[offset : offset + limit] == seatmap.page(status, offset=offset, limit=limit)


@given(halls(), st.none() | STATUSES)
def test_the_pages_are_all_seats(
    hall: tuple[SeatMap, list[SeatStatus]], status: SeatStatus | None
) -> None:
    """Page after page, every seat of the status comes once, in order."""
    seatmap, naive = hall
    pages: list[int] = []
    while page := seatmap.page(status, offset=len(pages), limit=100):
        pages += page

    assert wanted(naive, status) == pages


@given(halls(), st.none() | STATUSES, st.data())
def test_a_page_of_a_row(
    hall: tuple[SeatMap, list[SeatStatus]], status: SeatStatus | None, data: st.DataObject
) -> None:
    """The same within a stretch of the hall."""
    seatmap, naive = hall
    first = data.draw(st.integers(0, len(naive) - 1))
    last = data.draw(st.integers(first, len(naive)))
    offset = data.draw(st.integers(0, 5))
    found = [index for index in wanted(naive, status) if first <= index < last]

    page = seatmap.row_page(status, first=first, last=last, offset=offset, limit=3)
    assert found[offset : offset + 3] == page


@given(halls(), STATUSES, st.data())
def test_what_follows(
    hall: tuple[SeatMap, list[SeatStatus]], status: SeatStatus, data: st.DataObject
) -> None:
    """From any index on, the next seats of a status, the one at the index included."""
    seatmap, naive = hall
    start = data.draw(st.integers(0, len(naive)))
    limit = data.draw(st.integers(0, 20))
    found = [index for index in wanted(naive, status) if index >= start]

    assert found[:limit] == seatmap.following(status, start=start, limit=limit)


def test_the_last_seat_of_a_stadium() -> None:
    """With one FREE seat in 100,000 its page is found, and no other."""
    seatmap = SeatMap(100_000)
    for index in range(99_999):
        seatmap.change(index, SeatStatus.SOLD)

    assert [99_999] == seatmap.page(SeatStatus.FREE, offset=0, limit=20)
    assert [] == seatmap.page(SeatStatus.FREE, offset=1, limit=20)
    assert [] == seatmap.page(SeatStatus.RESERVED, offset=0, limit=20)
    assert [99_998] == seatmap.page(SeatStatus.SOLD, offset=99_998, limit=20)


def test_a_wrong_count_is_noticed() -> None:
    """A byte that was changed behind the counts' back fails the check."""
    seatmap = SeatMap(10)
    seatmap.statuses[3] = SeatStatus.SOLD

    with pytest.raises(AssertionError):
        seatmap.check_invariants()
