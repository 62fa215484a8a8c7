"""Clients that don't take their reply: the server itself would wait for ever."""

import asyncio
import os
import socket
import stat
import sys
from collections.abc import Iterator

LOOK_SECONDS = 0.005
# The kernel would take megabytes for each; when all connections have more than its share, all slow
# down. It keeps twice the number.
WAITING_BYTES_MAX = 65_536


async def limit_who_does_not_read(seconds: int) -> None:
    """Have the kernel end connections whose client takes nothing of a reply for so long (Linux).

    Nor does it take much for them meanwhile. Connections have these options from the socket that
    they came in by. Granian hands that one out to nobody and opens it only after the start, so it
    is looked for until it is there.
    """
    if sys.platform.startswith("linux"):
        while not _limited(seconds):  # noqa: ASYNC110 - nothing tells us of it
            await asyncio.sleep(LOOK_SECONDS)


def _limited(seconds: int) -> bool:
    """Set the limits wherever this process listens; False: it doesn't yet."""
    found = list(listening())
    for one in found:
        with one:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1_000)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WAITING_BYTES_MAX)
    return bool(found)


def listening() -> Iterator[socket.socket]:
    """Copies of the sockets that this process listens on, to be closed by the caller."""
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            one = socket.socket(fileno=os.dup(number))
        except OSError:
            continue  # closed meanwhile
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            yield one
        else:
            one.close()
