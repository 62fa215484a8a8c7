"""The waiting room of one event: who comes before the opening draws lots, who comes later queues.

Numbers are called by a schedule. Of the n people who were gathered at the opening each has the
number `HMAC-SHA256(seed, user id) * n / 2^64`, of the first 8 bytes of the HMAC: whoever knows the
seed can check it with nobody's help. So two may have one number and some have nobody; both are as
good as a queue of n. Whoever comes later has the next number after those, or after the last one
called if nobody waits. The seed's SHA-256 is told beforehand and the seed afterwards.

Nothing is written down of a person: a token that only this room can have made names the number.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from typing import NamedTuple

import msgspec

from api.fairness.schedule import MINUTE_MS, Schedule, Stretch

PEOPLE_MAX = 1_000_000
SECRET_BYTES = 32
FORMAT = 1  # rises when an older program could not read a room any more

_GATHERED = -1  # instead of a number that the opening will draw
_TABLES = 256
_MAC_BYTES = 16
_NUMBER_BYTES = 8
_DRAW_BYTES = 8


class RoomFull(Exception):
    """There are as many people in the room as it takes; nothing has changed."""


class Stage(StrEnum):
    """Of a room: CLOSED, BEFORE or OPEN. Of a person: CLOSED, BEFORE, WAITING or ADMITTED."""

    CLOSED = "closed"
    BEFORE = "before"
    OPEN = "open"
    WAITING = "waiting"
    ADMITTED = "admitted"


class QueuePlace(NamedTuple):
    """Where a person stands. `ahead` will be called before; both are 0 before the opening."""

    stage: Stage
    position: int
    ahead: int
    estimate_seconds: int
    admitted_until_ms: int


class KeptRoom(msgspec.Struct, frozen=True):
    """A room as a file keeps it; secrets in hex. Numbers below `given` may have been given out."""

    format: int
    event_id: int
    opens_at_ms: int
    pass_minutes: int
    seed: str
    key: str
    stretches: list[Stretch]
    given: int
    drawn: int | None


class WaitingRoom:
    """Of one event. Time and secrets come as arguments."""

    def __init__(
        self,
        event_id: int,
        *,
        opens_at_ms: int,
        per_minute: int,
        pass_minutes: int,
        seed: bytes,
        key: bytes,
    ) -> None:
        self.event_id = event_id
        self.opens_at_ms = opens_at_ms
        self.pass_minutes = pass_minutes
        self.schedule = Schedule.begin(opens_at_ms, per_minute)
        self.seed = seed
        # Not of the seed, which is published: it would let anybody make tokens.
        self._key = key
        # How many numbers have been given out, or people gathered.
        self.given = 0
        # Among how many the lots were drawn; None: not yet.
        self.drawn: int | None = None
        # Rises with everything that isn't a number given out.
        self.changes = 0
        # By user. One table of a million would take 25 ms for a person with whom it has to grow.
        self._tables: tuple[dict[int, int], ...] = tuple({} for _ in range(_TABLES))
        self._people = 0

    def __len__(self) -> int:
        """How many people it knows, also of those whose pass is over."""
        return self._people

    @property
    def commitment(self) -> str:
        """What the seed has to fit when it is told."""
        return hashlib.sha256(self.seed).hexdigest()

    def change(self, *, opens_at_ms: int, per_minute: int, pass_minutes: int, now_ms: int) -> None:
        """Another pace or length of a pass; before the draw, another opening."""
        self.settle(now_ms)
        if self.drawn is None:
            self.opens_at_ms = opens_at_ms
            self.schedule = Schedule.begin(opens_at_ms, per_minute)
        elif per_minute != self.schedule.per_minute:
            self.schedule.change(now_ms, per_minute)
        self.pass_minutes = pass_minutes
        self.changes += 1
        self.settle(now_ms)

    def settle(self, now_ms: int) -> None:
        """Draw the lots when it is time: from now on everybody's number is certain."""
        if self.drawn is None and now_ms >= self.opens_at_ms:
            self.drawn = self.given
            self.changes += 1

    def place(self, user_id: int, token: str, now_ms: int) -> QueuePlace:
        """Where the user stands, who gets a place at the end if he has none; RoomFull.

        `token` may be anything; one that isn't his counts as none.
        """
        self.settle(now_ms)
        found = self._found(user_id, token, now_ms)
        table = self._table(user_id)
        if user_id not in table:
            if self._people >= PEOPLE_MAX:
                raise RoomFull
            self._people += 1
        table[user_id] = place = self._joined(now_ms) if found is None else found
        return self._where(place, now_ms)

    def admits(self, user_id: int, now_ms: int) -> bool:
        """True for whoever has been called and whose pass isn't over."""
        self.settle(now_ms)
        place = self._table(user_id).get(user_id)
        if place is None or self.drawn is None:
            return False
        number = self._number(user_id, place)
        return self.schedule.call_ms(number) <= now_ms < self._until_ms(number)

    def token(self, user_id: int) -> str:
        """What restores the place of a user who has one, whatever becomes of this process."""
        place = self._table(user_id)[user_id]
        content = place.to_bytes(_NUMBER_BYTES, signed=True)
        return urlsafe_b64encode(content + self._mac(user_id, content)).decode()

    def waiting(self, now_ms: int) -> int:
        """How many are gathered, or not yet called."""
        return max(0, self.given - self.schedule.called(now_ms))

    def estimate_seconds(self, now_ms: int) -> int:
        """How long somebody would wait who came now, at most."""
        return _seconds(self.schedule.call_ms(self.given) - now_ms)

    def kept(self, reserved: int = 0) -> KeptRoom:
        """The room as a file keeps it, from which so many more numbers may be given out."""
        return KeptRoom(
            FORMAT,
            self.event_id,
            self.opens_at_ms,
            self.pass_minutes,
            self.seed.hex(),
            self._key.hex(),
            self.schedule.stretches.copy(),
            self.given + reserved,
            self.drawn,
        )

    @classmethod
    def restored(cls, kept: KeptRoom) -> "WaitingRoom":
        """The room of the file; its people come back with their tokens. Raises ValueError."""
        if kept.format != FORMAT or not kept.stretches:
            raise ValueError("written by another version")
        room = cls(
            kept.event_id,
            opens_at_ms=kept.opens_at_ms,
            per_minute=kept.stretches[-1].per_minute,
            pass_minutes=kept.pass_minutes,
            seed=bytes.fromhex(kept.seed),
            key=bytes.fromhex(kept.key),
        )
        room.schedule = Schedule(kept.stretches)
        room.given, room.drawn = kept.given, kept.drawn
        return room

    def _table(self, user_id: int) -> dict[int, int]:
        return self._tables[user_id % _TABLES]

    def _found(self, user_id: int, token: str, now_ms: int) -> int | None:
        """The best place that the user has; None: none, or his pass is over."""
        places = (self._table(user_id).get(user_id), self._told(user_id, token))
        his = [place for place in places if place is not None]
        if self.drawn is None:
            return _GATHERED if his else None
        numbers = (self._number(user_id, place) for place in his)
        return min((one for one in numbers if now_ms < self._until_ms(one)), default=None)

    def _told(self, user_id: int, token: str) -> int | None:
        """What a token of ours says; None: it isn't one, or isn't this user's."""
        try:
            raw = urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            return None
        content, mac = raw[:_NUMBER_BYTES], raw[_NUMBER_BYTES:]
        if not hmac.compare_digest(mac, self._mac(user_id, content)):
            return None
        return int.from_bytes(content, signed=True)

    def _mac(self, user_id: int, content: bytes) -> bytes:
        named = b"%d %d " % (self.event_id, user_id)
        return hashlib.blake2b(named + content, digest_size=_MAC_BYTES, key=self._key).digest()

    def _joined(self, now_ms: int) -> int:
        if self.drawn is None:
            self.given += 1
            return _GATHERED
        # Turns that nobody took are lost: they let no crowd in at once later.
        number = max(self.given, self.schedule.called(now_ms) - 1)
        self.given = number + 1
        return number

    def _number(self, user_id: int, place: int) -> int:
        """The number of a place; the draw's, of somebody who was gathered for it."""
        if place != _GATHERED:
            return place
        assert self.drawn is not None
        drawn = hmac.digest(self.seed, b"%d" % user_id, "sha256")[:_DRAW_BYTES]
        return int.from_bytes(drawn) * self.drawn >> 8 * _DRAW_BYTES

    def _until_ms(self, number: int) -> int:
        """A pass lasts from the next turn on, so that whoever comes late to his own has all of it.

        It begins whether its owner asks or not: who stays away that long loses it.
        """
        return self.schedule.call_ms(number + 1) + self.pass_minutes * MINUTE_MS

    def _where(self, number: int, now_ms: int) -> QueuePlace:
        if self.drawn is None:
            return QueuePlace(Stage.BEFORE, 0, 0, _seconds(self.opens_at_ms - now_ms), 0)
        call_ms = self.schedule.call_ms(number)
        if call_ms <= now_ms:
            return QueuePlace(Stage.ADMITTED, 0, 0, 0, self._until_ms(number))
        ahead = number - self.schedule.called(now_ms)
        return QueuePlace(Stage.WAITING, ahead + 1, ahead, _seconds(call_ms - now_ms), 0)


def _seconds(milliseconds: int) -> int:
    """Rounded up; never below 0."""
    return max(0, -(-milliseconds // 1_000))
