"""Who speaks: the token that signs our requests, and the signature on the gateway's webhooks.

A token is the lower-case hex SHA-256 of the signed values and the password, joined in the ordinal
order of their names (Amount, Currency, OrderId, Password, PaymentId, TeamSlug), with one exception
of the gateway's: a request signed by payment id alone puts the payment id first.
"""

import hashlib
import hmac

SIGNATURE_PREFIX = "sha256="


def token(
    *,
    merchant_id: str,
    merchant_password: str,
    amount: str = "",
    currency: str = "",
    order_id: str = "",
    payment_id: str = "",
) -> str:
    """Sign the values that the request holds; an empty one is absent from it."""
    if payment_id and not (amount or currency or order_id):
        joined = payment_id + merchant_password + merchant_id
    else:
        joined = amount + currency + order_id + merchant_password + payment_id + merchant_id
    return hashlib.sha256(joined.encode()).hexdigest()


def verify_signature(secret: bytes, raw: bytes, header: str) -> bool:
    """Whether `header` is `sha256=<hex HMAC-SHA256 of raw>`; takes the same time right or wrong."""
    expected = SIGNATURE_PREFIX + hmac.new(secret, raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), header.encode())
