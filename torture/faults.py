"""Every call to the disk fails, one case a call, in every way that call can fail.

A failed call ends the log for good, or only a snapshot, or nothing at all; never is a record lost
that somebody was told of. After it the process starts anew: with the page cache as it is, or after
a power cut.
"""

import errno
from functools import cache
from itertools import product
from random import Random
from typing import NamedTuple

from torture.crash_fs import SECTOR_BYTES, CrashFS
from torture.power import chance
from torture.story import Story
from torture.tally import Tally
from wal import Corrupt, LogFailed

ROUNDS_SMALL = 4
ROUNDS_LARGE = 24
_TAKES_SPACE = {"create", "pwrite", "fsync", "fdatasync", "make_directory", "rename"}
SHORT = 0  # no error: a write ends half-way, at a sector, as it does where a disk is full
KINDS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, SHORT)


class Fault(NamedTuple):
    """The first call from `call` on that can fail so does, or, if it is sticky, each of them."""

    call: int
    kind: int
    sticky: bool
    power_cut: bool


def fault(number: int) -> Fault:
    """The fault of this number; each sixteen are about one call."""
    call, way = divmod(number, len(_WAYS))
    return Fault(call, *_WAYS[way])


_WAYS = list(product(KINDS, (False, True), (False, True)))


def count(seed: int, *, rounds: int = ROUNDS_LARGE) -> int:
    return _calls(seed, rounds) * len(_WAYS)


def case(seed: int, number: int, found: Tally, *, rounds: int = ROUNDS_LARGE) -> str:
    """One story with its failure, and the check of what is left at the end."""
    one = fault(number)
    story, disk = Story(Random(f"faults/{seed}")), CrashFS(heeds_advice=number % 2 == 0)
    strike = Strike(disk, one)
    disk.trouble = strike
    outcome = "went on"
    try:
        story.live(disk, rounds=rounds)
    except (OSError, LogFailed, Corrupt):  # a read that the disk refused is corruption
        if not strike.struck:
            raise
        outcome = "ended"
    if one.power_cut:
        disk = disk.after_power_cut(chance(Random(f"faults/{seed}/{number}")))
    disk.end_process()
    story.check_end(disk)
    return outcome


class Strike:
    """The trouble of one fault."""

    def __init__(self, disk: CrashFS, fault: Fault) -> None:
        self.struck = False
        self._disk = disk
        self._fault = fault

    def __call__(self, name: str, size: int) -> int:
        is_over = self.struck and not self._fault.sticky
        if is_over or self._disk.calls <= self._fault.call or not self._can_fail(name, size):
            return size
        self.struck = True
        if self._fault.kind == SHORT:
            return size // 2 // SECTOR_BYTES * SECTOR_BYTES
        if self._fault.sticky and self._fault.kind != errno.EIO:
            self._disk.free = 0
        raise OSError(self._fault.kind, f"refused {name}")

    def _can_fail(self, name: str, size: int) -> bool:
        if self._fault.kind == errno.EIO:
            return True
        if self._fault.kind == SHORT:
            return size >= 2 * SECTOR_BYTES
        return name in _TAKES_SPACE


@cache
def _calls(seed: int, rounds: int) -> int:
    """How many calls the story makes when nothing fails."""
    disk = CrashFS()
    Story(Random(f"faults/{seed}")).live(disk, rounds=rounds)
    return disk.calls
