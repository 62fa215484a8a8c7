"""What the writer thread counts of its batches: plain numbers, which anybody may read.

Only the writer changes them, so no lock is needed; a reader may see a batch half counted.
"""

from bisect import bisect_left
from collections.abc import Sequence

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
RECORDS = (1, 4, 16, 64, 256, 1_024, 4_096)
BYTES = (64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576)


class Histogram:
    """How many values were at most each of `bounds`, which rise; the last count is of the rest."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count it, with those up to the same bound."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Figures:
    """Of all batches since the log was opened: how long each took, and how much it held."""

    __slots__ = ("batch_bytes", "batch_records", "seconds")

    def __init__(self) -> None:
        self.seconds = Histogram(SECONDS)
        self.batch_records = Histogram(RECORDS)
        self.batch_bytes = Histogram(BYTES)

    def add(self, *, seconds: float, records: int, payload_bytes: int) -> None:
        """One more batch is durable."""
        self.seconds.add(seconds)
        self.batch_records.add(records)
        self.batch_bytes.add(payload_bytes)
