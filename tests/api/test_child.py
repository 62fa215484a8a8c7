"""A process beside the loop: what it says, how it ends, and that the loop isn't forked for it."""

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest
import uvloop

from api.child import NICENESS, beside

SLEEP = ("-c", "import time; print('begun', flush=True); time.sleep(600)")


@pytest.fixture
def live() -> Iterator[asyncio.Runner]:
    """A loop like the server's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


def is_there(process_id: int) -> bool:
    return os.path.exists(f"/proc/{process_id}")


def test_it_says_what_it_has_to_say(live: asyncio.Runner) -> None:
    """Line by line as they come, and at the end that all is well; it stood behind others."""

    async def story() -> None:
        script = "import os; print('one', flush=True); print(os.nice(0))"
        async with beside("-c", script) as child:
            lines = [line async for line in child.stdout]
            error = await child.error()
        assert [b"one\n", b"%d\n" % (os.nice(0) + NICENESS)] == lines
        assert error is None

    live.run(story())


@pytest.mark.parametrize(
    ("script", "error"),
    [("import sys; sys.exit('no luck')", "no luck"), ("import os; os.abort()", "")],
)
def test_a_failure_is_told(live: asyncio.Runner, script: str, error: str) -> None:
    """By its last words, of which there may be none."""

    async def story() -> None:
        async with beside("-c", script) as child:
            await child.stdout.read()
            assert error == await child.error()

    live.run(story())


def test_the_end_of_long_last_words_is_kept(live: asyncio.Runner) -> None:
    """A traceback tells at its end what has happened."""

    async def story() -> None:
        async with beside("-c", "import sys; sys.exit('x' * 100_000 + 'the end')") as child:
            said = await child.error()
            assert said is not None
            assert said.endswith("xthe end")
            assert len(said) == 2_000 - len("\n")

    live.run(story())


def test_who_says_much_of_its_failures_goes_on_meanwhile(live: asyncio.Runner) -> None:
    """More than pipes and buffers hold, while nobody has asked for it yet."""

    async def story() -> None:
        script = "import sys; sys.stderr.write('x' * 1_000_000); print('done'); sys.exit('no luck')"
        async with asyncio.timeout(30), beside("-c", script) as child:
            assert b"done\n" == await child.stdout.read()
            said = await child.error()
            assert said is not None
            assert said.endswith("xno luck")

    live.run(story())


def test_it_does_not_outlive_the_block(live: asyncio.Runner) -> None:
    """Whether the block is left or its task is cancelled."""

    async def left() -> int:
        async with beside(*SLEEP) as child:
            await child.stdout.readline()
            return child.process.pid

    async def cancelled() -> int:
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def stay() -> None:
            async with beside(*SLEEP) as child:
                await child.stdout.readline()
                begun.set_result(child.process.pid)
                await child.stdout.read()

        task = asyncio.create_task(stay())
        process_id = await begun
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return process_id

    assert not is_there(live.run(left()))
    assert not is_there(live.run(cancelled()))


def test_what_can_not_be_started_is_told(
    live: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the system's own error."""
    monkeypatch.setattr("sys.executable", "/no/such/python")

    async def story() -> None:
        async with beside("-c", "pass"):
            pass

    with pytest.raises(FileNotFoundError):
        live.run(story())


def test_the_loop_is_not_forked(live: asyncio.Runner) -> None:
    """A fork copies the tables of all memory, and the loop stands still meanwhile."""
    forks: list[int] = []
    os.register_at_fork(before=lambda: forks.append(1))

    async def story() -> None:
        async with beside("-c", "pass") as child:
            assert await child.error() is None
        assert [] == forks
        theirs = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
        assert await theirs.wait() == 0
        assert [1] == forks  # or this room isn't needed any more

    live.run(story())
