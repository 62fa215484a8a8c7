"""The best seats side by side: a pure choice from a hall's seat map.

Best is first the row nearest to the stage that has room: rows are numbered from there. Prices tell
less, because there are halls whose upper tier costs most; whoever means another zone names it. In
the row it is what is nearest to its middle. No single free seat is left beside the block, if moving
it by one seat avoids that: nobody sees worse for it, and a lone seat is hard to sell.

A row is searched by what finds bytes in bytes: of a stadium that is nearly sold out, most is passed
over in one step, and no seat is looked at by itself.
"""

from engine.domain import Hall, SeatStatus, Zone

_FREE = bytes([SeatStatus.FREE])


def best_together(statuses: bytearray, hall: Hall, count: int, *, zone: str | None) -> int | None:
    """Where the best `count` free seats side by side begin, in one row of `zone`, or of any zone.

    Seats are told by index; None: no row has so many. `statuses` has a byte a seat, and a seat that
    is withheld isn't FREE.
    """
    for one in hall.zones:
        if zone is None or one.name == zone:
            first = _in_zone(statuses, hall, one, count)
            if first is not None:
                return first
    return None


def _in_zone(statuses: bytearray, hall: Hall, zone: Zone, count: int) -> int | None:
    """Where the best block of the zone begins; None: no row of it has room."""
    width, block = hall.seats_per_row, _FREE * count
    at, end = (zone.first_row - 1) * width, zone.last_row * width
    while (at := statuses.find(block, at, end)) >= 0:
        row_start = at - at % width
        if at + count <= row_start + width:
            return row_start + _in_row(bytes(statuses[row_start : row_start + width]), block)
        at = row_start + width  # the block would go round the end of the row
    return None


def _in_row(row: bytes, block: bytes) -> int:
    """Where the best block of a row begins, which has one."""
    room = len(row) - len(block)

    def off_middle(start: int) -> int:
        """In half seats, how far the block's middle is from the row's."""
        return abs(2 * start - room)

    # What is nearest to the middle is the last block that begins left of it, or the first right.
    left, right = row.rfind(block, 0, room // 2 + len(block)), row.find(block, room // 2 + 1)
    starts = [at for at in (left, right) if at >= 0]
    nearest = min(map(off_middle, starts))
    moved = [at for at in (left - 1, right + 1) if at >= 0 and row.startswith(block, at)]
    as_good = [at for at in (*starts, *moved) if off_middle(at) <= nearest + 2]
    return min(as_good, key=lambda at: (_left_alone(row, at, len(block)), off_middle(at), at))


def _left_alone(row: bytes, start: int, count: int) -> int:
    """How many single free seats the block would leave beside it: 0, 1 or 2."""
    end = start + count
    # From the block outwards, two seats on either side; there may be none.
    sides = row[max(start - 2, 0) : start][::-1], row[end : end + 2]
    return sum(side.startswith(_FREE) and side[1:] != _FREE for side in sides)
