"""A log that was cut."""

from functools import partial

from torture import cuts
from torture.oracle import OPENED, REFUSED
from torture.tally import tally
from torture.trials import numbers

SEED = 1
SAMPLE = 1_000


def test_every_edge() -> None:
    """Cut where a batch ends, or a byte beside it, a log is short by whole batches or refused."""
    log = cuts.cuts(SEED)
    outcomes = {log.judged(cut) for cut in log.edges()}
    assert outcomes == {OPENED, REFUSED}
    assert len(log.edges()) > 600


def test_anywhere() -> None:
    """Cut at any byte too; all of them are in `make torture`."""
    sample = numbers(range(SAMPLE), SEED, cuts.count(SEED))
    assert tally("cuts", sample, partial(cuts.case, SEED)).violations == []


def test_every_byte_of_the_tail_twice_and_of_the_rest_once() -> None:
    """No cut is missing and none is there twice."""
    log = cuts.cuts(SEED)
    every = [log.cut(number) for number in range(log.count)]
    assert len(set(every)) == len(every)
    last = max(cut.path for cut in every)
    told = [cut.size_bytes for cut in every if cut.path == last and cut.told]
    untold = [cut.size_bytes for cut in every if cut.path == last and not cut.told]
    assert told == untold == list(range(told[0], told[0] + cuts.TAIL_BYTES))
    assert len({cut.path for cut in every}) == 3
