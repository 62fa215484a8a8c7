"""A small table language for stories about the engine: one line is one thing that happens.

    ann       create_booking event=1            -> booking=a    # names the new booking `a`
    ann       select_seat booking=a seat=3:7    -> ok           # row 3, number 7, of event 1
    bob       select_seat booking=b seat=3:7    -> SeatTaken    # a refusal, by its class
    ann       initiate_payment booking=a        -> order=p
    cid       select_together booking=c count=2 -> 1:2 1:3      # these seats; or: zone=back
    gateway   authorize order=p                 -> nothing      # already so: no record was logged
    gateway   register order=q opened=3m        -> ok           # since the story began
    provider  submit order=p                    -> ok
    operator  reset                             -> ok
    door      admit_seat booking=a seat=3:7     -> ok
    tick      15m                               -> 1            # the timer runs, logs one record
    later     -5m                                               # only the clock moves
    log       behind                                            # takes no records, until `well`
    replay                                                      # crash: all again from the log
    reload                                                      # all again from a snapshot
    seat      2/3:7 FREE                                        # of event 2; or: unlisted
    admitted  3:7 5m                                            # since the story began; or never
    booking   a CREATED 3:7 3:8
    expires   a 15m                                             # since the story began; or never
    payment   p PENDING                                         # or: forgotten
    parked    p gateway                                         # or provider, both, nobody
    reservation p WANTED 3:7
    unsettled p q
    analytics 1 free=20 reserved=0 sold=0 revenue=0 bookings=1

A command takes `key=name/body`: an idempotency key and what the request says. Whatever `ok`s makes
exactly one record (I3), whatever is refused changes nothing. After every line the invariants hold;
at the end a replay of the log and a load of a dump both give the state of the story.
"""

from collections.abc import Callable, Sequence
from typing import Any

from engine import Engine, Event, Hall, Key, Rejected, Rules, Sale, Zone, errors, seat_id_of
from engine.decide import is_being_captured
from engine.domain import BookingStatus, PaymentStatus
from engine.dump import digest, dump, load
from engine.recorded import replay
from engine.state import State
from wal import Backlogged, MemoryLog

START_MS = 1_750_000_000_000
HOUR_MS = 3_600_000
HALL = Hall(4, 5, (Zone("front", 1, 1, 500_000), Zone("back", 2, 4, 200_000)))
OTHER_HALL = Hall(2, 3, (Zone("all", 1, 2, 100_000),))
PARTNER_EVENT = 7
# Of the hall of event 8 we sell the whole first row, and of the back zone 3:3 and 3:4.
ALLOTMENT_EVENT = 8
EVENTS = (
    Event(1, START_MS + 48 * HOUR_MS, HALL),
    Event(2, START_MS + 48 * HOUR_MS, OTHER_HALL),
    Event(PARTNER_EVENT, START_MS + 48 * HOUR_MS, HALL, Sale.PARTNER),
    Event(ALLOTMENT_EVENT, START_MS + 48 * HOUR_MS, HALL, Sale.ALLOTMENT, ((0, 5), (12, 14))),
)
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": HOUR_MS}


def check(table: str, *, rules: Rules | None = None) -> "Story":
    """Tell the story, see that it can be recovered, and return it for further questions."""
    story = Story(rules=rules)
    story.tell(table)
    story.check_recovery()
    return story


def seat_of(word: str) -> int:
    """`3:7` is row 3, number 7 of event 1; `2/3:7` of event 2; digits alone are a seat's id."""
    if word.isdecimal():
        return int(word)
    event, _, place = word.rpartition("/")
    row, _, number = place.partition(":")
    return seat_id_of(event_id=int(event or 1), row=int(row), number=int(number))


def span_ms(word: str) -> int:
    """`15m`, `-1ms`, `12h` in milliseconds."""
    number = word.rstrip("hms")
    return int(number) * _UNITS_MS[word[len(number) :]]


class StubbornLog(MemoryLog):
    """Refuses records while it is told to."""

    refusal: Exception | None = None

    def append(self, payload: bytes) -> int:
        if self.refusal is not None:
            raise self.refusal
        return super().append(payload)


