"""The files of replayed sales, and the process that makes one of them at a time.

They are made anew from the log whenever somebody asks, so none outlives the server.
"""

import asyncio
import os
import shutil
from collections import OrderedDict
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog

from api.child import beside
from api.problems import REPLAY_BUSY, REPLAY_MISSING, Refusal

REPLAYS_DIRECTORY = "replays"
REPLAYS_KEPT_MAX = 8
REPLAYER = ("-m", "api.organiser.replayer")

log = structlog.get_logger("replays")


class ReplayState(StrEnum):
    NONE = "none"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class Told(msgspec.Struct):
    """What the process has said of a file that it has made."""

    began_at: str = ""
    ended_at: str = ""
    whole: bool = False
    changes: int = 0


class Replay(msgspec.Struct):
    """How far an event's replay is; `percent` of the log has been read."""

    state: ReplayState = ReplayState.NONE
    percent: int = 0
    told: Told = msgspec.field(default_factory=Told)


class ReplayFailed(Exception):
    """The process has ended with this on its stderr."""


def replay_path(directory: Path, event_id: int) -> Path:
    return directory / f"{event_id}.replay"


class Replays:
    """Those of one server, in a directory within its data; what a server before it made is gone."""

    def __init__(self, data: Path, *, replayer: tuple[str, ...] = REPLAYER) -> None:
        self._data = data
        self._directory = data / REPLAYS_DIRECTORY
        self._replayer = replayer
        # The one asked for last is last.
        self._replays: OrderedDict[int, Replay] = OrderedDict()
        self._making: asyncio.Task[None] | None = None
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700)

    def of(self, event_id: int) -> Replay:
        """How far it is; NONE: nobody has asked for one, or it made room for newer ones."""
        return self._replays.get(event_id) or Replay()

    def file(self, event_id: int) -> Path:
        """The finished file; raises Refusal where there is none."""
        if self.of(event_id).state is not ReplayState.READY:
            raise Refusal(REPLAY_MISSING)
        return replay_path(self._directory, event_id)

    def begin(self, event_id: int) -> Replay:
        """Make the event's file anew, unless it is being made; raises Refusal behind another."""
        if self._making is not None and not self._making.done():
            if self.of(event_id).state is not ReplayState.RUNNING:
                raise Refusal(REPLAY_BUSY)
            return self.of(event_id)
        self._replays.pop(event_id, None)
        self._forget_the_oldest()
        replay = self._replays[event_id] = Replay(ReplayState.RUNNING)
        self._making = asyncio.create_task(self._make(event_id, replay))
        return replay

    async def stop(self) -> None:
        """Give up the one that is being made, and return when its process has ended."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    def _forget_the_oldest(self) -> None:
        while len(self._replays) >= REPLAYS_KEPT_MAX:
            event_id, _ = self._replays.popitem(last=False)
            replay_path(self._directory, event_id).unlink(missing_ok=True)

    async def _make(self, event_id: int, replay: Replay) -> None:
        """A sale can go on without a replay of it: what fails is logged and told, and no more."""
        try:
            replay.told = await self._run(event_id, replay)
        except (ReplayFailed, OSError, ValueError, msgspec.DecodeError) as failure:
            replay.state = ReplayState.FAILED
            log.error("replay failed", event_id=event_id, reason=str(failure))
        else:
            replay.state, replay.percent = ReplayState.READY, 100

    async def _run(self, event_id: int, replay: Replay) -> Told:
        own_id = str(os.getpid())
        program = (*self._replayer, str(self._data), str(event_id), str(self._directory), own_id)
        async with beside(*program) as child:
            said = b""
            async for line in child.stdout:
                said = line.strip()
                if said.endswith(b"%"):
                    replay.percent = int(said[:-1])
            error = await child.error()
        if error is not None:
            raise ReplayFailed(error)
        return msgspec.json.decode(said, type=Told)
