"""Those who watch one hall over a stream: each is told what has changed, one message at a time.

Whoever can't take a message misses the looks meanwhile and is told all of them in the next one, so
he costs no more memory than the others.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from api.live.hall import WatchedHall
from api.live.halls import LOOK_SECONDS

BEAT_SECONDS = 15.0
BEAT = b": still here\n\n"
# What a browser does by itself when the stream ends; also makes the headers leave at once.
OPENING = b"retry: 2000\n\n"
# Each takes some 10 us: a round of the loop stays below a millisecond.
TOLD_PER_ROUND = 64
# Telling takes at most a fifth of the time, however many watch.
REST_PER_TELLING = 4
REST_SECONDS_MAX = 1.0

Sleep = Callable[[float], Coroutine[Any, Any, None]]
_Turn = asyncio.Future[bool]  # True: if nothing is new, we are still here


class Audience:
    """Looks as long as somebody watches; clock and sleep are seams for tests."""

    def __init__(
        self,
        look: Callable[[], WatchedHall],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._look = look
        self._clock = clock
        self._sleep = sleep
        self._hall = look()
        # In the order in which they came; a dict, because whoever leaves is taken out.
        self._waiting: dict[_Turn, None] = {}
        self._looking: asyncio.Task[None] | None = None
        self.watchers = 0

    async def messages(self, since: int) -> AsyncGenerator[bytes, None]:
        """What changes after that version, until the caller has enough."""
        self._join()
        try:
            yield OPENING
            is_beat = False
            while True:
                if since != self._hall.version:
                    frame = self._hall.news(since).frame
                    since = self._hall.version
                    yield frame
                elif is_beat:
                    yield BEAT
                is_beat = since == self._hall.version and await self._turn()
        finally:
            self._leave()

    async def _turn(self) -> bool:
        self._begin()  # a look may have failed while he was reading
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            return await turn
        finally:  # where nothing happens those who come and go would pile up
            self._waiting.pop(turn, None)

    def _join(self) -> None:
        self._hall = self._look()
        self.watchers += 1
        self._begin()

    def _begin(self) -> None:
        if self._looking is None:
            self._looking = asyncio.create_task(self._follow())
            self._looking.add_done_callback(self._ended)

    def _leave(self) -> None:
        self.watchers -= 1
        if not self.watchers and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _follow(self) -> None:
        version, told_at, rest = self._hall.version, self._clock(), LOOK_SECONDS
        while True:
            await self._sleep(rest)
            began = self._clock()
            self._hall = self._look()
            is_beat = began - told_at >= BEAT_SECONDS
            if self._hall.version != version or is_beat:
                version, told_at = self._hall.version, began
                await self._tell(is_beat=is_beat)
            rest = (self._clock() - began) * REST_PER_TELLING
            rest = min(max(rest, LOOK_SECONDS), REST_SECONDS_MAX)

    async def _tell(self, *, is_beat: bool) -> None:
        """Some in each round of the loop, so that buyers are served in between."""
        waiting, self._waiting = [*self._waiting], {}
        for first in range(0, len(waiting), TOLD_PER_ROUND):
            for turn in waiting[first : first + TOLD_PER_ROUND]:
                if not turn.done():  # else he has left
                    turn.set_result(is_beat)
            await asyncio.sleep(0)

    def _ended(self, looking: asyncio.Task[None]) -> None:
        """A look that fails ends the streams with its error: nobody waits for nothing."""
        if looking.cancelled() or (failure := looking.exception()) is None:
            return
        self._looking = None
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(failure)
        self._waiting.clear()
