"""A figure is compared with the one of the same place in the committed results."""

from pathlib import Path

from bench.baseline import committed, compared, report


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
