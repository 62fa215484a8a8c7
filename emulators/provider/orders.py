"""An order: a handful of places on its way from STARTED to CONFIRMED or CANCELLED."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class OrderStatus(StrEnum):
    """Where an order stands, in the provider's words. Nothing expires: only a client ends it."""

    STARTED = "STARTED"
    SUBMITTED = "SUBMITTED"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


CANCELLABLE = frozenset({OrderStatus.STARTED, OrderStatus.SUBMITTED})


@dataclass(slots=True)
class Order:
    """An order as the write side knows it. `view` is what readers see: None until it is projected.

    `places` are the settled ones; a place just selected joins them only when the news arrives.
    """

    order_id: str
    started_at_us: int
    status: OrderStatus = OrderStatus.STARTED
    places: set[str] = field(default_factory=set)
    view: dict[str, Any] | None = None
    revision: int = 0


def first_view(order: Order) -> dict[str, Any]:
    """What readers see of an order that has just begun. Times are Unix milliseconds."""
    at_ms = order.started_at_us // 1000
    return {
        "id": order.order_id,
        "status": OrderStatus.STARTED,
        "started_at": at_ms,
        "updated_at": at_ms,
        "places_count": 0,
    }
