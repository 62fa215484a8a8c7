"""Larger damage, and files that are lost, renamed and foreign."""

from functools import partial

import pytest

from torture import damages
from torture.oracle import OPENED, REFUSED
from torture.tally import tally
from torture.trials import numbers

SEED = 1
SAMPLE = 3_000


def test_anything() -> None:
    """Nothing that is done to files makes a diary that is silently wrong."""
    sample = numbers(range(SAMPLE), SEED, damages.count(SEED))
    found = tally("damages", sample, partial(damages.case, SEED))
    assert found.violations == []
    assert found.outcomes.keys() == {OPENED, REFUSED}


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("{first} lost", REFUSED),
        ("watermark lost", REFUSED),
        ("watermark of another store", REFUSED),
        ("{first} of a fork", OPENED),  # it forks later
        ("{second} of a fork", REFUSED),
        ("{second} of another store", REFUSED),
        ("00000000000000000003.snapshot lost", OPENED),
        ("00000000000000000006.snapshot lost", OPENED),
        ("00000000000000000006.snapshot of another store", REFUSED),
        ("00000000000000000006.snapshot without chunk 0", OPENED),
        ("00000000000000000006.snapshot renamed 00000000000000000003.snapshot", REFUSED),
    ],
)
def test_a_damage(name: str, outcome: str) -> None:
    """What is lost or foreign is refused, and one of two snapshots may be anything."""
    every = damages.damages(SEED)
    first, second, *_ = (path.name for path in every.segments)
    number = every.names.index(name.format(first=first, second=second))
    assert every.judged(number) == outcome
