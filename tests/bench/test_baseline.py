"""A figure is compared with the one of the same place in the committed results."""

import os
import resource
import signal
from multiprocessing import get_context
from pathlib import Path

from bench.baseline import committed, compared, report

NO_ROOM = 3


def test_ratios_are_compared_where_both_have_one() -> None:
    """By their path; what only one run has measured, and what is no ratio, is left out."""
    now = {
        "book": {"256": {"ratio": 0.5, "per_s": 9}, "64": {"ratio": 0.3}},
        "seats": {"256": {"ratio": 0.8}},
        "plain": 3,
    }
    before = {"book": {"256": {"ratio": 0.4, "per_s": 7}}, "seats": {"ratio": 1.0}, "plain": 2}

    assert {"book 256": 1.25} == compared(now, before)


def test_a_run_without_a_baseline_is_compared_with_nothing(tmp_path: Path) -> None:
    """No file of results is no results."""
    assert {} == committed(tmp_path / "http.json")
    (tmp_path / "http.json").write_bytes(b'{"ratio": 0.5}')
    assert {"ratio": 0.5} == committed(tmp_path / "http.json")


def _report_on_a_full_disk(path: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
    try:
        report({"ratio": 3.0}, path, kept=True)
    except OSError:
        os._exit(NO_ROOM)  # a traceback finds none either, where standard error is a file


def test_results_that_find_no_room_leave_those_before(tmp_path: Path) -> None:
    """Half a file would be no baseline, and end the next run after all its measuring."""
    path = tmp_path / "http.json"
    report({"ratio": 2.0}, path, kept=True)
    writing = get_context("spawn").Process(target=_report_on_a_full_disk, args=(path,))
    writing.start()
    writing.join()

    assert NO_ROOM == writing.exitcode
    assert 2.0 == committed(path)["ratio"]
    assert [path] == list(tmp_path.iterdir())


def test_an_entry_leaves_the_others_of_its_file(tmp_path: Path) -> None:
    """It is compared with what it was itself; what isn't kept is printed."""
    path = tmp_path / "soak.json"
    report({"ratio": 2.0}, path, kept=True, entry="sale")
    report({"ratio": 9.0}, path, kept=True, entry="soak")
    report({"ratio": 3.0}, path, kept=True, entry="sale")
    report({"ratio": 7.0}, path, kept=False, entry="sale")

    sale, soak = committed(path)["sale"], committed(path)["soak"]
    assert (3.0, {"": 1.5}) == (sale["ratio"], sale["of_baseline"])
    assert (9.0, {}) == (soak["ratio"], soak["of_baseline"])
