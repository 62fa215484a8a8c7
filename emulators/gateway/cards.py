"""What the bank says to a card: the table of test cards, and chance for all others."""

import random
import re
from dataclasses import dataclass, field
from datetime import date

APPROVED_CARD = "4111111111111111"
# Listed on the payment page, with what each does.
TEST_CARDS = (
    (APPROVED_CARD, "always approved"),
    ("4000000000000002", "declined by the issuer"),
    ("4000000000000119", "insufficient funds"),
    ("5555555555554444", "approved nine times in ten"),
    ("378282246310005", "the same, with a security code of four digits"),
)
DECLINES = {
    "4000000000000002": "Card declined by issuer",
    "4000000000000119": "Insufficient funds",
}
DIGITS = re.compile(r"[0-9]+")
EXPIRY = re.compile(r"(0[1-9]|1[0-2])/([0-9]{2})")


@dataclass(frozen=True, kw_only=True)
class Card:
    """As typed into the form, nothing checked; never logged."""

    number: str = field(repr=False)
    expiry: str
    cvv: str = field(repr=False)


def test_card(number: str, today: date) -> Card:
    """A card with this number that is otherwise in order."""
    return Card(
        number=number, expiry=valid_expiry(today), cvv="1234" if _is_amex(number) else "123"
    )


def valid_expiry(today: date) -> str:
    """A date to put on a card so that it is good for years."""
    return f"12/{(today.year + 3) % 100:02d}"


def decline_reason(
    card: Card, *, today: date, chance: random.Random, decline_rate: float
) -> str | None:
    """Why the bank says no, or None for yes. Draws from `chance` only for cards off the table."""
    number = card.number.replace(" ", "")
    if not _is_card_number(number):
        return "Invalid card number"
    if not _is_valid_through(card.expiry, today):
        return "Card expired"
    if not (DIGITS.fullmatch(card.cvv) and len(card.cvv) == (4 if _is_amex(number) else 3)):
        return "Invalid security code"
    if number == APPROVED_CARD:
        return None
    if number in DECLINES:
        return DECLINES[number]
    return "Transaction declined by processor" if chance.random() < decline_rate else None


def _is_card_number(number: str) -> bool:
    return (
        bool(DIGITS.fullmatch(number)) and 13 <= len(number) <= 19 and _luhn_sum(number) % 10 == 0
    )


def _luhn_sum(number: str) -> int:
    odd = sum(int(digit) for digit in number[-1::-2])
    even = sum(sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return odd + even


def _is_valid_through(expiry: str, today: date) -> bool:
    match = EXPIRY.fullmatch(expiry.strip())
    if match is None:
        return False
    month, year = int(match[1]), 2000 + int(match[2])
    return (year, month) >= (today.year, today.month)


def _is_amex(number: str) -> bool:
    return number.startswith(("34", "37"))