class Story:
    """One engine, its log and its clock, driven by the lines of a table."""

    def __init__(self, *, events: Sequence[Event] = EVENTS, rules: Rules | None = None) -> None:
        self._events, self._rules = events, rules
        self.log = StubbornLog()
        self.engine = self._new_engine()
        self.now_ms = START_MS
        self._users: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._words: dict[str, Callable[..., None]] = {
            "tick": self._tick,
            "later": self._later,
            "log": self._log_is,
            "replay": self.replay,
            "reload": self.reload,
            "seat": self._see_seat,
            "admitted": self._see_admission,
            "booking": self._see_booking,
            "expires": self._see_expiry,
            "payment": self._see_payment,
            "reservation": self._see_reservation,
            "parked": self._see_parked,
            "unsettled": self._see_unsettled,
            "analytics": self._see_analytics,
        }

    @property
    def state(self) -> State:
        return self.engine._state

    def tell(self, table: str) -> None:
        """Carry out each line; an AssertionError names the line that isn't true."""
        for line in table.splitlines():
            told, _, _ = line.partition("#")
            if told.strip():
                try:
                    self._line(told)
                except AssertionError as untrue:
                    untrue.add_note(f"in the line: {line.strip()}")
                    raise

    def user(self, name: str) -> int:
        """Users are numbered as they appear."""
        return self._users.setdefault(name, len(self._users) + 1)

    def named(self, word: str) -> int:
        """The id behind a name, or the id itself."""
        return int(word) if word.isdecimal() else self._named[word]

    def replay(self) -> None:
        """The process is gone; the next one has the log."""
        self._adopt(replay(self.log.recover()))

    def reload(self) -> None:
        """The next process has a snapshot of the last moment."""
        self._adopt(load(dump(self.state)))

    def check_recovery(self) -> None:
        """A replay of the whole log and a load of a dump both give this very state."""
        for recovered in (replay(self.log.recover()), load(dump(self.state))):
            recovered.check_invariants()
            audit(recovered)
            assert picture(self.state) == picture(recovered)
            assert digest(self.state) == digest(recovered)

    def _adopt(self, state: State) -> None:
        self.engine = self._new_engine()
        self.engine._adopt(state)

    def _new_engine(self) -> Engine:
        # What breaks in `apply` is raised, too, and should fail the test, not end the test run.
        return Engine(self._events, rules=self._rules, log=self.log, fail_stop=lambda _: None)

    def _line(self, told: str) -> None:
        before, _, after = told.partition("->")
        first, *words = before.split()
        if first == "tick":
            self._tick(*words, *after.split())
        elif first in self._words:
            self._words[first](*words)
        else:
            self._act(first, words, after.split())
        self.engine.check_invariants()
        audit(self.state)

    def _act(self, actor: str, words: list[str], expected: list[str]) -> None:
        verb, *rest = words
        command, arguments = self._command(actor, verb, rest)
        before, logged = self.engine.digest(), self.log.appended_lsn
        try:
            result, refusal = command(**arguments, now_ms=self.now_ms), ""
        except (Rejected, errors.UnknownPayment) as refused:
            result, refusal = None, type(refused).__name__
        if refusal:
            assert [refusal] == expected
            assert (before, logged) == (self.engine.digest(), self.log.appended_lsn)
            return
        assert expected, "a command needs an expected answer"
        if isinstance(result, tuple):
            assert result == tuple(map(seat_of, expected))
            assert self.log.appended_lsn - logged <= 1
            return
        for word in expected:
            self._expect(word, result, self.log.appended_lsn - logged)

    def _expect(self, word: str, result: int | None, logged: int) -> None:
        _, named, name = word.partition("=")
        if named:
            assert self._named.setdefault(name, result or 0) == result, f"{name} is another one"
            assert logged <= 1
        else:
            assert (word, logged) in {("ok", 1), ("nothing", 0)}, f"{logged} records were logged"

    def _command(self, actor: str, verb: str, words: list[str]) -> tuple[Any, dict[str, Any]]:
        arguments = self._arguments(words)
        if actor in ("operator", "door"):
            return getattr(self.engine, verb), arguments
        if actor == "gateway":
            if verb == "register":
                order_id = arguments["order_id"]
                arguments = {"payment_id": f"pay-{order_id}", "url": "https://pay"} | arguments
            if verb == "park":
                arguments = {"reason": "beyond help"} | arguments
            return getattr(self.engine, f"{verb}_payment"), arguments
        if actor == "provider":
            if verb == "start":
                arguments = {"provider_order": "their-order"} | arguments
            if verb == "park":
                arguments = {"reason": "beyond help"} | arguments
            return getattr(self.engine, f"{verb}_reservation"), arguments
        return getattr(self.engine, verb), {"user_id": self.user(actor)} | arguments

    def _arguments(self, words: list[str]) -> dict[str, Any]:
        read: dict[str, tuple[str, Callable[[str], Any]]] = {
            "event": ("event_id", int),
            "booking": ("booking_id", self.named),
            "seat": ("seat_id", seat_of),
            "count": ("count", int),
            "zone": ("zone", str),
            "order": ("order_id", self.named),
            "payment": ("payment_id", str),
            "key": ("key", _key),
            "opened": ("opened_at_ms", lambda word: START_MS + span_ms(word)),
        }
        pairs = (word.split("=") for word in words)
        return {read[name][0]: read[name][1](value) for name, value in pairs}

    def _tick(self, span: str, expected: str | None = None) -> None:
        self._later(span)
        logged = self.engine.expire_due(now_ms=self.now_ms, at_most=1_000)
        assert expected is None or int(expected) == logged, f"{logged} records were logged"

    def _later(self, span: str) -> None:
        self.now_ms += span_ms(span)

    def _log_is(self, word: str) -> None:
        assert word in ("behind", "well")
        self.log.refusal = Backlogged("too much is waiting") if word == "behind" else None

    def _see_seat(self, word: str, status: str) -> None:
        seat_id = seat_of(word)
        event_id, row = seat_id // 10_000_000, seat_id // 10_000 % 1_000
        views = self.engine.seats(event_id=event_id, status=None, row=row, offset=0, limit=99)
        listed = [one.status.name for one in views if one.seat_id == seat_id]
        assert ([] if status == "unlisted" else [status]) == listed

    def _see_admission(self, word: str, span: str) -> None:
        expected = None if span == "never" else START_MS + span_ms(span)
        assert expected == self.engine.admitted_at_ms(seat_of(word))

    def _see_booking(self, name: str, status: str, *seats: str) -> None:
        booking = self.engine.booking(self.named(name))
        assert booking is not None
        assert (status, tuple(map(seat_of, seats))) == (booking.status, booking.seats)

    def _see_expiry(self, name: str, span: str) -> None:
        booking = self.engine.booking(self.named(name))
        assert booking is not None
        expected = 0 if span == "never" else START_MS + span_ms(span)
        assert expected == booking.expires_at_ms

    def _see_payment(self, name: str, status: str) -> None:
        payment = self.engine.payment(self.named(name))
        assert status == ("forgotten" if payment is None else payment.status)

    def _see_reservation(self, name: str, status: str, *seats: str) -> None:
        payment = self.engine.payment(self.named(name))
        assert payment is not None
        if payment.reservation is None:
            assert (status, seats) == ("none", ())
        else:
            held = payment.reservation
            assert (status, tuple(map(seat_of, seats))) == (held.status, held.seats)

    def _see_parked(self, name: str, by: str) -> None:
        payment = self.engine.payment(self.named(name))
        assert payment is not None
        held = payment.reservation
        reasons = (payment.parked, "" if held is None else held.parked)
        words = {"gateway": (1, 0), "provider": (0, 1), "both": (1, 1), "nobody": (0, 0)}
        assert words[by] == (bool(reasons[0]), bool(reasons[1]))

    def _see_unsettled(self, *names: str) -> None:
        assert {self.named(name) for name in names} == set(self.engine.unsettled())

    def _see_analytics(self, event: str, *expected: str) -> None:
        one = self.engine.analytics(int(event))
        assert one.total_seats == one.free_seats + one.reserved_seats + one.sold_seats
        found = {
            "free": one.free_seats,
            "reserved": one.reserved_seats,
            "sold": one.sold_seats,
            "revenue": one.revenue_minor,
            "bookings": one.bookings_count,
        }
        assert {name: int(value) for name, value in (word.split("=") for word in expected)} == found


