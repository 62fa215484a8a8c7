"""Crash-safe conversations with the payment gateway and the seat provider.

Read `owed.py` first: which call a payment owes. Then `gateway_side.py` and `provider_side.py`,
which make it, and `runner.py`, which sees to it that somebody does.
"""

from sagas.breaker import Breaker
from sagas.calls import Calls
from sagas.errors import (
    BadPlaces,
    GatewayUnavailable,
    NoGateway,
    PaymentEnded,
    PaymentRefusedByGateway,
    PlacesUnknown,
    SagaError,
)
from sagas.gateway_client import GatewayClient
from sagas.places import Places, load, preload
from sagas.provider_client import ProviderClient
from sagas.runner import Sagas
from sagas.signing import verify_signature

__all__ = [
    "BadPlaces",
    "Breaker",
    "Calls",
    "GatewayClient",
    "GatewayUnavailable",
    "NoGateway",
    "PaymentEnded",
    "PaymentRefusedByGateway",
    "Places",
    "PlacesUnknown",
    "ProviderClient",
    "SagaError",
    "Sagas",
    "load",
    "preload",
    "verify_signature",
]
