"""A payment gateway on your own machine: the merchant's API, a payment page, webhooks, a ledger.

It does what the real service's documentation promises, with the wire details of its code; the
profile "as_built" does what the service really does. Amounts are integers of minor units (tiyn).
"""

from emulators.gateway.app import app_from_environment, create_app
from emulators.gateway.knobs import GatewayKnobs
from emulators.gateway.settings import GatewaySettings, settings_from_environment

__all__ = [
    "GatewayKnobs",
    "GatewaySettings",
    "app_from_environment",
    "create_app",
    "settings_from_environment",
]
