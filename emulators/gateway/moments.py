"""Moments as the gateway writes them."""

from datetime import UTC, date, datetime


def timestamp(seconds: float) -> str:
    """Unix seconds as `2025-08-17T11:22:33.1234560Z`: UTC, seven digits of fraction."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def day(seconds: float) -> date:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(seconds, UTC).date()
