"""The seats of one hall by status, so that any page of any status costs the same.

One byte a seat, in the order of rows and numbers, and the count of each status by block of seats.
A page of FREE seats finds its block by the counts and its first seat by halving the block: the
cost depends neither on the page nor on how much is sold.

A seat that isn't ours to sell is withheld: no status is true of it, so no page and no count has it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import add

from engine.domain import SeatStatus, Span

# Larger blocks make the list of counts shorter and the halving longer; at 1,024 a stadium of
# 100,000 seats has 98 counts and ten halvings, about 3 microseconds together.
BLOCK_SEATS = 1_024
# Among so many a page is found even where one seat in a hundred is free.
SPLIT_SEATS = 4_096
_BYTES = tuple(bytes([status]) for status in SeatStatus)
# The byte of a withheld seat. No SeatStatus: the world knows three.
WITHHELD = 3


class SeatMap:
    """Statuses of seats by index 0 … total-1; those outside of `spans` are withheld for ever."""

    __slots__ = ("_blocks", "_ours", "statuses")

    def __init__(self, seats_total: int, spans: Sequence[Span] | None = None) -> None:
        """`spans` are sorted and disjoint; None: every seat is ours."""
        self._ours = Spans([(0, seats_total)] if spans is None else spans)
        self.statuses = bytearray([WITHHELD]) * seats_total
        for first, end in self._ours.spans:
            self.statuses[first:end] = bytes(end - first)
        self.count_anew()

    def count_anew(self) -> None:
        """Take the counts from `statuses`, for whoever has written there without `change`."""
        statuses, lows = self.statuses, range(0, len(self.statuses), BLOCK_SEATS)
        # By status, the number of seats in each block.
        self._blocks = tuple(
            [statuses.count(int(status), low, low + BLOCK_SEATS) for low in lows]
            for status in SeatStatus
        )

    def change(self, index: int, status: int) -> None:
        """Give the seat at `index` another status."""
        statuses, blocks = self.statuses, self._blocks
        before = statuses[index]
        block = index // BLOCK_SEATS
        statuses[index] = status
        blocks[before][block] -= 1
        blocks[status][block] += 1

    def totals(self) -> list[int]:
        """How many seats are FREE, RESERVED and SOLD; a stadium's are added up in 1.5 us."""
        return [sum(blocks) for blocks in self._blocks]

    def total(self, status: int) -> int:
        """How many seats have this one status."""
        return sum(self._blocks[status])

    def page(
        self, status: SeatStatus | None, *, offset: int, limit: int
    ) -> range | tuple[int, ...]:
        """Indexes of the seats of `status` (None: of any), from the `offset`-th on, in order."""
        if status is None:
            return self._ours.ranked(offset, min(offset + limit, self._ours.total))
        start = self._nth(status, offset)
        return () if start is None else self.following(status, start=start, limit=limit)

    def row_page(
        self, status: SeatStatus | None, *, first: int, last: int, offset: int, limit: int
    ) -> range | tuple[int, ...]:
        """The same within the indexes first … last-1: a row is short enough to be walked."""
        if status is None:
            start = self._ours.rank(first) + offset
            return self._ours.ranked(start, min(start + limit, self._ours.rank(last)))
        found = [first + at for at, one in enumerate(self.statuses[first:last]) if one == status]
        return tuple(found[offset : offset + limit])

    def counts(self, first: int, last: int) -> tuple[int, int, int]:
        """How many of the seats first … last-1 are FREE, RESERVED and SOLD."""
        count = self.statuses.count
        reserved = count(int(SeatStatus.RESERVED), first, last)
        sold = count(int(SeatStatus.SOLD), first, last)
        ours = self._ours.rank(last) - self._ours.rank(first)
        return ours - reserved - sold, reserved, sold

    def following(self, status: SeatStatus, *, start: int, limit: int) -> range | tuple[int, ...]:
        """Indexes of the next `limit` seats of `status` at or after `start`."""
        wanted = int(status)
        if self.statuses.count(wanted, start, start + limit) == limit:  # as while a sale is young
            return range(start, start + limit)
        # Split at the wanted ones, the lengths of the pieces tell where they are: 3 us for 20 seats
        # wherever they lie, and finding one after the other 4 to 7.
        *pieces, _ = bytes(self.statuses[start : start + SPLIT_SEATS]).split(_BYTES[wanted], limit)
        found = [*map(add, accumulate(map(len, pieces)), range(start, start + len(pieces)))]
        find = self.statuses.find
        at = start + SPLIT_SEATS - 1
        while len(found) < limit and (at := find(wanted, at + 1)) >= 0:
            found.append(at)
        return tuple(found)

    def _nth(self, status: SeatStatus, rank: int) -> int | None:
        """Index of the `rank`-th seat of `status`, from 0; None: there are not so many."""
        ends = list(accumulate(self._blocks[status]))
        if rank >= ends[-1]:
            return None
        block = bisect_right(ends, rank)
        rank -= ends[block - 1] if block else 0
        low, width = block * BLOCK_SEATS, BLOCK_SEATS
        count, wanted = self.statuses.count, int(status)
        while width > 1:
            width //= 2
            left = count(wanted, low, low + width)
            if rank >= left:
                rank -= left
                low += width
        return low

    def check_invariants(self) -> None:
        """The counts are those of the bytes, and the withheld seats are those they were (I15)."""
        assert sum(self.totals()) == self._ours.total
        assert not any(self.statuses.count(WITHHELD, *span) for span in self._ours.spans)
        for status in SeatStatus:
            for block, count in enumerate(self._blocks[status]):
                low = block * BLOCK_SEATS
                assert count == self.statuses.count(int(status), low, low + BLOCK_SEATS)


class Spans:
    """Runs of seats, sorted and disjoint; a seat's rank is the number of such seats before it.

    Both ways are found by halving the runs, so neither depends on how many seats they hold.
    """

    __slots__ = ("_firsts", "_ranks", "spans", "total")

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self._firsts = [first for first, _ in spans]
        *self._ranks, self.total = accumulate((end - first for first, end in spans), initial=0)

    def rank(self, index: int) -> int:
        """How many of the seats stand before `index`."""
        at = bisect_right(self._firsts, index) - 1
        if at < 0:
            return 0
        first, end = self.spans[at]
        return self._ranks[at] + min(index, end) - first

    def ranked(self, start: int, stop: int) -> tuple[int, ...]:
        """Indexes of the seats of ranks start … stop-1, which must be there if start < stop."""
        found: list[int] = []
        at = bisect_right(self._ranks, start) - 1
        while start < stop:
            first, end = self.spans[at]
            low = first + start - self._ranks[at]
            found += range(low, min(end, low + stop - start))
            start = self._ranks[at] + end - first
            at += 1
        return tuple(found)
