"""Tokens and signatures, against values worked out by hand and by the service's own example."""

import hashlib
import hmac

import pytest

from sagas import verify_signature
from sagas.signing import token

EXAMPLE = "2fb33301d9899f61eec1692ff84694cf82de5b194c9e678ee4a7d397c9e8d7fb"


def test_published_example() -> None:
    """The gateway's own example of an init is signed as it says."""
    made = token(
        merchant_id="MerchantTeamSlug",
        merchant_password="usaf8fw8fsw21g",
        amount="19200",
        currency="RUB",
        order_id="21090",
    )
    assert made == EXAMPLE


@pytest.mark.parametrize(
    ("signed", "joined"),
    [
        ({"payment_id": "17"}, "17pwshop"),
        ({"order_id": "99"}, "99pwshop"),
        ({"payment_id": "17", "amount": "500"}, "500pw17shop"),
        ({"payment_id": "17", "currency": "KZT"}, "KZTpw17shop"),
        ({"payment_id": "17", "order_id": "99"}, "99pw17shop"),
        ({"amount": "500", "currency": "KZT", "order_id": "99"}, "500KZT99pwshop"),
    ],
)
def test_order_of_values(signed: dict[str, str], joined: str) -> None:
    """Values are joined in the order of their names, but a payment id alone comes first."""
    made = token(merchant_id="shop", merchant_password="pw", **signed)
    assert made == hashlib.sha256(joined.encode()).hexdigest()


def test_signature() -> None:
    """Only the HMAC of exactly these bytes under exactly this secret is taken."""
    raw = b'{"paymentId":"1"}'
    header = "sha256=" + hmac.new(b"secret", raw, hashlib.sha256).hexdigest()
    assert verify_signature(b"secret", raw, header)
    assert not verify_signature(b"secret", raw + b" ", header)
    assert not verify_signature(b"secret2", raw, header)
    assert not verify_signature(b"secret", raw, header.removeprefix("sha256="))
    assert not verify_signature(b"secret", raw, "")
    assert not verify_signature(b"secret", raw, "sha256=дайте")
