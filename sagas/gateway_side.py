"""The conversation with the payment gateway about one payment, a call at a time.

What a check says counts only if it speaks of our payment: the same ids, amount and currency.
"""

import random
from collections.abc import Callable
from functools import partial

import structlog

from engine import Engine, Payment, PaymentStatus
from sagas import gateway_client, owed, parking
from sagas.calls import Calls
from sagas.gateway_client import GatewayClient, Opened, Standing
from sagas.outcome import Done, Outcome, Refused, Trouble, Unknown
from sagas.owed import Fact, GatewayCall, Money
from sagas.parking import is_beyond_retry
from sagas.recorder import Recorder
from sagas.watch import Watch, stamp_of

# The gateway caches a check for 30 s while a payment is active and for 300 s when it looks final.
# Its 32 variants, a second or ten apart and each one more than the last, outlast that: no hints,
# however many, make us read a stale answer.
CHECK_INTERVAL_MS = 1_000
OVER_CHECK_INTERVAL_MS = 10_000
# A change that had no answer so often may have been made all the same: then a check tells.
UNANSWERED_MAX = 3
# Nobody knows yet whether there will be money.
ACTIVE = frozenset({PaymentStatus.INITIATED, PaymentStatus.PENDING})

log = structlog.get_logger("sagas.gateway")


