"""One event's crowd waits for itself: so many of its calls begin in a round of the loop, no more.

Without it a call waits behind all that are ready in the same moment: behind a thousand, if a
thousand people click at one concert. With it the others of that concert wait in a queue of their
own, and a call for any other event passes them.

Where others ask, the crowd also stands still for a moment after each round. A loop that always
begins the next one never sleeps, and everybody's call needs three threads in turn that get the
interpreter only when the loop lets it go: beside a thousand who storm half of the honest calls take
2.0 ms instead of 6.7 (alone 1.0). And it stands still while the loop is busy for more than half of
the time, because others ask much or the processor is slow: what is on a busy loop waits for all
else on it, and several times on its way. With it the slowest in a hundred of the honest calls take
3.4 ms beside a thousand who storm a machine where all is slow, and 11 without (alone 2.5).
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from api.problems import EVENT_CROWDED, Refusal

NO_EVENT = 0
# Half a second of a crowd; more where the loop is busy.
ROUNDS_WITH_OTHERS = 250
# Of the time since the last look. Beside a thousand who storm the slowest in a hundred of the
# others took 3.9 ms with this, 3.6 with 0.4 and 4.8 with 0.6 (alone 2.8).
BUSY_SHARE_MAX = 0.5
# The crowd isn't to starve either: then it goes on, however busy the loop is.
PUT_OFF_MAX = 5


class AdmissionLimits(NamedTuple):
    """Calls of one event: how many begin in a round, how many may wait, and how long.

    With crowds at several events `per_round_max` is divided among them; `pause_seconds` is from
    one of a crowd's rounds to the next. While nobody asks for anything else `alone_max` holds, as
    rounds of 8 cost a seventh of the speed, and there is no pause.
    """

    per_round_max: int = 8
    pause_seconds: float = 0.002
    alone_max: int = 256
    waiting_max: int = 16_384
    wait_seconds_max: float = 10.0


class _Waiter(NamedTuple):
    turn: asyncio.Future[None]
    since: float


class Admission:
    """Who may go on. Only the loop's thread may call it."""

    def __init__(
        self,
        limits: AdmissionLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
        busy_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        """`busy_clock` goes on only while the loop's thread has the processor."""
        self._limits = limits
        self._clock = clock
        self._busy_clock = busy_clock
        # How many have begun in this round, by event. A round ends when the loop has looked for
        # what is new, and the crowd's pause is over; one in which nobody begins takes no time.
        self._begun: dict[int, int] = {}
        self._is_round_open = False
        self._per_round_max = limits.per_round_max
        # Both clocks as they were when the loop was looked at last; how often a pause went on.
        self._looked_at = 0.0
        self._busy_at_look = 0.0
        self._put_off = 0
        # For so many rounds the crowd of one event is not alone, and whose calls came last.
        self._rounds_with_others = 0
        self._last_event_id = NO_EVENT
        # By event, and only where there are any.
        self._queues: dict[int, deque[_Waiter]] = {}
        self._admitted = 0
        self.shed_full = 0
        self.shed_late = 0

    @property
    def admitted(self) -> int:
        """How many calls have begun."""
        return self._admitted + sum(self._begun.values())

    @property
    def waiting(self) -> int:
        """How many calls wait now."""
        return sum(map(len, self._queues.values()))

    def enter(self, event_id: int) -> bool:
        """True: go on. False: `wait` first."""
        if event_id != self._last_event_id:
            self.see_other(event_id)
        begun = self._begun.get(event_id, 0)
        if begun >= self._per_round_max or event_id in self._queues:
            return False
        if not self._is_round_open:
            self._open_round()
        self._begun[event_id] = begun + 1
        return True

    def see_other(self, event_id: int = NO_EVENT) -> None:
        """Somebody asks for something else than the last one did."""
        self._last_event_id = event_id
        self._rounds_with_others = ROUNDS_WITH_OTHERS
        self._per_round_max = self._limits.per_round_max

    async def wait(self, event_id: int) -> None:
        """Return when it is this call's turn.

        Raises Refusal if too many wait already, or it has waited too long.
        """
        queue = self._queues.get(event_id, ())
        if len(queue) >= self._limits.waiting_max:
            self.shed_full += 1
            raise Refusal(EVENT_CROWDED)
        waiter = _Waiter(asyncio.get_running_loop().create_future(), self._clock())
        self._queues.setdefault(event_id, deque()).append(waiter)
        await waiter.turn
        # Being sent away takes a turn, too: a thousand at once would hold up everybody else.
        if self._clock() - waiter.since > self._limits.wait_seconds_max:
            self.shed_late += 1
            raise Refusal(EVENT_CROWDED)

    def _end_pause(self) -> None:
        """The next round, or another pause while the loop is busy."""
        if self._is_loop_busy() and self._put_off < PUT_OFF_MAX:
            self._put_off += 1
            self._open_round(self._limits.pause_seconds)
        else:
            self._put_off = 0
            self._next_round()

    def _is_loop_busy(self) -> bool:
        """Was it, since it was looked at last?"""
        now, busy = self._clock(), self._busy_clock()
        passed, worked = now - self._looked_at, busy - self._busy_at_look
        self._looked_at, self._busy_at_look = now, busy
        return worked > BUSY_SHARE_MAX * passed

    def _next_round(self) -> None:
        self._admitted += sum(self._begun.values())
        self._begun = {}
        share = max(1, self._per_round_max // max(1, len(self._queues)))
        for event_id, queue in list(self._queues.items()):
            if queue:
                self._begun[event_id] = self._call(queue, share)
            else:  # it was kept for a round, so that nobody new overtakes those who were called
                del self._queues[event_id]
        self._is_round_open = False
        self._rounds_with_others -= 1
        pause_seconds = self._limits.pause_seconds
        if self._rounds_with_others < 0:
            self._per_round_max, pause_seconds = self._limits.alone_max, 0.0
        if self._queues:
            self._open_round(pause_seconds)

    def _call(self, queue: deque[_Waiter], at_most: int) -> int:
        """Let those who have waited longest go on; returns how many."""
        called = 0
        while queue and called < at_most:
            turn = queue.popleft().turn
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                called += 1
        return called

    def _open_round(self, pause_seconds: float = 0.0) -> None:
        self._is_round_open = True
        loop = asyncio.get_running_loop()
        if pause_seconds:
            loop.call_later(pause_seconds, self._end_pause)
        else:
            loop.call_soon(self._next_round)
