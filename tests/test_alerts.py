"""Each alert fires when somebody must come, and not before: Prometheus' own promtool plays it."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ALERTS = Path(__file__).resolve().parent.parent / "deploy" / "alerts.yml"
PROMTOOL = shutil.which("promtool")
STEP_SECONDS = 15  # as prometheus.yml scrapes


class Case(NamedTuple):
    """Series in promtool's notation, one value a scrape; when it has not fired yet, and has."""

    alert: str
    series: dict[str, str]
    quiet_at: str | None
    fires_at: str | None


def name(metric: str, **labels: str) -> str:
    told = {"job": "billetter", **labels}
    return metric + "{" + ",".join(f'{key}="{value}"' for key, value in told.items()) + "}"


def outcomes(done: str, refused: str, unknown: str) -> dict[str, str]:
    """How the calls `confirm` to the gateway end."""
    return {
        name(
            "billetter_service_calls_total", service="gateway", call="confirm", outcome=outcome
        ): values
        for outcome, values in (("done", done), ("refused", refused), ("unknown", unknown))
    }


def seconds(metric: str, within: str, every: str) -> dict[str, str]:
    """A histogram: what took a tenth of a second at most, and all."""
    return {
        name(f"{metric}_bucket", le="0.1"): within,
        name(f"{metric}_bucket", le="0.25"): every,
        name(f"{metric}_bucket", le="+Inf"): every,
        name(f"{metric}_count"): every,
    }


STARTED = name("process_start_time_seconds")
OWED_BACK = name("billetter_owed_back_tenge")
UNSETTLED = name("billetter_payments_unsettled")
FILES, CONNECTIONS = name("process_open_fds"), name("billetter_connections_max")
APPENDED, IN_SNAPSHOT = name("billetter_appended_lsn"), name("billetter_snapshot_lsn")
SHED = {name("billetter_calls_shed_total", reason="waited_too_long"): "0x1000"}
FULL = name("billetter_calls_shed_total", reason="queue_full")
ERRORS = name("billetter_answers_total", call="POST /api/bookings", status="500")
STALL, WRITE = "billetter_loop_stall_seconds", "billetter_log_write_seconds"

