"""The ceiling: an application that only says hello, on the same server with the same options.

`python -m bench.hello 8090` serves it alone; with `--share-core` before the port its threads run
where the server's would, and not where the system puts them.
"""

import asyncio
import gc
import os
import sys

from starlette.types import ASGIApp, Receive, Scope, Send

from api.cores import free_network_threads, share_a_core
from api.processes import (
    die_with_parent,
    hear_the_first_end,
    leave_terminal_to_parent,
    parent_id,
)
from api.serve import serve
from api.settings import Settings

TARGET = "bench.hello:application"
SHARE_CORE = "--share-core"
VARIABLE = "BENCH_HELLO"  # what the worker is told of it
BODY = b"hello"
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))],
}
_BODY = {"type": "http.response.body", "body": BODY}


def application() -> ASGIApp:
    """What Granian's worker runs."""
    die_with_parent(parent_id())
    gc.disable()  # as the server does when it is ready; here nothing is made that needs it
    return _hello


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    await send(_START)
    await send(_BODY)


async def _live(receive: Receive, send: Send) -> None:
    freeing = None
    if os.environ.get(VARIABLE) == SHARE_CORE:
        share_a_core()
        freeing = asyncio.create_task(free_network_threads())
    for part in ("startup", "shutdown"):
        await receive()
        leave_terminal_to_parent()
        if part == "startup":
            hear_the_first_end(lambda: None)()
        await send({"type": f"lifespan.{part}.complete"})
    if freeing is not None:
        await freeing


if __name__ == "__main__":
    os.environ[VARIABLE] = sys.argv[1]
    serve(Settings(port=int(sys.argv[-1])), target=TARGET)
