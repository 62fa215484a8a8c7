"""What came of some cases of a trial: how often what, and everything that was wrong."""

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

VIOLATIONS_KEPT_MAX = 20  # the first ones are enough to work with; all are counted
_ROOM = Path(__file__).parent
HANG_SECONDS = 20.0  # a case takes milliseconds, and a busy machine some hundred of them


class Violation(Exception):
    """A promise is broken: the sentence says which, and what was seen instead."""


class Hang(BaseException):
    """A case has not come to an end, and where; a BaseException, so that no handler swallows it."""


@dataclass(slots=True)
class Tally:
    """Add cases to it, and tallies of other processes."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    violated: int = 0
    states: set[bytes] = field(default_factory=set)  # digests of disks, to count different ones

    def add(self, outcome: str) -> None:
        self.cases += 1
        self.outcomes[outcome] += 1

    def violate(self, sentence: str) -> None:
        self.cases += 1
        self.violated += 1
        if len(self.violations) < VIOLATIONS_KEPT_MAX:
            self.violations.append(sentence)

    def join(self, other: "Tally") -> None:
        self.cases += other.cases
        self.outcomes += other.outcomes
        self.violated += other.violated
        room = VIOLATIONS_KEPT_MAX - len(self.violations)
        self.violations += other.violations[:room]
        self.states |= other.states


def tally(
    name: str,
    numbers: Iterable[int],
    case: Callable[[int, Tally], str],
    *,
    hang_seconds: float = HANG_SECONDS,
) -> Tally:
    """Run the cases of these numbers; whatever one raises is a violation, and a hang is too."""
    found = Tally()
    for number in numbers:
        try:
            with _at_most(hang_seconds):
                outcome = case(number, found)
        except Violation as violation:
            found.violate(f"{name} {number}: {violation}")
        except Hang as hang:
            found.violate(f"{name} {number}: {hang} after {hang_seconds:.0f} s")
        except Exception as uncaught:
            found.violate(f"{name} {number}: uncaught {uncaught!r}")
        else:
            found.add(outcome)
    return found


def first_line(failure: BaseException) -> str:
    """What went wrong, without what a server has written to its log."""
    return f"{type(failure).__name__}: {failure}".partition("\n")[0]


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, _hang)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _hang(number: int, frame: FrameType | None) -> NoReturn:
    """Says where we were: deep in a library, mostly, so the last place of our own."""
    while frame is not None and not Path(frame.f_code.co_filename).is_relative_to(_ROOM):
        frame = frame.f_back
    assert frame is not None  # this module has called the case
    code = frame.f_code
    raise Hang(f"no end in {code.co_name} ({Path(code.co_filename).name}:{frame.f_lineno})")
