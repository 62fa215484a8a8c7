"""Start-up settings out of `BILLETTER_EMULATOR_*`, for servers that call a bare factory."""

import os
from collections.abc import Mapping

from emulators.knobs import AnyKnobs, BadKnobs, read_change, turned
from emulators.wire import is_absolute_url

PREFIX = "BILLETTER_EMULATOR_"
DIGITS_MAX = 18  # what 64 bits surely hold; int() itself gives up at some thousand


class BadEnvironment(ValueError):
    """A variable is set to something it cannot mean. Names the variable, never its value."""


def text(name: str, default: str) -> str:
    """The variable `BILLETTER_EMULATOR_<name>`, or the default when unset or empty."""
    return os.environ.get(PREFIX + name) or default


def optional_text(name: str) -> str | None:
    """The variable, or None when unset or empty."""
    return os.environ.get(PREFIX + name) or None


def url(name: str) -> str | None:
    """The variable as an absolute address, or None when unset or empty; raises BadEnvironment."""
    written = optional_text(name)
    if written is not None and not is_absolute_url(written):
        raise BadEnvironment(f"{PREFIX}{name} must be like http://host:port")
    return written


def number(name: str, default: int, *, least: int) -> int:
    """The variable as an integer of at least `least`; raises BadEnvironment."""
    written = os.environ.get(PREFIX + name)
    if not written:
        return default
    is_whole = written.isascii() and written.isdigit() and len(written) <= DIGITS_MAX
    if not is_whole or int(written) < least:
        raise BadEnvironment(f"{PREFIX}{name} must be a whole number, {least} or more")
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
