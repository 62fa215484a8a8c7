"""Calls that fail."""

import errno
from functools import partial

from torture import faults
from torture.tally import tally

SEED = 1
ROUNDS = faults.ROUNDS_SMALL


def test_every_call_in_every_way() -> None:
    """Whichever call of a small story fails, once or for good, what was told of is there."""
    every = range(faults.count(SEED, rounds=ROUNDS))
    found = tally("faults", every, partial(faults.case, SEED, rounds=ROUNDS))
    assert found.violations == []
    assert found.outcomes.keys() == {"ended", "went on"}


def test_every_call_is_there_in_every_way() -> None:
    """Each error, once and sticky, with and without a power cut, for one call after another."""
    ways = {faults.fault(number)[1:] for number in range(16)}
    kinds = (errno.EIO, errno.ENOSPC, errno.EDQUOT, faults.SHORT)
    both = (False, True)
    assert ways == {(kind, sticky, cut) for kind in kinds for sticky in both for cut in both}
    assert [faults.fault(number).call for number in (0, 15, 16, 32)] == [0, 0, 1, 2]
