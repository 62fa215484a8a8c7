"""Who ends with whom, whose port it is, and how many connections fit."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from api import processes
from api.processes import PortTaken, allow_connections, require_free_port
from torture.servers.ports import free_port

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells children of a parent's end"
)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on, in the way Granian does."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_refused(taken: int, host: str) -> None:
    """Even where the system would let two servers share it; also under the wildcard address."""
    expected = f"^can't listen on {host} port {taken}: Address already in use$"

    with pytest.raises(PortTaken, match=expected):
        require_free_port(host, taken)


def test_a_free_port_stays_free(taken: int) -> None:
    """Asking leaves nothing behind, and asking again gives the same answer."""
    port = free_port()

    require_free_port("127.0.0.1", port)
    require_free_port("127.0.0.1", port)


def test_a_port_whose_server_has_just_ended_is_free() -> None:
    """The system remembers its connections for a minute, and a restart doesn't wait for that."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            served, _ = server.accept()
            served.close()  # whoever closes first is the one that is remembered
            assert b"" == client.recv(1)

    require_free_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["", "localhost", "127.1", "::1%lo", "no such host", "\udcff"])
def test_a_name_is_not_listened_on(host: str) -> None:
    """Granian looks up none, and would end in a traceback."""
    with pytest.raises(PortTaken, match="port 8081: it is no address like"):
        require_free_port(host, 8081)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_not_a_taken_port(host: str) -> None:
    """The message says what the system says: there is nobody to look for."""
    with pytest.raises(PortTaken, match=f"^can't listen on {host} port 8081: ") as refused:
        require_free_port(host, 8081)

    assert "in use" not in str(refused.value)


ENDED_SECONDS_MAX = 20
# The grandchild says that it is ready and waits, and so does its parent.
ORPHAN = """
import os, subprocess, sys, time
child = "import os, sys, time; from api.processes import die_with_parent;"
child += "die_with_parent(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(600)"
process = subprocess.Popen([sys.executable, "-c", child, sys.argv[1] or str(os.getpid())])
time.sleep(600)
"""


# Its main thread waits, and another one takes the signal.
TAKEN_BY_ANOTHER = """
import signal, threading, time
from api.processes import Interrupt

told = Interrupt()
signal.signal(signal.SIGTERM, lambda *_: told.set())

def take():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(600)

threading.Thread(target=take, daemon=True).start()
print(told.wait(0.01), told.wait())
"""


def test_a_signal_that_another_thread_takes_is_heard() -> None:
    """Python calls handlers in the main thread alone, and that one sleeps."""
    command = [sys.executable, "-c", TAKEN_BY_ANOTHER]
    done = subprocess.run(command, capture_output=True, timeout=ENDED_SECONDS_MAX, check=True)

    assert b"False True\n" == done.stdout


# As Granian's worker: the loop is run for the start of the application, and then until the end.
TOLD_BETWEEN = """
import asyncio, os, signal, sys, uvloop
from api.processes import hear_the_first_end

loop = uvloop.new_event_loop()
over = asyncio.Event()
loop.add_signal_handler(signal.SIGTERM, over.set)
heard = []

def told(times):
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGTERM)

async def start():
    hear_the_first_end(lambda: heard.append("the application"))()

async def run(times):
    pipe = signal.set_wakeup_fd(-1)
    told(times)
    signal.set_wakeup_fd(pipe)
    await asyncio.wait_for(over.wait(), 10)
    await asyncio.sleep(0.01)

loop.run_until_complete(start())
told(int(sys.argv[1]))
async def told_once_more():
    over.clear()
    told(1)
    await asyncio.sleep(0.05)
    assert not over.is_set()

loop.run_until_complete(run(int(sys.argv[2])))
if int(sys.argv[1]):  # the loop has been told again, and that was the last time
    loop.run_until_complete(told_once_more())
print(*heard)
"""


@pytest.mark.parametrize(("between", "late"), [(1, 0), (3, 0), (0, 1), (0, 3), (1, 1)])
def test_a_worker_that_is_told_to_end_between_its_start_and_its_work_ends(
    between: int, late: int
) -> None:
    """Nobody reads the loop's pipe then, and Python's handlers may run only when it is read again.

    The application hears of it once, however often it was asked to end.
    """
    command = [sys.executable, "-c", TOLD_BETWEEN, str(between), str(late)]
    done = subprocess.run(command, capture_output=True, timeout=ENDED_SECONDS_MAX, check=False)

    assert (0, b"the application\n") == (done.returncode, done.stdout), done.stderr.decode()


