"""Is there one order of the calls for each seat? Only what clients saw is asked, never the log.

A seat is a register that holds a booking or nobody. Calls for different seats don't touch, so each
seat is looked at alone (P-compositionality), and its histories are short. Every order is tried that
real time allows (Wing & Gong), call by call as answers come: what may be true so far is a set of
worlds, each of them a holder and those calls under way that have taken effect. An answer ends the
worlds in which it is untrue; when none is left, no order explains it. history.py is stricter and
trusts the places in the log that replies name; this finds it out if those are wrong.

A call without a reply takes effect at any time after it was made, or never; its end is that of its
server, or none. One that is repeated under its key is one call, from the first asking to the last
answer. A hold may end at any time after its length. Whether a booking is over is told by times
alone: it is, for sure, after a cancel has been answered; it may be, once a cancel has been sent or
its hold may have ended.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter, itemgetter
from typing import NamedTuple

from torture.servers.history import UNKNOWN, Contradiction, Op

NO_BOOKING = 0
_NEVER = float("inf")
_CLOCK_SECONDS = 0.01  # a server's clock counts milliseconds, and isn't that of its clients


class World(NamedTuple):
    """What may be true of a seat."""

    holder: int
    done: frozenset[int]  # the calls under way that have taken effect


def require_an_order(ops: Iterable[Op], *, hold_seconds: float) -> int:
    """Raise Contradiction if some seat has no order; returns how many calls for seats were placed.

    Times of all calls are of one clock, and nothing was held before the first of them.
    """
    calls = merged(ops)
    bookings = _Bookings(calls, hold_seconds)
    placed = 0
    for seat_id, of_seat in _by_seat(calls).items():
        _Seat(seat_id, bookings).follow(of_seat)
        placed += len(of_seat)
    return placed


def merged(ops: Iterable[Op]) -> list[Op]:
    """Each call once, by its start: those with the same user and key are one."""
    calls: list[Op] = []
    by_key: dict[tuple[int, str], Op] = {}
    for op in sorted(ops, key=attrgetter("start")):
        first = by_key.get((op.user_id, op.key)) if op.key else None
        if first is None:
            calls.append(replace(op))
            by_key[op.user_id, op.key] = calls[-1]
        else:
            first.end, first.status, first.answer = op.end, op.status, op.answer
    return calls


class _Bookings:
    """Whose each booking is, and when it may be over."""

    def __init__(self, calls: Sequence[Op], hold_seconds: float) -> None:
        self.owners: dict[int, int] = {}
        self.may_expire: dict[int, float] = {}
        self._may_be_over: dict[int, float] = {}
        self._is_over: dict[int, float] = {}
        for op in calls:
            if op.call == "book" and op.status == 201:
                self.owners[op.answer] = op.user_id
                self.may_expire[op.answer] = op.start + hold_seconds - _CLOCK_SECONDS
        for op in calls:
            if op.call == "cancel" and self.owners.get(op.booking_id) == op.user_id:
                one = op.booking_id
                self._may_be_over[one] = min(op.start, self._may_be_over.get(one, _NEVER))
                if op.status == 200:
                    self._is_over[one] = min(op.end, self._is_over.get(one, _NEVER))

    def may_be_over(self, booking_id: int, now: float) -> bool:
        return now >= self._may_be_over.get(booking_id, _NEVER) or self.may_have_expired(
            booking_id, now
        )

    def may_have_expired(self, booking_id: int, now: float) -> bool:
        return now >= self.may_expire.get(booking_id, _NEVER)

    def is_over(self, booking_id: int, now: float) -> bool:
        return now > self._is_over.get(booking_id, _NEVER)


def _by_seat(calls: Sequence[Op]) -> dict[int, list[Op]]:
    """The calls that may change a seat, or tell of it, by seat."""
    by_seat: dict[int, list[Op]] = {}
    of_booking: dict[int, set[int]] = {}  # seats that it may ever have held
    of_user: dict[int, set[int]] = {}
    for op in calls:
        if op.call == "select" and op.status in (UNKNOWN, 200):
            of_booking.setdefault(op.booking_id, set()).add(op.seat_id)
            of_user.setdefault(op.user_id, set()).add(op.seat_id)
    for op in calls:
        for seat_id in _seats_of(op, of_booking, of_user):
            by_seat.setdefault(seat_id, []).append(op)
    return by_seat


def _seats_of(op: Op, of_booking: dict[int, set[int]], of_user: dict[int, set[int]]) -> set[int]:
    if op.call in ("select", "release"):
        return {op.seat_id}
    if op.call == "cancel" and op.status in (UNKNOWN, 200):
        return of_booking.get(op.booking_id, set())
    if op.call == "list" and op.status == 200:
        listed = {seat_id for _, _, seats in op.answer for seat_id in seats}
        return listed | of_user.get(op.user_id, set())
    return set()


class _Seat:
    """The worlds of a seat, as time goes by."""

    def __init__(self, seat_id: int, bookings: _Bookings) -> None:
        self._seat_id = seat_id
        self._bookings = bookings
        self._worlds = {World(NO_BOOKING, frozenset())}
        self._open: dict[int, Op] = {}

    def follow(self, ops: Sequence[Op]) -> None:
        """Call after call, answer after answer; raise Contradiction at the first untrue one."""
        moments = [(op.start, 0, number) for number, op in enumerate(ops)]
        moments += [(op.end, 1, number) for number, op in enumerate(ops) if op.end < _NEVER]
        for now, is_answer, number in sorted(moments, key=itemgetter(0, 1)):
            if is_answer:
                self._answer(number, now)
            else:
                self._open[number] = ops[number]

    def _answer(self, number: int, now: float) -> None:
        """Only worlds in which this call has taken effect are left; all, if it had no reply."""
        op = self._open[number]
        self._worlds = {
            World(world.holder, world.done - {number})
            for world in self._reachable(now)
            if number in world.done or op.status == UNKNOWN
        }
        del self._open[number]
        if not self._worlds:
            raise Contradiction(f"no order of the calls for seat {self._seat_id} explains {op}")

    def _reachable(self, now: float) -> set[World]:
        """What may be true now: any calls under way have taken effect, in any order."""
        seen = {self._told(world, now) for world in self._worlds}
        left = list(seen)
        while left:
            for follower in self._followers(left.pop(), now):
                if follower not in seen:
                    seen.add(follower)
                    left.append(follower)
        return seen

    def _told(self, world: World, now: float) -> World:
        """The same with every call done that is true in it and never changes anything.

        Nothing is lost by that, and of fifty who are refused at once no subsets need be tried.
        """
        holder, done = world
        true = (
            number
            for number, op in self._open.items()
            if _only_tells(op) and self._after(op, holder, now) is not None
        )
        return World(holder, done.union(true))

    def _followers(self, world: World, now: float) -> Iterator[World]:
        holder, done = world
        if self._bookings.may_have_expired(holder, now):
            yield self._told(World(NO_BOOKING, done), now)
        for number, op in self._open.items():
            if number not in done:
                after = self._after(op, holder, now)
                # What has no reply and changes nothing is as good as never done.
                if after is not None and (op.status != UNKNOWN or after != holder):
                    yield self._told(World(after, done | {number}), now)

    def _after(self, op: Op, holder: int, now: float) -> int | None:
        """Who holds the seat after this call; None: it can't be answered so while that one does."""
        match op.call:
            case "select":
                return self._after_select(op, holder, now)
            case "release":
                return self._after_release(op, holder)
            case "cancel":
                return NO_BOOKING if holder == op.booking_id else holder
        is_mine = self._bookings.owners.get(holder) == op.user_id
        listed = [one for one, _, seats in op.answer if self._seat_id in seats]
        return holder if listed == ([holder] if is_mine else []) else None

    def _after_select(self, op: Op, holder: int, now: float) -> int | None:
        booking_id = op.booking_id
        is_taken = holder not in (NO_BOOKING, booking_id)
        if op.status in (UNKNOWN, 200):
            return None if is_taken or self._bookings.is_over(booking_id, op.start) else booking_id
        if op.status == 419:
            is_elsewhere = booking_id // 1_000_000_000 != op.seat_id // 10_000_000
            may_be_refused = is_taken or is_elsewhere or self._bookings.may_be_over(booking_id, now)
            return holder if may_be_refused else None
        return holder  # 403, 404: it isn't about the seat

    def _after_release(self, op: Op, holder: int) -> int | None:
        owner = self._bookings.owners.get(holder)
        is_mine = owner == op.user_id or (holder != NO_BOOKING and owner is None)
        match op.status:
            case 200 | 0:
                return NO_BOOKING if is_mine and holder != NO_BOOKING else None
            case 419:
                return holder if holder == NO_BOOKING else None
        return holder if holder != NO_BOOKING and owner != op.user_id else None


def _only_tells(op: Op) -> bool:
    return op.call == "list" or op.status not in (UNKNOWN, 200)
