"""The benchmark of watchers still runs: all are told of a sale that refuses nobody."""

import pytest

from bench.watchers import SMOKE
from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server


def test_every_figure_is_there(smoke: Smoke) -> None:
    """A hundredth, for a moment."""
    results = smoke("bench.watchers")

    assert {"alone", "watched", "more"} == set(results["share_of_a_core"])
    assert (0, SMOKE.watchers) == (results["refused"], results["watchers"])
    assert results["messages_per_s"] > 0
    assert results["delay"]["p50_ms"] <= results["delay"]["max_ms"]
