"""Text and JSON as the real service's Java reads them, leniencies included."""

import re

# Java counts in 32 bits.
INT_MAX = 2**31 - 1
INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
# What Java takes for a UUID: five groups of hex digits, short groups included.
UUID = re.compile(r"([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)", re.IGNORECASE)
UUID_CHARACTERS_MAX = 36
UUID_GROUP_DIGITS = (8, 4, 4, 4, 12)


def parse_uuid(written: object) -> str | None:
    """The UUID as Java reads it, or None. Short groups are padded, long ones lose their head."""
    if not isinstance(written, str) or len(written) > UUID_CHARACTERS_MAX:
        return None
    match = UUID.fullmatch(written)
    if match is None:
        return None
    groups = zip(match.groups(), UUID_GROUP_DIGITS, strict=True)
    return "-".join(group.lower().zfill(digits)[-digits:] for group, digits in groups)


def parse_integer(written: str | None, default: int) -> int | None:
    """A 32-bit integer as Java parses it, or None."""
    if written is None:
        return default
    if not INTEGER.fullmatch(written):
        return None
    number = int(written)
    return number if -INT_MAX - 1 <= number <= INT_MAX else None


def coerce_integer(value: object) -> int:
    """A JSON value as the real service's parser coerces it: text is parsed, junk is 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return parse_integer(value.strip(), 0) or 0
    if isinstance(value, int | float) and abs(value) <= INT_MAX:
        return int(value)
    return 0
