"""What deploy/ holds is true of this program: names of metrics, commands, settings."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from api import cli
from api.settings import Settings, variable
from engine import Engine
from tests.api.rooms import Rooms

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
# What Prometheus knows of itself.
PROMETHEUS_OWN = {"up"}
_NAME = re.compile(r"\b((?:billetter|process|python)_\w+|up)\b")
_VALUE_OF_LABEL = re.compile(r'"[^"]*"')


def names_in(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    return set(_NAME.findall(_VALUE_OF_LABEL.sub('""', expression)))


def panels() -> list[Any]:
    return list(json.loads((DEPLOY / "grafana.json").read_text())["panels"])


def rules() -> list[Any]:
    content = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def unit() -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "billetter.service")
    return parser


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The name of every sample that a server with a disk tells."""
    directory = tmp_path_factory.mktemp("shop")
    Engine.create(directory, store_id=bytes(range(16)))
    with asyncio.Runner() as runner:
        rooms = Rooms(runner)
        rooms.engine = Engine.open(directory, [])
        rooms.open()
        rooms.service.directory = directory

        async def start() -> None:
            rooms.engine.start()

        runner.run(start())
        text = rooms.call("GET", "/metrics").body.decode()
        runner.run(rooms.engine.stop())
    families = text_string_to_metric_families(text)
    return {sample.name for family in families for sample in family.samples} | PROMETHEUS_OWN


def test_every_metric_of_the_dashboard_is_told(told: set[str]) -> None:
    """One that is renamed would leave an empty panel."""
    asked = {
        name for one in panels() for at in one.get("targets", []) for name in names_in(at["expr"])
    }

    assert set() == asked - told
    assert 40 < len(asked)


def test_every_metric_of_an_alert_is_told(told: set[str]) -> None:
    """One that is renamed would never fire again."""
    asked = {name for rule in rules() for name in names_in(rule["expr"])}

    assert set() == asked - told
    assert 10 < len(asked)


def test_every_metric_of_ours_is_on_the_dashboard(told: set[str]) -> None:
    """But for the parts of a histogram that a panel doesn't need."""
    shown = {
        name for one in panels() for at in one.get("targets", []) for name in names_in(at["expr"])
    }
    parts = ("_sum", "_count", "_bucket")
    ours = {name for name in told if name.startswith("billetter_") and not name.endswith(parts)}

    assert set() == ours - shown


def test_the_dashboard_asks_one_source_that_is_chosen_at_import() -> None:
    """Wherever it is imported, all panels ask the same Prometheus; none hides another."""
    charts = [one for one in panels() if one["type"] != "row"]
    assert {"${source}"} == {one["datasource"]["uid"] for one in charts}
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels()]
    assert len(set(places)) == len(places)
    assert len({one["id"] for one in panels()}) == len(places)


def test_every_alert_says_what_to_do() -> None:
    """One sentence of what is wrong, and the next step."""
    for rule in rules():
        assert {"summary", "action"} == set(rule["annotations"]), rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_an_alert_about_a_span_does_not_fire_before_that_is_over() -> None:
    """The least of an hour is that of its first minute, for a server that is just looked at."""
    for rule in rules():
        for span in re.findall(r"min_over_time\(\S+\[(\w+)\]\)", rule["expr"]):
            assert f"offset {span}" in rule["expr"], rule["alert"]