# A worker is told to end as soon as it is forked, when it has its supervisor's handlers, and again
# when the loop has its own, but doesn't run.
TOLD_EARLY = """
import asyncio, os, signal, uvloop
from api.processes import hear_the_first_end, keep_the_end_for_workers

keep_the_end_for_workers()
signal.signal(signal.SIGTERM, lambda *_: print("noted"))
if worker := os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
os.kill(os.getpid(), signal.SIGTERM)
loop = uvloop.new_event_loop()
over = asyncio.Event()
loop.add_signal_handler(signal.SIGTERM, over.set)
os.kill(os.getpid(), signal.SIGTERM)

async def start():
    hear_the_first_end(lambda: print("the application"))()
    await asyncio.wait_for(over.wait(), 10)

loop.run_until_complete(start())
"""


@linux
def test_workers_are_forked_whatever_this_python_does_by_itself() -> None:
    """What is kept from a worker is kept at the fork."""
    story = (
        "import multiprocessing\n"
        "from api.processes import keep_the_end_for_workers\n"
        "multiprocessing.set_start_method('spawn')\n"
        "keep_the_end_for_workers()\n"
        "print(multiprocessing.get_start_method())"
    )
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, check=False)

    assert (0, b"fork\n") == (done.returncode, done.stdout), done.stderr.decode()


def test_a_worker_that_is_told_to_end_before_its_loop_runs_ends() -> None:
    """The signal waits until there is somebody who hears it."""
    command = [sys.executable, "-c", TOLD_EARLY]
    done = subprocess.run(command, capture_output=True, timeout=ENDED_SECONDS_MAX, check=False)

    assert (0, b"the application\n") == (done.returncode, done.stdout), done.stderr.decode()


@linux
def test_a_child_ends_with_its_parent() -> None:
    """Also when the parent is killed and can tell nobody."""
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, ""], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout as out:
        child_id = int(out.readline())
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + ENDED_SECONDS_MAX
    while _is_running(child_id):
        if time.monotonic() > deadline:
            os.kill(child_id, signal.SIGKILL)
            pytest.fail("it went on")
        time.sleep(0.02)


@linux
def test_a_child_whose_parent_has_gone_already_does_not_start() -> None:
    """Whoever the new parent is: in a container it may well be process 1."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN, "1"], stdout=subprocess.PIPE) as parent:
        try:
            child_says = _first_line_or_end(parent)
        finally:
            parent.kill()

    assert b"" == child_says


def _first_line_or_end(parent: "subprocess.Popen[bytes]") -> bytes:
    """What the child prints; nothing if it ends. The parent holds the pipe open, so look at it."""
    assert parent.stdout is not None
    os.set_blocking(parent.stdout.fileno(), False)
    deadline = time.monotonic() + ENDED_SECONDS_MAX
    while time.monotonic() < deadline:
        said = parent.stdout.read()
        if said or _children_that_run(parent.pid) == 0:
            return said or b""
        time.sleep(0.02)
    pytest.fail("the child neither speaks nor ends")


def _children_that_run(process_id: int) -> int | None:
    """None before it has had a child; zombies don't run."""
    with open(f"/proc/{process_id}/task/{process_id}/children", encoding="ascii") as file:
        children = file.read().split()
    return sum(map(_is_running, map(int, children))) if children else None


def _is_running(process_id: int) -> bool:
    try:
        with open(f"/proc/{process_id}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@linux
@pytest.mark.parametrize("variable", ["", "1"])
def test_only_a_demo_s_child_ends_with_the_demo(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that an operator starts by hand survives the shell."""
    asked: list[int] = []
    monkeypatch.setattr(processes, "die_with_parent", asked.append)
    monkeypatch.setenv(processes.CHILD_OF_VARIABLE, variable)

    processes.die_with_demo()

    assert ([int(variable)] if variable else []) == asked
    assert processes.CHILD_OF_VARIABLE not in os.environ


UNLIMITED = resource.RLIM_INFINITY
FILES = [
    # soft, hard, connections wanted; the soft limit afterwards, connections allowed
    (1_024, 1_048_576, 16_384, 16_896, 16_384),
    (1_024, UNLIMITED, 16_384, 16_896, 16_384),
    (16_384, 1_048_576, 16_384, 16_896, 16_384),
    (1_024, 4_096, 16_384, 4_096, 3_584),
    (256, 256, 16_384, 256, 128),
    (20_000, 20_000, 16_384, 20_000, 16_384),
    (UNLIMITED, UNLIMITED, 16_384, UNLIMITED, 16_384),
    (1_024, 1_024, 64, 1_024, 64),
]


@pytest.mark.parametrize(("soft", "hard", "wanted", "raised", "allowed"), FILES)
def test_the_log_never_runs_out_of_files(
    soft: int,
    hard: int,
    wanted: int,
    raised: int,
    allowed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit is raised as far as it may be, and what doesn't fit is not accepted."""
    limits = [(soft, hard)]

    def set_limits(_: int, pair: Any) -> None:
        limits.append(pair)

    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", set_limits)

    assert allowed == allow_connections(wanted)
    assert (raised, hard) == limits[-1]
