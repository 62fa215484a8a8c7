"""The token that proves who sent a request: SHA-256 of its values and the password, joined.

Names are joined in ordinal order (`Amount Currency OrderId Password PaymentId TeamSlug`) with one
exception: a request that is signed by payment id alone puts the payment id first.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from itertools import permutations


def token_of(parameters: Mapping[str, str], password: str) -> str:
    """Lower-case hex of the digest; `parameters` by capitalised name, without the password."""
    if parameters.keys() == {"PaymentId", "TeamSlug"}:
        return _digest((parameters["PaymentId"], password, parameters["TeamSlug"]))
    named = {**parameters, "Password": password}
    return _digest(named[name] for name in sorted(named))


def is_token(token: str, parameters: Mapping[str, str], password: str) -> bool:
    """Whether `token` signs these parameters; takes the same time right or wrong."""
    return _same(token, token_of(parameters, password))


def is_lenient_token(token: str, parameters: Mapping[str, str], password: str) -> bool:
    """Whether `token` signs these parameters in any order.

    The service's documentation and its samples disagree about the order of a confirmation,
    so a confirmation signed either way is taken.
    """
    values = (*parameters.values(), password)
    return any(_same(token, _digest(order)) for order in permutations(values))


def _digest(values: Iterable[str]) -> str:
    return hashlib.sha256("".join(values).encode()).hexdigest()


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
