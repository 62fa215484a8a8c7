"""The power goes, again and again: at every call, and while the last cut is being recovered from.

Every fourth case walks through one story: each call in turn, and where few pieces are unsynced,
each subset of them in turn. The others are stories of their own, with up to three crashes one after
another: power cuts, deaths of the process, which leave the page cache, and syncs that are refused.
"""

import errno
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from functools import cache
from random import Random

from torture.crash_fs import CrashFS, Fate, Fates, PowerCut, Trouble, power_cut_after
from torture.story import Story
from torture.tally import Tally
from wal import LogFailed

CASES = 350_000  # more than 200,000 of the disks that power cuts leave differ
DEPTH = 3
ROUNDS = 7
SUBSETS_BITS_MAX = 12  # 4,096 ways for a cut to go; beyond, chance chooses
_WALK_EVERY = 4
_CALLS_MAX = (60, 400)  # of a life: its recovery alone, or most of it
_SYNCS = ("fsync", "fdatasync", "sync_directory")


class Crash(StrEnum):
    """How a life of the process ends."""

    POWER_CUT = "power cut"
    DEATH = "death of the process"
    REFUSED_SYNC = "refused sync"


_CHANCES = (Crash.POWER_CUT,) * 3 + (Crash.DEATH, Crash.REFUSED_SYNC)


def count(seed: int) -> int:
    """There is no end of stories: so many are told."""
    return CASES


def case(seed: int, number: int, found: Tally) -> str:
    """One story with its crashes, and the check of what is left at the end."""
    random = Random(f"power/{seed}/{number}")
    disk = CrashFS(heeds_advice=random.random() < 0.5)
    turn, place = divmod(number, _WALK_EVERY)
    if place == 0:
        story = Story(Random(seed))
        disk = _walked(story, disk, turn, seed, found)
    else:
        story = Story(random)
        for crash in random.choices(_CHANCES, k=random.randrange(1, DEPTH + 1)):
            disk = _crashed(story, disk, crash, random, found)
    disk.end_process()
    story.check_end(disk)
    return "recovered"


def _walked(story: Story, disk: CrashFS, turn: int, seed: int, found: Tally) -> CrashFS:
    """A cut of the one story that is walked through."""
    subset, calls = divmod(turn, _calls(seed) + 1)
    disk.trouble = power_cut_after(calls)
    with suppress(PowerCut):
        story.live(disk, rounds=ROUNDS)
    pending = disk.pending()
    if pending <= SUBSETS_BITS_MAX and subset < 1 << pending:
        return _cut(disk, _subset(subset), found)
    return _cut(disk, chance(Random(f"power/{seed}/{turn}")), found)


def _crashed(story: Story, disk: CrashFS, crash: Crash, random: Random, found: Tally) -> CrashFS:
    calls = random.randrange(random.choice(_CALLS_MAX) if story.told else max(_CALLS_MAX))
    refused = crash is Crash.REFUSED_SYNC
    disk.trouble = refuse_sync_after(calls) if refused else power_cut_after(calls)
    try:
        story.live(disk, rounds=ROUNDS)
    except PowerCut:
        pass
    except (OSError, LogFailed):
        if not refused:
            raise
    if crash is Crash.POWER_CUT:
        return _cut(disk, chance(random), found)
    found.outcomes[crash] += 1
    disk.end_process()
    return disk


def _cut(disk: CrashFS, fates: Fates, found: Tally) -> CrashFS:
    found.outcomes[Crash.POWER_CUT] += 1
    left = disk.after_power_cut(fates)
    found.states.add(left.digest())
    return left


def refuse_sync_after(calls: int) -> Trouble:
    """The first sync after so many calls fails; everything else succeeds, the next sync too."""
    seen, refused = 0, False

    def refuse(name: str, size: int) -> int:
        nonlocal seen, refused
        seen += 1
        if seen > calls and name in _SYNCS and not refused:
            refused = True
            raise OSError(errno.EIO, f"refused {name}")
        return size

    return refuse


def chance(random: Random) -> Fates:
    """Most of it survives, or little, or all or nothing; what is lost may be garbage."""
    survives = random.choice((0, 0.1, 0.5, 0.9, 1))
    garbled = random.choice((0, 0, 0.5))

    def fate() -> Fate:
        if random.random() < survives:
            return Fate.KEPT
        return Fate.GARBLED if random.random() < garbled else Fate.LOST

    return fate


def _subset(bits: int) -> Fates:
    def fates() -> Iterator[Fate]:
        left = bits
        while True:
            yield Fate.KEPT if left & 1 else Fate.LOST
            left >>= 1

    return fates().__next__


@cache
def _calls(seed: int) -> int:
    """How many calls the story that is walked through makes when nothing happens."""
    disk = CrashFS()
    Story(Random(seed)).live(disk, rounds=ROUNDS)
    return disk.calls
