"""Who is looked at next at the provider: an order that is begun, then the oldest that isn't yet.

All orders share one pace. Were all of a rush begun at once, they would advance together, and their
deadline would find each with some of its places and none with all: everybody has paid, and
everybody gets the money back. So a few are filled at a time; the others wait, which costs nothing.
A confirm has no deadline, and its customer has the ticket already: while orders wait to be begun,
one confirm at a time is made beside them.
"""

from collections.abc import Callable, Container
from heapq import heappop, heappush

from sagas.owed import ProviderCall

# Enough to keep the pace busy: 80 calls a second are 20 sales of one place (start, select, submit,
# confirm), and from start to submit a sale takes 0.3 to 1 s, so at most 20 are under way; of sales
# of more places fewer are. And no more: a provider that is slower than that gets as much as it
# works off, and what we wait for doesn't drown there behind what others have begun.
ORDERS_MAX = 20


class BegunFirst:
    """A line of the agenda's, whose keys are order ids: they rise with time.

    Whose turn it is isn't counted but looked up, so that no end of an order, and no crash, can lose
    one. Who fails has none while it waits to try again; who only waits for its places to be shown
    fails or begins anew after a minute.
    """

    def __init__(
        self,
        owed_to: Callable[[int], ProviderCall | None],
        *,
        is_failing: Callable[[int], bool],
    ) -> None:
        """Both are asked about an order: which call it is owed, and whether the last one failed."""
        self._owed_to = owed_to
        self._is_failing = is_failing
        # Heaps. An order that isn't begun stays so, or ends, until it is taken.
        self._begun: list[int] = []
        self._new: list[int] = []
        self._sold: list[int] = []
        self._waiting: set[int] = set()
        self._confirming: int | None = None
        self._turns: set[int] = set()

    def add(self, key: int, *, ahead: bool) -> None:
        if key in self._waiting:
            return
        self._waiting.add(key)
        call = self._owed_to(key)
        heappush(self._heap_of(call), key)
        if call is ProviderCall.FILL:
            self._turns.add(key)  # again, after a failure or a crash

    def take(self, running: Container[int]) -> int | None:
        key = self._next(running)
        if key is not None:
            self._waiting.discard(key)
        return key

    def _next(self, running: Container[int]) -> int | None:
        if self._begun:
            return heappop(self._begun)
        if self._new and self._is_turn_free(running):
            key = heappop(self._new)
            self._turns.add(key)
            return key
        if self._sold and not (self._new and self._confirming in running):
            self._confirming = heappop(self._sold)
            return self._confirming
        return None

    def turns_beside(self, key: int) -> int:
        """With how many an order that isn't begun would share the pace: those begun, and older."""
        return sum(one < key or self._owed_to(one) is ProviderCall.FILL for one in self._turns)

    def _heap_of(self, call: ProviderCall | None) -> list[int]:
        match call:
            case ProviderCall.START:
                return self._new
            case ProviderCall.CONFIRM:
                return self._sold
            case _:
                return self._begun

    def _is_turn_free(self, running: Container[int]) -> bool:
        self._turns = {key for key in self._turns if key in running or self._is_filled(key)}
        return len(self._turns) < ORDERS_MAX

    def _is_filled(self, key: int) -> bool:
        return self._owed_to(key) is ProviderCall.FILL and not self._is_failing(key)
