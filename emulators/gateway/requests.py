"""What the gateway is asked: bodies read as the real service reads them, and their annotations.

Names of fields may come in any case. An amount may be written as a string. It keeps its
scale (`19200` and `19200.00` are signed differently), so amounts are decimals here.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from emulators.wire import plain_json

# The real range of an init: 10.00 up to 21,474,836.47, because the service keeps amounts
# in 32 bits. A hundred and seven of the dearest seats of the stadium fit; one more does not.
INIT_AMOUNT_MIN = 1_000
INIT_AMOUNT_MAX = 2_147_483_647
# The range of the optional amount of a confirmation or cancellation: 500,000.00.
# Leave the amount out and a payment of any size is confirmed or cancelled whole.
CHANGE_AMOUNT_MAX = 50_000_000
EXPIRY_MINUTES_MAX = 43_200
EXPIRY_MINUTES_DEFAULT = 30
URL_CHARACTERS_MAX = 2_048

PHONE = re.compile(r"\+?[1-9][0-9]{6,19}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
LANGUAGE = re.compile("ru|en")
PAY_TYPE = re.compile("[OT]")


class Violations:
    """Collects what the annotations of a body forbid, by capitalised field name."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def required(self, name: str, value: str | None, *, length_max: int) -> None:
        """Present, not blank, and short enough."""
        if value is None or not value.strip():
            self._add(name, f"The {name} field is required.")
        else:
            self.length(name, value, length_max=length_max)

    def length(self, name: str, value: str | None, *, length_max: int) -> None:
        if value is not None and len(value) > length_max:
            self._add(name, f"{name} must not exceed {length_max} characters.")

    def pattern(self, name: str, value: str | None, pattern: re.Pattern[str]) -> None:
        if value is not None and not pattern.fullmatch(value):
            self._add(name, f"The {name} field is not valid.")

    def between(self, name: str, value: Decimal | None, *, low: int, high: int) -> None:
        """Absent, or a number from `low` to `high`."""
        if value is None or (value.is_finite() and low <= value <= high):
            return
        too_low = value.is_finite() and value < low
        self._add(name, f"{name} must be at {f'least {low}' if too_low else f'most {high}'}")

    def _add(self, name: str, message: str) -> None:
        self.found.setdefault(name, []).append(message)


def _as_sent(name: str) -> str:
    return name.replace("_", "")


class SignedRequest(Struct, kw_only=True, rename=_as_sent):
    """What every signed request carries. The wire names are lower-cased camel case."""

    team_slug: str | None = None
    token: str | None = None

    def violations(self) -> Violations:
        found = Violations()
        found.required("TeamSlug", self.team_slug, length_max=50)
        found.required("Token", self.token, length_max=256)
        return found


class InitRequest(SignedRequest, kw_only=True, rename=_as_sent):
    """Start a payment of `amount` minor units."""

    amount: Decimal | None = None
    order_id: str | None = None
    currency: str = "KZT"
    pay_type: str | None = None
    description: str | None = None
    customer_key: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    success_url: str | None = None
    fail_url: str | None = None
    notification_url: str | None = None
    payment_expiry: int | None = None
    redirect_method: str | None = None
    data: dict[str, Any] | None = None
    items: list[dict[str, Any]] | None = None

    def violations(self) -> Violations:
        found = super().violations()
        amount = Decimal(0) if self.amount is None else self.amount
        found.between("Amount", amount, low=INIT_AMOUNT_MIN, high=INIT_AMOUNT_MAX)
        found.required("OrderId", self.order_id, length_max=36)
        found.length("Currency", self.currency, length_max=3)
        found.pattern("PayType", self.pay_type, PAY_TYPE)
        found.length("Description", self.description, length_max=140)
        found.pattern("Email", self.email, EMAIL)
        found.pattern("Phone", self.phone, PHONE)
        found.pattern("Language", self.language, LANGUAGE)
        found.length("SuccessURL", self.success_url, length_max=URL_CHARACTERS_MAX)
        found.length("FailURL", self.fail_url, length_max=URL_CHARACTERS_MAX)
        found.length("NotificationURL", self.notification_url, length_max=URL_CHARACTERS_MAX)
        expiry = None if self.payment_expiry is None else Decimal(self.payment_expiry)
        found.between("PaymentExpiry", expiry, low=1, high=EXPIRY_MINUTES_MAX)
        return found


class CheckRequest(SignedRequest, kw_only=True, rename=_as_sent):
    """Ask for a payment by its id or by the order id; the payment id wins."""

    payment_id: str | None = None
    order_id: str | None = None
    include_transactions: bool = False
    include_card_details: bool = False
    include_customer_info: bool = False
    include_receipt: bool = False
    language: str | None = None

    def violations(self) -> Violations:
        found = super().violations()
        found.length("PaymentId", self.payment_id, length_max=50)
        found.length("OrderId", self.order_id, length_max=36)
        found.pattern("Language", self.language, LANGUAGE)
        return found


class ChangeRequest(SignedRequest, kw_only=True, rename=_as_sent):
    """Confirm or cancel a payment: the same fields but for two of the description."""

    payment_id: str | None = None
    amount: Decimal | None = None
    description: str | None = None
    reason: str | None = None
    items: list[dict[str, Any]] | None = None
    receipt: dict[str, Any] | None = None
    force: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    def violations(self) -> Violations:
        found = super().violations()
        found.required("PaymentId", self.payment_id, length_max=50)
        found.between("Amount", self.amount, low=1, high=CHANGE_AMOUNT_MAX)
        found.length("Description", self.description, length_max=255)
        found.length("Reason", self.reason, length_max=255)
        return found


AnyRequest = TypeVar("AnyRequest", bound=SignedRequest)


class Unreadable(ValueError):
    """The body is not the JSON that was asked for; `path` says where."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def read_request(body: bytes, kind: type[AnyRequest]) -> AnyRequest | None:
    """The request in `body`, or None for a JSON `null`; raises Unreadable. Checks no annotation."""
    try:
        content = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
        # Parts of it are echoed: refuse here what no answer can hold, such as half a character.
        plain_json(content)
    except (ValueError, TypeError, RecursionError, InvalidOperation):
        raise Unreadable("$") from None
    if content is None:
        return None
    if not isinstance(content, Mapping):
        raise Unreadable("$")
    return _converted(content, kind)


def read_query(query: Mapping[str, str], kind: type[AnyRequest]) -> AnyRequest:
    """The request in a query string, where a true is written `true`. Raises Unreadable."""
    return _converted(query, kind, strict=False)


def _converted(
    content: Mapping[str, Any], kind: type[AnyRequest], *, strict: bool = True
) -> AnyRequest:
    # A null means the same as an absent field, which is how the defaults come into play.
    given = {name.lower(): value for name, value in content.items() if value is not None}
    try:
        return msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        path = re.search(r"`(\$[^`]*)`$", str(error))
        raise Unreadable(path[1] if path else "$") from None


def amount_text(amount: Decimal) -> str:
    """The amount as it is signed: with the scale it was sent with, never with an exponent."""
    return format(amount, "f")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
