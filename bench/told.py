"""What customers were told of their bookings, and whether the server still says so."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

# A hold ends by the server's clock, which may go faster than ours by less than this.
EARLY_SHARE = 0.02
FAULTS = ("bookings_lost", "seats_lost", "seats_never_told", "seats_of_two")


@dataclass(slots=True, eq=False)
class Basket:
    """A booking that was acknowledged; moments are of `monotonic`.

    `user` is a number of ours. `then` names the next call about it, or is empty. `seats` are those
    that it was told to hold; `unsure` those of a call without an answer: either may be true.
    """

    user: int
    event_id: int
    booking_id: int
    then: str = "select"
    seats: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    held_from: float = inf  # when its first seat was asked for
    is_sold: bool = False

    def may_have_run_out(self, at: float, hold_seconds: float) -> bool:
        """True from the first moment at which its seats may be free again."""
        return not self.is_sold and at > self.held_from + hold_seconds * (1 - EARLY_SHARE)


def compared(
    baskets: Iterable[Basket], listed: Mapping[int, set[int]], *, at: float, hold_seconds: float
) -> Counter[str]:
    """How many FAULTS are in one customer's list, seats by booking, as it was answered by then.

    Counts holds that ran out, too. From now on what is listed is what they were told.
    """
    found: Counter[str] = Counter()
    for basket in baskets:
        if basket.booking_id not in listed:
            found["bookings_lost"] += 1
            continue
        shown = listed[basket.booking_id]
        must = basket.seats - basket.unsure
        if basket.may_have_run_out(at, hold_seconds):
            found["holds_run_out"] += bool(must) and not shown
        else:
            found["seats_lost"] += len(must - shown)
        found["seats_never_told"] += len(shown - basket.seats - basket.unsure)
        basket.seats, basket.unsure = set(shown), set()
    return found


def of_two(baskets: Iterable[Basket]) -> int:
    """How many seats more than one booking was told to hold."""
    holders = Counter(seat_id for basket in baskets for seat_id in basket.seats)
    return sum(times > 1 for times in holders.values())
