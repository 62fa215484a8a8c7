"""Ports that stay free until a server has started."""

import itertools
import socket
from contextlib import closing
from pathlib import Path

import pytest

from torture.servers import ports
from torture.servers.ports import PORTS, free_port


def test_no_outgoing_connection_is_given_such_a_port() -> None:
    """Where the machine keeps Linux's own range; a wider one makes it unlikely only."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    if int(given[0]) < 32_768:
        pytest.skip(f"this machine gives outgoing connections ports from {given[0]} on")
    assert PORTS.stop <= int(given[0])
    assert all(free_port() in PORTS for _ in range(100))


def test_a_port_is_given_once() -> None:
    """Although nobody listens on it yet."""
    given = [free_port() for _ in range(1_000)]
    assert len(set(given)) == len(given)


def test_a_port_somebody_listens_on_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = free_port()
    monkeypatch.setattr(ports, "_places", itertools.count(taken))
    with closing(socket.create_server(("127.0.0.1", taken))):
        assert free_port() > taken


def test_three_in_a_row_are_all_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is taken, so they begin after it; and never around the end of the range."""
    first = free_port(in_a_row=4)
    monkeypatch.setattr(ports, "_places", itertools.count(first))
    with closing(socket.create_server(("127.0.0.1", first + 1))):
        assert free_port(in_a_row=3) > first + 1
    last = PORTS[-1]
    monkeypatch.setattr(ports, "_places", itertools.chain([last, *PORTS]))
    assert free_port(in_a_row=2) in range(PORTS[0], last)
