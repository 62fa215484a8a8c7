"""How long the loop has kept everybody waiting: nobody is answered while one piece of work runs."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from engine import Histogram

# A stall may be longer by this than it is seen to be. The price is less than 1 % of a core.
TICK_SECONDS = 0.005
# The goal is 10 ms.
BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
RECENT_SECONDS = 60.0

Sleep = Callable[[float], Coroutine[Any, Any, None]]


class Stalls:
    """How late the loop was, each time; clock and sleep are seams for tests."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.seconds = Histogram(BOUNDS_SECONDS)
        self._clock = clock
        self._sleep = sleep
        self._longest_seconds = 0.0
        # The longest of this minute and of the one before, and when the next begins.
        self._of_minute = self._of_minute_before = 0.0
        self._next_minute = clock() + RECENT_SECONDS

    async def watch(self) -> None:
        """Ask to be woken again and again, and see how late it is."""
        while True:
            due = self._clock() + TICK_SECONDS
            await self._sleep(TICK_SECONDS)
            now = self._clock()
            late = max(0.0, now - due)
            self.seconds.add(late)
            if late > self._longest_seconds:
                self._longest_seconds = late
            if now >= self._next_minute:
                self._of_minute_before, self._of_minute = self._of_minute, 0.0
                self._next_minute = now + RECENT_SECONDS
            if late > self._of_minute:
                self._of_minute = late

    def take(self) -> float:
        """The longest one in seconds; from now on the next is looked for."""
        longest_seconds, self._longest_seconds = self._longest_seconds, 0.0
        return longest_seconds

    @property
    def recent_seconds(self) -> float:
        """The longest of the last minute or two, however often it is asked for."""
        return max(self._of_minute, self._of_minute_before)
