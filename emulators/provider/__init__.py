"""An event provider on your own machine: the places of one stadium, ordered and sold.

Answers are those of the real service, its odd ones included: empty error bodies, 500 for an
unknown id, and reads that lag behind writes. Place ids come from the seed, the same after every
restart.
"""

from emulators.provider.app import app_from_environment, create_app
from emulators.provider.knobs import ProviderKnobs
from emulators.provider.settings import ProviderSettings, settings_from_environment

__all__ = [
    "ProviderKnobs",
    "ProviderSettings",
    "app_from_environment",
    "create_app",
    "settings_from_environment",
]
