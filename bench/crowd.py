"""A crowd over HTTP that costs little itself: prepared requests, kept connections, no parsing.

It shares the machine with the server that it measures, so what it finds is a lower bound.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

CONNECTIONS = 64


def requests_per_second(port: int, targets: Sequence[str], *, requests: int) -> int:
    """GET `requests` times, the targets in turn; every answer must be 200."""
    return asyncio.run(_measured(port, targets, requests))


async def _measured(port: int, targets: Sequence[str], requests: int) -> int:
    prepared = [f"GET {one} HTTP/1.1\r\nHost: bench\r\n\r\n".encode() for one in targets]
    turns = islice(cycle(prepared), requests)
    began = time.perf_counter()
    await asyncio.gather(*(_visitor(port, turns) for _ in range(CONNECTIONS)))
    return round(requests / (time.perf_counter() - began))


async def _visitor(port: int, turns: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in turns:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()
    await writer.wait_closed()
