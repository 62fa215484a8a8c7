"""Power cuts, deaths and refused syncs, one after another."""

from functools import partial
from itertools import count, product
from random import Random

import pytest

from torture import power
from torture.crash_fs import CrashFS, Fate, PowerCut, power_cut_after
from torture.power import Crash
from torture.story import Story
from torture.tally import Tally, tally
from torture.trials import CHUNK_CASES, numbers

SEED = 1
CUTS_MIN = 5_000
PIECES = 4


def test_power_cuts() -> None:
    """After thousands of them, up to three in a row, nothing is missing and nothing is wrong."""
    found = Tally()
    while found.outcomes[Crash.POWER_CUT] < CUTS_MIN:
        places = range(found.cases, found.cases + CHUNK_CASES)
        some = numbers(places, SEED, power.CASES)
        found.join(tally("power", some, partial(power.case, SEED)))
        assert found.violations == []
    assert found.outcomes.keys() == {*Crash, "recovered"}
    assert len(found.states) > CUTS_MIN // 4


def test_the_story_uses_everything() -> None:
    """Undisturbed, it rotates, makes snapshots, removes old ones and drops the log behind them."""
    disk, seen = CrashFS(), set()

    def note(name: str, size: int) -> int:
        seen.add(name)
        return size

    disk.trouble = note
    story = Story(Random(SEED))
    story.live(disk, rounds=power.ROUNDS)
    suffixes = sorted(path.suffix for path in disk.inodes)
    assert suffixes.count(".snapshot") == 2
    assert 1 < suffixes.count(".wal") < 6
    assert seen >= {"create", "pwrite", "fdatasync", "fsync", "rename", "unlink", "drop_cached"}
    story.check_end(disk)


def test_every_call_and_every_subset_is_visited() -> None:
    """The walk through one story cuts at each call, and at a call each way a cut can go."""
    calls = next(calls for calls in count() if cut_after(calls).pending() == PIECES)
    found = Tally()
    for subset in range(1 << PIECES):
        turn = subset * (power._calls(SEED) + 1) + calls
        power._walked(Story(Random(SEED)), CrashFS(), turn, SEED, found)
    every = product((Fate.KEPT, Fate.LOST), repeat=PIECES)
    disk = cut_after(calls)
    assert {disk.after_power_cut(iter(fates).__next__).digest() for fates in every} == found.states
    assert len(found.states) > 2


def cut_after(calls: int) -> CrashFS:
    """The disk of the story that is walked through when the power goes there."""
    disk = CrashFS()
    disk.trouble = power_cut_after(calls)
    with pytest.raises(PowerCut):
        Story(Random(SEED)).live(disk, rounds=power.ROUNDS)
    return disk
