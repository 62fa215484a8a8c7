"""A booking and a payment as lists of what can be encoded: for dumps, and for comparing states."""

from typing import Any

from engine.domain import Booking, Payment


def booking_row(one: Booking) -> list[Any]:
    """A booking as it is dumped."""
    return [
        one.booking_id,
        one.user_id,
        one.created_at_ms,
        one.status,
        one.expires_at_ms,
        one.order_id,
        one.seats,
    ]


def payment_row(one: Payment) -> list[Any]:
    """A payment with its reservation, as they are dumped."""
    held = one.reservation
    return [
        one.order_id,
        one.booking_id,
        one.user_id,
        one.amount_minor,
        one.initiated_at_ms,
        one.status,
        one.payment_id,
        one.url,
        None if held is None else [held.seats, held.status, held.provider_order, held.parked],
        one.parked,
        one.history,
    ]
