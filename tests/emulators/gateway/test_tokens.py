"""How requests are signed."""

from itertools import permutations

import pytest

from emulators.gateway.tokens import is_lenient_token, is_token, token_of
from tests.emulators.fakes import digest


def test_published_vector() -> None:
    """The published example of an init gives the digest of its joined values."""
    parameters = {
        "Amount": "19200",
        "Currency": "RUB",
        "OrderId": "21090",
        "TeamSlug": "MerchantTeamSlug",
    }

    expected = "2fb33301d9899f61eec1692ff84694cf82de5b194c9e678ee4a7d397c9e8d7fb"
    assert expected == token_of(parameters, "usaf8fw8fsw21g")


@pytest.mark.parametrize(
    ("parameters", "joined"),
    [
        ({"PaymentId": "9", "TeamSlug": "t"}, "9pwt"),
        ({"OrderId": "7", "TeamSlug": "t"}, "7pwt"),
        ({"Amount": "50", "PaymentId": "9", "TeamSlug": "t"}, "50pw9t"),
        ({"Amount": "50", "Currency": "KZT", "OrderId": "7", "TeamSlug": "t"}, "50KZT7pwt"),
    ],
)
def test_order_of_the_values(parameters: dict[str, str], joined: str) -> None:
    """Names are in ordinal order, except that a payment id alone comes first."""
    assert digest(joined) == token_of(parameters, "pw")


def test_other_order_is_no_token() -> None:
    """A token over the same values in another order is refused."""
    parameters = {"PaymentId": "9", "TeamSlug": "t"}

    assert is_token(digest("9pwt"), parameters, "pw")
    assert not is_token(digest("9tpw"), parameters, "pw")


def test_lenient_token_takes_any_order_of_the_right_values() -> None:
    """A confirmation may be signed in any order, but not with another password."""
    parameters = {"Amount": "50", "PaymentId": "9", "TeamSlug": "t"}

    for order in permutations(["50", "9", "t", "pw"]):
        assert is_lenient_token(digest(*order), parameters, "pw")
    assert not is_lenient_token(digest("50", "9", "t", "other"), parameters, "pw")
    assert not is_lenient_token("", parameters, "pw")
