"""A payment as it is encoded: in dumps, and where states are compared.

A new field goes at the end and has a default, which is what older snapshots mean without it.
"""

import msgspec

from engine.domain import Payment, PaymentStatus, ReservationStatus


class _Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    pass


class ReservationRow(_Row, frozen=True):
    """Part of its payment's row."""

    seats: tuple[int, ...]
    status: ReservationStatus
    provider_order: str
    parked: str = ""


class PaymentRow(_Row, frozen=True):
    """A payment with its reservation, without what is derived: the attempt before it."""

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
