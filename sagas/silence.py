"""Whether the provider still adds to its orders the places that it gives.

It may go on giving them and add none any more, for all orders, until somebody mends it. Orders that
were begun then would hold places in vain. But the orders that told us of it may be all that it has
lost, so one is begun now and then to see.
"""

from collections.abc import Callable

import structlog

# So many orders that don't show their places mean that no order would.
ORDERS_MAX = 3
# Another order is begun so long after the last one of them; that one takes as long to be silent.
PROBE_INTERVAL_MS = 60_000

log = structlog.get_logger("sagas.provider")


class Silence:
    """Orders that should have shown their places long ago, since when no other has shown any."""

    def __init__(self, *, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._orders: set[int] = set()
        self._next_probe_ms = 0
        self.shown_at_ms = 0

    def is_kept(self) -> bool:
        """True while nothing new should be begun."""
        return len(self._orders) >= ORDERS_MAX

    def may_begin(self) -> bool:
        """Whether an order may be begun now; in silence whoever begins is the probe."""
        return not self.is_kept() or self._clock_ms() >= self._next_probe_ms

    def begin(self) -> None:
        """An order is begun: the next one, in silence, a while after it."""
        self._next_probe_ms = self._clock_ms() + PROBE_INTERVAL_MS

    def begin_in_vain(self) -> None:
        """The provider hasn't answered that: whoever comes next may try."""
        self._next_probe_ms = self._clock_ms()

    def add(self, order_id: int) -> None:
        """This one shows nothing; the first call counts."""
        if order_id in self._orders:
            return
        self._orders.add(order_id)
        self._next_probe_ms = self._clock_ms() + PROBE_INTERVAL_MS
        if len(self._orders) == ORDERS_MAX:
            log.error("the provider shows no places any more: nothing is begun but probes")

    def drop(self, order_id: int) -> None:
        """Nobody waits any more for what this one shows."""
        self._orders.discard(order_id)

    def end(self) -> None:
        """An order has shown its places."""
        if self.is_kept():
            log.warning("the provider shows places again")
        self._orders.clear()
        self.shown_at_ms = self._clock_ms()
