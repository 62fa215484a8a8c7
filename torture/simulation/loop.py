"""An asyncio loop on virtual time, and lives that can end anywhere in it.

Nothing ever sleeps: when nothing is ready, time jumps to the next timer. Callbacks run in the order
in which they became ready, so the same program takes the same way every time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar, TypeVarTuple

# A world takes some 5,000 rounds, and one that must wait for a day 60,000: more is a loop.
ROUNDS_MAX = 200_000

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class Stuck(Exception):
    """Nothing is ready and nothing is due: whoever waits, waits for ever."""


class Endless(Exception):
    """More rounds than any honest world needs."""


class LifeOver(Exception):
    """The process has died before it could answer."""


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is in virtual seconds since the loop was made; `accidents` is what nobody caught.

    `rounds` counts the turns of the loop, and Endless is raised when they are too many.
    """

    # What the base class keeps there.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self.rounds = 0
        self._selector = self  # whom the base class asks for news: there is none but time
        self.accidents: list[str] = []
        # Those of no life. A dict for its order.
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.set_task_factory(self._task)
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._now_s

    def call_soon(
        self,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        life = LIFE.get() if context is None else context.get(LIFE)
        # Whoever wakes the dead, wakes nobody.
        if life is None or not life.is_over:
            self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # there is one thread

    def select(self, timeout: float | None) -> list[Any]:
        """Go on at once if something is ready, else at the moment of the next timer."""
        self.rounds += 1
        if self.rounds > ROUNDS_MAX:
            raise Endless
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self._now_s = max(self._now_s, self._scheduled[0].when())
        return []

    def forget(self, life: "Life") -> None:
        """Drop all that was going to run for it."""
        for handle in (*self._ready, *self._scheduled):
            if _life_of(handle) is life:
                handle.cancel()

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context)
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is not None:
            life.tasks.append(task)
        else:
            self.tasks[task] = None
            task.add_done_callback(self.tasks.pop)
        return task

    def _note(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.accidents.append(f"{context['message']}: {context.get('exception')!r}")


class Life:
    """A process: what runs in it ends with it at once, with no `finally` and no last words."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.is_over = False
        # Kept, lest the collector ends one at a moment of its own choice.
        self.tasks: list[asyncio.Task[Any]] = []
        # Those outside who wait for something in here: a dict for its order.
        self._waiters: dict[asyncio.Future[None], None] = {}
        self._context = copy_context()
        self._context.run(LIFE.set, self)

    async def result(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """For those outside: what `work` returns in here. Raises LifeOver when it never will."""
        task = self._loop.create_task(work, context=self._context.copy())
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters[waiter] = None
        task.add_done_callback(lambda _: _wake(waiter))
        try:
            await waiter
        finally:
            self._waiters.pop(waiter, None)
        if not task.done():
            raise LifeOver
        return task.result()

    def end(self) -> None:
        self.is_over = True
        self._loop.forget(self)
        for waiter in self._waiters:
            _wake(waiter)

    def bury(self) -> None:
        """Let go of what was under way, when there is nobody left whom it could tell."""
        while self.tasks:
            task = self.tasks.pop()
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                assert coroutine is not None
                with suppress(BaseException):
                    self._context.copy().run(coroutine.close)


# Whose code is running; None: something outside of our server.
LIFE: ContextVar[Life | None] = ContextVar("LIFE", default=None)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _life_of(handle: asyncio.Handle) -> Life | None:
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(LIFE)
