"""The benchmark of the library still runs, and says so where PostgreSQL is missing."""

from bench import postgres
from bench.engine import STORES, compared_stores
from bench.fullness import FILLS
from tests.bench.conftest import Smoke

CALLS = {"calls", "per_s", "p50_ms", "p99_ms", "p999_ms", "max_ms"}


def test_every_figure_is_there(smoke: Smoke) -> None:
    """A little of everything: each store sells, and so does every fill of the hall."""
    results = smoke("bench.engine")

    rivals = {"postgresql"} if postgres.programs() else set()
    assert rivals or results["postgresql"] == postgres.MISSING
    assert {"256", "1"} == set(results["sale"])
    for kinds in results["sale"].values():
        assert {"book", "select", "release"} == set(kinds)
        for kind, stores in kinds.items():
            assert set(STORES) | (rivals if kind != "release" else set()) == set(stores)
            for name, figures in stores.items():
                assert CALLS | (set() if name == "ours" else {"ratio"}) == set(figures)
                assert figures["per_s"] > 0
    assert {*map(str, FILLS), "free_page_flat", "select_flat", "peak_mb"} == set(results["fill"])
    assert {"bookings", "few", "many", "ratio", "peak_mb"} == set(results["flat"])


def test_ours_is_compared_within_a_round() -> None:
    """A round in which the machine was slow for both changes no ratio."""
    rounds = [
        {
            (1, "book", "ours"): {"per_s": speed * 4},
            (1, "book", "theirs"): {"per_s": speed},
        }
        for speed in (10, 1_000, 20)
    ]

    theirs = {"per_s": 20, "ratio": 4.0}
    assert {"1": {"book": {"ours": {"per_s": 80}, "theirs": theirs}}} == compared_stores(rounds)
