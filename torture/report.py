"""Runs the trials, shows how far they are, and says what came of them."""

import json
import math
import os
import resource
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from torture.machine import described
from torture.tally import Tally
from torture.trials import TRIALS, Result, Trial, run


@dataclass(slots=True)
class Report:
    """What came of a run; the same command with the same seed makes the same cases."""

    command: str
    seed: int
    machine: dict[str, object]
    results: list[Result] = field(default_factory=list)
    memory_bytes_max: int = 0  # the most that one of the processes had

    @property
    def violated(self) -> int:
        return sum(result.tally.violated for result in self.results)

    def text(self) -> str:
        """A line about the run, one a trial, one a violation."""
        head = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        lines = [f"{self.command}\n{head}"]
        for result in self.results:
            lines += [_line(result), *(f"  {one}" for one in result.tally.violations)]
        memory = f"at most {self.memory_bytes_max >> 20} MiB a process"
        return "\n".join([*lines, f"violations: {self.violated}; {memory}"])

    def save(self, directory: Path) -> None:
        """Write a file for each trial, so that one of them can be run again without the others."""
        directory.mkdir(parents=True, exist_ok=True)
        for result in self.results:
            shown = {
                **_shown(result),
                "command": self.command,
                "seed": self.seed,
                "memory_bytes_max": self.memory_bytes_max,
                **self.machine,
            }
            text = json.dumps(shown, indent=1, ensure_ascii=False)
            (directory / f"{result.name}.json").write_text(text + "\n", encoding="utf-8")


def run_trials(
    names: Collection[str] = (),
    *,
    seed: int,
    minutes: float | None = None,
    jobs: int | None = None,
    keep_in: Path | None = None,
) -> Report:
    """Run the trials of these names, or all, one after the other.

    Each gets its share of the time that is left, so what one doesn't need is the others'. What
    came of it is kept when it ends: a run of hours that is stopped loses one trial.
    """
    ends_at = time.monotonic() + (math.inf if minutes is None else 60 * minutes)
    trials = [trial for trial in TRIALS if not names or trial.name in names]
    options = "".join(f" --trial {name}" for name in names)
    options += "" if minutes is None else f" --minutes {minutes:g}"
    report = Report(f"billetter torture --seed {seed}{options}", seed, described())
    for place, trial in enumerate(trials):
        seconds = (ends_at - time.monotonic()) / (len(trials) - place)
        result = _run(trial, seed=seed, jobs=jobs or os.cpu_count() or 1, seconds=seconds)
        report.results.append(result)
        report.memory_bytes_max = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
        if keep_in is not None:
            report.save(keep_in)
    return report


def _run(trial: Trial, *, seed: int, jobs: int, seconds: float) -> Result:
    violated = 0
    with tqdm(total=trial.count(seed), desc=trial.name, unit="case", file=sys.stderr) as bar:

        def progress(part: Tally) -> None:
            nonlocal violated
            violated += part.violated
            bar.set_postfix(violations=violated, refresh=False)
            bar.update(part.cases)

        return run(trial, seed=seed, jobs=jobs, seconds=seconds, progress=progress)


def _line(result: Result) -> str:
    tally = result.tally
    came = [f"{number:,} {name}" for name, number in sorted(tally.outcomes.items())]
    if tally.states:
        came.append(f"{len(tally.states):,} different disks")
    done = f"{tally.cases:,} of {result.total:,} cases in {result.seconds:,.0f} s"
    return f"{result.name:8} {done}: {tally.violated:,} violations; {', '.join(came)}"


def _shown(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "cases": result.tally.cases,
        "of": result.total,
        "seconds": round(result.seconds, 1),
        "outcomes": dict(sorted(result.tally.outcomes.items())),
        "different_disks": len(result.tally.states),
        "violated": result.tally.violated,
        "violations": result.tally.violations,
    }
