"""The benchmark of nginx still runs; without nginx or wrk it says that nothing was measured."""

import pytest

from bench import wrk
from bench.front import NGINX
from bench.http import WRK_MISSING
from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server


@pytest.mark.skipif(not (wrk.is_installed() and NGINX), reason="wrk or nginx is not installed")
def test_every_figure_is_there(smoke: Smoke) -> None:
    """A second of each way: everything is booked, and nobody is refused for coming from here."""
    results = smoke("bench.nginx")
    assert ["plain", "tls", "tls_beside_own"] == list(results["scenarios"]["book"])
    for found in results["scenarios"]["book"].values():
        assert found["ratio"] > 0
        assert ["201"] == list(found["warm_up_statuses"])
        for side in ("through", "alone"):
            assert (0, {}) == (found[side]["refused"], found[side]["errors"])


def test_without_wrk(smoke: Smoke) -> None:
    """Said in the results, not left out."""
    results = smoke("bench.nginx", PATH="/nowhere")
    assert WRK_MISSING == results["missing"]
