"""How a server loses a connection on purpose."""

import os
import socket
from collections.abc import Iterator

import httpx
import pytest

from emulators.connections import InProcess, Outgoing, Sockets


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends: the client's, and the one that this process has accepted."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
        server.accept()[0] as accepted,
    ):
        yield client, accepted


def test_drop_shuts_the_very_connection(connection: tuple[socket.socket, socket.socket]) -> None:
    """The client reads the end of its stream; the port may be text, as Granian gives it."""
    client, _ = connection
    host, port = client.getsockname()

    Sockets().drop({"client": (host, str(port))})

    assert b"" == client.recv(1)


def test_refusal_is_a_drop(connection: tuple[socket.socket, socket.socket]) -> None:
    """A server that listens can only hang up."""
    client, _ = connection

    Sockets().refuse({"client": client.getsockname()})

    assert b"" == client.recv(1)


def test_truncation_is_left_to_the_server(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    """The half that was sent must arrive, so the socket isn't touched."""
    client, accepted = connection

    Sockets().truncate({"client": client.getsockname()})
    accepted.sendall(b"half")

    assert b"half" == client.recv(4)


def test_connection_of_somebody_else() -> None:
    """Behind a proxy the client's address is nobody's here: that is said, not ignored."""
    with pytest.raises(RuntimeError, match="not one of this process"):
        Sockets().drop({"client": ("127.0.0.1", 1)})


def test_a_drop_leaves_nothing_open(connection: tuple[socket.socket, socket.socket]) -> None:
    """One open file is wanted; were copies of the others kept, each drop would double them."""
    client, _ = connection
    before = os.listdir("/dev/fd")

    Sockets().drop({"client": client.getsockname()})
    with pytest.raises(RuntimeError):
        Sockets().drop({"client": ("127.0.0.1", 1)})

    assert before == os.listdir("/dev/fd")


def test_in_process_the_client_gets_its_own_exception() -> None:
    """As if its network had failed."""
    with pytest.raises(httpx.ConnectError):
        InProcess().refuse({})
    with pytest.raises(httpx.RemoteProtocolError):
        InProcess().drop({})
    with pytest.raises(httpx.RemoteProtocolError):
        InProcess().truncate({})


@pytest.mark.anyio
async def test_connection_that_is_reset_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of the network like any other, and not the library's own slip."""

    async def slip(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        raise AttributeError("'NoneType' object has no attribute 'getpeername'")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", slip)

    with pytest.raises(httpx.ConnectError):
        await Outgoing().handle_async_request(httpx.Request("GET", "http://shop"))
