"""What every story of the sagas needs: a world to happen in."""

import asyncio

import pytest

from tests.sagas.world import Story, Tell, running


@pytest.fixture
def tell() -> Tell:
    """Run a story in a world of its own."""

    def run(story: Story) -> None:
        async def whole() -> None:
            async with running() as world:
                await story(world)

        asyncio.run(whole())

    return run
