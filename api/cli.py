"""The `billetter` command, with a function for each of its words.

Every failure ends with one sentence that says what is wrong and what to do next, and exit code 1
(2 for a wrong command line or setting).
"""

import math
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
import structlog
from click.core import ParameterSource

from api import backup as backups
from api import demo as demo_rooms
from api import staff, store
from api.emulators import EMULATORS, BadEnvironment, emulate
from api.logs import set_up_logs
from api.operator import audit as audit_report
from api.operator import sagas_report, status_report
from api.organiser import played
from api.processes import PortTaken
from api.settings import SECRETS, BadSetting, Settings, misspelt, parse, variable
from api.staff import Role
from catalog import CatalogError
from engine import STORE_FAULTS
from torture.report import run_trials
from torture.trials import TRIALS

_Command = TypeVar("_Command", bound=Callable[..., Any])

log = structlog.get_logger("cli")

STEP_MAX, SPEED_MIN = 365 * 86_400, 0.01  # no longer than the system can wait
# What no other try will mend: exit code 2.
WRONG_SETTINGS = (BadSetting, BadEnvironment)
KNOWN_FAILURES = (
    staff.BadStaffFile,
    CatalogError,
    PortTaken,
    store.StoreError,
    *STORE_FAULTS,
)


class _Group(click.Group):
    """Turns the failures we know into one sentence on stderr."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except WRONG_SETTINGS as failure:
            raise click.UsageError(str(failure)) from None
        except KNOWN_FAILURES as failure:
            raise click.ClickException(str(failure)) from None
        except BrokenPipeError:
            raise  # whoever read our output has gone: click knows what to do
        except OSError as failure:
            raise click.ClickException(store.sentence(failure)) from None


def settings_options(command: _Command) -> _Command:
    """An option and a BILLETTER_* variable for every field of Settings."""
    for one in reversed(fields(Settings)):
        if one.name == "data":
            continue
        shown = "" if one.name in SECRETS else f" [default: {one.default or 'none'}]"
        flag = "--" + one.name.replace("_", "-")
        kind: dict[str, Any] = {"is_flag": True, "default": None} if one.type is bool else {}
        option = click.option(
            flag, one.name, envvar=variable(one.name), help=one.metadata["help"] + shown, **kind
        )
        command = option(command)
    return command


def chosen_settings(data: Path, chosen: dict[str, Any]) -> Settings:
    """Settings from the options that were given; raises BadSetting."""
    values: dict[str, Any] = {
        name: value if isinstance(value, bool) else parse(name, value)
        for name, value in chosen.items()
        if value is not None
    }
    return Settings(data=data, **values)


def usable_settings(data: Path, chosen: dict[str, Any]) -> Settings:
    """The same with the credentials file read that they name; raises BadSetting."""
    warn_of_misspelt_settings()
    settings = chosen_settings(data, chosen)
    try:
        staff.chosen(settings.staff_file)
    except staff.BadStaffFile as wrong:
        raise BadSetting(str(wrong)) from None
    except OSError as wrong:
        raise BadSetting(store.sentence(wrong)) from None
    return settings


def warn_of_misspelt_settings() -> None:
    """A limit whose name is misspelt would be no limit, and nobody would know."""
    for name, like in misspelt().items():
        log.warning("no setting has this name: it changes nothing", variable=name, perhaps=like)


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    envvar=variable("data"),
    help="data directory",
)
# Where a setting comes from.
_SOURCES = {
    ParameterSource.DEFAULT: "default",
    ParameterSource.ENVIRONMENT: "variable",
    ParameterSource.COMMANDLINE: "option",
}
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="billetter")
def main() -> None:
    """Sell tickets: nothing twice, nothing lost."""
    set_up_logs()


@main.command()
@data_option
@click.option("--users", type=_file, required=True, help="users.csv")
@click.option("--events", type=_file, required=True, help="events.json: what is on sale")
@click.option("--archive", type=_file, help="events_archive.json: past events, to be searched")
@click.option("--halls", type=_file, help="halls.json: rows, zones and prices")
@click.option(
    "--timezone", default=store.TIMEZONE, show_default=True, help="of the dates in the files"
)
@click.option("--replace-catalog", is_flag=True, help="import anew beside existing bookings")
def init(data: Path, timezone: str, *, replace_catalog: bool, **files: Any) -> None:
    """Import the published files into a new data directory."""
    _end_as_by_ctrl_c()
    summary = store.initialise(
        data, timezone=store.time_zone(timezone), replace_catalog=replace_catalog, **files
    )
    click.echo(
        f"{data}: {summary.users:,} users, {summary.active_events:,} events on sale with"
        f" {summary.seats:,} seats, {summary.archived_events:,} past events."
        f"\nNext: billetter serve --data {data}"
    )


@main.command()
@data_option
@settings_options
def serve(data: Path, **chosen: Any) -> None:
    """Serve an initialised data directory; exit code 2 where a setting is wrong."""
    from api.serve import serve as run

    settings = usable_settings(data, chosen)
    store.require(settings.data)
    run(settings)


@main.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="made with demo data when missing",
)
@click.option("--port", type=click.IntRange(1, 65_533), default=8081, show_default=True)
def demo(data: Path, port: int) -> None:
    """Make demo data, start both emulators and the service, and say how to buy a ticket."""
    demo_rooms.run(data, port=port)


@main.command()
@click.option("--url", default="http://127.0.0.1:8081", show_default=True, help="running server")
@click.option("--json", "as_json", is_flag=True, help="as the server says it")
def status(url: str, *, as_json: bool) -> None:
    """Tell how a running server stands; exit code 1 where something needs an operator."""
    found = status_report.ask_server(url)
    shown = [orjson.dumps(found).decode()] if as_json else status_report.lines(found)
    for line in shown:
        click.echo(line)
    sys.exit(1 if found["concerns"] else 0)


@main.command("config")
@data_option
@settings_options
def show_config(data: Path, **chosen: Any) -> None:
    """Show and check all settings, as `serve` would use them; exit code 2 where one is wrong."""
    settings = usable_settings(data, chosen)
    source_of = click.get_current_context().get_parameter_source
    for name, value in settings.shown().items():
        source = _SOURCES[source_of(name) or ParameterSource.DEFAULT]
        click.echo(f"{variable(name):36} {source:9} {value}".rstrip())


@main.command()
@click.argument("subject", type=click.Choice(audit_report.SUBJECTS))
@click.argument("number", metavar="ID", type=click.IntRange(1))
@data_option
def audit(subject: str, number: int, data: Path) -> None:
    """Tell all that has happened to a seat or a booking; the server may be running."""
    store.require(data)
    for line in audit_report.lines(data, subject, number):
        click.echo(line)


@main.command("staff")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.argument("name")
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=variable("staff_file"),
    required=True,
    help="credentials file; made when missing",
)
def add_staff(role: str, name: str, file: Path) -> None:
    """Add an organiser or an operator to the credentials file, and draw a password."""
    password = staff.add(file, Role(role), name)
    click.echo(f"{name}: {password}")
    click.echo(f"It is shown once. Next: serve with --staff-file {file}, or restart.", err=True)


@main.command("emulate")
@click.argument("service", type=click.Choice(sorted(EMULATORS)))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65_535), help="[default: 8082 and 8083]")
def emulate_command(service: str, host: str, port: int | None) -> None:
    """Run one of the two outside services, as they are documented."""
    emulate(service, host=host, port=port)


@main.command()
@data_option
def verify(data: Path) -> None:
    """Check every checksum, chain and invariant of a data directory, offline."""
    store.require(data)
    findings = store.verify(data)
    for name, value in findings.shown().items():
        click.echo(f"{name:14} {value}")
    fault = findings.fault or store.fault_of_places(data)
    if fault:
        click.echo(f"FAULT: {fault}", err=True)
        sys.exit(1)
    click.echo("good")


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@data_option
def backup(target: Path, data: Path) -> None:
    """Copy a data directory to TARGET and check the copy; the server may be running."""
    _end_as_by_ctrl_c()
    made = backups.backup(data, target, now=datetime.now(UTC))
    click.echo(f"{target}: everything acknowledged up to record {made.lsn:,}, state {made.digest}")


@main.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@data_option
def restore(source: Path, data: Path) -> None:
    """Make a new data directory of the backup SOURCE, unless anything in it is damaged."""
    _end_as_by_ctrl_c()
    made = backups.restore(source, data)
    click.echo(
        f"{data}: as it was on {made.made_at}, with record {made.lsn:,} the last one."
        f"\nNext: billetter serve --data {data}"
    )


@main.command()
@click.option("--url", default="http://127.0.0.1:8081", show_default=True, help="running server")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="read the directory of a stopped server instead",
)
@click.option("--retry", is_flag=True, help="try everything that is parked now")
def sagas(url: str, data: Path | None, *, retry: bool) -> None:
    """Tell what the gateway and the provider are owed, and what only an operator can mend."""
    if retry and data is not None:
        raise click.UsageError("only a running server can retry: leave --data out")
    if retry:
        click.echo(f"{sagas_report.retry_parked(url)} parked payments are tried again")
        return
    if data is not None:
        store.require(data)
    found = sagas_report.ask_server(url) if data is None else sagas_report.read_directory(data)
    for line in sagas_report.lines(found):
        click.echo(line)


@main.command()
@data_option
@click.option("--event", "event_id", type=click.IntRange(1), required=True)
@click.option(
    "--step",
    type=click.IntRange(1, STEP_MAX),
    default=60,
    show_default=True,
    help="seconds of the sale",
)
@click.option(
    "--speed",
    type=click.FloatRange(SPEED_MIN),
    help="so many times as fast as it was [default: all at once]",
)
@click.option(
    "--csv", "target", type=click.Path(path_type=Path, dir_okay=False), help="into this file"
)
def replay(data: Path, event_id: int, step: int, speed: float | None, target: Path | None) -> None:
    """Tell how an event was sold, a line a step; its server may be running."""
    if speed is not None and math.isnan(speed):
        raise click.UsageError("--speed must be a number")
    store.require(data)
    found = played.read_moments(data, event_id, step_ms=step * 1_000)
    if not found.is_whole:
        click.echo("The beginning has been dropped with the log; see --keep-log.", err=True)
    if target is not None:
        played.write_csv(found.moments, target)
        click.echo(f"{target}: {len(found.moments):,} lines")
        return
    moments = found.moments if speed is None else played.paced(found.moments, speed=speed)
    for line in played.lines(moments):
        click.echo(line)


@main.command()
@click.option("--minutes", type=click.FloatRange(min=0), help="[default: until all is done]")
@click.option("--seed", type=int, help="the same seed makes the same cases [default: by chance]")
@click.option("--jobs", type=click.IntRange(1), help="processes [default: one a core]")
@click.option("--trial", "names", multiple=True, type=click.Choice([one.name for one in TRIALS]))
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="keep it there")
def torture(minutes: float | None, seed: int | None, jobs: int | None, **chosen: Any) -> None:
    """Try to break the log, the snapshots and servers of its own; no data of yours is touched."""
    _end_as_by_ctrl_c()  # or the processes that run the cases would wait for ever for the next one
    seed = random.randrange(1 << 32) if seed is None else seed
    names, keep_in = chosen["names"], chosen["report"]
    report = run_trials(names, minutes=minutes, seed=seed, jobs=jobs, keep_in=keep_in)
    click.echo(report.text())
    sys.exit(1 if report.violated else 0)


def _end_as_by_ctrl_c() -> None:
    """Have a SIGTERM clear up, too: what is half made would stay, hidden and as large as it is."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
