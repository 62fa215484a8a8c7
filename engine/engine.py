"""The shell around the core: a thin method a command; decide, append, apply, no wait between.

It holds no rule of the domain. What a method says has happened when it returns, in memory; nobody
may be told before `durable` (or `flush`) has returned (I5).
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from heapq import heappop
from pathlib import Path
from typing import Self

from engine import decide, figures, mutations, queries, settle, slices, store
from engine.apply import apply
from engine.collector import collector_off
from engine.domain import Event, Receipt
from engine.dump import digest
from engine.errors import Busy
from engine.keys import NOBODY, Key, earlier_receipt, earlier_result, remember
from engine.mutations import Effect, Mutation, encode
from engine.recorded import apply_record
from engine.state import State
from snapshots import SnapshotStore
from wal import SEGMENT_BYTES_MAX, AnyLog, Backlogged, GroupCommit, Log, MemoryLog, end_process


class Engine:
    """All seats and bookings of the events on sale. One thread only may call it (I1)."""

    def __init__(
        self,
        events: Iterable[Event] = (),
        *,
        rules: decide.Rules | None = None,
        log: AnyLog | None = None,
        fail_stop: Callable[[BaseException], None] = end_process,
    ) -> None:
        """An engine with nothing booked; without a log it keeps nothing beyond the process."""
        self._events = {event.event_id: event for event in events}
        for event in self._events.values():
            event.check()
        self.rules = rules or decide.Rules()
        self._log: AnyLog = MemoryLog() if log is None else log
        self._fail_stop = fail_stop
        self._commit_group: GroupCommit | None = None
        self.snapshot_lsn = 0  # where recovery began
        self._checked = slices.Slice(0, 0)  # the last one; no state: each record names its own
        self.set_aside: list[str] = []  # what recovery found broken and did without: report it
        self._adopt(State())

    @staticmethod
    def create(directory: Path, *, store_id: bytes) -> None:
        """An empty store, marked by 16 random bytes; raises STORE_FAULTS where one is or was."""
        store.create_store(directory, store_id=store_id)

    @staticmethod
    def exists(directory: Path) -> bool:
        """True where `create` has made a log; raises LogLost where that is gone."""
        return store.store_exists(directory)

    @classmethod
    def open(
        cls,
        directory: Path,
        events: Iterable[Event],
        *,
        rules: decide.Rules | None = None,
        fail_stop: Callable[[BaseException], None] = end_process,
        progress: Callable[[int], None] | None = None,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
    ) -> Self:
        """Recover from the newest good snapshot and the log after it; the store is locked.

        Raises STORE_FAULTS and OSError. `progress` is told the LSN now and then.
        """
        log = Log.open(directory / store.WAL_DIRECTORY, segment_bytes_max=segment_bytes_max)
        engine = cls(events, rules=rules, log=log, fail_stop=fail_stop)
        try:
            engine._recover(store.open_snapshots(directory), progress)
        except BaseException:
            log.close()
            raise
        if log.torn is not None:
            engine.set_aside.append(str(log.torn))
        return engine

    @collector_off()
    def _recover(self, snapshots: SnapshotStore, progress: Callable[[int], None] | None) -> None:
        snapshots.remove_unfinished()  # the log may need its space to go on
        state, self.snapshot_lsn = store.load_newest(snapshots)
        self._adopt(state)
        with store.naming_broken(snapshots.directory):
            for lsn, payload in self._log.recover(self.snapshot_lsn):
                apply_record(self._state, lsn, payload)
                if progress is not None and lsn % 100_000 == 0:
                    progress(lsn)
        self._state.forget_past_deadlines()
        self.set_aside += map(str, snapshots.broken)

    def _adopt(self, state: State) -> None:
        self._state = state
        # The questions that may be asked of an engine. With more than 30 attributes CPython keeps
        # them in a dict, and finds a method in twice the time: a fortieth of a select.
        views = queries.Queries(state, self._events)
        self.seats = views.seats
        self.deal = views.deal
        self.payment = views.payment
        self.order_of = views.order_of
        self.unsettled = views.unsettled
        self.booking = views.booking
        self.holder = views.holder
        self.admitted_at_ms = views.admitted_at_ms
        self.bookings_of = views.bookings_of
        self.analytics = views.analytics
        self.zones = views.zones
        self.statuses = views.statuses
        self.event = views.event
        self.events_on_sale_count = views.events_on_sale_count
        self.events_booked = views.events_booked
        self.bookings_made = views.bookings_made
        self.bookings_from = views.bookings_from
        self.attempts_of = views.attempts_of
        self.orders_since = views.orders_since
        self.next_deadline_ms = views.next_deadline_ms

    # Durability

    def start(self) -> None:
        """Begin to make records durable in the background of the running asyncio loop."""
        self._commit_group = GroupCommit(self._log, fail_stop=self._fail_stop)
        self._commit_group.start()

    def durable(self) -> Awaitable[None]:
        """Await it: everything that has happened until now is on disk then (I5)."""
        assert self._commit_group is not None, "start() comes first"
        return self._commit_group.durable()

    async def stop(self) -> None:
        """Make everything durable and close the log."""
        assert self._commit_group is not None, "start() comes first"
        try:
            await self._commit_group.stop()
        finally:
            self.close()

    def flush(self) -> None:
        """`durable` for callers without an asyncio loop: blocks until all is on disk."""
        self._log.flush()

    def close(self) -> None:
        """`stop` for callers without an asyncio loop, or whose loop has ended."""
        if self._commit_group is not None:
            self._commit_group.end()
        self._log.close()

    @property
    def appended_lsn(self) -> int:
        """The last record made; right after a command that made one, with no await, its own."""
        return self._log.appended_lsn

    @property
    def last_at_ms(self) -> int:
        """The time of the last record; 0: there is none."""
        return self._state.last_at_ms

    @property
    def durable_lsn(self) -> int:
        return self._log.durable_lsn

    def log_figures(self) -> figures.LogFigures:
        return figures.log_figures(self._log, self._commit_group)

    def totals(self) -> Iterator[figures.Totals]:
        return figures.totals(self._state)

    def obligations(self) -> Iterator[figures.Obligations]:
        return figures.obligations(self._state)

    @property
    def sealed_lsn(self) -> int:
        """The last record that a snapshot could cover now."""
        return self._log.sealed_lsn

    def seal_log(self) -> None:
        """Let a snapshot cover what is in the log now: soon, or with the next `flush`."""
        self._log.seal()
        if self._commit_group is not None:
            self._commit_group.wake()

    def drop_log_through(self, lsn: int) -> None:
        """Remove what two snapshots cover of the log (I10)."""
        self._log.drop_through(lsn)

    def is_answered(self, user_id: int, key: Key) -> bool:
        """True where the command is remembered, and done once for all; raises KeyReused."""
        return self._receipt(user_id, key) is not None

    # Commands of customers. Each raises errors.Rejected, and then nothing has changed.

    def create_booking(
        self, *, user_id: int, event_id: int, now_ms: int, key: Key | None = None
    ) -> int:
        """A new, empty booking; returns its id."""
        if key is not None and (receipt := self._receipt(user_id, key)):
            return earlier_result(receipt)
        if not self._log.has_room:
            raise Busy
        at_ms = self._at_ms(now_ms)
        made = decide.create_booking(
            self._state, self._events, user_id=user_id, event_id=event_id, at_ms=at_ms
        )
        booking_id = made.booking_id
        self._commit(made if key is None else self._kept(made, user_id, key, at_ms, booking_id))
        return booking_id

    def select_seat(
        self, *, user_id: int, booking_id: int, seat_id: int, now_ms: int, key: Key | None = None
    ) -> None:
        """Hold a seat for a booking; again for the same booking: nothing changes."""
        if key is not None and self._receipt(user_id, key):
            return
        if not self._log.has_room:
            raise Busy
        at_ms = self._at_ms(now_ms)
        selected = decide.select_seat(
            self._state,
            self._events,
            self.rules,
            user_id=user_id,
            booking_id=booking_id,
            seat_id=seat_id,
            at_ms=at_ms,
        )
        self._commit(selected if key is None else self._kept(selected, user_id, key, at_ms))

    def select_together(
        self,
        *,
        user_id: int,
        booking_id: int,
        count: int,
        zone: str | None = None,
        now_ms: int,
        key: Key | None = None,
    ) -> tuple[int, ...]:
        """Hold the best `count` seats side by side, of `zone` or of any; returns their ids."""
        if key is not None and (receipt := self._receipt(user_id, key)):
            first = earlier_result(receipt)  # of the same request, so of as many seats
            return tuple(range(first, first + count))
        if not self._log.has_room:
            raise Busy
        at_ms = self._at_ms(now_ms)
        chosen = decide.select_together(
            self._state,
            self.rules,
            user_id=user_id,
            booking_id=booking_id,
            count=count,
            zone=zone,
            at_ms=at_ms,
        )
        first = chosen.first_seat_id
        self._commit(chosen if key is None else self._kept(chosen, user_id, key, at_ms, first))
        return chosen.seats

    def release_seat(
        self, *, user_id: int, seat_id: int, now_ms: int, key: Key | None = None
    ) -> None:
        """Let a held seat go; a payment under way ends with it."""
        if key is not None and self._receipt(user_id, key):
            return
        at_ms = self._at_ms(now_ms)
        released = decide.release_seat(
            self._state, self._events, user_id=user_id, seat_id=seat_id, at_ms=at_ms
        )
        self._commit(released if key is None else self._kept(released, user_id, key, at_ms))

    def initiate_payment(
        self, *, user_id: int, booking_id: int, now_ms: int, key: Key | None = None
    ) -> int:
        """Begin to collect the money; returns the order id, the same one while it is pending."""
        if key is not None and (receipt := self._receipt(user_id, key)):
            return earlier_result(receipt)
        if not self._log.has_room:
            raise Busy
        at_ms = self._at_ms(now_ms)
        begun = decide.initiate_payment(
            self._state, self.rules, user_id=user_id, booking_id=booking_id, at_ms=at_ms
        )
        order_id = begun.order_id if begun else self._order_of_booking(booking_id)
        self._commit(begun if key is None else self._kept(begun, user_id, key, at_ms, order_id))
        return order_id

    def cancel_booking(
        self, *, user_id: int, booking_id: int, now_ms: int, key: Key | None = None
    ) -> None:
        """End a booking at any step; money that came or may come is owed back."""
        if key is not None and self._receipt(user_id, key):
            return
        at_ms = self._at_ms(now_ms)
        cancelled = decide.cancel_booking(
            self._state, self.rules, user_id=user_id, booking_id=booking_id, at_ms=at_ms
        )
        self._commit(cancelled if key is None else self._kept(cancelled, user_id, key, at_ms))

    # Commands of the door, of the operator and of the clock

    def admit_seat(
        self, *, booking_id: int, seat_id: int, now_ms: int, key: Key | None = None
    ) -> None:
        """Let somebody in with the ticket of a seat: once, and then the booking is used.

        The door has no user: its keys are kept with those of the buyer.
        """
        booking = self._state.booking(booking_id)
        user_id = NOBODY if booking is None else booking.user_id
        if key is not None and self._receipt(user_id, key):
            return
        at_ms = self._at_ms(now_ms)
        admitted = decide.admit_seat(
            self._state, booking_id=booking_id, seat_id=seat_id, at_ms=at_ms
        )
        self._commit(admitted if key is None else self._kept(admitted, user_id, key, at_ms))

    def reset(self, *, now_ms: int, key: Key | None = None) -> None:
        """Every seat FREE, no bookings. What is owed outside stays owed, until it is settled."""
        if key is not None and self._receipt(NOBODY, key):
            return
        at_ms = self._at_ms(now_ms)
        was_reset = mutations.StateReset(at_ms)
        self._commit(was_reset if key is None else self._kept(was_reset, NOBODY, key, at_ms))

    def expire_due(
        self, *, now_ms: int, at_most: int, ended: Callable[[int], None] | None = None
    ) -> int:
        """Log the end of what has run out by `now_ms`; returns how many records that took.

        `ended` is told the order id of each payment that ended with its booking.
        """
        at_ms = self._at_ms(now_ms)
        logged = 0
        by_age = self._state.receipts_by_age
        if by_age and by_age[0].expires_at_ms <= at_ms:
            self._commit(mutations.ReceiptsExpired(at_ms))
            logged += 1
        deadlines = self._state.deadlines
        while deadlines and deadlines[0][0] <= at_ms and logged < at_most:
            booking_id = deadlines[0][1]
            expired = decide.expire_booking(self._state, booking_id=booking_id, at_ms=at_ms)
            if expired is not None:
                order_id = self._order_of_booking(booking_id)
                self._commit(expired)
                logged += 1
                if order_id and ended is not None:
                    ended(order_id)
            # Only now: a log that is behind refuses the record, and the deadline must stay.
            heappop(deadlines)
        return logged

    def check_state(self, *, now_ms: int) -> None:
        """Log a digest of the next slice of the state, so that every replay is compared with it."""
        one = slices.following(self._state, self._checked)
        if one is not None:
            found = slices.digest_of(self._state, one)
            version = slices.VERSION if self._state.is_whole else 0
            self._commit(mutations.StateChecked(self._at_ms(now_ms), *one, found, version))
            self._checked = one

    # Facts that the sagas report. Repeating one changes nothing; each raises UnknownPayment.

    def register_payment(
        self,
        *,
        order_id: int,
        payment_id: str,
        url: str,
        now_ms: int,
        opened_at_ms: int | None = None,
    ) -> None:
        """The gateway has a page for it; the time to pay begins at `opened_at_ms`, None: now."""
        at_ms = self._at_ms(now_ms)
        registered = settle.register_payment(
            self._state,
            self.rules,
            order_id=order_id,
            payment_id=payment_id,
            url=url,
            opened_at_ms=at_ms if opened_at_ms is None else opened_at_ms,
            at_ms=at_ms,
        )
        self._commit(registered)

    def refuse_payment(self, *, order_id: int, now_ms: int) -> None:
        """The gateway will not begin this attempt: the booking is CREATED again, seats held."""
        refused = mutations.PaymentRefused(self._at_ms(now_ms), order_id)
        self._commit(settle.payment_fact(self._state, refused))

    def authorize_payment(self, *, order_id: int, now_ms: int) -> None:
        """The gateway holds the customer's money."""
        authorized = mutations.PaymentAuthorized(self._at_ms(now_ms), order_id)
        self._commit(settle.money_fact(self._state, authorized))

    def capture_payment(self, *, order_id: int, now_ms: int) -> None:
        """The money is ours: the booking is CONFIRMED and its seats are SOLD."""
        captured = mutations.PaymentCaptured(self._at_ms(now_ms), order_id)
        self._commit(settle.money_fact(self._state, captured))

    def fail_payment(self, *, order_id: int, now_ms: int) -> None:
        """The gateway took nothing and never will: the seats are free by themselves."""
        failed = mutations.PaymentFailed(self._at_ms(now_ms), order_id)
        self._commit(settle.payment_fact(self._state, failed))

    def return_payment(self, *, order_id: int, now_ms: int) -> None:
        """The gateway has voided or refunded what was owed back."""
        returned = mutations.PaymentReturned(self._at_ms(now_ms), order_id)
        self._commit(settle.payment_fact(self._state, returned))

    def park_payment(self, *, order_id: int, reason: str, now_ms: int) -> None:
        """What the gateway is owed is beyond any retry; forgotten as soon as it changes."""
        at_ms = self._at_ms(now_ms)
        parked = settle.park_payment(self._state, order_id=order_id, reason=reason, at_ms=at_ms)
        self._commit(parked)

    def start_reservation(self, *, order_id: int, provider_order: str, now_ms: int) -> None:
        started = mutations.ReservationStarted(self._at_ms(now_ms), order_id, provider_order)
        self._commit(settle.reservation_fact(self._state, started))

    def submit_reservation(self, *, order_id: int, now_ms: int) -> None:
        """The provider holds all places for us."""
        submitted = mutations.ReservationSubmitted(self._at_ms(now_ms), order_id)
        self._commit(settle.reservation_fact(self._state, submitted))

    def confirm_reservation(self, *, order_id: int, now_ms: int) -> None:
        """The places are ours for ever."""
        confirmed = mutations.ReservationConfirmed(self._at_ms(now_ms), order_id)
        self._commit(settle.reservation_fact(self._state, confirmed))

    def doubt_reservation(self, *, order_id: int, now_ms: int) -> None:
        """Whose a place is can't be told: the provider's order is given up for another one."""
        doubted = mutations.ReservationDoubted(self._at_ms(now_ms), order_id)
        self._commit(settle.reservation_fact(self._state, doubted))

    def park_reservation(self, *, order_id: int, reason: str, now_ms: int) -> None:
        """What the provider is owed is beyond any retry; forgotten as soon as it changes."""
        at_ms = self._at_ms(now_ms)
        parked = settle.park_reservation(self._state, order_id=order_id, reason=reason, at_ms=at_ms)
        self._commit(parked)

    def cancel_reservation(self, *, order_id: int, now_ms: int) -> None:
        cancelled = mutations.ReservationCancelled(self._at_ms(now_ms), order_id)
        self._commit(settle.reservation_fact(self._state, cancelled))

    def refuse_reservation(self, *, order_id: int, now_ms: int) -> None:
        """The provider has sold a place elsewhere: the booking ends, the money goes back."""
        at_ms = self._at_ms(now_ms)
        self._commit(settle.refuse_reservation(self._state, order_id=order_id, at_ms=at_ms))

    def digest(self) -> str:
        """128 bits of hash over the whole state, in hex."""
        return digest(self._state)

    def check_invariants(self) -> None:
        """Raise AssertionError unless the state is what ARCHITECTURE.md says it always is."""
        self._state.check_invariants()

    def _order_of_booking(self, booking_id: int) -> int:
        booking = self._state.booking(booking_id)
        assert booking is not None
        return booking.order_id

    # The one way in

    def _at_ms(self, now_ms: int) -> int:
        """Time never runs backwards in the log, whatever the clock does."""
        last_at_ms = self._state.last_at_ms
        return now_ms if now_ms > last_at_ms else last_at_ms  # max() takes 70 ns more

    def _receipt(self, user_id: int, key: Key) -> Receipt | None:
        return earlier_receipt(self._state, user_id, key)

    def _kept(
        self, effect: Effect | None, user_id: int, key: Key, at_ms: int, result: int | None = None
    ) -> Mutation:
        """The effect and the answer that its key keeps, in one mutation."""
        return remember(
            self._state, self.rules, effect, user_id=user_id, key=key, at_ms=at_ms, result=result
        )

    def _commit(self, mutation: Mutation | None) -> None:
        if mutation is None:
            return
        try:
            self._log.append(encode(mutation))
        except Backlogged as behind:
            raise Busy from behind
        try:
            apply(self._state, mutation)
        except BaseException as broken:
            # Log and memory disagree, and nobody can say which is right: fail stop (I8).
            self._fail_stop(broken)
            raise
