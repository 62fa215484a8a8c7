"""A Python program in a process of its own, beside the loop and behind the buyers.

uvloop starts one by fork, which copies the tables of all memory on the loop: nobody is answered for
16 ms where the server holds 200 MB, and for 55 to 65 where it holds a gigabyte. What the standard
library does (vfork) takes 1 and 1.5 ms.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import IO, NamedTuple

from api.cores import use_all_cores

NICENESS = 10
ERROR_BYTES_MAX = 2_000  # of what a failed process says, the end of it
PIECE_BYTES = 65_536


class Child(NamedTuple):
    """A process that runs."""

    process: subprocess.Popen[bytes]
    stdout: asyncio.StreamReader
    last_words: asyncio.Task[bytes]

    async def error(self) -> str | None:
        """When it has ended: what it said last of its failure; None: it has done its work."""
        said = await self.last_words
        if await asyncio.to_thread(self.process.wait) == 0:
            return None
        return said.decode(errors="replace").strip()


@asynccontextmanager
async def beside(*arguments: str) -> AsyncIterator[Child]:
    """Run Python with these arguments; it doesn't outlive the block. Raises OSError."""
    process = _started(arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    pipes: list[asyncio.BaseTransport] = []
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            use_all_cores(process.pid)
        stdout, stderr = [await _read(pipe, pipes) for pipe in (process.stdout, process.stderr)]
        yield Child(process, stdout, asyncio.create_task(_end_of(stderr)))
    finally:
        process.kill()  # nothing where it has ended and was waited for
        for pipe in pipes:
            pipe.close()  # which is the end of what is read of it, too
        await asyncio.to_thread(process.wait)


def _started(arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
    command, pipe = [sys.executable, *arguments], subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, bufsize=0)


async def _read(pipe: IO[bytes], pipes: list[asyncio.BaseTransport]) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    pipes.append(transport)
    return reader


async def _end_of(stderr: asyncio.StreamReader) -> bytes:
    """Read as it comes: whoever writes to a pipe that nobody reads stands still."""
    end = b""
    while piece := await stderr.read(PIECE_BYTES):
        end = (end + piece)[-ERROR_BYTES_MAX:]
    return end
