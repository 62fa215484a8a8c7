"""One event's crowd waits for itself: only so many calls of one event are under way at once.

Without it a call waits behind all that are ready in the same moment: behind a thousand, if a
thousand people click at one concert. With it the others of that concert wait in a queue of their
own, and a call for any other event passes them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from api.problems import EVENT_CROWDED, Refusal


class AdmissionLimits(NamedTuple):
    """Calls of one event: how many are under way at once, how many may wait, and how long."""

    under_way_max: int = 64
    waiting_max: int = 16_384
    wait_seconds_max: float = 10.0


class _Waiter(NamedTuple):
    turn: asyncio.Future[None]
    since: float


class Admission:
    """Who may go on. Only the loop's thread may call it."""

    def __init__(
        self, limits: AdmissionLimits, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._clock = clock
        # By event, and only where there are any.
        self._under_way: dict[int, int] = {}
        self._queues: dict[int, deque[_Waiter]] = {}
        self.shed_full = 0
        self.shed_late = 0

    @property
    def under_way(self) -> int:
        """How many calls are being answered now."""
        return sum(self._under_way.values())

    @property
    def waiting(self) -> int:
        """How many calls wait now."""
        return sum(map(len, self._queues.values()))

    def enter(self, event_id: int) -> bool:
        """True: go on, and `leave` when it is done. False: `wait` first."""
        under_way = self._under_way.get(event_id, 0)
        if under_way >= self._limits.under_way_max:
            return False
        self._under_way[event_id] = under_way + 1
        return True

    async def wait(self, event_id: int) -> None:
        """Return when it is this call's turn; it must `leave` then.

        Raises Refusal if too many wait already, or it has waited too long.
        """
        queue = self._queues.get(event_id)
        if queue is None:
            queue = self._queues[event_id] = deque()
        if len(queue) >= self._limits.waiting_max:
            self.shed_full += 1
            raise Refusal(EVENT_CROWDED)
        waiter = _Waiter(asyncio.get_running_loop().create_future(), self._clock())
        queue.append(waiter)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if not waiter.turn.cancelled():  # it was its turn already
                self.leave(event_id)
            raise
        # Being sent away takes a turn, too: a thousand at once would hold up everybody else.
        if self._clock() - waiter.since > self._limits.wait_seconds_max:
            self.shed_late += 1
            self.leave(event_id)
            raise Refusal(EVENT_CROWDED)

    def leave(self, event_id: int) -> None:
        """The call is answered: its place is the longest waiting one's."""
        queue = self._queues.get(event_id)
        while queue:
            waiter = queue.popleft()
            if not waiter.turn.done():  # who was cancelled leaves its turn to the next
                waiter.turn.set_result(None)
                return
        self._queues.pop(event_id, None)
        self._under_way[event_id] -= 1
        if not self._under_way[event_id]:
            del self._under_way[event_id]
