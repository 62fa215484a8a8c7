"""A crowd that holds connections on purpose, in a process of its own, and comes back when put out.

Its clients have 64 addresses of the loopback network, as a botnet has many.
"""

import errno
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple

ADDRESSES = 64
OPENINGS_PER_SECOND = 2_000
FULL_SECONDS_MAX = 60
TURN_SECONDS = 0.01
RECEIVE_BUFFER_BYTES = 2_304  # the least that Linux gives
_IP_BIND_ADDRESS_NO_PORT = 24  # Linux, ip(7): the port is chosen for the pair of addresses

_HOST = b"Host: hostile\r\n"
_LARGEST = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\n" + _HOST + b"\r\n"


class Kind(NamedTuple):
    """What one sends at first, and every `drip_seconds` after; `reads` not: takes a byte then."""

    opening: bytes
    drip: bytes = b""
    drip_seconds: float = 10.0
    reads: bool = True


KINDS = {
    "slow headers": Kind(b"GET /healthz HTTP/1.1\r\n" + _HOST + b"X-Slow: ", b"a"),
    "slow bodies": Kind(
        b"POST /api/bookings HTTP/1.1\r\n" + _HOST + b"Content-Length: 1000\r\n\r\n", b" "
    ),
    # Ten megabytes are more than a kernel takes for a client. What it drips tells it early that
    # it was put out: the end of a connection doesn't reach who has no room for what comes before.
    "slow readers": Kind(_LARGEST * 10, b"\r\n", drip_seconds=0.5, reads=False),
    "idle": Kind(b"GET /healthz HTTP/1.1\r\n" + _HOST + b"\r\n"),
}


@dataclass
class Report:
    """What became of the clients of one kind. `longest_s`: a connection's life, ended or not."""

    opened: int = 0
    refused: int = 0
    put_out: int = 0
    held: int = 0
    longest_s: float = 0.0
    told: Counter[str] = field(default_factory=Counter)


@contextmanager
def crowd(port: int, sizes: Mapping[str, int]) -> Iterator["Crowd"]:
    """So many clients of each kind at 127.0.0.1, until the block ends."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_besiege, args=(port, dict(sizes), theirs))
    process.start()
    try:
        yield Crowd(ours)
    finally:
        process.terminate()
        process.join()


class Crowd:
    """The crowd as seen from the process that has called it."""

    def __init__(self, there: Connection) -> None:
        self._there = there

    def until_full(self) -> None:
        """Return when everybody has been connected once."""
        assert self._there.poll(FULL_SECONDS_MAX), "the crowd does not get in"
        self._there.recv()

    def reports(self) -> dict[str, Report]:
        """Call it once: the crowd goes home."""
        self._there.send(None)
        found: dict[str, Report] = self._there.recv()
        return found


def _besiege(port: int, sizes: Mapping[str, int], parent: Connection) -> None:
    siege = _Siege(port, sizes)
    while siege.turn():
        pass
    parent.send(None)
    while not parent.poll():
        siege.turn()
    parent.send(siege.reports())


@dataclass(eq=False)
class _Client:
    name: str
    kind: Kind
    socket: socket.socket
    # When the opening was sent; None: it isn't connected yet.
    since: float | None = None


class _Siege:
    """All clients, on one loop without callbacks: a turn is what is due now."""

    def __init__(self, port: int, sizes: Mapping[str, int]) -> None:
        self._address = ("127.0.0.1", port)
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._reports = {name: Report() for name in sizes}
        # The kinds by turns, as far as there are enough of each.
        ranks = [(at / size, name) for name, size in sizes.items() for at in range(size)]
        self._outside = deque(name for _, name in sorted(ranks))
        self._newcomers = len(self._outside)
        self._drips: dict[str, deque[tuple[float, _Client]]] = {name: deque() for name in sizes}
        self._sources = count()
        self._began = time.monotonic()
        self._openings = 0

    def turn(self) -> bool:
        """False: everybody has been connected once."""
        self._open()
        for number, events in self._epoll.poll(TURN_SECONDS):
            self._hear(self._clients[number], events)
        self._drip()
        return self._newcomers > 0

    def reports(self) -> dict[str, Report]:
        for client in self._clients.values():
            report = self._reports[client.name]
            report.held += 1
            report.longest_s = max(report.longest_s, self._age(client))
        return self._reports

    def _open(self) -> None:
        """As many as may come by now; time in which nobody wanted to isn't made up for."""
        allowed = (time.monotonic() - self._began) * OPENINGS_PER_SECOND
        while self._outside and self._openings < allowed:
            self._openings += 1
            self._connect(self._outside.popleft())
        self._openings = max(self._openings, int(allowed))

    def _connect(self, name: str) -> None:
        kind = KINDS[name]
        new = socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if not kind.reads:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        new.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        new.bind((f"127.0.1.{next(self._sources) % ADDRESSES + 1}", 0))
        error = new.connect_ex(self._address)
        assert error in (0, errno.EINPROGRESS), errno.errorcode[error]
        self._clients[new.fileno()] = _Client(name, kind, new)
        self._epoll.register(new, select.EPOLLOUT)

    def _hear(self, client: _Client, events: int) -> None:
        try:
            if client.since is None:
                self._begin(client)
            elif not client.kind.reads:
                assert events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR)
                self._forget(client)
            elif not self._listen(client):
                self._forget(client)
        except OSError:
            self._forget(client)

    def _begin(self, client: _Client) -> None:
        client.socket.send(client.kind.opening)  # raises what has become of the connection
        client.since = time.monotonic()
        self._newcomers -= 1
        self._reports[client.name].opened += 1
        self._epoll.modify(
            client.socket, select.EPOLLRDHUP | (select.EPOLLIN if client.kind.reads else 0)
        )
        self._drip_later(client)

    def _listen(self, client: _Client) -> bool:
        """False: the server has ended the connection."""
        heard = client.socket.recv(65_536)
        if heard.startswith(b"HTTP/1.1 "):
            self._reports[client.name].told[heard[9:12].decode()] += 1
        return heard != b""

    def _forget(self, client: _Client) -> None:
        """It is outside again, and comes back as soon as it may."""
        del self._clients[client.socket.fileno()]
        client.socket.close()
        report = self._reports[client.name]
        if client.since is None:
            report.refused += 1
        else:
            report.put_out += 1
            report.longest_s = max(report.longest_s, self._age(client))
        self._outside.append(client.name)

    def _age(self, client: _Client) -> float:
        return 0.0 if client.since is None else round(time.monotonic() - client.since, 2)

    def _drip(self) -> None:
        now = time.monotonic()
        for waiting in self._drips.values():
            while waiting and waiting[0][0] <= now:
                _, client = waiting.popleft()
                if client.socket.fileno() >= 0:
                    self._drip_one(client)

    def _drip_one(self, client: _Client) -> None:
        try:
            client.socket.send(client.kind.drip)
            if not client.kind.reads:
                client.socket.recv(1)
        except BlockingIOError:
            pass  # nothing there to be taken, or no room
        except OSError:
            self._forget(client)
            return
        self._drip_later(client)

    def _drip_later(self, client: _Client) -> None:
        if client.kind.drip:
            due = time.monotonic() + client.kind.drip_seconds
            self._drips[client.name].append((due, client))
