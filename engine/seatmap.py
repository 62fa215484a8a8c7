"""The seats of one hall by status, so that any page of any status costs the same.

One byte a seat, in the order of rows and numbers, and the count of each status by block of seats.
A page of FREE seats finds its block by the counts and its first seat by halving the block: the
cost depends neither on the page nor on how much is sold.
"""

from bisect import bisect_right
from itertools import accumulate

from engine.domain import SeatStatus

# Larger blocks make the list of counts shorter and the halving longer; at 1,024 a stadium of
# 100,000 seats has 98 counts and ten halvings, about 3 microseconds together.
BLOCK_SEATS = 1_024


class SeatMap:
    """Statuses of seats by index 0 … total-1."""

    __slots__ = ("_blocks", "statuses", "totals")

    def __init__(self, seats_total: int) -> None:
        self.statuses = bytearray(seats_total)
        # By status, the number of seats, over all and in each block.
        self.totals = [seats_total, 0, 0]
        last = seats_total % BLOCK_SEATS
        full = [BLOCK_SEATS] * (seats_total // BLOCK_SEATS) + ([last] if last else [])
        self._blocks = (full, [0] * len(full), [0] * len(full))

    def change(self, index: int, status: int) -> None:
        """Give the seat at `index` another status."""
        statuses, blocks, totals = self.statuses, self._blocks, self.totals
        before = statuses[index]
        block = index // BLOCK_SEATS
        statuses[index] = status
        totals[before] -= 1
        totals[status] += 1
        blocks[before][block] -= 1
        blocks[status][block] += 1

    def page(self, status: SeatStatus | None, *, offset: int, limit: int) -> list[int]:
        """Indexes of the seats of `status` (None: of any), from the `offset`-th on, in order."""
        if status is None:
            return list(range(offset, min(offset + limit, len(self.statuses))))
        if offset >= self.totals[status]:
            return []
        return self.following(status, start=self._nth(status, offset), limit=limit)

    def row_page(
        self, status: SeatStatus | None, *, first: int, last: int, offset: int, limit: int
    ) -> list[int]:
        """The same within the indexes first … last-1: a row is short enough to be walked."""
        if status is None:
            return list(range(first, last))[offset : offset + limit]
        found = [first + at for at, one in enumerate(self.statuses[first:last]) if one == status]
        return found[offset : offset + limit]

    def counts(self, first: int, last: int) -> tuple[int, int, int]:
        """How many of the seats first … last-1 are FREE, RESERVED and SOLD."""
        count = self.statuses.count
        reserved = count(int(SeatStatus.RESERVED), first, last)
        sold = count(int(SeatStatus.SOLD), first, last)
        return last - first - reserved - sold, reserved, sold

    def following(self, status: SeatStatus, *, start: int, limit: int) -> list[int]:
        """Indexes of the next `limit` seats of `status` at or after `start`."""
        found: list[int] = []
        find, wanted = self.statuses.find, int(status)
        at = start - 1
        while len(found) < limit and (at := find(wanted, at + 1)) >= 0:
            found.append(at)
        return found

    def _nth(self, status: SeatStatus, rank: int) -> int:
        """Index of the `rank`-th seat of `status`, from 0; the caller knows that it exists."""
        ends = list(accumulate(self._blocks[status]))
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
        """The counts are those of the bytes (I15)."""
        for status in SeatStatus:
            assert self.totals[status] == self.statuses.count(int(status))
            for block, count in enumerate(self._blocks[status]):
                low = block * BLOCK_SEATS
                assert count == self.statuses.count(int(status), low, low + BLOCK_SEATS)
