"""Sees to it that every payment gets what it is owed outside, however often we are interrupted.

One look at one payment makes at most one call. It is level-triggered: a look reads the durable
state, so a lost wake-up costs a few seconds and a crash costs nothing. Of each payment, the gateway
is asked by one task at most and the provider by one; neither waits for the other, so a service that
is down holds up nobody.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

import structlog

from engine import BookingStatus, Engine, Payment, PaymentStatus, Sale
from engine.errors import Busy, UnknownPayment
from sagas import owed
from sagas.agenda import Agenda, FirstCome, Sleep
from sagas.begun_first import BegunFirst
from sagas.calls import Calls
from sagas.errors import (
    GatewayUnavailable,
    NoGateway,
    PaymentEnded,
    PaymentRefusedByGateway,
    PlacesUnknown,
)
from sagas.gateway_client import GatewayClient
from sagas.gateway_side import (
    GatewaySide,
    clock_variant,
    earliest_check_ms,
    is_put_off,
    needs_check,
)
from sagas.owed import REMINDERS_AFTER_MS
from sagas.pace import Pace
from sagas.provider_client import ProviderClient
from sagas.provider_side import ProviderSide
from sagas.recorder import Recorder
from sagas.watch import Patience, Watch, stamp_of

GATEWAY_CALLS_MAX = 64
# The provider works off some 100 changes a second, whoever asks; more at once only queue there.
PROVIDER_CALLS_MAX = 20
PROVIDER_CALLS_PER_SECOND = 80.0
# Orders whose last check is remembered after all else: five minutes of a hundred a second, in 4 MB.
VARIANTS_KEPT = 32_768
# A reminder only looks into memory.
REMINDERS_AT_ONCE = 16
# Finds what nobody woke us for: bookings that ran out, resets.
SWEEP_SECONDS = 5.0
SWEEP_AT_ONCE = 1_000
# How long a customer waits for a gateway that is known to be down: a probe comes every second, if
# it hasn't asked for a longer pause.
DOWN_SECONDS = 2.0
# Longer than any single call: whoever is under way ends by itself.
STOP_SECONDS = 12.0

log = structlog.get_logger("sagas")


class Sagas:
    """Everything the outside is owed, for as long as the process lives."""

    def __init__(
        self,
        engine: Engine,
        *,
        gateway: GatewayClient | None,
        provider: ProviderClient | None,
        places: Mapping[int, str] | None,
        clock_ms: Callable[[], int],
        sleep: Sleep = asyncio.sleep,
        rng: random.Random,
        provider_calls_per_second: float = PROVIDER_CALLS_PER_SECOND,
    ) -> None:
        """`places` maps seat ids of partners' events to the provider's place ids.

        It may still be filling: a payment whose seats it lacks waits, at gateway and provider both.
        """
        self._engine = engine
        self._clock_ms = clock_ms
        self._sleep = sleep
        self._rng = rng
        self._watches: dict[int, Watch] = {}
        # The variant of the last check of orders that aren't watched any more, the oldest first.
        self._variants: OrderedDict[int, int] = OrderedDict()
        recorder = Recorder(engine, clock_ms=clock_ms, changed=self._changed)
        self._gateway_side: GatewaySide | None = None
        if gateway is not None:
            gateway.breaker.listen(self._gateway_has_recovered)
            self._gateway_side = GatewaySide(
                engine, gateway, recorder, may_begin=self._may_begin, clock_ms=clock_ms, rng=rng
            )
        line = BegunFirst(self._owed_to_provider, is_failing=self._is_failing_at_provider)
        self._provider_side: ProviderSide | None = None
        if provider is not None and places is not None:
            provider.breaker.listen(self._provider_has_recovered)
            self._provider_side = ProviderSide(
                engine,
                provider,
                recorder,
                places=places,
                pace=Pace(provider_calls_per_second, clock_ms=clock_ms, sleep=sleep),
                line=line,
                clock_ms=clock_ms,
                rng=rng,
            )
        self._gateway_agenda = Agenda(
            self._look_at_gateway,
            at_once=GATEWAY_CALLS_MAX,
            clock_ms=clock_ms,
            sleep=sleep,
            line=FirstCome(can_wait=self._is_without_news),
        )
        self._provider_agenda = Agenda(
            self._look_at_provider,
            at_once=PROVIDER_CALLS_MAX,
            clock_ms=clock_ms,
            sleep=sleep,
            line=line,
        )
        self._reminders = Agenda(
            self._remind, at_once=REMINDERS_AT_ONCE, clock_ms=clock_ms, sleep=sleep
        )
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take up everything that is unsettled; call it on the running loop."""
        payments = self.unsettled_payments()
        if self._provider_side is not None:
            self._provider_side.resume(payments)
        for payment in payments:
            # A hint may have come while nobody was there to hear it.
            self._hint(payment, self._watch(payment.order_id))
            self.wake(payment.order_id)
        for order_id in self._engine.orders_since(self._clock_ms() - REMINDERS_AFTER_MS[-1]):
            self._plan_reminder(order_id)
        for agenda in self._agendas():
            agenda.start()
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Begin no call any more; wait for those under way, within a bound."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        stopping = (agenda.stop(within_seconds=STOP_SECONDS) for agenda in self._agendas())
        await asyncio.gather(*stopping)

    def wake(self, order_id: int) -> None:
        """The payment's state has changed: tell who waits for it, and look at what it is owed."""
        watch = self._watches.get(order_id)
        if watch is not None:
            watch.tell()
        self._look_now(order_id)

    def _look_now(self, order_id: int, *, ahead: bool = False) -> None:
        """And not some seconds later. `ahead`: before those whose customers don't wait."""
        if self._gateway_side is not None:
            self._gateway_agenda.now(order_id, ahead=ahead)
        if self._provider_side is not None:
            self._provider_agenda.now(order_id)

    def retry_parked(self) -> int:
        """An operator has mended something: try everything that is parked now; how much it is."""
        parked = self.parked()
        for payment in parked:
            watch = self._watch(payment.order_id)
            watch.gateway.not_before_ms = watch.provider.not_before_ms = 0
            self.wake(payment.order_id)
        return len(parked)

    def parked(self) -> list[Payment]:
        """Payments of which one side, or both, is beyond any retry. Not to be changed."""
        return [payment for payment in self.unsettled_payments() if payment.is_parked()]

    def answering(self) -> dict[str, str]:
        """Of the gateway and the provider: "up", "down" (nobody is served lately), or "none"."""
        return {"gateway": _word(self._gateway_side), "provider": _word(self._provider_side)}

    def calls(self) -> dict[str, Calls]:
        """How the calls to the gateway and to the provider have ended, of those there are."""
        sides = {"gateway": self._gateway_side, "provider": self._provider_side}
        return {service: side.calls for service, side in sides.items() if side is not None}

    def unsettled_payments(self) -> list[Payment]:
        """The payments that still owe the outside a call. Not to be changed."""
        found = map(self._engine.payment, self._engine.unsettled())
        return [payment for payment in found if payment is not None]

    def can_sell(self, sale: Sale) -> bool:
        """Whether everything is there that selling such an event's seats takes."""
        if self._gateway_side is None:
            return False
        return sale is not Sale.PARTNER or self._provider_side is not None

    async def registered(self, order_id: int, *, within_seconds: float) -> Payment:
        """The payment with its page, durable, as soon as the gateway has made one.

        Raises NoGateway, PlacesUnknown, PaymentRefusedByGateway or PaymentEnded (the attempt is
        over), GatewayUnavailable (it goes on, ask again), and engine's UnknownPayment.
        """
        payment = self._engine.payment(order_id)
        if payment is None:
            raise UnknownPayment(order_id)
        if payment.status is PaymentStatus.INITIATED:
            await self._until_begun(payment, within_seconds=within_seconds)
        await self._engine.durable()
        if payment.status is PaymentStatus.INITIATED:
            raise GatewayUnavailable
        if not payment.url or payment.status is PaymentStatus.RETURN_DUE:
            raise PaymentEnded if self._was_given_up(payment) else PaymentRefusedByGateway
        return payment

    async def _until_begun(self, payment: Payment, *, within_seconds: float) -> None:
        """Return when the gateway has answered, or the time is over; NoGateway, PlacesUnknown."""
        if self._gateway_side is None:
            raise NoGateway
        if not self._may_begin(payment):
            raise PlacesUnknown
        if self._gateway_side.is_down():
            within_seconds = min(within_seconds, DOWN_SECONDS)
        # Nothing has changed: of a thousand who ask at once each would wake all the others.
        self._look_now(payment.order_id, ahead=True)
        await self._until(
            self._watch(payment.order_id),
            lambda: payment.status is not PaymentStatus.INITIATED,
            within_seconds=within_seconds,
        )

    def _was_given_up(self, payment: Payment) -> bool:
        """By us or our customer: the gateway's refusal leaves the booking as it was."""
        booking = self._engine.booking(payment.booking_id)
        has_ended = booking is None or booking.status is BookingStatus.CANCELLED
        return has_ended or payment.status is PaymentStatus.RETURN_DUE

    async def verify(self, order_id: int, *, within_seconds: float) -> None:
        """Somebody says that this payment has moved: ask the gateway, and record what follows.

        Returns when the check and the capture or failure that follows from it are recorded (the
        provider's confirm may still be under way: the seats are sold by then), or when the time
        is over. Anybody may call this as often as they like: all calls share one check, and a
        payment is checked once a second at most; one that is over once in ten, and nobody waits
        for that.
        """
        payment = self._engine.payment(order_id)
        if payment is None or self._gateway_side is None:
            return
        watch = self._watch(order_id)
        was_hinted = watch.hinted
        self._hint(payment, watch)
        hint = watch.hints

        def is_over() -> bool:
            if is_put_off(payment, watch, now_ms=self._clock_ms()):
                return True
            is_answered = watch.hints_answered >= hint or not needs_check(payment)
            return is_answered and payment.status is not PaymentStatus.AUTHORIZED

        if not was_hinted:
            if watch.hinted:
                watch.gateway.hasten()  # once: until it is answered further hints hasten nothing
            self._gateway_agenda.now(order_id)
        await self._until(watch, is_over, within_seconds=within_seconds)
        await self._engine.durable()

    def _hint(self, payment: Payment, watch: Watch) -> None:
        if needs_check(payment):
            watch.hints += 1
            watch.hinted = True

    def _may_begin(self, payment: Payment) -> bool:
        """No customer is sent to pay for seats that we couldn't ask for."""
        if payment.reservation is None:
            return True
        side = self._provider_side
        return side is not None and side.knows_places_of(payment.reservation)

    async def _until(
        self, watch: Watch, is_over: Callable[[], bool], *, within_seconds: float
    ) -> None:
        """Return when it is over, or when the time is."""
        if is_over():
            return
        timer = asyncio.create_task(self._sleep(within_seconds))
        try:
            while not is_over() and not timer.done():
                change = watch.listen()
                try:
                    await asyncio.wait((timer, change), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    watch.unlisten(change)
        finally:
            timer.cancel()

    async def _look_at_gateway(self, order_id: int) -> int | None:
        payment = self._engine.payment(order_id)
        if payment is None or self._gateway_side is None:
            self._forget(order_id)
            return None
        watch = self._watch(order_id)
        look = self._gateway_side.look(payment, watch)
        due_ms = await self._patiently(look, order_id=order_id, patience=watch.gateway)
        if due_ms is not None or not payment.is_settled():
            return due_ms
        # A little longer, or a stranger's next hint would find no trace of the last check.
        earliest_ms = earliest_check_ms(payment, watch)
        if earliest_ms > self._clock_ms():
            return earliest_ms
        self._forget(order_id)
        return None

    def _gateway_has_recovered(self) -> None:
        """First those whose customers are waiting, then all others."""
        for order_id, watch in self._watches.items():
            if watch.is_awaited():
                watch.gateway.hasten()
                self._gateway_agenda.now(order_id, ahead=True)
        for order_id in self._watches:
            self._gateway_agenda.now(order_id)

    def _provider_has_recovered(self) -> None:
        for order_id in self._watches:
            self._provider_agenda.now(order_id)

    def _is_without_news(self, order_id: int) -> bool:
        """Only its time has come to be asked about: of ten thousand open pages most are looked at.

        Where the gateway is slow, who has paid needn't wait for all of them, and then once more.
        """
        payment, watch = self._engine.payment(order_id), self._watches.get(order_id)
        if payment is None or watch is None:
            return False
        return payment.status is PaymentStatus.PENDING and not watch.hinted

    def _owed_to_provider(self, order_id: int) -> owed.ProviderCall | None:
        payment = self._engine.payment(order_id)
        return None if payment is None else owed.to_provider(payment)

    def _is_failing_at_provider(self, order_id: int) -> bool:
        watch = self._watches.get(order_id)
        return watch is not None and watch.provider.failures > 0

    async def _look_at_provider(self, order_id: int) -> int | None:
        if self._provider_side is None:
            return None
        payment = self._engine.payment(order_id)
        if payment is None:
            self._provider_side.forget(order_id)
            return None
        watch = self._watch(order_id)
        look = self._provider_side.look(payment, watch)
        due_ms = await self._patiently(look, order_id=order_id, patience=watch.provider)
        if due_ms is None and payment.is_settled():
            # The gateway's look forgets the watch, and may have been before this one.
            self._gateway_agenda.now(order_id)
        return due_ms

    async def _patiently(
        self, look: Awaitable[int | None], *, order_id: int, patience: Patience
    ) -> int | None:
        """Whatever befalls one look, it is repeated later and others go on."""
        try:
            return await look
        except UnknownPayment:
            return self._clock_ms()  # a reset forgot it, and the next look does
        except Busy:
            log.warning("the log is behind: a fact waits", order_id=order_id)
        except Exception:
            log.exception("a saga stumbled", order_id=order_id)
        patience.fail(now_ms=self._clock_ms(), retry_after_s=0.0, rng=self._rng)
        return patience.not_before_ms

    def _changed(self, order_id: int) -> None:
        self.wake(order_id)
        self._plan_reminder(order_id)

    def _plan_reminder(self, order_id: int) -> None:
        payment = self._engine.payment(order_id)
        if payment is None:
            return
        due_ms = owed.next_reminder_ms(payment, now_ms=self._clock_ms())
        if due_ms is not None:
            self._reminders.at(order_id, due_ms)

    async def _remind(self, order_id: int) -> int | None:
        """Nobody has given a hint about a payment that is over: so we do."""
        payment = self._engine.payment(order_id)
        if payment is None:
            return None
        self._hint(payment, self._watch(order_id))
        self._gateway_agenda.now(order_id)
        return owed.next_reminder_ms(payment, now_ms=self._clock_ms())

    def _agendas(self) -> tuple[Agenda, ...]:
        return self._gateway_agenda, self._provider_agenda, self._reminders

    def _watch(self, order_id: int) -> Watch:
        watch = self._watches.get(order_id)
        if watch is None:
            begun = clock_variant(self._clock_ms())
            watch = Watch(first_variant=self._variants.pop(order_id, begun))
            self._watches[order_id] = watch
        return watch

    def _forget(self, order_id: int) -> None:
        watch = self._watches.pop(order_id, None)
        if watch is None:
            return
        watch.tell()
        self._variants[order_id] = watch.variant
        if len(self._variants) > VARIANTS_KEPT:
            self._variants.popitem(last=False)

    async def _sweep(self) -> None:
        while True:
            await self._sleep(SWEEP_SECONDS)
            unsettled = self._engine.unsettled()
            for first in range(0, len(unsettled), SWEEP_AT_ONCE):
                for order_id in unsettled[first : first + SWEEP_AT_ONCE]:
                    self._wake_if_missed(order_id)
                await asyncio.sleep(0)

    def _wake_if_missed(self, order_id: int) -> None:
        payment = self._engine.payment(order_id)
        if payment is None:
            return
        watch, stamp = self._watch(order_id), stamp_of(payment)
        if self._gateway_side is not None and not watch.gateway.has_seen(stamp):
            self._gateway_agenda.now(order_id)
        may_owe_places = self._provider_side is not None and payment.reservation is not None
        if may_owe_places and not watch.provider.has_seen(stamp):
            self._provider_agenda.now(order_id)


def _word(side: GatewaySide | ProviderSide | None) -> str:
    if side is None:
        return "none"
    return "up" if side.is_answering() else "down"
