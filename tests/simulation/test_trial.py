"""Worlds as cases of a trial, and the command that tells the story of one."""

from functools import partial

import pytest
from click.testing import CliRunner

from sagas import owed
from torture.simulation import trial, world
from torture.simulation.__main__ import main
from torture.tally import Tally, tally

SEED = 3
AS_BUILT, DOCUMENTED = 0, 1  # numbers of cases
BAD_WITH_THE_BUG = 2  # where it isn't any more, another world shows the bug: look for one


def test_a_case_is_a_world() -> None:
    """What has happened in it is counted, with either kind of gateway."""
    for number in (AS_BUILT, DOCUMENTED):
        found = Tally()
        assert "worlds in order" == trial.case(SEED, number, found)
        assert found.outcomes["records"] > 10
        assert [] == [name for name in found.outcomes if name.startswith("Booking")]


def test_a_violation_says_how_to_have_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command in it tells the story of this very world."""
    monkeypatch.setitem(owed._MONEY, "NEW", owed.Money.NONE)  # an untouched page is a no
    found = tally("worlds", [BAD_WITH_THE_BUG], partial(trial.case, SEED))
    sentence = found.violations[0]
    options = sentence.partition("python -m torture.simulation ")[2].split()
    told = CliRunner().invoke(main, options)

    assert 1 == told.exit_code
    assert sentence.partition(": ")[2].partition(";")[0] in told.output
    assert "trouble for" in told.output


def test_two_seeds_share_no_world() -> None:
    """Of a run of hours with another seed, every world is new."""
    assert trial.world_seed(1, 0) == trial.world_seed(0, trial.CASES - 1) + 1


def test_the_command() -> None:
    """It ends with 0 and one line, where all is in order."""
    answer = CliRunner().invoke(main, ["--seed", str(trial.world_seed(SEED, DOCUMENTED))])
    assert (0, 1) == (answer.exit_code, len(answer.stdout.splitlines())), answer.output
    assert world.DOCUMENTED != world.AS_BUILT
