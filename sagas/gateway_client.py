"""The payment gateway's four calls. Its words (teamSlug, orderId, token) live only here.

An answer counts as a refusal only if it carries the gateway's own error code: a page of some proxy
with the same status says nothing about a payment.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import msgspec

from sagas import signing, wire
from sagas.breaker import Breaker
from sagas.calls import Calls, counted
from sagas.outcome import Done, Outcome, Refused, Unknown

TOTAL_SECONDS = 10.0
CALLS = ("init", "check", "look_up", "confirm", "cancel")
CONNECTIONS_MAX = 64
CURRENCY = "KZT"
# Shorter than the deadline of our bookings; the gateway itself may accept a card after it.
PAYMENT_EXPIRY_MINUTES = 10
# Answers to a check are cached for 30 s by these fields, which change nothing else in them.
CHECK_FLAGS = ("includeTransactions", "includeCardDetails", "includeCustomerInfo", "includeReceipt")
CHECK_LANGUAGES = ("ru", "en")
CHECK_VARIANTS = 2 ** len(CHECK_FLAGS) * len(CHECK_LANGUAGES)

_PAYMENT_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
_URL = re.compile(r"https?://[!-~]{1,2040}")

# Of what it says in words.
WORDS_CHARACTERS_MAX = 120

# It couldn't find out who asks: its own trouble, and not that of a merchant whom it doesn't know.
_ITS_OWN_TROUBLE = "AUTHENTICATION_ERROR"
DUPLICATE = "1002"
NOT_THERE = "1404"


class Opened(msgspec.Struct, frozen=True):
    """A payment that the gateway has begun, and the page where the customer pays."""

    payment_id: str
    url: str


class Standing(msgspec.Struct, frozen=True):
    """How a payment stands at the gateway, in its word. An `order_id` of 0 is no id of ours.

    `created_at_ms` is by the gateway's clock, and 0 where it doesn't say.
    """

    payment_id: str
    order_id: int
    status: str
    amount_minor: Decimal
    currency: str
    created_at_ms: int = 0


class _Answer(msgspec.Struct, rename="camel"):
    success: bool = False
    error_code: str | int | None = None
    errors: dict[str, list[str]] | None = None  # the shape of a refusal before authentication
    details: Any = None  # words, or an object with words in it


class _OpenedAnswer(_Answer, rename="camel"):
    payment_id: str | None = None
    order_id: Any = None  # as text, or as a number
    payment_url: str | None = msgspec.field(name="paymentURL", default=None)


class _CheckedPayment(msgspec.Struct, rename="camel"):
    payment_id: str | None = None
    order_id: str | None = None
    status: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    created_at: Any = None  # whatever it is: no check is unread because of it


class _CheckedAnswer(_Answer, rename="camel"):
    payments: list[_CheckedPayment] | None = None


class _ChangedAnswer(_Answer, rename="camel"):
    payment_id: str | None = None


_AnyAnswer = TypeVar("_AnyAnswer", bound=_Answer)


class GatewayClient:
    """Speaks for one merchant. A method a call; none is repeated here, none raises."""

    def __init__(
        self,
        *,
        base_url: str,
        merchant_id: str,
        merchant_password: str,
        public_url: str,
        breaker: Breaker,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`public_url` is where the customer's browser and the gateway reach us."""
        self._base_url = base_url.rstrip("/")
        self._merchant_id = merchant_id
        self._merchant_password = merchant_password
        self._callbacks = public_url.rstrip("/") + "/api/payments"
        self.breaker = breaker
        self.calls = Calls(*CALLS)
        self._http = wire.open_client(
            self._base_url,
            total_seconds=TOTAL_SECONDS,
            connections_max=CONNECTIONS_MAX,
            transport=transport,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    @counted
    async def init(self, *, order_id: int, amount_minor: int) -> Outcome[Opened]:
        """Begin a payment. Not idempotent: a second one of the order id is Refused as DUPLICATE."""
        content = {
            "teamSlug": self._merchant_id,
            "token": self._token(
                amount=str(amount_minor), currency=CURRENCY, order_id=str(order_id)
            ),
            "amount": amount_minor,
            "orderId": str(order_id),
            "currency": CURRENCY,
            "description": f"Билеты, заказ {order_id}",
            "language": "ru",
            "paymentExpiry": PAYMENT_EXPIRY_MINUTES,
            "successURL": f"{self._callbacks}/success?orderId={order_id}",
            "failURL": f"{self._callbacks}/fail?orderId={order_id}",
            "notificationURL": f"{self._callbacks}/notifications",
        }
        outcome = await self._post("/api/v1/PaymentInit/init", content, _OpenedAnswer)
        if not isinstance(outcome, Done):
            return outcome
        told = outcome.answer.order_id
        if told is not None and str(told) != str(order_id):
            return Unknown("an answer about another order")
        payment_id, url = outcome.answer.payment_id or "", outcome.answer.payment_url or ""
        if not _PAYMENT_ID.fullmatch(payment_id):
            return Unknown("a payment without a proper id")
        # It goes into a header of ours, so it must be an address and nothing but one.
        return Done(Opened(payment_id, url if _URL.fullmatch(url) else self.page_url(payment_id)))

    @counted
    async def check(self, *, payment_id: str, variant: int) -> Outcome[Standing]:
        """How a payment stands. A new `variant` (any integer) gets an answer from no cache."""
        content: dict[str, object] = {
            "teamSlug": self._merchant_id,
            "token": self._token(payment_id=payment_id),
            "paymentId": payment_id,
        }
        return await self._check(content, variant)

    @counted
    async def look_up(self, *, order_id: int, variant: int) -> Outcome[Standing]:
        """The same by our own id, for a payment whose id got lost; NOT_THERE if there is none."""
        content: dict[str, object] = {
            "teamSlug": self._merchant_id,
            "token": self._token(order_id=str(order_id)),
            "orderId": str(order_id),
        }
        return await self._check(content, variant)

    @counted
    async def confirm(self, *, payment_id: str) -> Outcome[None]:
        """Take the money that is held, all of it: a stated amount is limited, an absent one not."""
        return await self._change("/api/v1/PaymentConfirm/confirm", payment_id)

    @counted
    async def cancel(self, *, payment_id: str) -> Outcome[None]:
        """Give back what was or may be taken, all of it."""
        return await self._change("/api/v1/PaymentCancel/cancel", payment_id)

    def page_url(self, payment_id: str) -> str:
        """Where the customer pays, when the answer that said so got lost."""
        return f"{self._base_url}/api/v1/paymentform/render/{payment_id}"

    async def _check(self, content: dict[str, object], variant: int) -> Outcome[Standing]:
        flags, language = divmod(variant % CHECK_VARIANTS, len(CHECK_LANGUAGES))
        content["language"] = CHECK_LANGUAGES[language]
        content.update((flag, bool(flags >> bit & 1)) for bit, flag in enumerate(CHECK_FLAGS))
        outcome = await self._post("/api/v1/PaymentCheck/check", content, _CheckedAnswer)
        if not isinstance(outcome, Done):
            return outcome
        payments = outcome.answer.payments or []
        if len(payments) != 1:
            return Unknown(f"a check that tells of {len(payments)} payments")
        return _standing(payments[0])

    async def _change(self, path: str, payment_id: str) -> Outcome[None]:
        content: dict[str, object] = {
            "teamSlug": self._merchant_id,
            "token": self._token(payment_id=payment_id),
            "paymentId": payment_id,
        }
        outcome = await self._post(path, content, _ChangedAnswer)
        if not isinstance(outcome, Done):
            return outcome
        if outcome.answer.payment_id not in (None, payment_id):
            return Unknown("an answer about another payment")
        return Done(None)

    async def _post(
        self, path: str, content: dict[str, object], kind: type[_AnyAnswer]
    ) -> Outcome[_AnyAnswer]:
        reply = await wire.ask(
            self._http, "POST", path, total_seconds=TOTAL_SECONDS, content=content
        )
        self.breaker.note(reply)
        return reply if isinstance(reply, Unknown) else _judged(reply, kind)

    def _token(
        self, *, amount: str = "", currency: str = "", order_id: str = "", payment_id: str = ""
    ) -> str:
        return signing.token(
            merchant_id=self._merchant_id,
            merchant_password=self._merchant_password,
            amount=amount,
            currency=currency,
            order_id=order_id,
            payment_id=payment_id,
        )


def _judged(reply: wire.Reply, kind: type[_AnyAnswer]) -> Outcome[_AnyAnswer]:
    if reply.status >= 500 or reply.status in wire.OVERLOADED:
        return wire.unknown(reply)
    try:
        answer = msgspec.json.decode(reply.body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return wire.unknown(reply, f"HTTP {reply.status} with a body that can't be read")
    if reply.status == 200 and answer.success:
        return Done(answer)
    if answer.error_code == _ITS_OWN_TROUBLE:
        return wire.unknown(reply, _ITS_OWN_TROUBLE)
    if reply.status >= 400 and answer.error_code is not None:
        return Refused(reply.status, str(answer.error_code), _words(answer.details))
    if reply.status == 400 and answer.errors:
        return Refused(reply.status, "invalid: " + ", ".join(sorted(answer.errors)))
    return wire.unknown(reply)


def _words(details: Any) -> str:
    """What the gateway adds to its code: one line of printable characters."""
    if isinstance(details, dict):
        details = details.get("description") or details.get("reason")
    words = details if isinstance(details, str) else ""
    return "".join(filter(str.isprintable, words))[:WORDS_CHARACTERS_MAX]


def _standing(checked: _CheckedPayment) -> Outcome[Standing]:
    if not checked.status or checked.amount is None or not checked.amount.is_finite():
        return Unknown("a check without a status or an amount")
    if not _PAYMENT_ID.fullmatch(checked.payment_id or ""):
        return Unknown("a check without a proper id")
    written = checked.order_id or ""
    ours = written.isascii() and written.isdigit() and len(written) <= 19
    return Done(
        Standing(
            payment_id=checked.payment_id or "",
            order_id=int(written) if ours else 0,
            status=checked.status.upper(),
            amount_minor=checked.amount,
            currency=checked.currency or CURRENCY,
            created_at_ms=_moment_ms(checked.created_at),
        )
    )


def _moment_ms(written: object) -> int:
    """Such as `2025-08-17T11:22:33.1234567Z`; 0: it can't be read. What names no zone is UTC."""
    try:
        moment = datetime.fromisoformat(written if isinstance(written, str) else "")
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
