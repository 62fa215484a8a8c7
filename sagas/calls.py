"""The calls to one outside service since the process began: what became of each, how long it took.

Who watches the shop sees here what the breaker can't tell: a gateway that begins no payment while
all its checks are answered, or a provider that becomes slower by the hour.
"""

import asyncio
from collections.abc import Awaitable
from itertools import product

from engine import Histogram
from sagas import wire
from sagas.outcome import Unknown

BECAME = ("done", "refused", "erred", "silent")
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Calls:
    """By the name of the call and by what became of it."""

    def __init__(self, *names: str) -> None:
        # All from zero: whoever reads them now and then would miss the first of what isn't there.
        self.counts = dict.fromkeys(product(names, BECAME), 0)
        self.seconds = Histogram(SECONDS)

    async def counted(
        self, call: str, asked: Awaitable[wire.Reply | Unknown]
    ) -> wire.Reply | Unknown:
        """Wait for the answer to the call of that name."""
        clock = asyncio.get_running_loop().time
        began = clock()
        reply = await asked
        self.seconds.add(clock() - began)
        self.counts[call, _become(reply)] += 1
        return reply


def _become(reply: wire.Reply | Unknown) -> str:
    """By the status alone: what else makes an answer unreadable stands in the log."""
    if isinstance(reply, Unknown):
        return "silent"
    if reply.status >= 500 or reply.status in wire.OVERLOADED:
        return "erred"
    return "done" if 200 <= reply.status < 300 else "refused"
