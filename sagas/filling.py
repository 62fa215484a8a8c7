"""What we know of the places in one order of the provider's, and what to do with them next.

A select that is refused means "taken", unless we may have taken the place ourselves: by an attempt
whose answer got lost, or by another order of ours whose places aren't free yet. Such a seat is
doubtful, and the number of places that the order holds in the end says whose it is.
"""

from enum import Enum

# Beyond this the provider isn't late, something is wrong: doubts are decided against us.
SHOW_MS_MAX = 60_000
# An attempt we gave up on (after 5 s) may still be at work there; ending the order under it can
# leave a place taken by nobody, for ever.
IN_FLIGHT_MS = 10_000


class Refusal(Enum):
    """What a refused select means."""

    TAKEN = "taken"
    DOUBTFUL = "doubtful"


class Filling:
    """Losing it, as a crash does, only makes every place doubtful (`resumed`)."""

    __slots__ = (
        "_certain",
        "_doubtful",
        "_is_ending",
        "_maybe",
        "_refused",
        "_seats",
        "_waiting_since_ms",
        "in_flight_until_ms",
        "is_at_rest",
        "is_unseen",
        "polls",
    )

    def __init__(self, seats: tuple[int, ...], *, resumed: bool, now_ms: int) -> None:
        self._seats = seats
        self._certain: set[int] = set()  # selected, and we were told so
        self._maybe: set[int] = set(seats) if resumed else set()  # an attempt had no answer
        self._doubtful: set[int] = set()  # refused, perhaps because it is ours already
        self._refused: set[int] = set()  # ever, whatever it meant
        self._waiting_since_ms: int | None = None
        self._is_ending = False
        self.in_flight_until_ms = now_ms + IN_FLIGHT_MS if resumed else 0
        # A crash may have lost anything: see what the order holds before selecting again.
        self.is_unseen = resumed
        # The order has shown all it may hold, or has had its time: nothing of ours is on its way.
        self.is_at_rest = False
        self.polls = 0

    @property
    def places_wanted(self) -> int:
        return len(self._seats)

    def places_held_max(self) -> int:
        """How many places the order may hold in the end."""
        return len(self._certain | self._maybe | self._refused)

    def next_seat(self) -> int | None:
        """The next seat to select; None: each has had its answer."""
        for seat_id in self._seats:
            if seat_id not in self._certain and seat_id not in self._doubtful:
                return seat_id
        return None

    def selected(self, seat_id: int) -> None:
        """The provider has given the place."""
        self._certain.add(seat_id)
        self.polls = 0

    def refused(self, seat_id: int, *, may_be_releasing: bool) -> Refusal:
        """What a refusal of the place means; only TAKEN is an answer for the customer."""
        # A box between may have sent our select twice, and this is the second answer: then the
        # place is on its way to the order, which must not end before.
        self._refused.add(seat_id)
        if seat_id in self._maybe or may_be_releasing:
            self._doubtful.add(seat_id)
            return Refusal.DOUBTFUL
        return Refusal.TAKEN

    def unanswered(self, seat_id: int, *, now_ms: int) -> None:
        """The place may be ours, now or in a moment."""
        self._maybe.add(seat_id)
        self.in_flight_until_ms = now_ms + IN_FLIGHT_MS

    def begin_waiting(self, now_ms: int) -> None:
        """From now on the order should show what it holds; the first call counts."""
        if self._waiting_since_ms is None:
            self._waiting_since_ms = now_ms

    def begin_ending(self, now_ms: int) -> None:
        """No place is selected any more, and the last one may have been a moment ago."""
        if not self._is_ending:
            self._is_ending = True
            self._waiting_since_ms = now_ms
            self.polls = 0

    def is_overdue(self, now_ms: int) -> bool:
        """True when the order should have shown its places long ago."""
        since_ms = self._waiting_since_ms
        return since_ms is not None and now_ms - since_ms > SHOW_MS_MAX

    def has_waited_since(self, moment_ms: int) -> bool:
        """True when the order should have shown its places since a moment after that one."""
        return (self._waiting_since_ms or 0) > moment_ms

    def has_doubts(self) -> bool:
        """True when a place was refused that may have been on its way to being free."""
        return bool(self._doubtful)

    def try_again(self) -> None:
        """Select the doubtful ones once more: what was on its way to being free may be by now."""
        self._doubtful.clear()
