"""When to look at what again: every key at most once at a time, a bounded number of them at once.

A look may be asked for at any moment and as often as one likes; asked for while it is under way,
it happens once more right after. Memory: a few words for each key that has something to wait for.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Container, Coroutine
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

Sleep = Callable[[float], Coroutine[Any, Any, None]]
# Nothing is due. (2**53 milliseconds is the year 287396.)
_NEVER_MS = 2**53
# So many moments that no longer hold may be kept beside those that do.
_SPARE_MOMENTS = 64
# One turn in so many is for those who can wait, lest they wait for ever.
_TURNS = 10


class Line(Protocol):
    """Keys that are ready for a free hand, and who of them comes next."""

    def add(self, key: int, *, ahead: bool) -> None:
        """`ahead` of those that wait already, where the line knows such a thing.

        A key that is in the line may come again: somebody has asked for it once more.
        """

    def take(self, running: Container[int]) -> int | None:
        """The next key, which leaves the line; None: nobody may begin beside these now."""


class FirstCome:
    """First come, first served; those who can wait come last."""

    def __init__(self, *, can_wait: Callable[[int], bool] = lambda _: False) -> None:
        """`can_wait` is asked about a key whenever it comes."""
        self._can_wait = can_wait
        self._keys: OrderedDict[int, None] = OrderedDict()
        self._last: OrderedDict[int, None] = OrderedDict()
        self._turn = 0

    def add(self, key: int, *, ahead: bool) -> None:
        if key not in self._keys and not ahead and self._can_wait(key):
            self._last[key] = None
            return
        self._last.pop(key, None)
        self._keys[key] = None
        if ahead:
            self._keys.move_to_end(key, last=False)

    def take(self, running: Container[int]) -> int | None:
        self._turn = (self._turn + 1) % _TURNS
        keys = self._keys or self._last
        if self._last and not self._turn:
            keys = self._last
        return keys.popitem(last=False)[0] if keys else None


class Agenda:
    """Calls `look(key)`, which returns when to look again (in ms), or None for no more."""

    def __init__(
        self,
        look: Callable[[int], Awaitable[int | None]],
        *,
        at_once: int,
        clock_ms: Callable[[], int],
        sleep: Sleep,
        line: Line | None = None,
    ) -> None:
        """`line` None: first come, first served."""
        self._look = look
        self._at_once = at_once
        self._clock_ms = clock_ms
        self._sleep = sleep
        # A key is in one of the three: waiting for its time, ready for a free hand, or running.
        self._due_ms: dict[int, int] = {}
        self._line: Line = FirstCome() if line is None else line
        self._is_ready: set[int] = set()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        # (due_ms, key); one that `_due_ms` doesn't confirm is passed over.
        self._heap: list[tuple[int, int]] = []
        self._poked = asyncio.Event()
        self._resting_until_ms = _NEVER_MS
        self._timer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look; call it on a running loop."""
        self._timer = asyncio.create_task(self._wait_and_look())
        self._begin()

    def now(self, key: int, *, ahead: bool = False) -> None:
        """Look at `key` as soon as a hand is free; `ahead` of those that wait for one already."""
        if key in self._running:
            self._again.add(key)
            return
        self._line.add(key, ahead=ahead)
        if key not in self._is_ready:
            self._due_ms.pop(key, None)
            self._is_ready.add(key)
            self._begin()

    def at(self, key: int, due_ms: int) -> None:
        """Look at `key` then, instead of at another moment that was planned; not while ready."""
        if key not in self._running and key not in self._is_ready:
            self._wait_until(key, due_ms)

    async def stop(self, *, within_seconds: float) -> None:
        """No new looks; those under way may end by themselves for a while, then they are cut."""
        if self._timer is None:
            return
        timer, self._timer = self._timer, None
        timer.cancel()
        await asyncio.gather(timer, return_exceptions=True)
        running = set(self._running.values())
        if not running:
            return
        patience = asyncio.create_task(self._sleep(within_seconds))
        patience.add_done_callback(lambda _: [task.cancel() for task in running])
        await asyncio.gather(*running, return_exceptions=True)
        patience.cancel()
        await asyncio.gather(patience, return_exceptions=True)

    def _begin(self) -> None:
        while self._timer is not None and len(self._running) < self._at_once:
            key = self._line.take(self._running)
            if key is None:
                return
            self._is_ready.discard(key)
            self._running[key] = asyncio.create_task(self._run(key))

    async def _run(self, key: int) -> None:
        due_ms: int | None = None
        try:
            due_ms = await self._look(key)
        finally:
            del self._running[key]
            if key in self._again:
                self._again.discard(key)
                self.now(key)
            elif due_ms is not None and due_ms <= self._clock_ms():
                self.now(key)
            elif due_ms is not None:
                self._wait_until(key, due_ms)
            self._begin()

    def _wait_until(self, key: int, due_ms: int) -> None:
        self._due_ms[key] = due_ms
        heappush(self._heap, (due_ms, key))
        if len(self._heap) > 2 * len(self._due_ms) + _SPARE_MOMENTS:
            # Who waits for an hour may be asked for a thousand times a second meanwhile.
            self._heap = [(moment_ms, waiting) for waiting, moment_ms in self._due_ms.items()]
            heapify(self._heap)
        if due_ms < self._resting_until_ms:
            self._poked.set()

    async def _wait_and_look(self) -> None:
        while True:
            now_ms = self._clock_ms()
            while self._heap and self._heap[0][0] <= now_ms:
                due_ms, key = heappop(self._heap)
                if self._due_ms.get(key) == due_ms:
                    self.now(key)
            self._resting_until_ms = self._heap[0][0] if self._heap else _NEVER_MS
            self._poked.clear()
            await self._rest(now_ms)

    async def _rest(self, now_ms: int) -> None:
        """Until the next key is due, or one that is due earlier comes in."""
        if self._resting_until_ms == _NEVER_MS:
            await self._poked.wait()
            return
        resting = asyncio.create_task(self._sleep((self._resting_until_ms - now_ms) / 1000))
        poked = asyncio.create_task(self._poked.wait())
        try:
            await asyncio.wait((resting, poked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            resting.cancel()
            poked.cancel()
