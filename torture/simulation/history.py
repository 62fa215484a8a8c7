"""What every customer was told, to be held against how the world ends."""

from dataclasses import dataclass, field


@dataclass
class Basket:
    """One booking as its customer knows it; what an unanswered call may have done is a maybe."""

    user_id: int
    booking_id: int
    begun_s: float
    held: set[int] = field(default_factory=set)
    maybe: set[int] = field(default_factory=set)
    is_cancelled: bool = False
    may_be_cancelled: bool = False
    # Paid in time, by a card that was approved, and nothing else was done to it.
    is_plainly_paid: bool = False
    # The seats that were shown SOLD while the booking listed them.
    ticket: frozenset[int] = frozenset()


class History:
    """Every basket of every customer."""

    def __init__(self) -> None:
        self.baskets: list[Basket] = []

    def begin(self, *, user_id: int, booking_id: int, begun_s: float) -> Basket:
        basket = Basket(user_id, booking_id, begun_s)
        self.baskets.append(basket)
        return basket