def _key(word: str) -> Key:
    name, _, body = word.partition("/")
    return Key(name, body.encode())


def picture(state: State) -> dict[str, Any]:
    """All that a state knows, what it derives included: the dump leaves that out."""
    return {
        "shards": {
            event_id: (
                {seat_id: one.booking_id for seat_id, one in shard.holders.items()},
                shard.seatmap.statuses,
                shard.seats_by_user,
                shard.owned,
                shard.admitted,
                (shard.sequence, shard.bookings_live, shard.revenue_minor),
            )
            for event_id, shard in state.shards.items()
        },
        "bookings": {
            user_id: [(one.booking_id, one.seats) for one in listed]
            for user_id, listed in state.user_bookings.items()
        },
        "order": [one.booking_id for one in state.bookings],
        "payments": (
            {order_id: one.earlier_order_id for order_id, one in state.payments.items()},
            state.order_of_payment_id,
            state.newest_attempts,
            set(state.unsettled),
        ),
        "receipts": (state.receipts, list(state.receipts_by_age)),
        "counters": (state.last_at_ms, state.last_order_id),
    }


def audit(state: State) -> None:
    """What else must always be true, beyond `check_invariants`."""
    booked = [one for shard in state.shards.values() for one in shard.all_bookings()]
    attempts = [one for one in state.payments.values() if state.booking(one.booking_id)]
    assert {one.booking_id: one.order_id for one in attempts} == state.newest_attempts
    waiting = {one.order_id for one in booked if one.status is BookingStatus.PAYMENT_INITIATED}
    under_way = (PaymentStatus.INITIATED, PaymentStatus.PENDING, PaymentStatus.AUTHORIZED)
    assert waiting == {at for at, one in state.payments.items() if one.status in under_way}
    named = {one.payment_id: at for at, one in state.payments.items() if one.payment_id}
    assert named == state.order_of_payment_id
    kept = [one for answers in state.receipts.values() for one in answers.values()]
    assert len(kept) == len(state.receipts_by_age)
    assert all(state.receipts[one.user_id][one.key] is one for one in state.receipts_by_age)
    deadlines = set(state.deadlines)
    for one in booked:
        payment = state.payments.get(one.order_id)
        open_ = one.status in (BookingStatus.CREATED, BookingStatus.PAYMENT_INITIATED)
        assert bool(one.expires_at_ms) == (open_ and bool(one.seats)), "held seats, and only they"
        if one.expires_at_ms and (payment is None or not is_being_captured(payment)):
            assert (one.expires_at_ms, one.booking_id) in deadlines, "a hold that never expires"
