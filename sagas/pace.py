"""No more than so many calls a second: the seat provider works off about a hundred changes.

More would only queue up there, and the places that we wait for would show later and later.
"""

from collections.abc import Callable

from sagas.agenda import Sleep


class Pace:
    """Turns at equal distances; a caller that comes early waits for its own."""

    def __init__(self, per_second: float, *, clock_ms: Callable[[], int], sleep: Sleep) -> None:
        """`per_second` 0: no limit."""
        self.interval_ms = 1_000 / per_second if per_second else 0.0
        self._clock_ms = clock_ms
        self._sleep = sleep
        self._next_ms = 0.0

    async def turn(self) -> None:
        """Return when the caller may call."""
        now_ms = self._clock_ms()
        turn_ms = max(float(now_ms), self._next_ms)
        self._next_ms = turn_ms + self.interval_ms
        if turn_ms > now_ms:
            await self._sleep((turn_ms - now_ms) / 1_000)
