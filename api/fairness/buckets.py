"""Token buckets, one a key: so many a second, and a few more at once. Time comes as an argument."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)

# Of 131,072 buckets that aren't full: about 20 MB.
KEPT_MAX = 131_072
# Two may go for one that comes, so those that are full again never pile up.
SWEPT_AT_ONCE = 2


class Buckets(Generic[_Key]):
    """Buckets that hold `burst` tokens and get `per_second` new ones.

    Of a bucket only the moment is kept at which it is full again; one that is full has no place.
    When too many are not, the one that was used longest ago is forgotten, which fills it.
    """

    def __init__(self, *, per_second: float, burst: float, kept_max: int = KEPT_MAX) -> None:
        self._ms_per_token = 1_000 / per_second
        self._ms_to_fill = burst * self._ms_per_token
        self._kept_max = kept_max
        # The one used longest ago is first.
        self._full_at_ms: OrderedDict[_Key, float] = OrderedDict()

    def __len__(self) -> int:
        """How many aren't full, or not known to be."""
        return len(self._full_at_ms)

    def wait_ms(self, key: _Key, now_ms: int, count: int = 1) -> float:
        """How long until there are `count` tokens; 0: they are there, and nothing is taken.

        More than the bucket holds are there when it is full; it owes the rest.
        """
        full_at_ms = self._full_at_ms.get(key, 0)
        needed_ms = min(count * self._ms_per_token, self._ms_to_fill)
        return max(0.0, full_at_ms + needed_ms - self._ms_to_fill - now_ms)

    def take(self, key: _Key, now_ms: int, count: int = 1) -> None:
        """Take `count` tokens, which `wait_ms` has found."""
        full_at_ms = max(self._full_at_ms.get(key, 0), now_ms)
        self._full_at_ms[key] = full_at_ms + count * self._ms_per_token
        self._full_at_ms.move_to_end(key)
        self._sweep(now_ms)

    def give_back(self, key: _Key, count: int) -> None:
        """Put `count` tokens back; a full bucket takes none."""
        if key in self._full_at_ms:
            self._full_at_ms[key] -= count * self._ms_per_token

    def _sweep(self, now_ms: int) -> None:
        for _ in range(SWEPT_AT_ONCE):
            oldest = next(iter(self._full_at_ms))
            if self._full_at_ms[oldest] > now_ms and len(self._full_at_ms) <= self._kept_max:
                return
            del self._full_at_ms[oldest]