def test_the_alert_looks_for_what_is_said_of_a_disk_that_refuses() -> None:
    """The worker's last words; its exit code is on no line of the journal."""
    (down,) = [rule for rule in rules() if rule["alert"] == "BilletterDown"]
    (words,) = re.findall(r'"(.+?)"', down["annotations"]["action"])
    end = "from wal.commit import end_process; end_process(OSError(5, 'Input/output error'))"
    ended = subprocess.run(
        [sys.executable, "-c", end], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert f"billetter: {words}: [Errno 5] Input/output error\n" == ended.stderr


def test_prometheus_is_told_where_to_look() -> None:
    """Under the job that dashboard and alerts ask for."""
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert ("billetter", "/metrics") == (job["job_name"], job["metrics_path"])
    assert [f"127.0.0.1:{Settings().port}"] == job["static_configs"][0]["targets"]


def test_the_unit_restarts_what_the_disk_has_ended_but_not_for_ever() -> None:
    """And gives a stop the time that it takes."""
    service, start = unit()["Service"], unit()["Unit"]
    assert ("on-failure", "2") == (service["Restart"], service["RestartSec"])
    assert ("300", "5") == (start["StartLimitIntervalSec"], start["StartLimitBurst"])
    assert 20 < int(service["TimeoutStopSec"])
    assert Settings().connections < int(service["LimitNOFILE"])
    hardened = ("ProtectSystem", "NoNewPrivileges", "ReadWritePaths", "EnvironmentFile")
    assert ["strict", "true", "/var/lib/billetter", "/etc/billetter.env"] == [
        service[name] for name in hardened
    ]


def test_the_unit_does_not_start_again_what_no_restart_mends() -> None:
    """systemd looks at the exit code of `serve` alone, whatever a command before it has found."""
    service = unit()["Service"]
    told = CliRunner().invoke(cli.main, ["serve", "--port", "0"])
    structlog.reset_defaults()  # it has bound the logs to a stderr that is gone

    assert str(told.exit_code) == service["RestartPreventExitStatus"]
    assert service["ExecStart"].endswith("/billetter serve")
    assert "ExecStartPre" not in service


def test_the_unit_sets_what_there_is_to_set() -> None:
    """No variable that the server doesn't know, and no secret."""
    known = {variable(name) for name in Settings.__slots__}
    text = "\n".join(path.read_text() for path in DEPLOY.iterdir())
    assert set() == set(re.findall(r"BILLETTER_[A-Z_]+[A-Z]", text)) - known


def test_the_steps_to_the_unit_make_a_directory_before_it_is_filled() -> None:
    """Its user may not make one in /var/lib; owner and mode are what systemd will give it."""
    header = (DEPLOY / "billetter.service").read_text().partition("[Unit]")[0]
    steps = re.findall(r"^#   (\S.*)$", header, re.MULTILINE)
    service = unit()["Service"]
    owner, group, mode = (service[name] for name in ("User", "Group", "StateDirectoryMode"))
    directory = f"/var/lib/{service['StateDirectory']}"

    made = steps.index(f"install -d -o {owner} -g {group} -m {mode} {directory}")
    (filled,) = [number for number, step in enumerate(steps) if f"init --data {directory}/" in step]
    assert made < filled
    assert steps[0].startswith("useradd ")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd isn't installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """All of it, but that the program lies somewhere else here."""
    copy = tmp_path / "billetter.service"
    text = (DEPLOY / "billetter.service").read_text()
    copy.write_text(text.replace("/opt/billetter/.venv/bin/billetter", shutil.which("true") or ""))
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    about_us = [line for line in found.stderr.splitlines() if "billetter.service" in line]
    assert [] == about_us


def pip_installs(text: str) -> list[str]:
    """What each `pip install` of a file is told, as one line each."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [
        " ".join(part.split())
        for part in re.findall(r"--no-input(?: --no-cache-dir)? ([^&\n]*)", joined)
        if part.strip()
    ]


def test_the_image_installs_what_make_installs() -> None:
    """The same packages by the same hashes, and then ourselves without asking anybody."""
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition(".venv/installed:")[2].partition(".venv/installed-dev:")[0]
    expected = re.findall(r"^\t\$\(PIP\) (.+)$", recipe, re.MULTILINE)

    assert expected == pip_installs((DEPLOY / "Dockerfile").read_text())
    assert 2 == len(expected)


def test_the_image_holds_every_room() -> None:
    """Those that an install needs, and the builder is sent them."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"api"}
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }

    assert rooms - {"bench"} == copied
    assert {*copied, "requirements.lock", "pyproject.toml", "README.md"} == sent
    assert re.search(r"^USER billetter$", dockerfile, re.MULTILINE)
    assert "/readyz" in dockerfile
