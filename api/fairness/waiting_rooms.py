"""All waiting rooms that are open, and that the disk knows what people are told of them.

Who gets a number is told of it when the disk knows that it was given. So that a crowd needs few
writes, each reserves numbers for those who come next; a crash loses what was left of them, which
are turns that nobody takes.
"""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass

import structlog

from api.fairness.room_files import RoomFiles
from api.fairness.waiting_room import SECRET_BYTES, KeptRoom, WaitingRoom
from api.problems import BUSY, TOO_MANY_ROOMS, WAITING_ROOM, Refusal, retry_after

ROOMS_MAX = 100
RESERVED_MIN, RESERVED_MAX = 64, 4_096
# Whoever waits an hour needn't ask every second, nor be told to come back in an hour.
RETRY_SECONDS_MAX = 60

log = structlog.get_logger("waiting-rooms")


@dataclass(slots=True)
class _OnDisk:
    """What the file knows: changes, and numbers up to which it says they may be given."""

    changes: int = -1
    reserved: int = 0
    given: int = 0


class WaitingRooms:
    """Rooms by event. Only the loop's thread may call it."""

    def __init__(self, files: RoomFiles | None = None) -> None:
        """Without files rooms end with the process."""
        self._files = files
        # Asked by every call that takes seats: empty, there is nothing to look for.
        self.rooms: dict[int, WaitingRoom] = {}
        self.refused = 0
        self._on_disk: dict[int, _OnDisk] = {}
        self._writing: dict[int, asyncio.Task[None]] = {}
        self._disk = asyncio.Lock()
        self._is_stopping = False

    def load(self) -> None:
        """Open what was open; blocks. Raises OSError."""
        for found in self._files.read() if self._files else ():
            if isinstance(found, WaitingRoom):
                self._add(found)
            else:
                log.error("a waiting room can't be read and is closed", file=str(found))

    def open(
        self, event_id: int, *, opens_at_ms: int, per_minute: int, pass_minutes: int, now_ms: int
    ) -> WaitingRoom:
        """The event's room, opened or changed; Refusal where there are too many."""
        room = self.rooms.get(event_id)
        if room is not None:
            room.change(
                opens_at_ms=opens_at_ms,
                per_minute=per_minute,
                pass_minutes=pass_minutes,
                now_ms=now_ms,
            )
            return room
        if len(self.rooms) >= ROOMS_MAX:
            raise Refusal(TOO_MANY_ROOMS)
        room = WaitingRoom(
            event_id,
            opens_at_ms=opens_at_ms,
            per_minute=per_minute,
            pass_minutes=pass_minutes,
            seed=secrets.token_bytes(SECRET_BYTES),
            key=secrets.token_bytes(SECRET_BYTES),
        )
        room.settle(now_ms)
        self._add(room)
        return room

    async def close(self, event_id: int) -> None:
        """Everybody may come in, and all tokens are worth nothing; durable when this returns."""
        self.rooms.pop(event_id, None)
        self._on_disk.pop(event_id, None)
        if self._files is None:
            return
        async with self._disk:  # in order: what is opened meanwhile is written after this
            try:
                await asyncio.to_thread(self._files.remove, event_id)
            except OSError as failure:
                raise _not_written(failure) from failure

    async def stop(self) -> None:
        """Write down exactly what was given out, so that a stop wastes no number."""
        self._is_stopping = True
        for room in list(self.rooms.values()):  # calls under way may still open and close some
            room.changes += 1  # so that it is written once more
            with suppress(Refusal):  # what was told is on disk all the same
                await self.durable(room)

    def require_pass(self, user_id: int, event_id: int, now_ms: int) -> None:
        """Raise Refusal where the event has a room that doesn't admit the user."""
        room = self.rooms.get(event_id)
        if room is None or room.admits(user_id, now_ms):
            return
        self.refused += 1
        seconds = min(max(1, room.estimate_seconds(now_ms)), RETRY_SECONDS_MAX)
        detail = f"Сначала дождитесь своей очереди: /event?id={event_id}"
        raise Refusal(WAITING_ROOM, detail, retry_after(seconds))

    async def durable(self, room: WaitingRoom) -> None:
        """Return when the disk knows what has been told; Refusal where it doesn't take it."""
        while self._files is not None and self.rooms.get(room.event_id) is room:
            on_disk = self._on_disk[room.event_id]
            if on_disk.changes == room.changes and room.given <= on_disk.reserved:
                return
            task = self._writing.get(room.event_id)
            if task is None:
                task = asyncio.create_task(self._write(self._files, room, on_disk))
                self._writing[room.event_id] = task
            try:
                # One write serves all who wait for it, whoever of them goes away.
                await asyncio.shield(task)
            except OSError as failure:
                raise _not_written(failure) from failure

    async def _write(self, files: RoomFiles, room: WaitingRoom, on_disk: _OnDisk) -> None:
        try:
            async with self._disk:
                if self.rooms.get(room.event_id) is not room:
                    return  # closed meanwhile: its file must not come back
                kept, changes, given = self._reserving(room, on_disk)
                await asyncio.to_thread(files.write, kept)
            on_disk.changes, on_disk.reserved, on_disk.given = changes, kept.given, given
        finally:
            if self._writing.get(room.event_id) is asyncio.current_task():
                del self._writing[room.event_id]

    def _reserving(self, room: WaitingRoom, on_disk: _OnDisk) -> tuple[KeptRoom, int, int]:
        """Twice as many as came since the last time: a crowd that grows waits for few writes."""
        if self._is_stopping:
            return room.kept(), room.changes, room.given
        came = 2 * (room.given - on_disk.given)
        reserved = min(max(RESERVED_MIN, came), RESERVED_MAX)
        return room.kept(reserved), room.changes, room.given

    def _add(self, room: WaitingRoom) -> None:
        self.rooms[room.event_id] = room
        self._on_disk[room.event_id] = _OnDisk(given=room.given)


def _not_written(failure: OSError) -> Refusal:
    log.error("a waiting room can't be written", reason=str(failure))
    return Refusal(BUSY)
