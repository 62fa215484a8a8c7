"""Any page of any status, against a list of statuses that is searched from the beginning."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import SeatStatus, Span
from engine.seatmap import BLOCK_SEATS, SPLIT_SEATS, WITHHELD, SeatMap, Spans

STATUSES = st.sampled_from(SeatStatus)
# Around the bounds of blocks, where a count can go to the wrong one.
SIZES = st.one_of(
    st.integers(1, 40),
    st.sampled_from([k * BLOCK_SEATS + by for k in (1, 2) for by in (-1, 0, 1)]),
)


# By index the status of a seat; None: it isn't ours to sell.
Naive = list[SeatStatus | None]


@st.composite
def spans_of(draw: st.DrawFn, total: int) -> list[Span]:
    """A few runs of seats, sorted and disjoint; some touch."""
    edges = sorted(draw(st.sets(st.integers(0, total), min_size=2, max_size=9)))
    runs = list(pairwise(edges))
    return [runs[0], *(run for run in runs[1:] if draw(st.booleans()))]


@st.composite
def halls(draw: st.DrawFn) -> tuple[SeatMap, Naive]:
    """A seat map and the plain list that it must agree with; whole runs are changed at once."""
    total = draw(SIZES)
    spans = draw(st.none() | spans_of(total))
    seatmap, naive = SeatMap(total, spans), Naive([None] * total)
    for first, end in spans or [(0, total)]:
        naive[first:end] = [SeatStatus.FREE] * (end - first)
    for _ in range(draw(st.integers(0, 6))):
        first = draw(st.integers(0, total - 1))
        status = draw(STATUSES)
        step = draw(st.sampled_from([1, 2, 7]))
        for index in range(first, min(total, first + draw(st.integers(1, total))), step):
            if naive[index] is not None:
                seatmap.change(index, status)
                naive[index] = status
    return seatmap, naive


def wanted(naive: Naive, status: SeatStatus | None) -> list[int]:
    ours = [index for index, one in enumerate(naive) if one is not None]
    return [index for index in ours if status is None or naive[index] is status]


@given(halls())
def test_changes_are_counted(hall: tuple[SeatMap, Naive]) -> None:
    """Bytes, totals and the counts of blocks say the same."""
    seatmap, naive = hall

    seatmap.check_invariants()
    assert [WITHHELD if one is None else one for one in naive] == list(seatmap.statuses)
    assert [naive.count(status) for status in SeatStatus] == seatmap.totals()


@given(halls())
def test_what_was_written_at_once_is_counted_anew(hall: tuple[SeatMap, Naive]) -> None:
    """As if each seat had been changed by itself, whatever the counts were before."""
    seatmap, _ = hall
    for index, status in enumerate(seatmap.statuses):
        if status != WITHHELD:
            seatmap.statuses[index] = (status + index) % len(SeatStatus)
    seatmap.count_anew()

    seatmap.check_invariants()


@given(halls(), st.none() | STATUSES, st.data())
def test_a_page_is_a_slice(
    hall: tuple[SeatMap, Naive], status: SeatStatus | None, data: st.DataObject
) -> None:
    """Any page is what a slice of all seats of the status is; past the end it is empty."""
    seatmap, naive = hall
    found = wanted(naive, status)
    offset = data.draw(st.integers(0, len(found) + 3))
    limit = data.draw(st.integers(1, 20))

    assert found[offset : offset + limit] == list(seatmap.page(status, offset=offset, limit=limit))


@given(halls(), st.none() | STATUSES)
def test_the_pages_are_all_seats(hall: tuple[SeatMap, Naive], status: SeatStatus | None) -> None:
    """Page after page, every seat of the status comes once, in order."""
    seatmap, naive = hall
    pages: list[int] = []
    while page := seatmap.page(status, offset=len(pages), limit=100):
        pages += page

    assert wanted(naive, status) == pages


@given(halls(), st.none() | STATUSES, st.data())
def test_a_page_of_a_row(
    hall: tuple[SeatMap, Naive], status: SeatStatus | None, data: st.DataObject
) -> None:
    """The same within a stretch of the hall."""
    seatmap, naive = hall
    first = data.draw(st.integers(0, len(naive) - 1))
    last = data.draw(st.integers(first, len(naive)))
    offset = data.draw(st.integers(0, 5))
    found = [index for index in wanted(naive, status) if first <= index < last]

    page = seatmap.row_page(status, first=first, last=last, offset=offset, limit=3)
    assert found[offset : offset + 3] == list(page)


@given(halls(), st.data())
def test_a_stretch_is_counted(hall: tuple[SeatMap, Naive], data: st.DataObject) -> None:
    """Its seats by status; together they are those of it that are ours."""
    seatmap, naive = hall
    first = data.draw(st.integers(0, len(naive) - 1))
    last = data.draw(st.integers(first, len(naive)))

    stretch = naive[first:last]
    expected = tuple(stretch.count(status) for status in SeatStatus)
    assert expected == seatmap.counts(first, last)


@given(SIZES.flatmap(lambda total: st.tuples(st.just(total), spans_of(total))))
def test_a_rank_is_where_a_seat_stands(drawn: tuple[int, list[Span]]) -> None:
    """By index, how many seats of the runs stand before it; by rank, which seat stands there."""
    total, runs = drawn
    spans = Spans(runs)
    ours = [index for first, end in runs for index in range(first, end)]

    assert len(ours) == spans.total
    assert ours == list(spans.ranked(0, spans.total))
    for index in {0, *(edge for run in runs for edge in run), total}:
        assert sum(one < index for one in ours) == spans.rank(index)


@given(halls(), STATUSES, st.data())
def test_what_follows(hall: tuple[SeatMap, Naive], status: SeatStatus, data: st.DataObject) -> None:
    """From any index on, the next seats of a status, the one at the index included."""
    seatmap, naive = hall
    start = data.draw(st.integers(0, len(naive)))
    limit = data.draw(st.integers(0, 20))
    found = [index for index in wanted(naive, status) if index >= start]

    assert found[:limit] == list(seatmap.following(status, start=start, limit=limit))


def test_the_last_seat_of_a_stadium() -> None:
    """With one FREE seat in 100,000 its page is found, and no other."""
    seatmap = SeatMap(100_000)
    for index in range(99_999):
        seatmap.change(index, SeatStatus.SOLD)

    assert [99_999] == list(seatmap.page(SeatStatus.FREE, offset=0, limit=20))
    assert [] == list(seatmap.page(SeatStatus.FREE, offset=1, limit=20))
    assert [] == list(seatmap.page(SeatStatus.RESERVED, offset=0, limit=20))
    assert [99_998] == list(seatmap.page(SeatStatus.SOLD, offset=99_998, limit=20))


def test_a_withheld_seat_never_gets_a_status() -> None:
    """A mutation that sells what isn't ours can't be applied."""
    seatmap = SeatMap(10, [(2, 5)])

    with pytest.raises(IndexError):
        seatmap.change(5, SeatStatus.RESERVED)


def test_a_wrong_count_is_noticed() -> None:
    """A byte that was changed behind the counts' back fails the check."""
    seatmap = SeatMap(10)
    seatmap.statuses[3] = SeatStatus.SOLD

    with pytest.raises(AssertionError):
        seatmap.check_invariants()


def test_a_withheld_seat_on_offer_is_noticed() -> None:
    """Even where byte and counts agree that it is FREE."""
    seatmap = SeatMap(10, [(2, 5)])
    seatmap.check_invariants()
    seatmap.statuses[7] = SeatStatus.FREE
    seatmap._blocks[SeatStatus.FREE][0] += 1

    with pytest.raises(AssertionError):
        seatmap.check_invariants()


@pytest.mark.parametrize("start", [0, 5])
def test_what_follows_may_be_far_away(start: int) -> None:
    """In a hall that is nearly sold out the last free seats stand wherever they stand."""
    free = [5, SPLIT_SEATS - 1, SPLIT_SEATS, SPLIT_SEATS + start, 3 * SPLIT_SEATS - 1]
    seatmap = SeatMap(3 * SPLIT_SEATS)
    for index in range(3 * SPLIT_SEATS):
        if index not in free:
            seatmap.change(index, SeatStatus.SOLD)
    expected = sorted({*free})

    for limit in range(7):
        found = seatmap.following(SeatStatus.FREE, start=start, limit=limit)
        assert expected[:limit] == list(found)
