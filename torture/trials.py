"""Every trial, and how one is run: its cases in an order of the seed, over several processes."""

import math
import resource
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context
from random import Random
from typing import NamedTuple

from torture import cuts, damages, faults, flips, power
from torture.servers import calls, flash, images, kills
from torture.simulation import trial as worlds
from torture.tally import HANG_SECONDS, Tally, tally

CHUNK_CASES = 200  # less than a second of work, so that a run ends when its time is up
SERVER_HANG_SECONDS = 180.0  # whoever waits for a server gives up before
MEMORY_BYTES_MAX = 2 << 30  # a wrong length that fills the memory shows as an uncaught MemoryError


class Trial(NamedTuple):
    """`count` is how many cases there are for a seed; `case` runs one and says what came of it.

    `chunk_cases` are run before anything is told of them; after `hang_seconds` one is a violation.
    """

    name: str
    count: Callable[[int], int]
    case: Callable[[int, int, Tally], str]
    chunk_cases: int = CHUNK_CASES
    hang_seconds: float = HANG_SECONDS


TRIALS = (
    Trial("cuts", cuts.count, cuts.case),
    Trial("flips", flips.count, flips.case),
    Trial("damages", damages.count, damages.case),
    Trial("faults", faults.count, faults.case),
    Trial("power", power.count, power.case),
    Trial("worlds", worlds.count, worlds.case, chunk_cases=20),
    Trial("kills", kills.count, kills.case, chunk_cases=2, hang_seconds=SERVER_HANG_SECONDS),
    Trial("calls", calls.count, calls.case, chunk_cases=2, hang_seconds=SERVER_HANG_SECONDS),
    Trial("flash", flash.count, flash.case, chunk_cases=1, hang_seconds=SERVER_HANG_SECONDS),
    Trial("images", images.count, images.case, chunk_cases=2, hang_seconds=SERVER_HANG_SECONDS),
)


@dataclass(slots=True)
class Result:
    """What a trial has shown so far; `total` is the number of its cases."""

    name: str
    total: int
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0


def run(
    trial: Trial, *, seed: int, jobs: int, seconds: float, progress: Callable[[Tally], None]
) -> Result:
    """Run all cases of a trial, or those there is time for; `progress` gets each part."""
    result = Result(trial.name, trial.count(seed))
    began = time.monotonic()
    with ProcessPoolExecutor(jobs, get_context("spawn"), _become_worker) as pool:
        parts = iter(range(0, result.total, trial.chunk_cases))
        work = partial(_part, trial, seed, result.total)
        running: set[Future[Tally]] = {pool.submit(work, at) for at in islice(parts, 2 * jobs)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result.tally.join(future.result())
                    progress(future.result())
                if time.monotonic() - began < seconds:
                    running |= {pool.submit(work, at) for at in islice(parts, len(done))}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    result.seconds = time.monotonic() - began
    return result


def _part(trial: Trial, seed: int, total: int, first: int) -> Tally:
    places = range(first, min(first + trial.chunk_cases, total))
    return tally(
        trial.name,
        numbers(places, seed, total),
        partial(trial.case, seed),
        hang_seconds=trial.hang_seconds,
    )


def numbers(places: range, seed: int, total: int) -> Iterator[int]:
    """The cases at these places of an order in which any beginning is a fair sample of all."""
    stride = int(total * (math.sqrt(5) - 1) / 2) or 1
    while math.gcd(stride, total) != 1:
        stride += 1
    start = Random(seed).randrange(total)
    return ((start + place * stride) % total for place in places)


def _become_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us says when it is over
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
