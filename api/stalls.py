"""How long the loop has kept everybody waiting: nobody is answered while one piece of work runs."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

# A stall may be longer by this than it is seen to be. The price is less than 1 % of a core.
TICK_SECONDS = 0.005

Sleep = Callable[[float], Coroutine[Any, Any, None]]


class Stalls:
    """The longest stall since somebody last asked; clock and sleep are seams for tests."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._longest_seconds = 0.0

    async def watch(self) -> None:
        """Ask to be woken again and again, and see how late it is."""
        while True:
            due = self._clock() + TICK_SECONDS
            await self._sleep(TICK_SECONDS)
            self._longest_seconds = max(self._longest_seconds, self._clock() - due)

    def take(self) -> float:
        """The longest one in seconds; from now on the next is looked for."""
        longest_seconds, self._longest_seconds = self._longest_seconds, 0.0
        return longest_seconds
