"""Start-up settings out of `BILLETTER_EMULATOR_*`, for servers that call a bare factory."""

import os
from collections.abc import Mapping

from emulators.knobs import AnyKnobs, BadKnobs, read_change, turned

PREFIX = "BILLETTER_EMULATOR_"


class BadEnvironment(ValueError):
    """A variable is set to something it cannot mean. Names the variable, never its value."""


def text(name: str, default: str) -> str:
    """The variable `BILLETTER_EMULATOR_<name>`, or the default when unset or empty."""
    return os.environ.get(PREFIX + name) or default


def optional_text(name: str) -> str | None:
    """The variable, or None when unset or empty."""
    return os.environ.get(PREFIX + name) or None


def number(name: str, default: int) -> int:
    """The variable as an integer of at least zero."""
    written = os.environ.get(PREFIX + name)
    if not written:
        return default
    if not (written.isascii() and written.isdigit()):
        raise BadEnvironment(f"{PREFIX}{name} must be a whole number")
    return int(written)


def knobs(profiles: Mapping[str, AnyKnobs]) -> AnyKnobs:
    """`BILLETTER_EMULATOR_KNOBS`: a JSON object in the shape of `PUT /__emu/settings`."""
    default = profiles["documented"]
    written = os.environ.get(PREFIX + "KNOBS")
    if not written:
        return default
    try:
        return turned(default, read_change(written), profiles)
    except BadKnobs as error:
        raise BadEnvironment(f"{PREFIX}KNOBS: {error}") from None
