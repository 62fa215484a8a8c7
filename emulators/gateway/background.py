"""What the gateway does when nobody waits for it: webhooks, customers who come by themselves."""

import asyncio
from collections.abc import Coroutine
from typing import Any

# Each waits in some 5 KB; what comes above that is dropped and counted.
TASKS_MAX = 100_000


class Background:
    """Tasks in the order in which they began, which is also the order in which they end."""

    def __init__(self) -> None:
        # A dict for its order: a set would end its tasks in another one in every process.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self.dropped = 0

    def start(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do this some time from now on. False: there is too much to do already."""
        if len(self._tasks) >= TASKS_MAX:
            work.close()
            self.dropped += 1
            return False
        task = asyncio.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return True

    async def settle(self) -> None:
        """Wait until nothing is left to do."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def end(self) -> None:
        """Stop everything where it is."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.dropped = 0
