"""A log is cut at every byte of its last 64 KiB, and at every byte of the segments before.

Where nobody was told of the last records (the watermark lags, as a power cut may leave it), exactly
the whole batches before the cut come back. A cut that takes a record that somebody was told of is
refused, and so is any cut of a segment that has a successor.
"""

from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from torture.corpus import Corpus
from torture.diary import Entries
from torture.oracle import judged
from torture.tally import Tally

TAIL_BYTES = 64 << 10
_SEALED_AFTER = (40, 80)
_BATCHES = 210  # those after the last seal take a sector or two each: more than 64 KiB
_SEGMENT_BYTES_MAX = 128 << 10


class Cut(NamedTuple):
    """A segment that ends early; `told`: the watermark knows of every record."""

    path: Path
    size_bytes: int
    told: bool


class Cuts:
    """One log, with all its records told of and with none, and every cut of it."""

    def __init__(self, seed: int) -> None:
        self._told, self._untold = _corpus(seed), _corpus(seed)
        self._untold.forget_acknowledged()
        self._records = self._told.records
        self._ends = {path: self._told.ends(path) for path in self._told.segments}
        *sealed, last = self._told.segments
        end = self._end(last)
        tail = range(end - TAIL_BYTES, end)
        self._ranges = [
            (last, tail, True),
            (last, tail, False),
            *((path, range(self._end(path)), True) for path in sealed),
        ]

    @property
    def count(self) -> int:
        return sum(len(sizes) for _, sizes, _ in self._ranges)

    def cut(self, number: int) -> Cut:
        for path, sizes, told in self._ranges:
            if number < len(sizes):
                return Cut(path, sizes[number], told)
            number -= len(sizes)
        raise IndexError(number)

    def edges(self) -> list[Cut]:
        """The cuts where a batch ends, and a byte before and behind."""
        return [
            Cut(path, end.offset + near, told)
            for path, sizes, told in self._ranges
            for end in self._ends[path]
            for near in (-1, 0, 1)
            if end.offset + near in sizes
        ]

    def judged(self, cut: Cut) -> str:
        corpus = self._told if cut.told else self._untold
        content = corpus.content(cut.path)[: cut.size_bytes]
        return judged(corpus.damaged(cut.path, content), self._expected(cut))

    def _end(self, path: Path) -> int:
        return self._ends[path][-1].offset

    def _expected(self, cut: Cut) -> Entries | None:
        if cut.told:
            return None
        kept = max(end.lsn for end in self._ends[cut.path] if end.offset <= cut.size_bytes)
        return self._records[:kept]


@cache
def cuts(seed: int) -> Cuts:
    return Cuts(seed)


def count(seed: int) -> int:
    return cuts(seed).count


def case(seed: int, number: int, found: Tally) -> str:
    """One cut, and what recovery makes of it."""
    return cuts(seed).judged(cuts(seed).cut(number))


def _corpus(seed: int) -> Corpus:
    random = Random(f"cuts/{seed}")
    batches = [
        [random.randbytes(random.randrange(1, 300)) for _ in range(random.randrange(1, 4))]
        for _ in range(_BATCHES)
    ]
    return Corpus(batches, segment_bytes_max=_SEGMENT_BYTES_MAX, sealed_after=_SEALED_AFTER)
