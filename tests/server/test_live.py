"""A sale is followed over a real stream, and a stop ends it."""

import contextlib
import re
import socket
from pathlib import Path

import httpx
import orjson
import pytest

from tests.server.buyer import Buyer
from tests.server.conftest import StartServer
from torture.servers.child import Server

pytestmark = pytest.mark.server
OWN = 7
MAP = f"/x/events/{OWN}/seatmap"
LAST_CHUNK = b"\r\n0\r\n\r\n"
_MESSAGE = re.compile(rb"id: (\d+)\ndata: ({[^\n]+})\n\n")


class Watcher:
    """A client that knows the map and follows its changes."""

    def __init__(self, server: Server, since: int) -> None:
        self._client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        request = f"GET /x/events/{OWN}/stream?since={since} HTTP/1.1\r\nHost: test\r\n\r\n"
        self._client.sendall(request.encode())
        self.heard = b""

    def until(self, status: str, index: int) -> int:
        """Read until somebody's seat has become so; the version in which it has."""
        while True:
            for version, content in _MESSAGE.findall(self.heard):
                if index in orjson.loads(content)[status]:
                    return int(version)
            part = self._client.recv(65_536)
            assert part, "the stream has ended"
            self.heard += part

    def until_the_end(self) -> None:
        while part := self._client.recv(65_536):
            self.heard += part

    def close(self) -> None:
        self._client.close()


def test_a_sale_is_followed_until_the_stop(data: Path, serve: StartServer) -> None:
    """Held and let go as the map has it; SIGTERM ends the streams as whole replies, and exit 0.

    A worker whose streams went on would be killed in the end, without a word.
    """
    server = serve(data)
    with Buyer(server.url) as buyer, contextlib.ExitStack() as stack:
        before = buyer.http.get(MAP).content
        watchers = [Watcher(server, int.from_bytes(before[:8], "big")) for _ in range(3)]
        for one in watchers:
            stack.callback(one.close)
        leaving, silent, watcher = watchers
        _, (seat_id,) = buyer.hold(OWN)
        index = seat_id % 10_000 - 1
        watcher.until("reserved", index)
        leaving.until("reserved", index)
        leaving.close()
        buyer.release(seat_id)
        version = watcher.until("free", index)

        told = buyer.http.get(f"{MAP}?since={version}").json()
        assert version <= told["version"]
        assert before[8:] == buyer.http.get(MAP).content[8:]
        head = buyer.http.head(f"/x/events/{OWN}/stream")
        assert (200, b"") == (head.status_code, head.content)
        server.process.terminate()
        watcher.until_the_end()
        silent.until_the_end()
        assert 0 == server.process.wait()

    assert [True] * 2 == [one.heard.endswith(LAST_CHUNK) for one in (watcher, silent)]
    log = server.log.read_text()
    assert 1 == log.count('"event":"stopped"')
    assert "Traceback" not in log
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url)
