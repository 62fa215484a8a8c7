"""Tells the engine what the outside has answered, and everybody else once it is on disk."""

from collections.abc import Callable
from typing import Protocol

from engine import Engine


class ReportedFact(Protocol):
    """One of the engine's reports with its own arguments filled in."""

    def __call__(self, *, order_id: int, now_ms: int) -> None: ...


class Recorder:
    """`changed` is called with the order id after each report that has become durable."""

    def __init__(
        self, engine: Engine, *, clock_ms: Callable[[], int], changed: Callable[[int], None]
    ) -> None:
        self._engine = engine
        self._clock_ms = clock_ms
        self._changed = changed

    async def record(self, fact: ReportedFact, order_id: int) -> None:
        """Raises engine.errors.Busy: then nothing is recorded, and the call will be owed again."""
        fact(order_id=order_id, now_ms=self._clock_ms())
        await self._engine.durable()
        self._changed(order_id)
