"""`billetter demo`: from nothing to a stadium on sale, in one command.

Demo data is made once. The service and both emulators run as children of this process and end with
it, however it ends; as soon as the service is ready it says how to buy a ticket.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import httpx

from api import staff, store
from api.processes import CHILD_OF_VARIABLE, require_free_port
from api.settings import Settings
from api.staff import Role
from catalog import demo

HOST = "127.0.0.1"
STAFF_FILE = "staff.txt"
# Everybody knows these; they are of the demo alone.
ORGANISER, OPERATOR = "organiser@billetter.kz", "operator@billetter.kz"
MERCHANT_ID = "demo-merchant"
MERCHANT_PASSWORD = "demo-password"
READY_SECONDS_MAX = 120
LOOK_SECONDS = 0.5

_Child = subprocess.Popen[bytes]


def run(data: Path, *, port: int) -> None:
    """Run until a signal comes. Raises PortTaken, and StoreError if anything can't be started."""
    for one in (port, port + 1, port + 2):
        require_free_port(HOST, one)
    # Every end is as clean as Ctrl-C, which whoever started us may have had ignored: the children
    # hear it all the same.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    children: list[_Child] = []
    try:
        with store.naming(data):
            if not store.is_initialised(data):
                make_data(data)
            make_staff(data)
        _run(demo_settings(data, port=port), children)
    except KeyboardInterrupt:
        click.echo("Stopping ...", err=True)
    finally:
        for child in reversed(children):  # the service first: it may still be calling the others
            end(child)


def end(child: _Child) -> None:
    """Have a child end, and return when it has.

    Not by its `wait`: the signal that ends us is raised wherever we are, and where that is just
    within a `poll` of the child the lock in there stays taken, for ever (CPython 3.11's Popen).
    """
    child.terminate()
    with suppress(ChildProcessError):  # it has ended before
        os.waitpid(child.pid, 0)


def demo_settings(data: Path, *, port: int) -> Settings:
    """The gateway's emulator listens on the next port, the provider's on the one after that."""
    return Settings(
        data=data,
        host=HOST,
        port=port,
        gateway_url=f"http://{HOST}:{port + 1}",
        provider_url=f"http://{HOST}:{port + 2}",
        merchant_id=MERCHANT_ID,
        merchant_password=MERCHANT_PASSWORD,
        staff_file=str(data / STAFF_FILE),
        request_log="writes",
        allow_reset=True,
        provider_calls_per_second=0,  # the emulator takes them as they come
    )


def _run(settings: Settings, children: list[_Child]) -> None:
    """Start everything and wait; raises StoreError when the service ends by itself."""
    urls = {"gateway": settings.gateway_url, "provider": settings.provider_url}
    for service, url in urls.items():
        children.append(_child(["emulate", service, "--port", url.rpartition(":")[2]]))
    for child, url in zip(children, urls.values(), strict=True):
        _wait_for(f"{url}/__emu/settings", child)
    server = _child(["serve"], settings)
    children.append(server)
    _wait_for(f"{settings.own_url}/readyz", server)
    click.echo(greeting(settings.own_url))
    code = _watch(server, dict(zip(urls.items(), children[:-1], strict=True)))
    raise store.StoreError(f"the service has ended with code {code}; see above")


def _watch(server: _Child, emulators: dict[tuple[str, str], _Child]) -> int:
    """The code that the service ends with; an emulator that ends before is told of, once."""
    while True:
        for (service, url), emulator in list(emulators.items()):
            if emulator.poll() is not None:
                del emulators[service, url]
                click.echo(_gone(service, url, emulator.returncode), err=True)
        try:
            return server.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _gone(service: str, url: str, code: int) -> str:
    return (
        f"The emulated {service} has ended with code {code} and has forgotten everything."
        f" To start another one: billetter emulate {service} --port {url.rpartition(':')[2]}"
    )


def make_data(data: Path) -> None:
    """Write demo files and import them, with progress; nothing stays behind on failure."""
    click.echo(f"Making demo data in {data} (once) ...", err=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".demo-", dir=data.parent) as directory:
        today = datetime.now(UTC).date()
        initialise(data, demo.write(Path(directory), today=today, progress=True), progress=True)


def make_staff(data: Path) -> None:
    """An organiser and an operator with the demo's password, where there are none."""
    file = data / STAFF_FILE
    if not file.exists():
        members = ((Role.ORGANISER, ORGANISER), (Role.OPERATOR, OPERATOR))
        lines = [staff.line_of(role, name, demo.PASSWORD) for role, name in members]
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")


def initialise(
    data: Path, files: demo.Files, *, archive: bool = True, progress: bool = False
) -> None:
    """Import a demo's files into a new data directory, with or without the archive's."""
    store.initialise(
        data,
        users=files.users,
        events=files.events,
        archive=files.archive if archive else None,
        halls=files.halls,
        timezone=store.time_zone(store.TIMEZONE),
        progress=progress,
    )


def _child(arguments: list[str], settings: Settings | None = None) -> _Child:
    environ = {**os.environ, CHILD_OF_VARIABLE: str(os.getpid())}
    if settings is not None:
        environ |= settings.export()
    return subprocess.Popen([sys.executable, "-m", "api", *arguments], env=environ)


def _wait_for(url: str, child: _Child) -> None:
    """Return when `url` answers. Raises StoreError when the child has ended or time is over."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        if child.poll() is not None or time.monotonic() > deadline:
            raise store.StoreError(f"nothing answers at {url}; see the messages above")
        time.sleep(0.1)


def greeting(own_url: str) -> str:
    """What a newcomer does first."""
    return f"""
  Billetter sells tickets at {own_url} (documentation: {own_url}/docs)
  In a browser: buy at /event?id=1, watch it sell at /organiser?id=1, let people in at /box-office.
  A buyer: {demo.EMAIL}, staff: {ORGANISER} and {OPERATOR}, password {demo.PASSWORD}.
  Without one: find an event, hold a seat:

    curl '{own_url}/api/events?query=концерт'
    curl -u {demo.EMAIL}:{demo.PASSWORD} {own_url}/api/bookings -d '{{"event_id": 1}}'
    curl '{own_url}/api/seats?event_id=1&status=FREE'

  The rest of the story is in README.md. Stop with Ctrl-C; bookings are kept in the data directory.
"""
