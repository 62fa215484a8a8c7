"""The booking engine as a library: no HTTP, no JSON, no clock, no randomness inside.

Time, ids of users and prices come in as arguments; what happened goes out as records of a log.
"""

from engine.decide import Rules
from engine.domain import (
    Booking,
    BookingStatus,
    Event,
    Hall,
    Payment,
    PaymentStatus,
    Reservation,
    ReservationStatus,
    Sale,
    SeatStatus,
    Zone,
    event_of_booking,
    place_of_seat,
    seat_id_of,
)
from engine.engine import Engine
from engine.errors import Rejected
from engine.figures import DiskFigures, Histogram, LogFigures, Obligations, Totals, disk_figures
from engine.keys import Key
from engine.queries import Analytics, SeatPage, SeatView, ZoneFigures
from engine.seatmap import WITHHELD
from engine.store import STORE_FAULTS, covered_lsn, end_process

__all__ = [
    "STORE_FAULTS",
    "WITHHELD",
    "Analytics",
    "Booking",
    "BookingStatus",
    "DiskFigures",
    "Engine",
    "Event",
    "Hall",
    "Histogram",
    "Key",
    "LogFigures",
    "Obligations",
    "Payment",
    "PaymentStatus",
    "Rejected",
    "Reservation",
    "ReservationStatus",
    "Rules",
    "Sale",
    "SeatPage",
    "SeatStatus",
    "SeatView",
    "Totals",
    "Zone",
    "ZoneFigures",
    "covered_lsn",
    "disk_figures",
    "end_process",
    "event_of_booking",
    "place_of_seat",
    "seat_id_of",
]
