"""What is said of a run, and the command that makes one."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from api import cli
from torture.report import Report, run_trials
from torture.tally import Tally
from torture.trials import Result

GOOD = Tally(3_000, Counter({"refused": 1_000, "opened": 2_000}))
BAD = Tally(4, Counter({"recovered": 3}), ["power 2: a record is missing"], 1, {b"1", b"2"})


def report(*tallies: Tally) -> Report:
    results = [Result(f"trial{place}", 5_000, tally) for place, tally in enumerate(tallies)]
    return Report("billetter torture --seed 7", 7, {"cores": 2}, results, 100 << 20)


def test_text() -> None:
    """How to do it again, on what it was done, a line a trial, and every violation."""
    assert report(GOOD, BAD).text().splitlines() == [
        "billetter torture --seed 7",
        "cores 2",
        "trial0   3,000 of 5,000 cases in 0 s: 0 violations; 2,000 opened, 1,000 refused",
        "trial1   4 of 5,000 cases in 0 s: 1 violations; 3 recovered, 2 different disks",
        "  power 2: a record is missing",
        "violations: 1; at most 100 MiB a process",
    ]


def test_saved(tmp_path: Path) -> None:
    """Each trial in its own file, with the command, the machine and the day."""
    report(GOOD, BAD).save(tmp_path / "results")
    assert ["trial0.json", "trial1.json"] == sorted(os.listdir(tmp_path / "results"))
    saved = json.loads((tmp_path / "results" / "trial1.json").read_text(encoding="utf-8"))
    assert saved == {
        "name": "trial1",
        "cases": 4,
        "of": 5_000,
        "seconds": 0.0,
        "outcomes": {"recovered": 3},
        "different_disks": 2,
        "violated": 1,
        "violations": ["power 2: a record is missing"],
        "command": "billetter torture --seed 7",
        "seed": 7,
        "memory_bytes_max": 100 << 20,
        "cores": 2,
    }


def test_the_command(tmp_path: Path) -> None:
    """It runs what is named, shows how far it is, keeps the report, and ends with 0 if all held."""
    options = "--trial damages --trial power --minutes 0 --jobs 1 --seed 1 --report"
    answer = CliRunner().invoke(cli.main, ["torture", *options.split(), str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    assert "billetter torture --seed 1 --trial damages --trial power --minutes 0\n" in answer.stdout
    assert "violations: 0;" in answer.stdout
    assert "damages: " in answer.stderr
    for name in ("damages", "power"):
        saved = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert name == saved["name"]
        assert {"date", "cpu", "cores", "python", "kernel"} < set(saved)


def test_the_command_with_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with 1, and the violation is in what it prints; without a seed one is chosen."""
    seeds = []

    def run(names: object, *, seed: int, **_: object) -> Report:
        seeds.append(seed)
        return report(BAD)

    monkeypatch.setattr(cli, "run_trials", run)
    answer = CliRunner().invoke(cli.main, ["torture"])
    assert answer.exit_code == 1
    assert "power 2: a record is missing" in answer.stdout
    assert len(seeds) == 1


def test_an_unknown_trial() -> None:
    """The command line is refused before anything runs."""
    answer = CliRunner().invoke(cli.main, ["torture", "--trial", "nothing"])
    assert answer.exit_code == 2
    assert "'cuts', 'flips'" in answer.stderr


def test_no_trial() -> None:
    """Names that are none run nothing."""
    assert run_trials(["none of ours"], seed=1).results == []
