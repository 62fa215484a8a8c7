"""A long run minute by minute: what was answered how fast, and what the server's worker holds."""

import sys
from array import array
from collections import Counter, defaultdict
from statistics import linear_regression
from typing import NamedTuple

from bench.tasks import Figures, spread


class Sample(NamedTuple):
    """Memory of the worker in bytes: resident, and what of it can't be taken back."""

    seconds: float
    resident: int
    own: int


class Minutes:
    """Answers as they come; a minute is as long as whoever closes it says."""

    def __init__(self, durable: frozenset[str]) -> None:
        """`durable` are the calls whose reply waits for the disk, and for nobody else."""
        self.closed: list[Figures] = []
        self.seconds: dict[str, array[float]] = defaultdict(lambda: array("d"))  # of the whole run
        self.statuses: Counter[str] = Counter()
        self._durable = durable
        self._times: list[float] = []
        self._calls = self._unanswered = 0

    def add(self, call: str, status: int, seconds: float) -> None:
        self.statuses[f"{call} {status}"] += 1
        self.seconds[call].append(seconds)
        self._calls += 1
        if call in self._durable:
            self._times.append(seconds)

    def add_unanswered(self, call: str) -> None:
        self.statuses[f"{call} unanswered"] += 1
        self._unanswered += 1

    def close(self, *, stall_ms: float, resident_mb: float, load: float, name: str) -> None:
        """End a minute, and say on stderr how it was."""
        times = spread(self._times) if self._times else {}
        minute = {
            "calls": self._calls,
            "unanswered": self._unanswered,
            "durable": times,
            "stall_ms": stall_ms,
            "resident_mb": resident_mb,
            "load": load,
        }
        print(
            f"{name}: {self._calls:,} calls, {self._unanswered} unanswered,"
            f" durable p99 {times.get('p99_ms', 0.0)} ms, worst stall {stall_ms} ms,"
            f" {resident_mb} MB",
            file=sys.stderr,
            flush=True,
        )
        self.closed.append(minute)
        self._times = []
        self._calls = self._unanswered = 0


def growth(samples: list[Sample], *, warm_up_seconds: float) -> Figures:
    """Megabytes at the first and the last look after the warm-up, and megabytes an hour between
    them by least squares; nothing for a life that was too short."""
    warm = [one for one in samples if one.seconds - samples[0].seconds >= warm_up_seconds]
    if len(warm) < 2:
        return {}
    moments = [one.seconds for one in warm]
    figures: Figures = {"seconds": round(moments[-1] - moments[0])}
    for name in ("resident", "own"):
        held = [getattr(one, name) / 2**20 for one in warm]
        slope = linear_regression(moments, held).slope * 3_600
        figures[name] = {
            "first_mb": round(held[0], 1),
            "last_mb": round(held[-1], 1),
            "mb_per_hour": round(slope, 1),
        }
    return figures
