"""Which of our own orders holds a seat at the provider, and which seats are just coming free.

Two orders of ours must never want one place at once: the second would take the first for a
stranger. So an order claims its seats before it starts; a seat that an order lets go is claimed
again only when the provider has been told, and is doubtful while the provider works it off.
"""

# The provider answers a cancel before its places are free; beyond this they should be.
RELEASING_MS_MAX = 60_000


class Claims:
    """Bounded by the seats of the halls; forgotten in a crash, and rebuilt from the engine."""

    def __init__(self) -> None:
        self._order_of: dict[int, int] = {}
        self._seats_of: dict[int, tuple[int, ...]] = {}
        self._releasing_until_ms: dict[int, int] = {}
        self._all_releasing_until_ms = 0

    def resume(self, now_ms: int) -> None:
        """After a start nobody knows which places were just coming free: any may be."""
        self._all_releasing_until_ms = now_ms + RELEASING_MS_MAX

    def claim(self, order_id: int, seats: tuple[int, ...]) -> bool:
        """All seats or none; again for the same order: these take the place of its former ones."""
        if any(self._order_of.get(seat_id, order_id) != order_id for seat_id in seats):
            return False
        self.drop(order_id)
        self._order_of.update(dict.fromkeys(seats, order_id))
        self._seats_of[order_id] = seats
        return True

    def drop(self, order_id: int) -> None:
        """The order no longer needs its claim. Repeating it does nothing."""
        for seat_id in self._seats_of.pop(order_id, ()):
            del self._order_of[seat_id]

    def release(self, order_id: int, seats: tuple[int, ...], *, now_ms: int) -> None:
        """The provider has been told to let the places go."""
        self.drop(order_id)
        until_ms = now_ms + RELEASING_MS_MAX
        self._releasing_until_ms.update(dict.fromkeys(seats, until_ms))

    def may_be_releasing(self, seat_id: int, *, now_ms: int) -> bool:
        """True while an order of ours may still have the place, so that a refusal says nothing."""
        until_ms = self._releasing_until_ms.get(seat_id, 0)
        if until_ms and until_ms < now_ms:
            del self._releasing_until_ms[seat_id]
        return now_ms <= max(until_ms, self._all_releasing_until_ms)
