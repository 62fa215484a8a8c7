"""Who is called when: numbers 0, 1, 2 … one after another, so many a minute, from a moment on.

Only arithmetic: whoever knows a number knows its moment, and nobody has to be looked for. Times are
in milliseconds. When the pace changes, what was called before stays called at its old moment.
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple

MINUTE_MS = 60_000
_from_ms, _called = attrgetter("from_ms"), attrgetter("called")
# An operator who changes the pace more often doesn't look back so far.
STRETCHES_MAX = 64


class Stretch(NamedTuple):
    """From `from_ms` on, `per_minute` are called after the first `called` of all."""

    from_ms: int
    called: int
    per_minute: int


class Schedule:
    """The stretches of one room, in order; the first number is called as the first one begins."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self.stretches = list(stretches)

    @classmethod
    def begin(cls, from_ms: int, per_minute: int) -> "Schedule":
        return cls([Stretch(from_ms, 1, per_minute)])

    @property
    def from_ms(self) -> int:
        """When the first is called, as far as that is still known."""
        return self.stretches[0].from_ms

    @property
    def per_minute(self) -> int:
        return self.stretches[-1].per_minute

    def called(self, now_ms: int) -> int:
        """How many numbers have been called by now."""
        if now_ms < self.from_ms:
            return 0
        from_ms, called, per_minute = self.stretches[-1]
        if now_ms < from_ms:
            place = bisect_right(self.stretches, now_ms, key=_from_ms)
            from_ms, called, per_minute = self.stretches[place - 1]
        return called + (now_ms - from_ms) * per_minute // MINUTE_MS

    def call_ms(self, number: int) -> int:
        """When the number is called: the first moment at which `called` is more than it."""
        if number < self.stretches[0].called:
            return self.from_ms
        from_ms, called, per_minute = self.stretches[-1]
        if number < called:  # which is rare: a search takes a microsecond
            place = bisect_right(self.stretches, number, key=_called)
            from_ms, called, per_minute = self.stretches[place - 1]
        # Rounded up, so that it has been called by then.
        return from_ms - (called - 1 - number) * MINUTE_MS // per_minute

    def change(self, now_ms: int, per_minute: int) -> None:
        """From now on another pace; a moment after the one that was set last."""
        now_ms = max(now_ms, self.stretches[-1].from_ms)
        self.stretches.append(Stretch(now_ms, self.called(now_ms), per_minute))
        del self.stretches[:-STRETCHES_MAX]
