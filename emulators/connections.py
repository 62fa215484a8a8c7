"""How a connection is lost, to a client and by a merchant.

ASGI has no word for it, so it is done to the socket underneath.

A server that knows its client's address finds the socket among the open files of its process and
shuts it down. Where there is no socket, in the process of the client, the client's own
exception is raised, as if its network had failed.
"""

import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import httpx
from starlette.types import Scope


class Connections(Protocol):
    """Ends a request without a proper answer."""

    def drop(self, scope: Scope) -> None:
        """Close before the first byte of an answer."""

    def truncate(self, scope: Scope) -> None:
        """Close in the middle of a body."""

    def refuse(self, scope: Scope) -> None:
        """Nobody is there."""


@dataclass(frozen=True)
class InProcess:
    """For a client whose transport is this very application."""

    def drop(self, scope: Scope) -> None:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")

    def truncate(self, scope: Scope) -> None:
        raise httpx.RemoteProtocolError("peer closed connection without sending complete body")

    def refuse(self, scope: Scope) -> None:
        raise httpx.ConnectError("Connection refused")


class Sockets:
    """For a server: every method returns, and the caller then sends nothing more."""

    def drop(self, scope: Scope) -> None:
        # Granian gives the port as text.
        host, port = scope["client"]
        client = _open_socket(host, int(port))
        if client is None:
            raise RuntimeError("The connection to be dropped is not one of this process.")
        with client, suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def truncate(self, scope: Scope) -> None:
        """Nothing to do: the server itself hangs up on an answer that is left unfinished."""

    def refuse(self, scope: Scope) -> None:
        """A process cannot unlisten for a while: the connection is taken and dropped at once."""
        self.drop(scope)


class Outgoing(httpx.AsyncHTTPTransport):
    """The way to a merchant who may hang up at any moment."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AttributeError as failure:
            # uvloop has no socket any more for a connection that is reset as soon as it is there,
            # and anyio (4.16) asks it for its address all the same.
            raise httpx.ConnectError("reset at once", request=request) from failure


def _open_socket(host: str, port: int) -> socket.socket | None:
    """A duplicate of the connection to this client, or None if there is none."""
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue  # no socket would own its duplicate, and nobody close it
            candidate = socket.socket(fileno=os.dup(int(name)))
            with suppress(OSError):
                if candidate.getpeername()[:2] == (host, port):
                    return candidate
            candidate.close()
    return None
