"""Small truths about processes: who dies with whom, whose port it is, how much may be open."""

import asyncio
import ctypes
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_address

_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)
# What the log, snapshots, the catalog and calls to the outside may have open beside connections.
FILES_RESERVED = 512
# Granian needs some milliseconds between an application's start and its work.
GONE_ON_SECONDS = 0.2
LOOK_SECONDS = 0.5  # so much later is heard what nothing has woken us for
# Set for the children of a demo: the id of its process.
CHILD_OF_VARIABLE = "BILLETTER_CHILD_OF"


class PortTaken(Exception):
    """We can't listen on the address we were told to use: the message says why."""


def die_with_parent(expected_id: int) -> None:
    """Be told to end by the kernel when the parent ends, even by kill -9 (Linux only).

    An orphaned worker would keep the port and the lock of the data directory. `expected_id` is
    the process that started us: an orphan's new parent may have any id, and a container's first
    process has id 1.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != expected_id:
        sys.exit("the parent process has ended already")


def leave_terminal_to_parent() -> None:
    """Ignore what a terminal sends to everybody; the parent hears it too, and tells us once.

    A worker of Granian's stands still at the third signal, and hasn't ended when it is killed.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def keep_the_end_for_workers() -> None:
    """See to it that a worker is forked, and hears of a SIGTERM only by `hear_the_first_end`.

    Call it in the supervisor. Its handlers would only make the worker note the signal, and so would
    the loop's before it runs; either way it went on until it was killed. Since Python 3.14 Granian
    would spawn its worker: what is registered for a fork isn't done then, and beside the worker
    there is a second child that looks after nothing.
    """
    if sys.platform.startswith("linux"):
        multiprocessing.set_start_method("fork", force=True)
    os.register_at_fork(after_in_child=lambda: _mask_the_end(signal.SIG_BLOCK))


def _mask_the_end(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGTERM})


def hear_the_first_end(ended: Callable[[], None]) -> Callable[[], None]:
    """Let a worker hear one SIGTERM and ignore the next: at the third it would stand still.

    `ended` is called on the loop: Granian tells the application only when every reply has ended.

    Call it on the worker's loop. The loop reads from its wake-up pipe which signals came, so this
    handler, which Python calls beside it, takes none away from Granian. But Granian runs the loop
    for the application's start, and then until the end, and what came between the two it never
    hears: the worker went on until it was killed. Call what is returned when the application has
    started; Granian is then told again of a signal that has come by the time it has gone on.
    """
    loop = asyncio.get_running_loop()
    has_come = False

    def ignore_the_next(number: int, _: object) -> None:
        nonlocal has_come
        has_come = True
        signal.signal(number, signal.SIG_IGN)
        loop.call_soon_threadsafe(ended)

    def tell_again() -> None:
        if has_come:
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.raise_signal(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    signal.signal(signal.SIGTERM, ignore_the_next)
    _mask_the_end(signal.SIG_UNBLOCK)

    def has_started() -> None:
        loop.call_later(GONE_ON_SECONDS, tell_again)

    return has_started


class Interrupt(threading.Event):
    """An event that a signal's handler sets, for a main thread that waits beside other threads.

    Of two signals that come at once, Ctrl-C and a SIGTERM, the kernel may give both to another
    thread. Python calls handlers only in the main one, and nothing wakes that: half of such stops
    were lost. So it looks around now and then.
    """

    def wait(self, timeout: float | None = None) -> bool:
        """Granian's parent waits without a timeout; with one it is as any event's."""
        if timeout is not None:
            return super().wait(timeout)
        while not super().wait(LOOK_SECONDS):
            pass
        return True


def parent_id() -> int:
    """The process that has started this worker."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "Granian starts workers"
    assert parent.pid is not None, "a worker runs, so its parent has been started"
    return parent.pid


def die_with_demo() -> None:
    """`die_with_parent` for what a demo has started, and nothing for anybody else."""
    if demo_id := os.environ.pop(CHILD_OF_VARIABLE, ""):
        die_with_parent(int(demo_id))


def is_address(host: str) -> bool:
    """An IP address without a zone: Granian can listen on nothing else, and looks up no name."""
    try:
        return "%" not in host and bool(ip_address(host))
    except ValueError:
        return False


def require_free_port(host: str, port: int) -> None:
    """Raise PortTaken if somebody listens there, or if we can't.

    Granian binds with SO_REUSEPORT, so a second server would silently share the connections.
    """
    if not is_address(host):
        raise PortTaken(f"can't listen on {host!r} port {port}: it is no address like 127.0.0.1")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as refused:
            reason = refused.strerror or str(refused)
            raise PortTaken(f"can't listen on {host} port {port}: {reason}") from None


def allow_connections(wanted: int) -> int:
    """How many connections may be open; raises the limit of open files as far as it may be raised.

    Many systems begin with 1,024 files. Without a file to spare the log couldn't go on, which
    ends the server, so that crowd has to wait in the backlog instead.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited and soft < wanted + FILES_RESERVED:
        soft = wanted + FILES_RESERVED if hard == unlimited else min(wanted + FILES_RESERVED, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == unlimited else min(wanted, max(soft - FILES_RESERVED, soft // 2))
