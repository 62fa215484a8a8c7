"""Counting what came of cases, and noticing every way in which one can go wrong."""

import time

from torture.tally import VIOLATIONS_KEPT_MAX, Tally, Violation, tally


def case(number: int, found: Tally) -> str:
    found.states.add(b"%d" % (number % 2))
    if number == 3:
        raise Violation("a record is missing")
    if number == 4:
        raise MemoryError
    return "fine"


def test_outcomes_and_violations() -> None:
    """Outcomes are counted; a violation is told with its number, and so is whatever is uncaught."""
    found = tally("trial", range(6), case)
    assert (found.cases, found.violated, dict(found.outcomes)) == (6, 2, {"fine": 4})
    assert found.violations == ["trial 3: a record is missing", "trial 4: uncaught MemoryError()"]


def test_a_hang_is_a_violation() -> None:
    """A case that doesn't come to an end is interrupted, and the next one runs."""

    def hang(number: int, found: Tally) -> str:
        while number == 0:
            try:
                time.sleep(60)
            except Exception:
                continue  # a handler that catches everything doesn't save it
        return "fine"

    found = tally("trial", range(2), hang, hang_seconds=0.01)
    assert (found.cases, found.violated, dict(found.outcomes)) == (2, 1, {"fine": 1})
    (sentence,) = found.violations
    assert sentence.startswith("trial 0: no end in tally (tally.py:")
    assert sentence.endswith(" after 0 s")


def test_tallies_are_joined() -> None:
    """All is added up; of the sentences the first ones are kept."""
    found = Tally()
    for _ in range(VIOLATIONS_KEPT_MAX):
        found.join(tally("trial", range(6), case))
    assert (found.cases, found.violated) == (6 * VIOLATIONS_KEPT_MAX, 2 * VIOLATIONS_KEPT_MAX)
    assert dict(found.outcomes) == {"fine": 4 * VIOLATIONS_KEPT_MAX}
    assert len(found.violations) == VIOLATIONS_KEPT_MAX
    assert found.states == {b"0", b"1"}