class GatewaySide:
    """Makes the calls that `owed.to_gateway` names, when their time has come."""

    def __init__(
        self,
        engine: Engine,
        client: GatewayClient,
        recorder: Recorder,
        *,
        may_begin: Callable[[Payment], bool],
        clock_ms: Callable[[], int],
        rng: random.Random,
    ) -> None:
        self._engine = engine
        self._client = client
        self._record = recorder.record
        self._may_begin = may_begin
        self._clock_ms = clock_ms
        self._rng = rng
        self._steps = {
            GatewayCall.INIT: self._init,
            GatewayCall.CHECK: self._check,
            GatewayCall.CAPTURE: self._capture,
            GatewayCall.LOOK_UP: self._look_up,
            GatewayCall.RETURN: self._return,
        }

    def is_down(self) -> bool:
        """True while calls wait for the gateway to answer again."""
        return self._client.breaker.is_open()

    @property
    def calls(self) -> Calls:
        return self._client.calls

    def is_answering(self) -> bool:
        """False also while it does nothing but err."""
        return self._client.breaker.is_answering()

    async def look(self, payment: Payment, watch: Watch) -> int | None:
        """Make at most one call; returns when to look again in ms, None: when something changes."""
        watch.gateway.notice(stamp_of(payment))
        call = self._owed(payment, watch)
        if call is None:
            return None
        due_ms = self._due_ms(call, payment, watch)
        if due_ms > self._clock_ms():
            return due_ms
        if call_at_ms := self._client.breaker.call_at_ms():
            return call_at_ms
        await self._engine.durable()
        trouble = await self._steps[call](payment, watch)
        if trouble is None:
            watch.gateway.succeed()
        else:
            self._be_patient(call, payment, watch, trouble)
            still_owed = owed.to_gateway(payment) is call
            own_failures = watch.gateway.own_failures
            if still_owed and is_beyond_retry(call, trouble, own_failures=own_failures):
                await self._park(call, payment, watch, trouble)
            elif payment.status in owed.OVER and own_failures >= parking.FAILURES_MAX:
                watch.gateway.not_before_ms = self._clock_ms() + parking.retry_ms(self._rng)
        return self._clock_ms()

    def _owed(self, payment: Payment, watch: Watch) -> GatewayCall | None:
        call = owed.to_gateway(payment)
        if call is GatewayCall.INIT:
            return call if self._may_begin(payment) else None
        if call is None and watch.hinted and payment.status in owed.OVER:
            return GatewayCall.CHECK
        if call is not GatewayCall.CHECK:
            watch.hinted = False
        return call

    def _due_ms(self, call: GatewayCall, payment: Payment, watch: Watch) -> int:
        patience = watch.gateway
        if call is GatewayCall.INIT and watch.is_awaited():
            patience.hasten()
        if call is not GatewayCall.CHECK:
            return patience.not_before_ms
        if not patience.not_before_ms:
            patience.not_before_ms = owed.next_check_ms(
                initiated_at_ms=payment.initiated_at_ms, now_ms=self._clock_ms()
            )
        earliest_ms = earliest_check_ms(payment, watch)
        if watch.hinted and not patience.failures:
            return earliest_ms
        return max(earliest_ms, patience.not_before_ms)

    def _be_patient(
        self, call: GatewayCall, payment: Payment, watch: Watch, trouble: Trouble
    ) -> None:
        patience = watch.gateway
        patience.meet(trouble, self._client.breaker, now_ms=self._clock_ms(), rng=self._rng)
        if patience.is_worth_telling():
            log.warning(
                "the gateway is still owed a call",
                call=call.value,
                order_id=payment.order_id,
                trouble=trouble,
                failures=patience.failures,
            )

    async def _park(
        self, call: GatewayCall, payment: Payment, watch: Watch, trouble: Trouble
    ) -> None:
        reason = parking.reason_of(call.value, trouble)
        if not payment.parked:
            log.error("a payment is parked", order_id=payment.order_id, reason=reason)
            park = partial(self._engine.park_payment, reason=reason)
            await self._record(park, payment.order_id)
        watch.gateway.not_before_ms = self._clock_ms() + parking.retry_ms(self._rng)

    async def _init(self, payment: Payment, watch: Watch) -> Trouble | None:
        outcome = await self._client.init(
            order_id=payment.order_id, amount_minor=payment.amount_minor
        )
        match outcome:
            case Done(opened):
                return await self._register(payment, opened)
            case Refused(code=gateway_client.DUPLICATE):
                # An earlier answer got lost. NOT_THERE here means that the refusal itself was
                # wrong, which it is when the gateway's own database has failed it.
                return await self._adopt(payment, watch)
            case Refused(code=code):
                log.error("the gateway refuses a payment", order_id=payment.order_id, code=code)
                await self._record(self._engine.refuse_payment, payment.order_id)
            case Unknown():
                return outcome
        return None

    async def _look_up(self, payment: Payment, watch: Watch) -> Trouble | None:
        trouble = await self._adopt(payment, watch)
        if trouble is not None and _is_not_there(trouble):
            await self._record(self._engine.refuse_payment, payment.order_id)
            return None
        return trouble

    async def _adopt(self, payment: Payment, watch: Watch) -> Trouble | None:
        """Find by our own id what the gateway has begun for us."""
        outcome = await self._standing(payment, watch)
        if not isinstance(outcome, Done):
            return outcome
        found = outcome.answer
        opened = Opened(found.payment_id, self._client.page_url(found.payment_id))
        # It may be old by now, and by its age the gateway will refuse the capture.
        return await self._register(payment, opened, opened_at_ms=found.created_at_ms)

    async def _check(self, payment: Payment, watch: Watch) -> Trouble | None:
        outcome = await self._standing(payment, watch)
        if isinstance(outcome, Done):
            await self._conclude(payment, outcome.answer)
        elif payment.status not in owed.OVER:
            return outcome
        elif not _is_not_there(outcome):
            watch.tell()  # nobody waits for the next check
            return outcome
        # The hint is answered unless another one came meanwhile: that one may know of more.
        watch.hinted = watch.hints > watch.hints_at_check
        watch.hints_answered = watch.hints_at_check
        watch.gateway.not_before_ms = 0
        watch.tell()
        return None

    async def _capture(self, payment: Payment, watch: Watch) -> Trouble | None:
        outcome = await self._client.confirm(payment_id=payment.payment_id)
        if isinstance(outcome, Done):
            await self._record(self._engine.capture_payment, payment.order_id)
            return None
        return await self._see_why(payment, watch, outcome)

    async def _return(self, payment: Payment, watch: Watch) -> Trouble | None:
        outcome = await self._client.cancel(payment_id=payment.payment_id)
        if not isinstance(outcome, Done):
            return await self._see_why(payment, watch, outcome)
        if owed.was_held(payment) and await self._is_still_there(payment, watch):
            return Unknown("the gateway still has what it says it gave back")
        await self._record(self._engine.return_payment, payment.order_id)
        return None

    async def _is_still_there(self, payment: Payment, watch: Watch) -> bool:
        """True only when the gateway says so; nobody would ask again for what is recorded."""
        standing = await self._standing(payment, watch)
        if not isinstance(standing, Done):
            return False
        return owed.money_of(standing.answer.status) in (Money.HELD, Money.TAKEN)

    async def _see_why(self, payment: Payment, watch: Watch, outcome: Trouble) -> Trouble | None:
        """A refusal may mean that it is done already, or that it can never be done."""
        if isinstance(outcome, Unknown) and not self._is_worth_a_check(watch):
            return outcome
        standing = await self._standing(payment, watch)
        if isinstance(standing, Done) and await self._conclude(payment, standing.answer):
            return None
        return outcome

    def _is_worth_a_check(self, watch: Watch) -> bool:
        """True when the gateway may err at this one call, and answer others."""
        is_silent = self._client.breaker.is_silent()
        return watch.gateway.failures >= UNANSWERED_MAX and not is_silent

    async def _standing(self, payment: Payment, watch: Watch) -> Outcome[Standing]:
        watch.last_check_ms = self._clock_ms()
        watch.hints_at_check = watch.hints
        # While a payment is active its variant keeps up with the clock, by which the process after
        # a crash begins.
        is_active = payment.status in ACTIVE
        variant = watch.next_variant(at_least=clock_variant(self._clock_ms()) if is_active else 0)
        if payment.payment_id:
            outcome = await self._client.check(payment_id=payment.payment_id, variant=variant)
        else:
            outcome = await self._client.look_up(order_id=payment.order_id, variant=variant)
        if isinstance(outcome, Done) and not _is_ours(payment, outcome.answer):
            log.error(
                "a check tells of something else than our payment: nothing is recorded",
                order_id=payment.order_id,
                amount_minor=payment.amount_minor,
                told=outcome.answer,
            )
            return Unknown("a check of something else")
        return outcome

    async def _conclude(self, payment: Payment, standing: Standing) -> bool:
        """Record what a check implies; False: nothing."""
        reports = {
            Fact.AUTHORIZED: self._engine.authorize_payment,
            Fact.CAPTURED: self._engine.capture_payment,
            Fact.FAILED: self._engine.fail_payment,
            Fact.RETURNED: self._engine.return_payment,
        }
        facts = owed.facts(payment, owed.money_of(standing.status))
        for fact in facts:
            await self._record(reports[fact], payment.order_id)
        return bool(facts)

    async def _register(
        self, payment: Payment, opened: Opened, *, opened_at_ms: int | None = None
    ) -> Trouble | None:
        other = self._engine.order_of(opened.payment_id)
        if other not in (None, payment.order_id):
            log.error("a page is another order's", order_id=payment.order_id, other=other)
            return Unknown("a payment of another order")
        register = partial(
            self._engine.register_payment,
            payment_id=opened.payment_id,
            url=opened.url,
            opened_at_ms=opened_at_ms,
        )
        await self._record(register, payment.order_id)
        return None


