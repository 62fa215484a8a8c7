"""System calls of the real server fail, lie, or are its last, as strace(1) has them do.

A case is one server: the K-th call of its kind in some thread is refused, done in part while the
kernel says otherwise, or followed by a kill; while the server starts, or under clients. A server
whose log was refused must end by itself. Then another one starts undisturbed on what is left, and
all that anybody was told must be there (history.py). Only after a lie may it refuse instead.

What strace counts are the calls of each thread by itself. Where there is no strace, or it may not
be used, the only case says so.
"""

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import NamedTuple

from torture.servers.child import (
    ENDED_SECONDS_MAX,
    NotReady,
    Server,
    started,
    wait_until_ready,
    worker_of,
)
from torture.servers.clients import Crowd
from torture.servers.history import Check, summed
from torture.servers.ports import free_port
from torture.servers.shop import Shop, command, made
from torture.tally import Hang, Tally, Violation, first_line
from wal import Corrupt, read_records

CLIENTS = 8
CALLS_MAX = 1_800  # more than 200 batches of eight clients
CALLS_AFTER_LIE = 150
# As many as the log has at the beginning: after two seconds a snapshot is made. And more than are
# added, so that none is made again, and the log goes back to that beginning.
SNAPSHOT_RECORDS = 2_000
HOLD_SECONDS = 10
# Of a server that is to meet a snapshot: five seconds at least.
UNHURRIED_CALLS, UNHURRIED_SECONDS = 800, 0.05  # in all, and between two calls of a client
NO_STRACE = "skipped: strace is not here, or may not trace"
KILL = "signal=KILL"
GOING_ON_SECONDS = 4.0  # whoever has not ended after that goes on; one second is usual
_PATH = re.compile(r"[<\"](/[^>\"]+)[>\"]")


class Blow(NamedTuple):
    """What strace does to the calls of a kind: to the first, the second, … up to `times`."""

    call: str
    what: str
    times: int
    while_starting: bool = False
    is_unhurried: bool = False

    @property
    def is_lie(self) -> bool:
        return self.what.startswith("retval")

    @property
    def named(self) -> str:
        return f"{self.call} {self.what}" + (" while starting" if self.while_starting else "")


BLOWS = (
    Blow("fdatasync", "error=EIO", 200),
    Blow("fdatasync", KILL, 200),
    Blow("pwrite64", "error=ENOSPC", 200),
    Blow("pwrite64", "retval=37", 200),
    Blow("pwrite64", KILL, 200),
    *(
        Blow(call, what, 3, is_unhurried=True)  # the snapshot, and the segments around it
        for call in ("fsync", "rename")
        for what in ("error=EIO", "error=ENOSPC", KILL)
    ),
    *(
        Blow(call, what, times, while_starting=True)
        for call, times in (("fdatasync", 70), ("pwrite64", 70), ("fsync", 8), ("rename", 2))
        for what in ("error=EIO", KILL)
    ),
    Blow("pwrite64", "retval=37", 70, while_starting=True),
)
_BLOWS = [(blow, number) for blow in BLOWS for number in range(1, blow.times + 1)]


def count(seed: int) -> int:
    return len(_BLOWS) if can_trace() else 1


def case(seed: int, number: int, found: Tally) -> str:
    """The blow of this number, and what is left after it."""
    if not can_trace():
        return NO_STRACE
    blow, when = _BLOWS[number]
    directory = Path(tempfile.mkdtemp(prefix="billetter-calls-"))
    try:
        victim = _Victim(_template(), directory, f"calls/{seed}/{number}")
        outcome = victim.suffer(blow, when, found)
    except (Exception, Hang) as failure:
        said = first_line(failure)
        raise Violation(f"{blow.named} {when}: {said}; kept in {directory}") from failure
    shutil.rmtree(directory, ignore_errors=True)
    return outcome


@cache
def can_trace() -> bool:
    """Whether strace is installed and may do what it is for."""
    try:
        tried = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return False
    return tried.returncode == 0


class _Template:
    """A shop with a history, to be copied; gone with this object."""

    def __init__(self) -> None:
        directory = Path(tempfile.mkdtemp(prefix="billetter-template-"))
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        self.shop = made(directory)
        self.check = Check()
        crowd = Crowd(self.shop.users, seed="template")
        with _serving(self.shop) as server:
            wait_until_ready(server, "/readyz")
            asyncio.run(crowd.act(server.port, lambda: len(crowd.ops) >= 4 * SNAPSHOT_RECORDS))
            server.kill()
        self.check.add(crowd.ops, read_records(self.shop.data / "wal"))
        if self.check.lsn < SNAPSHOT_RECORDS:
            raise Violation(f"only {self.check.lsn} records to begin with")


@cache
def _template() -> _Template:
    return _Template()


