"""The benchmark of the sagas still runs, and whatever it measures has ended well."""

import pytest

from tests.bench.conftest import Smoke

pytestmark = pytest.mark.server
FIGURES = {
    "page": {"load", "ours", "gateway", "p99_above_ms", "answers"},
    "flight": {
        "load",
        "stall_idle_ms",
        "initiated_per_s",
        "stall_initiating_ms",
        "stall_paying_ms",
        "cpu_seconds",
        "sold_per_s",
        "pay_to_confirmed",
        "not_sold",
        "money_agrees",
        "reference",
        "ratio",
    },
    "outage": {"customers", "lost", "sold_after_its_end_s"},
}


def test_every_figure_is_there(smoke: Smoke) -> None:
    """A hundredth of everything: every customer gets the page and the seat, outage or not."""
    results = smoke("bench.sagas")

    page, flight, outage = results["page"], results["flight"], results["outage"]
    rates = [one for name, one in page.items() if name != "reference"]
    kinds = [one for one in outage.values() if isinstance(one, dict)]
    assert {"page": set(rates[0]), "flight": set(flight), "outage": set(kinds[0])} == FIGURES
    assert [{"302": 20}] * 2 == [one["answers"] for one in rates]
    assert (0, True) == (flight["not_sold"], flight["money_agrees"])
    assert flight["stall_paying_ms"] > 0, "nobody watches the loop"
    assert [(4, 0)] * 3 == [(one["customers"], one["lost"]) for one in kinds]
    assert outage["money_agrees"]
