"""Clients that don't take their reply: every connection inherits limits from its listener."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from api.readers import WAITING_BYTES_MAX, limit_who_does_not_read

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="options of Linux")


def test_connections_that_come_in_later_are_limited() -> None:
    """How long a reply may lie, and how much of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asyncio.run(limit_who_does_not_read(7))
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert 7_000 == accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
                kept = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
                assert kept == 2 * WAITING_BYTES_MAX


def test_the_listener_may_come_late(tmp_path: Path) -> None:
    """It is waited for, and looking for it leaves nothing open."""

    async def late() -> int:
        limiting = asyncio.create_task(limit_who_does_not_read(7))
        await asyncio.sleep(0.05)
        assert not limiting.done()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await limiting
            return listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    with (tmp_path / "file").open("w"):
        before = len(os.listdir("/proc/self/fd"))
        assert asyncio.run(late()) == 7_000
        assert len(os.listdir("/proc/self/fd")) == before