def clock_variant(now_ms: int) -> int:
    """With which variant the checks of an order begin of which we remember none.

    No process before a crash asked an active payment's so within 30 s. An answer that looks final
    is cached for longer: of one from just before a crash we may ask again, by a chance in 32.
    """
    return now_ms // CHECK_INTERVAL_MS


def earliest_check_ms(payment: Payment, watch: Watch) -> int:
    """No hint makes us ask about a payment before this."""
    interval_ms = OVER_CHECK_INTERVAL_MS if payment.status in owed.OVER else CHECK_INTERVAL_MS
    return watch.last_check_ms + interval_ms


def needs_check(payment: Payment) -> bool:
    """Whether a hint about this payment could tell us something new."""
    return payment.status in owed.OVER or payment.status in ACTIVE


def is_put_off(payment: Payment, watch: Watch, *, now_ms: int) -> bool:
    """True for an ended payment that was asked about just now: nobody waits for its next check.

    What that one may find is owed back, whoever has heard of it.
    """
    return payment.status in owed.OVER and earliest_check_ms(payment, watch) > now_ms


def _is_not_there(outcome: Trouble) -> bool:
    return isinstance(outcome, Refused) and outcome.code == gateway_client.NOT_THERE


def _is_ours(payment: Payment, standing: Standing) -> bool:
    return (
        standing.order_id == payment.order_id
        and standing.payment_id == (payment.payment_id or standing.payment_id)
        and standing.amount_minor == payment.amount_minor
        and standing.currency == gateway_client.CURRENCY
    )
