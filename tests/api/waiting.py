"""Waiting for what goes on beside a test."""

import asyncio
from collections.abc import Callable

import pytest

ENOUGH = 3_000  # of short waits: a test that waits longer has failed


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(ENOUGH):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never came to that")
