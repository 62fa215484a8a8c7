"""What the bank says to each card."""

import random
from datetime import date

import pytest

from emulators.gateway.cards import Card, decline_reason, valid_expiry
from emulators.gateway.cards import test_card as card_in_order

TODAY = date(2026, 7, 15)


def answer(card: Card, *, decline_rate: float = 0.0, seed: int = 1) -> str | None:
    chance = random.Random(seed)
    return decline_reason(card, today=TODAY, chance=chance, decline_rate=decline_rate)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4111111111111111", None),
        ("4111 1111 1111 1111", None),
        ("4000000000000002", "Card declined by issuer"),
        ("4000000000000119", "Insufficient funds"),
        ("5555555555554444", "Transaction declined by processor"),
        ("378282246310005", "Transaction declined by processor"),
        ("4532123456789012", "Invalid card number"),
        ("4111111111111112", "Invalid card number"),
        ("411111111117", "Invalid card number"),
        ("4111111111119", "Transaction declined by processor"),
        ("4111111111111111110", "Transaction declined by processor"),
        ("41111111111111111115", "Invalid card number"),
        ("not a card", "Invalid card number"),
        ("٤١١١١١١١١١١١١١١١", "Invalid card number"),
    ],
)
def test_each_card_when_chance_always_declines(number: str, reason: str | None) -> None:
    """The table rules its own cards; chance decides only about other good ones."""
    assert reason == answer(card_in_order(number, TODAY), decline_rate=1.0)


@pytest.mark.parametrize("number", ["5555555555554444", "378282246310005"])
def test_other_good_cards_when_chance_never_declines(number: str) -> None:
    """A good card off the table is approved unless chance declines it."""
    assert answer(card_in_order(number, TODAY), decline_rate=0.0) is None


@pytest.mark.parametrize(
    ("expiry", "reason"),
    [
        ("07/26", None),
        ("08/26", None),
        ("06/26", "Card expired"),
        ("12/25", "Card expired"),
        ("13/30", "Card expired"),
        ("0730", "Card expired"),
        ("", "Card expired"),
    ],
)
def test_expiry(expiry: str, reason: str | None) -> None:
    """A card is good through the last day of its month; an unreadable date is a decline."""
    assert reason == answer(Card(number="4111111111111111", expiry=expiry, cvv="123"))


@pytest.mark.parametrize(
    ("number", "cvv", "reason"),
    [
        ("4111111111111111", "123", None),
        ("4111111111111111", "1234", "Invalid security code"),
        ("4111111111111111", "12a", "Invalid security code"),
        ("378282246310005", "1234", None),
        ("378282246310005", "123", "Invalid security code"),
    ],
)
def test_security_code(number: str, cvv: str, reason: str | None) -> None:
    """American Express has four digits, all others three."""
    assert reason == answer(Card(number=number, expiry=valid_expiry(TODAY), cvv=cvv))


def test_one_in_ten_declined_and_the_seed_says_which() -> None:
    """The decline rate holds over many cards, and the same seed declines the same ones."""

    def run(seed: int) -> list[str | None]:
        chance = random.Random(seed)
        card = card_in_order("5555555555554444", TODAY)
        return [
            decline_reason(card, today=TODAY, chance=chance, decline_rate=0.1)
            for _ in range(10_000)
        ]

    declined = sum(reason is not None for reason in run(1))
    assert 900 <= declined <= 1100
    assert run(1) == run(1)
    assert run(1) != run(2)


def test_card_is_never_shown() -> None:
    """Neither number nor code can leak through a log of the card."""
    shown = repr(card_in_order("4111111111111111", TODAY))

    assert "4111" not in shown
    assert "123" not in shown
