"""The conversation with the seat provider about one payment's places: strictly a call at a time.

An order is ended (submitted, cancelled) only when it shows every place that we selected for it:
the provider adds them late, and a place that comes after the end is lost for good.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import structlog

from engine import Engine, Payment, PaymentStatus, Reservation, ReservationStatus
from engine.domain import RESERVATION_SETTLED
from sagas import backoff, owed, parking
from sagas.begun_first import BegunFirst
from sagas.calls import Calls
from sagas.claims import Claims
from sagas.filling import Filling, Refusal
from sagas.outcome import Done, Outcome, Trouble, Unknown
from sagas.owed import ProviderCall
from sagas.pace import Pace
from sagas.provider_client import OrderStatus, ProviderClient
from sagas.recorder import Recorder
from sagas.silence import Silence
from sagas.watch import Watch, stamp_of

# Another order of ours is letting the same seats go; that takes a call or a few.
CLAIM_POLL_MS = 250

# The calls that fill an order, beside one for each place: start and submit.
CALLS_BESIDE_PLACES = 2
# A place that was selected is shown within 200 ms, and looked for after 50, 150 and 350; without
# this allowance a lasting crowd has every fourth order of four places begun in vain.
SHOWN_MS = 1_000
# An end that had no answer so often may have been made all the same: then the order tells.
UNANSWERED_MAX = 3
# Until a booking that is too late ends, or has more time or less company after all.
TOO_LATE_POLL_MS = 5_000

_PARKABLE = frozenset({ProviderCall.CONFIRM, ProviderCall.CANCEL})

log = structlog.get_logger("sagas.provider")


class ProviderSide:
    """Makes the calls that `owed.to_provider` names, when their time has come."""

    def __init__(
        self,
        engine: Engine,
        client: ProviderClient,
        recorder: Recorder,
        *,
        places: Mapping[int, str],
        pace: Pace,
        line: BegunFirst,
        clock_ms: Callable[[], int],
        rng: random.Random,
    ) -> None:
        """`places` maps our seat ids to the provider's place ids; it may grow while we run."""
        self._engine = engine
        self._client = client
        self._record = recorder.record
        self._places = places
        self._pace = pace
        self._clock_ms = clock_ms
        self._rng = rng
        self._claims = Claims()
        self._line = line
        self._silence = Silence(clock_ms=clock_ms)
        self._steps = {
            ProviderCall.START: self._start,
            ProviderCall.FILL: self._fill,
            ProviderCall.CONFIRM: self._confirm,
            ProviderCall.CANCEL: self._cancel,
        }

    def resume(self, payments: list[Payment]) -> None:
        """After a start: know again which places our own orders hold."""
        self._claims.resume(self._clock_ms())
        for payment in payments:
            reservation = payment.reservation
            if reservation is None or reservation.status in RESERVATION_SETTLED:
                continue  # the money may be owed back still, the places are somebody else's
            call = owed.to_provider(payment)
            is_given_up = call is ProviderCall.CANCEL and bool(reservation.parked)
            if call is not ProviderCall.START and not is_given_up:
                self._claims.claim(payment.order_id, reservation.seats)

    def forget(self, order_id: int) -> None:
        """There is no such payment any more: a reset may have ended it during one of its calls."""
        self._claims.drop(order_id)

    @property
    def calls(self) -> Calls:
        return self._client.calls

    def is_answering(self) -> bool:
        """False while the provider gives no answer, or gives places and shows none any more."""
        return self._client.breaker.is_answering() and not self._silence.is_kept()

    async def look(self, payment: Payment, watch: Watch) -> int | None:
        """Make at most one call; returns when to look again in ms, None: when something changes."""
        reservation = payment.reservation
        if reservation is None:
            return None
        patience = watch.provider
        patience.notice(stamp_of(payment))
        call = owed.to_provider(payment)
        if call is not ProviderCall.FILL:
            self._silence.drop(payment.order_id)
        if call is None:
            if reservation.status in RESERVATION_SETTLED:
                self._claims.drop(payment.order_id)
            return None
        if until_ms := self._waits_until_ms(call, payment, reservation, watch):
            return until_ms
        trouble: Trouble | None = self._hindrance(call, reservation)
        if trouble is None:
            if call_at_ms := self._call_at_ms(call):
                return call_at_ms
            await self._engine.durable()
            trouble = await self._steps[call](payment, reservation, watch)
        if trouble is None:
            patience.succeed()
        else:
            self._be_patient(call, payment, watch, trouble)
            if patience.own_failures >= parking.FAILURES_MAX:
                await self._park(call, payment, watch, trouble)
        return self._clock_ms()

    def _waits_until_ms(
        self, call: ProviderCall, payment: Payment, reservation: Reservation, watch: Watch
    ) -> int:
        """When to look again; 0: the call may be made now.

        This and the next are asked before the breaker: who can't call mustn't use up the one probe.
        """
        now_ms = self._clock_ms()
        until_ms = watch.provider.not_before_ms
        if call is ProviderCall.CANCEL:
            # An attempt that had no answer may still bring a place into the order.
            until_ms = max(until_ms, self._filling(reservation, watch).in_flight_until_ms)
        if until_ms > now_ms:
            return until_ms
        if call is ProviderCall.START and self._is_too_late(payment, reservation):
            return now_ms + TOO_LATE_POLL_MS
        if call is ProviderCall.START and not self._claims.claim(
            payment.order_id, reservation.seats
        ):
            return now_ms + CLAIM_POLL_MS
        return 0

    def _call_at_ms(self, call: ProviderCall) -> int:
        """When to ask again; 0: the call is made now."""
        call_at_ms = self._client.breaker.call_at_ms()
        if not call_at_ms and call is ProviderCall.START:
            self._silence.begin()
        return call_at_ms

    def _hindrance(self, call: ProviderCall, reservation: Reservation) -> Unknown | None:
        """What else stands against the call, as if it had had no answer."""
        is_filled = call in (ProviderCall.START, ProviderCall.FILL)
        if is_filled and not self.knows_places_of(reservation):
            return Unknown("the provider's places have not been read yet")
        if call is ProviderCall.START and not self._silence.may_begin():
            return Unknown("the provider shows no places any more: nothing new is begun")
        return None

    def _be_patient(
        self, call: ProviderCall, payment: Payment, watch: Watch, trouble: Trouble
    ) -> None:
        patience = watch.provider
        patience.meet(trouble, self._client.breaker, now_ms=self._clock_ms(), rng=self._rng)
        if patience.is_worth_telling():
            log.warning(
                "the provider is still owed a call",
                call=call.value,
                order_id=payment.order_id,
                trouble=trouble,
                failures=patience.failures,
            )

    async def _park(
        self, call: ProviderCall, payment: Payment, watch: Watch, trouble: Trouble
    ) -> None:
        """An order that is still being filled needs no operator: its booking has a deadline."""
        reservation = payment.reservation
        if call not in _PARKABLE or reservation is None:
            return
        if reservation.status is ReservationStatus.RENEW_DUE:
            return
        reason = parking.reason_of(call.value, trouble)
        if not reservation.parked:
            log.error("a reservation is parked", order_id=payment.order_id, reason=reason)
            park = partial(self._engine.park_reservation, reason=reason)
            await self._record(park, payment.order_id)
        if call is ProviderCall.CANCEL:
            # The next buyer needn't wait for it in vain: the provider says whose the place is.
            self._claims.drop(payment.order_id)
        watch.provider.not_before_ms = self._clock_ms() + parking.retry_ms(self._rng)

    def knows_places_of(self, reservation: Reservation) -> bool:
        """False while the places of the event are still being read."""
        return all(seat_id in self._places for seat_id in reservation.seats)

    def _is_too_late(self, payment: Payment, reservation: Reservation) -> bool:
        """True when the booking's time would end first: its calls are better made for others."""
        booking = self._engine.booking(payment.booking_id)
        calls = len(reservation.seats) + CALLS_BESIDE_PLACES
        # Each call waits for one of every other order that is being filled.
        orders = 1 + self._line.turns_beside(payment.order_id)
        takes_ms = calls * orders * self._pace.interval_ms + SHOWN_MS
        deadline_ms = booking.expires_at_ms if booking is not None else 0  # 0: there is none
        return bool(deadline_ms) and self._clock_ms() + takes_ms > deadline_ms

    async def _start(
        self, payment: Payment, reservation: Reservation, watch: Watch
    ) -> Trouble | None:
        await self._pace.turn()
        outcome = await self._client.start()
        if not isinstance(outcome, Done):
            self._silence.begin_in_vain()
            return outcome
        watch.filling = Filling(reservation.seats, resumed=False, now_ms=self._clock_ms())
        start = partial(self._engine.start_reservation, provider_order=outcome.answer)
        await self._record(start, payment.order_id)
        return None

    async def _fill(
        self, payment: Payment, reservation: Reservation, watch: Watch
    ) -> Trouble | None:
        filling = self._filling(reservation, watch)
        seat_id = filling.next_seat()
        if seat_id is None or filling.is_unseen:
            return await self._look_at_order(payment, reservation, watch, filling)
        await self._pace.turn()
        outcome = await self._client.select(
            place=self._places[seat_id], order=reservation.provider_order
        )
        now_ms = self._clock_ms()
        if isinstance(outcome, Done):
            filling.selected(seat_id)
        elif isinstance(outcome, Unknown):
            filling.unanswered(seat_id, now_ms=now_ms)
            return outcome
        else:
            ours_perhaps = self._claims.may_be_releasing(seat_id, now_ms=now_ms)
            if filling.refused(seat_id, may_be_releasing=ours_perhaps) is Refusal.TAKEN:
                await self._give_up(payment, "a place is sold elsewhere")
        return None

    async def _look_at_order(
        self, payment: Payment, reservation: Reservation, watch: Watch, filling: Filling
    ) -> Trouble | None:
        """Look at the order, and submit it as soon as it holds every place."""
        outcome = await self._client.order(reservation.provider_order)
        if not isinstance(outcome, Done):
            return outcome
        filling.is_unseen = False
        order = outcome.answer
        if order is not None and order.status is OrderStatus.CANCELLED:
            await self._give_up(payment, "the provider's order is cancelled")
            return None
        if order is not None and order.status is not OrderStatus.STARTED:
            return await self._submitted(payment, filling)
        if order is not None and order.places_count >= filling.places_wanted:
            all_seen = await self._are_all_seen(reservation)
            if not isinstance(all_seen, Done):
                return all_seen
            if all_seen.answer:
                self._silence.end()
                return await self._submit(payment, reservation, filling)
        if filling.next_seat() is not None:
            return None
        return await self._wait_for_places(payment, watch, filling)

    async def _are_all_seen(self, reservation: Reservation) -> Outcome[bool]:
        """The order's count may count a place twice; a place that still looks free isn't in it."""
        for seat_id in reservation.seats:
            is_free = await self._client.is_free(self._places[seat_id])
            if not isinstance(is_free, Done):
                return is_free
            if is_free.answer:
                return Done(False)  # noqa: FBT003 - an answer, not a flag
        return Done(True)  # noqa: FBT003

    async def _submit(
        self, payment: Payment, reservation: Reservation, filling: Filling
    ) -> Trouble | None:
        await self._pace.turn()
        submitted = await self._client.submit(reservation.provider_order)
        if isinstance(submitted, Done):
            return await self._submitted(payment, filling)
        return submitted

    async def _wait_for_places(
        self, payment: Payment, watch: Watch, filling: Filling
    ) -> Trouble | None:
        now_ms = self._clock_ms()
        filling.begin_waiting(now_ms)
        if filling.is_overdue(now_ms):
            if not filling.has_doubts():
                if filling.has_waited_since(self._silence.shown_at_ms):
                    self._silence.add(payment.order_id)
                return Unknown("the provider doesn't show the places it gave us")
            log.warning("a place can't be shown to be ours", order_id=payment.order_id)
            await self._record(self._engine.doubt_reservation, payment.order_id)
            return None
        filling.polls += 1
        filling.try_again()
        watch.provider.not_before_ms = now_ms + backoff.poll_ms(filling.polls)
        return None

    async def _submitted(self, payment: Payment, filling: Filling) -> Trouble | None:
        filling.is_at_rest = True
        await self._record(self._engine.submit_reservation, payment.order_id)
        return None

    async def _give_up(self, payment: Payment, reason: str) -> None:
        log.warning("a booking can't be honoured", order_id=payment.order_id, reason=reason)
        await self._record(self._engine.refuse_reservation, payment.order_id)

    async def _confirm(
        self, payment: Payment, reservation: Reservation, watch: Watch
    ) -> Trouble | None:
        await self._pace.turn()
        outcome = await self._client.confirm(reservation.provider_order)
        if isinstance(outcome, Unknown) and not self._is_worth_a_look(watch):
            return outcome
        if not isinstance(outcome, Done):
            # It is confirmed already, if we were here before and the answer got lost.
            seen = await self._client.order(reservation.provider_order)
            if not isinstance(seen, Done):
                return seen
            status = "not to be seen" if seen.answer is None else seen.answer.status
            if status == OrderStatus.CANCELLED and payment.status is not PaymentStatus.CAPTURED:
                return await self._cancelled(payment, reservation)
            if status != OrderStatus.CONFIRMED:
                reason = ", ".join(filter(None, (outcome.reason, f"the order is {status}")))
                return replace(outcome, reason=reason)
        await self._record(self._engine.confirm_reservation, payment.order_id)
        return None

    async def _cancel(
        self, payment: Payment, reservation: Reservation, watch: Watch
    ) -> Trouble | None:
        filling = self._filling(reservation, watch)
        if not filling.is_at_rest and filling.places_held_max():
            return await self._look_before_cancel(reservation, watch, filling)
        # Refused means cancelled already: no order that we still want to cancel was confirmed.
        await self._pace.turn()
        outcome = await self._client.cancel(reservation.provider_order)
        if isinstance(outcome, Unknown) and not await self._is_seen_cancelled(reservation, watch):
            return outcome
        return await self._cancelled(payment, reservation)

    async def _is_seen_cancelled(self, reservation: Reservation, watch: Watch) -> bool:
        if not self._is_worth_a_look(watch):
            return False
        seen = await self._client.order(reservation.provider_order)
        order = seen.answer if isinstance(seen, Done) else None
        return order is not None and order.status is OrderStatus.CANCELLED

    def _is_worth_a_look(self, watch: Watch) -> bool:
        """True when the provider may err at this one call, and answer others."""
        is_silent = self._client.breaker.is_silent()
        return watch.provider.failures >= UNANSWERED_MAX and not is_silent

    async def _cancelled(self, payment: Payment, reservation: Reservation) -> Trouble | None:
        self._claims.release(payment.order_id, reservation.seats, now_ms=self._clock_ms())
        await self._record(self._engine.cancel_reservation, payment.order_id)
        return None

    async def _look_before_cancel(
        self, reservation: Reservation, watch: Watch, filling: Filling
    ) -> Trouble | None:
        """Look at the order until it holds all that it may hold, or long enough."""
        outcome = await self._client.order(reservation.provider_order)
        if not isinstance(outcome, Done):
            return outcome
        now_ms = self._clock_ms()
        filling.begin_ending(now_ms)
        order = outcome.answer
        has_ended = order is not None and order.status is not OrderStatus.STARTED
        is_full = order is not None and order.places_count >= filling.places_held_max()
        if has_ended or is_full or filling.is_overdue(now_ms):
            filling.is_at_rest = True
        else:
            filling.polls += 1
            watch.provider.not_before_ms = now_ms + backoff.poll_ms(filling.polls)
        return None

    def _filling(self, reservation: Reservation, watch: Watch) -> Filling:
        if watch.filling is None:
            now_ms = self._clock_ms()
            watch.filling = Filling(reservation.seats, resumed=True, now_ms=now_ms)
        return watch.filling
