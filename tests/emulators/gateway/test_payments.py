"""The book of payments and the statuses in it."""

import dataclasses

import pytest

from emulators.gateway.payments import TRANSITIONS, BookFull, Payment, PaymentBook, Status


def payment(number: int = 1) -> Payment:
    return Payment(
        payment_id=f"1760000000{number:04d}",
        team_slug="shop",
        order_id=str(number),
        amount=5_000,
        currency="KZT",
        created_at=0,
        updated_at=0,
        expires_at=60,
    )


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_transitions(before: Status, after: Status) -> None:
    """A payment moves along the table; any other move is our own bug and changes nothing."""
    book, moved = PaymentBook(10), payment()
    book.add(moved)
    moved.status = before

    if after in TRANSITIONS[before]:
        book.move(moved, after, now=5)
        assert (moved.status, moved.updated_at) == (after, 5)
    else:
        with pytest.raises(AssertionError):
            book.move(moved, after, now=5)
        assert (moved.status, moved.updated_at) == (before, 0)


def test_active_payments() -> None:
    """Active are the payments that may still change hands, and a late success is active again."""
    book = PaymentBook(10)
    new, over = payment(1), payment(2)
    book.add(new)
    book.add(over)
    book.move(over, Status.CANCELLED, now=1)
    assert (book.active(), book.active_count()) == ([new], 1)

    assert book.authorize_late(over, now=2)
    assert book.active() == [new, over]


def test_forgotten_team() -> None:
    """Nothing of it is in flight any more, or found by either id; others stay."""
    book = PaymentBook(10)
    theirs, other = payment(1), dataclasses.replace(payment(2), team_slug="other")
    book.add(theirs)
    book.add(other)

    assert book.forget_team("shop") == 1
    assert (book.active(), len(book.ledger()["payments"])) == ([other], 1)
    assert theirs.payment_id not in book
    assert (book.find_order("shop", "1"), book.find_order("other", "2")) == (None, other)


def test_begun_on_a_day() -> None:
    """Each payment counts once, for the UTC day of its beginning."""
    book = PaymentBook(10)
    for number, created_at in enumerate((0.0, 86_399.9, 86_400.0)):
        book.add(dataclasses.replace(payment(number), created_at=created_at))

    assert [2, 1, 0] == [book.begun_on_the_day_of(day * 86_400 + 5) for day in range(3)]


def test_full_book() -> None:
    """A full book takes no payment and forgets none."""
    book = PaymentBook(1)
    book.add(payment(1))

    with pytest.raises(BookFull):
        book.add(payment(2))
    assert book.find_order("shop", "1") is not None
    assert book.find_order("shop", "2") is None