class _Victim:
    """A copy of the template whose server is struck."""

    def __init__(self, template: _Template, directory: Path, seed: str) -> None:
        data = Path(shutil.copytree(template.shop.data, directory / "data"))
        self._shop = Shop(data, template.shop.users, directory / "serve.log")
        self._trace = directory / "strace.txt"
        self._check = deepcopy(template.check)
        self._check.counts.clear()
        self._crowd = Crowd(self._shop.users[:CLIENTS], seed=seed, keyed=0.5)

    def suffer(self, blow: Blow, when: int, found: Tally) -> str:
        """Returns what came of it."""
        if blow.while_starting:
            outcome = self._struck_while_starting(blow, when)
        else:
            outcome = self._struck_while_serving(blow, when)
        is_whole = self._compare_log()
        if not self._is_served_again():
            if not blow.is_lie or is_whole:
                raise Violation("the next server refuses to start, and has no reason to")
            outcome = f"{blow.named}: refused by the next server"
        elif not is_whole:
            raise Violation("the log can't be read, and the next server doesn't mind")
        found.outcomes += summed(self._check.counts)
        return outcome

    def _struck_while_starting(self, blow: Blow, when: int) -> str:
        # A kill is lost on the fast way.
        fast = [] if blow.what == KILL else ["--seccomp-bpf"]
        with _serving(self._shop, [*self._tracer(blow, when), *fast]) as server:
            with suppress(NotReady):
                wait_until_ready(server, "/readyz")
            return self._judged(blow, server, patience_seconds=0)

    def _struck_while_serving(self, blow: Blow, when: int) -> str:
        calls, pause_seconds = _errands(blow, when)
        with _serving(self._shop) as server:
            wait_until_ready(server, "/readyz")
            with _attached(self._tracer(blow, when), worker_of(server)):
                acting = self._crowd.act(
                    server.port, lambda: len(self._crowd.ops) >= calls, pause_seconds
                )
                asyncio.run(acting)
                patience_seconds = 0.0 if blow.is_lie else GOING_ON_SECONDS
                return self._judged(blow, server, patience_seconds=patience_seconds)

    def _tracer(self, blow: Blow, when: int) -> list[str]:
        words = ["strace", "-f", "-qq", "-y", "-o", str(self._trace), "-e", "signal=none"]
        words += ["-e", f"trace={blow.call}"]
        return [*words, "-e", f"inject={blow.call}:{blow.what}:when={when}"]

    def _judged(self, blow: Blow, server: Server, *, patience_seconds: float) -> str:
        """How it has gone on or ended; raises Violation if it should have ended by itself."""
        has_ended = _ends_by_itself(server, patience_seconds)
        struck = self._struck(blow)  # before our own kill, which cuts off a call as well
        is_of_log = struck and struck.parent.name == "wal" and struck.suffix == ".wal"
        must_end = is_of_log and not blow.is_lie
        if must_end and not has_ended:  # on a busy machine even that takes its time
            has_ended = _ends_by_itself(server, ENDED_SECONDS_MAX)
        if not has_ended:
            server.kill()
        if struck is None:
            return f"{blow.named}: never came"
        if must_end and not has_ended:
            raise Violation(f"the server went on, and {struck.name} had been refused")
        return f"{blow.named}: {'ended' if has_ended else 'went on'}"

    def _struck(self, blow: Blow) -> Path | None:
        """The file that the struck call was about."""
        ending = "= ?" if blow.what == KILL else "(INJECTED)"
        for line in self._trace.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.endswith(ending):
                path = _PATH.search(line)
                return Path(path[1] if path else "unknown")
        return None

    def _compare_log(self) -> bool:
        """Compare what is there with what was told; False if it can't be read."""
        try:
            records = list(read_records(self._shop.data / "wal", self._check.lsn))
        except Corrupt:
            return False
        self._check.add(self._crowd.ops, records)
        return True

    def _is_served_again(self) -> bool:
        """Whether another server starts; it must answer out of what the log says."""
        with _serving(self._shop) as server:
            try:
                wait_until_ready(server, "/readyz")
            except NotReady as refused:
                if '"kind":"Corrupt"' not in str(refused):
                    raise
                return False
            enough = 2 * CLIENTS
            asyncio.run(self._crowd.act(server.port, lambda: len(self._crowd.ops) >= enough))
            server.kill()
        if len(self._crowd.ops) < enough or not self._compare_log():
            raise Violation("the next server does not answer as its log does")
        return True


def _errands(blow: Blow, when: int) -> tuple[int, float]:
    """How many calls the clients make, and the pause of each between two."""
    if blow.is_unhurried:
        return UNHURRIED_CALLS, UNHURRIED_SECONDS
    # Nobody notices a lie, so somebody must say when it has been told and built upon.
    return (CLIENTS * when // 2 + CALLS_AFTER_LIE if blow.is_lie else CALLS_MAX), 0.0


@contextmanager
def _serving(shop: Shop, tracer: Sequence[str] = ()) -> Iterator[Server]:
    """A server of this shop, under strace if there is a tracer; killed at the end."""
    port = free_port()
    words = command(shop, port, snapshot_records=SNAPSHOT_RECORDS, hold_seconds=HOLD_SECONDS)
    url = f"http://127.0.0.1:{port}"
    with started([*tracer, *words], url=url, log=shop.log) as server:
        yield server


@contextmanager
def _attached(tracer: Sequence[str], worker: int) -> Iterator[None]:
    """From now on every thread of the worker is under strace, until the worker has ended."""
    tracing = subprocess.Popen([*tracer, "-p", str(worker)])
    try:
        _until_traced(worker)
        yield
        tracing.wait(ENDED_SECONDS_MAX)
    finally:
        if tracing.poll() is None:
            tracing.kill()
            tracing.wait()


def _until_traced(worker: int) -> None:
    deadline = time.monotonic() + ENDED_SECONDS_MAX
    while not all(map(_is_traced, Path(f"/proc/{worker}/task").iterdir())):
        if time.monotonic() > deadline:
            raise TimeoutError(f"strace did not attach to {worker}")
        time.sleep(0.005)


def _is_traced(task: Path) -> bool:
    return "TracerPid:\t0\n" not in (task / "status").read_text(encoding="ascii")


def _ends_by_itself(server: Server, patience_seconds: float) -> bool:
    try:
        server.process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
