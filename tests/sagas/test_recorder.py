"""Facts on their way to the engine."""

import asyncio

from engine import Engine
from sagas.recorder import Recorder


def test_order_of_things() -> None:
    """A fact is reported, then made durable, and only then is anybody told."""
    happened: list[object] = []

    async def durable() -> None:
        happened.append("durable")

    def fact(*, order_id: int, now_ms: int) -> None:
        happened.append((order_id, now_ms))

    engine = Engine()
    engine.durable = durable  # type: ignore[method-assign]
    recorder = Recorder(engine, clock_ms=lambda: 17, changed=happened.append)
    asyncio.run(recorder.record(fact, 5))
    assert happened == [(5, 17), "durable", 5]
