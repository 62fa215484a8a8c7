"""Running the cases of a trial, all of them or a fair part."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from torture import faults
from torture.tally import Tally
from torture.trials import CHUNK_CASES, TRIALS, Trial, numbers, run

SEED = 1
SMALL = Trial("faults", partial(faults.count, rounds=1), partial(faults.case, rounds=1))


@pytest.mark.parametrize("total", [1, 2, 3, 7, 100, 4096, 9973])
def test_every_number_once(total: int) -> None:
    """However many there are and whatever the seed, the order leaves none out."""
    for seed in range(3):
        assert sorted(numbers(range(total), seed, total)) == list(range(total))


def test_any_beginning_is_a_fair_sample() -> None:
    """A tenth of the cases has some in each hundredth of all numbers."""
    first = numbers(range(1_000), SEED, 10_000)
    assert len({number // 100 for number in first}) == 100


def test_all_cases_over_two_processes() -> None:
    """All cases are run, each part is told of, and what came of them is added up."""
    parts: list[Tally] = []
    found = run(SMALL, seed=SEED, jobs=2, seconds=math.inf, progress=parts.append)
    assert found.total == SMALL.count(SEED) == found.tally.cases
    assert len(parts) == -(-found.total // CHUNK_CASES) > 1
    assert sum(part.cases for part in parts) == found.total
    assert found.tally.violations == []
    assert sum(found.tally.outcomes.values()) == found.total


def test_time_that_is_up() -> None:
    """What is under way is finished and counted, and nothing more is begun."""
    found = run(SMALL, seed=SEED, jobs=1, seconds=0, progress=lambda _: None)
    assert found.tally.cases == 2 * CHUNK_CASES < found.total


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Whoever runs the tests in the background of a script may have them ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_nobody(number: int) -> None:
    """The cases under way are ended, and so are the processes that ran them."""
    command = [sys.executable, "-m", "api", "torture", "--trial", "flips", "--seed", str(SEED)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    assert running.stderr is not None
    try:
        with running.stderr as told:
            while b"violations=" not in (line := os.read(told.fileno(), 4096)):
                assert line, "it ended by itself"
            running.send_signal(number)
            told.read()  # until nobody has it open
        assert running.wait() == 1
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


def test_memory_is_bounded() -> None:
    """An allocation that a wrong length would ask for fails where cases run."""
    script = "from torture.trials import _become_worker; _become_worker(); bytes(3 << 30)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert ended.stderr.endswith(b"MemoryError\n")


def test_names_are_different() -> None:
    """Each trial can be asked for by its name."""
    assert len({trial.name for trial in TRIALS}) == len(TRIALS)