CASES = {
    "nobody answers": Case("Down", {name("up"): "1x4 0x100"}, "1m15s", "3m"),
    "somebody answers": Case("Down", {name("up"): "1x100"}, "20m", None),
    "two starts within a quarter of an hour": Case(
        "Restarts", {STARTED: "1x10 2x10 3x100"}, "5m", "5m30s"
    ),
    "one start, as after an update": Case("Restarts", {STARTED: "1x10 2x100"}, "10m", None),
    "no room": Case("TakesNoSales", {name("billetter_log_has_room"): "1x4 0x100"}, "1m15s", "2m"),
    "a gibibyte free": Case(
        "DiskNearlyFull", {name("billetter_disk_free_bytes"): "3e9x4 1e9x100"}, "1m30s", "3m"
    ),
    "one is parked": Case(
        "PaymentsParked", {name("billetter_payments_parked"): "0x4 1x100"}, "5m", "7m"
    ),
    "a service is away": Case(
        "ServiceDown", {name("billetter_service_up", service="gateway"): "1x4 0x100"}, "3m", "4m"
    ),
    "most calls of one kind have no clear answer": Case(
        "ServiceErrs", outcomes("0+1x200", "0+1x200", "0+3x200"), "9m", "12m"
    ),
    "many are refused, as declined cards are": Case(
        "ServiceErrs", outcomes("0+1x200", "0+9x200", "0+1x200"), "40m", None
    ),
    "nobody calls": Case("ServiceErrs", outcomes("5x200", "5x200", "5x200"), "40m", None),
    "a partner's places aren't known": Case(
        "PlacesUnknown", {name("billetter_places_awaited"): "0x4 3x100"}, "3m", "4m"
    ),
    "money is owed back for more than an hour": Case(
        "MoneyOwedBack", {OWED_BACK: "0x4 500x400"}, "1h", "1h5m"
    ),
    "money is owed back, but others than an hour ago": Case(
        "MoneyOwedBack", {OWED_BACK: "500x120 0x1 500x200"}, "1h15m", None
    ),
    "ever more payments owe a call": Case("UnsettledPileUp", {UNSETTLED: "0+20x200"}, "20m", "25m"),
    "many owe a call, and fewer and fewer": Case(
        "UnsettledPileUp", {UNSETTLED: "9000-20x200"}, "40m", None
    ),
    "the loop stands still again and again": Case(
        "Stalls", seconds(STALL, "0+98x200", "0+100x200"), "4m", "8m"
    ),
    "the loop is late, but not by much": Case(
        "Stalls", seconds(STALL, "0+100x200", "0+100x200"), "40m", None
    ),
    "writes take long": Case("SlowDisk", seconds(WRITE, "0+90x200", "0+100x200"), "4m", "8m"),
    "nothing is written": Case("SlowDisk", seconds(WRITE, "7x200", "7x200"), "40m", None),
    "the first answer 500": Case("Errs", {ERRORS: "0x8 1x200"}, "2m", "2m30s"),
    "an answer 500 of an hour ago": Case("Errs", {ERRORS: "1x400"}, "1h", None),
    "buyers are sent away": Case("SendsAway", SHED | {FULL: "0+20x200"}, "5m", "12m"),
    "one is sent away now and then": Case("SendsAway", SHED | {FULL: "0+1x200"}, "40m", None),
    "no snapshot for a million records": Case(
        "NoSnapshot", {APPENDED: "0+50000x200", IN_SNAPSHOT: "0x200"}, "14m", "16m"
    ),
    "snapshots follow the log": Case(
        "NoSnapshot", {APPENDED: "0+50000x200", IN_SNAPSHOT: "0x9 0+50000x190"}, "40m", None
    ),
    "nearly all connections are taken": Case(
        "Connections", {FILES: "100x4 15000x100", CONNECTIONS: "16384x104"}, "1m45s", "3m"
    ),
    "half of the connections are taken": Case(
        "Connections", {FILES: "8000x100", CONNECTIONS: "16384x100"}, "20m", None
    ),
}


def fired(case: Case, at: str, *, count: int) -> dict[str, object]:
    return {
        "expr": f'count(ALERTS{{alertname="Billetter{case.alert}",alertstate="firing"}})',
        "eval_time": at,
        "exp_samples": [{"labels": "{}", "value": count}] if count else [],
    }


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, which comes with Prometheus, is missing")
def test_each_alert_fires_when_it_is_time(tmp_path: Path) -> None:
    """And not before; nor for what only looks alike."""
    asked = [
        {
            "name": told,
            "interval": f"{STEP_SECONDS}s",
            "input_series": [{"series": one, "values": row} for one, row in case.series.items()],
            "promql_expr_test": [
                fired(case, at, count=count)
                for at, count in ((case.quiet_at, 0), (case.fires_at, 1))
                if at is not None
            ],
        }
        for told, case in CASES.items()
    ]
    plan = tmp_path / "alerts_test.yml"
    whole = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": f"{STEP_SECONDS}s",
        "tests": asked,
    }
    plan.write_text(yaml.safe_dump(whole))
    assert PROMTOOL is not None
    played = subprocess.run(
        [PROMTOOL, "test", "rules", str(plan)], capture_output=True, text=True, check=False
    )
    assert 0 == played.returncode, played.stdout + played.stderr


def test_each_alert_has_a_case_in_which_it_fires() -> None:
    """One that is added is played, too."""
    content = yaml.safe_load(ALERTS.read_text())
    alerts = {rule["alert"] for group in content["groups"] for rule in group["rules"]}
    assert alerts == {f"Billetter{case.alert}" for case in CASES.values() if case.fires_at}
