"""Many worlds, in several processes, and what they came to."""

import gc
from collections import Counter
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

from tests.simulation.world import play

SEEDS_AT_ONCE = 10


class Verdict(NamedTuple):
    """An outcome without its log."""

    seed: int
    faults: list[str]
    happened: Counter[str]


def verdicts(seeds: range, *, profile: str, jobs: int) -> Iterator[Verdict]:
    """One for each seed, in no order."""
    # What is loaded now stays: no collection needs to look at it again.
    with get_context("spawn").Pool(jobs, initializer=gc.freeze) as pool:
        yield from pool.imap_unordered(partial(_verdict, profile), seeds, chunksize=SEEDS_AT_ONCE)


def _verdict(profile: str, seed: int) -> Verdict:
    outcome = play(seed, profile=profile)
    return Verdict(seed, outcome.faults, outcome.happened)
