"""Is there one order in which all that clients were told is true? The log says which.

Every reply names a place in the log (X-Commit-Lsn), so nothing has to be searched for: the records
are told one by one to a naive shop, every reply is compared with it at the reply's own place, and
whoever was answered before another one asked must stand before it. This is strict serialisability,
checked in linear time, with no code of the engine but the names of its records.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from engine.mutations import (
    AnswerRemembered,
    BookingCancelled,
    BookingCreated,
    BookingExpired,
    Mutation,
    SeatReleased,
    SeatSelected,
    StateChecked,
    decode,
)
from torture.tally import Violation

UNKNOWN = 0  # the status of a call whose reply never came
EVENT_OF_BOOKING = 1_000_000_000
EVENT_OF_SEAT = 10_000_000


class Contradiction(Violation):
    """No order of the calls gives the replies that were given."""


@dataclass(slots=True)
class Op:
    """A call as its client saw it; times in seconds of one clock. Seats and bookings by id."""

    call: str  # book, select, release, cancel, list
    user_id: int
    start: float
    event_id: int = 0
    booking_id: int = 0
    seat_id: int = 0
    key: str = ""  # its Idempotency-Key, if it has one
    end: float = float("inf")
    status: int = UNKNOWN
    answer: Any = None  # of book: the id; of list: [(booking id, event id, [seat ids])]
    lsn: int = 0
    is_repeated: bool = False  # asked before, of a server that died
    made: bool = False  # found by the check: the record at `lsn` is its own

    def could_make(self, mutation: Mutation) -> bool:
        """Whether this call asks for this very record."""
        match mutation:
            case AnswerRemembered(receipt=receipt, effect=effect):
                return self.key == receipt.key and (effect is None or self._asks_for(effect))
            case _:
                return not self.key and self._asks_for(mutation)

    def _asks_for(self, mutation: Mutation) -> bool:
        match mutation:
            case BookingCreated():
                asked = self.call == "book" and self.event_id == (
                    mutation.booking_id // EVENT_OF_BOOKING
                )
                return asked and self.answer in (None, mutation.booking_id)
            case SeatSelected():
                wanted = self.booking_id, self.seat_id
                return self.call == "select" and wanted == (mutation.booking_id, mutation.seat_id)
            case SeatReleased():
                return self.call == "release" and self.seat_id == mutation.seat_id
            case BookingCancelled():
                return self.call == "cancel" and self.booking_id == mutation.booking_id
        return False


@dataclass(slots=True)
class Basket:
    user_id: int
    event_id: int
    is_open: bool = True
    seats: list[int] = field(default_factory=list)


class Shop:
    """What the records say, in the simplest words."""

    def __init__(self) -> None:
        self.baskets: dict[int, Basket] = {}
        self.by_user: dict[int, list[int]] = {}
        self.holders: dict[int, int] = {}
        self.remembered: dict[tuple[int, str], int | None] = {}  # answers by user and key

    def owner_of(self, mutation: Mutation) -> int:
        """The user whose doing a record is; 0: of no user's."""
        if isinstance(mutation, BookingCreated):
            return mutation.user_id
        if isinstance(mutation, AnswerRemembered):
            return mutation.receipt.user_id
        basket = self.baskets.get(getattr(mutation, "booking_id", 0))
        return basket.user_id if basket else 0

    def record(self, mutation: Mutation) -> None:
        """Let it happen; raise Contradiction where it can't."""
        match mutation:
            case BookingCreated(booking_id=booking_id, user_id=user_id):
                require(booking_id not in self.baskets, f"booking {booking_id} is made twice")
                self.baskets[booking_id] = Basket(user_id, booking_id // EVENT_OF_BOOKING)
                self.by_user.setdefault(user_id, []).append(booking_id)
            case SeatSelected(booking_id=booking_id, seat_id=seat_id):
                require(seat_id not in self.holders, f"seat {seat_id} is sold twice")
                require(self.baskets[booking_id].is_open, f"booking {booking_id} is over")
                self.holders[seat_id] = booking_id
                self.baskets[booking_id].seats.append(seat_id)
            case SeatReleased(booking_id=booking_id, seat_id=seat_id):
                require(self.holders.get(seat_id) == booking_id, f"seat {seat_id} wasn't held")
                self._free(booking_id, seat_id)
            case BookingCancelled(booking_id=booking_id) | BookingExpired(booking_id=booking_id):
                for seat_id in list(self.baskets[booking_id].seats):
                    self._free(booking_id, seat_id)
                self.baskets[booking_id].is_open = False
            case AnswerRemembered(receipt=receipt, effect=effect):
                key = receipt.user_id, receipt.key
                require(key not in self.remembered, f"{key} is remembered twice")
                if effect is not None:
                    require(self.owner_of(effect) == key[0], f"not of {key}: {effect}")
                    self.record(effect)
                self.remembered[key] = receipt.result
            case _:
                require(isinstance(mutation, StateChecked), f"nobody can have made {mutation}")

    def reply(self, op: Op) -> tuple[int, Any]:
        """(status, answer) of a call that makes no record; status 0 if it would make one."""
        key = op.user_id, op.key
        if key in self.remembered:
            return SUCCESS[op.call], self.remembered[key]
        status, answer = self.reply_without_key(op)
        return (0, None) if op.key and status == 200 else (status, answer)

    def reply_without_key(self, op: Op) -> tuple[int, Any]:
        """The same of a call that is not to be remembered."""
        if op.call == "list":
            mine = self.by_user.get(op.user_id, [])
            return 200, [(one, self.baskets[one].event_id, self.baskets[one].seats) for one in mine]
        if op.call == "book":
            return 0, None
        booking_id = self.holders.get(op.seat_id, 0) if op.call == "release" else op.booking_id
        basket = self.baskets.get(booking_id)
        if basket is None:
            return 419 if op.call == "release" else 404, None
        if basket.user_id != op.user_id:
            return 403, None
        if op.call == "cancel":
            return 0 if basket.is_open else 200, None
        return (self._select(op, basket) if op.call == "select" else 0), None

    def _select(self, op: Op, basket: Basket) -> int:
        if not basket.is_open or basket.event_id != op.seat_id // EVENT_OF_SEAT:
            return 419
        holder = self.holders.get(op.seat_id)
        if holder is None:
            return 0
        return 200 if holder == op.booking_id else 419

    def _free(self, booking_id: int, seat_id: int) -> None:
        del self.holders[seat_id]
        self.baskets[booking_id].seats.remove(seat_id)


SUCCESS = {"book": 201, "select": 200, "release": 200, "cancel": 200}
CALLS = {*SUCCESS, "list"}


class Check:
    """The history so far, a piece after another; each piece ends with its server."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.lsn = 0  # of the last record told to the shop
        self.counts: Counter[str] = Counter()

    def add(self, ops: Sequence[Op], records: Iterable[tuple[int, bytes]]) -> None:
        """Check the calls of one server and the records after `lsn` that it has left."""
        begun_lsn = self.lsn
        by_lsn: dict[int, list[Op]] = {}
        for op in sorted(ops, key=attrgetter("start")):
            self.counts[f"{op.call} {op.status}"] += 1
            if op.status != UNKNOWN:
                by_lsn.setdefault(op.lsn, []).append(op)
        unknown = [op for op in ops if op.status == UNKNOWN]
        self._compare(by_lsn.pop(self.lsn, []))
        for lsn, payload in records:
            require(lsn == self.lsn + 1, f"record {self.lsn + 1} is gone")
            self.lsn = lsn
            self._record(decode(payload), by_lsn.pop(lsn, []), unknown)
        for lsn, told in by_lsn.items():
            raise Contradiction(f"{told[0]} was told of record {lsn}, and it isn't there")
        _require_order(ops, begun_lsn)

    def _record(self, mutation: Mutation, ops: list[Op], unknown: list[Op]) -> None:
        if not isinstance(mutation, StateChecked | BookingExpired):
            maker = self._maker(mutation, ops, unknown)
            if maker is None:
                raise Contradiction(f"record {self.lsn} is of nobody's asking: {mutation}")
            if isinstance(mutation, AnswerRemembered) and mutation.effect is None:
                status = self.shop.reply_without_key(maker)[0]
                require(status == SUCCESS[maker.call], f"remembered, and untrue: {maker}")
        self.shop.record(mutation)
        self._compare([op for op in ops if not op.made])

    def _maker(self, mutation: Mutation, ops: list[Op], unknown: list[Op]) -> Op | None:
        owner_id = self.shop.owner_of(mutation)
        for op in (*ops, *unknown):
            if op.user_id != owner_id or op.made or not op.could_make(mutation):
                continue
            if op.status in (UNKNOWN, SUCCESS[op.call]):
                op.made, op.lsn = True, self.lsn
                self.counts["unknown, and done"] += op.status == UNKNOWN
                self.counts["repeated, and done now"] += op.is_repeated
                return op
        return None

    def _compare(self, ops: list[Op]) -> None:
        """These have made no record; what they were told must be true here."""
        for op in ops:
            self.counts["repeated, and done before"] += (op.user_id, op.key) in self.shop.remembered
            status, answer = self.shop.reply(op)
            require(
                status == op.status and answer == op.answer,
                f"at record {self.lsn} the reply would be {status} {answer}: {op}",
            )


def _require_order(ops: Sequence[Op], begun_lsn: int) -> None:
    """Who was answered before another asked stands before it; a server before the next one."""
    known = [op for op in ops if op.status != UNKNOWN or op.made]
    answered = sorted(known, key=attrgetter("end"))
    newest, turn = begun_lsn, 0
    for op in sorted(known, key=attrgetter("start")):
        while answered[turn].end < op.start:
            newest = max(newest, answered[turn].lsn)
            turn += 1
        require(op.lsn >= newest + op.made, f"record {newest} was told before it asked: {op}")


def summed(counts: Counter[str]) -> Counter[str]:
    """The counts of a check with its calls in two heaps: those answered, and the others."""
    total: Counter[str] = Counter()
    for name, number in counts.items():
        call, _, status = name.partition(" ")
        if call in CALLS:
            name = "calls not answered" if status == str(UNKNOWN) else "calls answered"
        total[name] += number
    return total


def require(condition: object, said: str) -> None:
    """Raise Contradiction unless it is so."""
    if not condition:
        raise Contradiction(said)
