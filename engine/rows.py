"""A booking and a payment as they are encoded: in dumps, and where states are compared.

A new field goes at the end and has a default, which is what older snapshots mean without it.
"""

import msgspec

from engine.domain import Booking, BookingStatus, Payment, PaymentStatus, ReservationStatus


class _Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    pass


class BookingRow(_Row, frozen=True):
    """What can't be told from the other rows; its event is in its id, its ordinal is its place."""

    booking_id: int
    user_id: int
    created_at_ms: int
    status: BookingStatus
    expires_at_ms: int
    order_id: int
    seats: tuple[int, ...]


class ReservationRow(_Row, frozen=True):
    """Part of its payment's row."""

    seats: tuple[int, ...]
    status: ReservationStatus
    provider_order: str
    parked: str = ""


class PaymentRow(_Row, frozen=True):
    """A payment with its reservation."""

    order_id: int
    booking_id: int
    user_id: int
    amount_minor: int
    initiated_at_ms: int
    status: PaymentStatus
    payment_id: str
    url: str
    reservation: ReservationRow | None
    parked: str = ""
    history: bytes = b""


def booking_row(one: Booking) -> BookingRow:
    """A booking as it is encoded."""
    return BookingRow(
        one.booking_id,
        one.user_id,
        one.created_at_ms,
        one.status,
        one.expires_at_ms,
        one.order_id,
        one.seats,
    )


def payment_row(one: Payment) -> PaymentRow:
    """A payment with its reservation, as they are encoded."""
    held = one.reservation
    return PaymentRow(
        one.order_id,
        one.booking_id,
        one.user_id,
        one.amount_minor,
        one.initiated_at_ms,
        one.status,
        one.payment_id,
        one.url,
        None
        if held is None
        else ReservationRow(held.seats, held.status, held.provider_order, held.parked),
        one.parked,
        one.history,
    )
