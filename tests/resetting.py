"""A peer that takes every connection and resets it at once."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Closing then sends a reset instead of ending the connection in order.
_LINGER_FOR_NOTHING = struct.pack("ii", 1, 0)


@contextmanager
def resetting() -> Iterator[str]:
    """Its URL, while the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        resets = threading.Thread(target=_reset_all, args=(listener,))
        resets.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            resets.join()


def _reset_all(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the block is over
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_FOR_NOTHING)
        connection.close()
