"""Every change of a status is a cell of the tables, and every cell can happen.

One booking of a partner's event is followed through everything that customers, sagas, the timer
and the operator can do to it, in every order, until no new state comes up.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

import msgspec
import pytest

from engine import Rules, apply, decide, errors, settle, transitions
from engine.domain import BookingStatus, PaymentStatus, ReservationStatus
from engine.dump import digest, dump, load
from engine.mutations import (
    AnswerRemembered,
    BookingCreated,
    Effect,
    Mutation,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefused,
    PaymentReturned,
    ReceiptsExpired,
    ReservationCancelled,
    ReservationConfirmed,
    ReservationDoubted,
    ReservationRefused,
    ReservationStarted,
    ReservationSubmitted,
    SeatSelected,
    SeatsSelected,
    StateChecked,
    StateReset,
)
from engine.state import State
from tests.scenario import EVENTS, PARTNER_EVENT, START_MS, audit, seat_of


class Cell(NamedTuple):
    status: Any
    mutation: type


TABLES: dict[str, Mapping[Any, Mapping[type, Any]]] = {
    "BOOKING": transitions.BOOKING,
    "PAYMENT": transitions.PAYMENT,
    "RESERVATION": transitions.RESERVATION,
}
CELLS = {
    Cell(status, kind) for table in TABLES.values() for status, row in table.items() for kind in row
}
# Cells that no order of what may happen comes to, each with the reason why it stands there.
ARGUED = {
    Cell(BookingStatus.CREATED, SeatSelected): "read by decide.py; the status stays as it is",
    Cell(BookingStatus.CREATED, SeatsSelected): "the same",
    Cell(ReservationStatus.SUBMITTED, ReservationRefused): "settle.py: the confirm can't fail",
}

ON_SALE = {event.event_id: event for event in EVENTS}
BOOKING_ID = PARTNER_EVENT * 1_000_000_000 + 1
SEAT_ID = seat_of("7/1:1")
ORDERS_MAX = 2  # a third attempt can do to the second only what that did to the first
LATE_MS = START_MS + 3_600_000


class Watched(dict[type, Any]):
    """One row of a table; notes which of its cells are asked for."""

    def __init__(self, status: Any, row: Mapping[type, Any], taken: set[Cell]) -> None:
        super().__init__(row)
        self._status, self._taken = status, taken

    def __getitem__(self, kind: type) -> Any:
        self._taken.add(Cell(self._status, kind))
        return super().__getitem__(kind)

    def get(self, kind: type, otherwise: Any = None) -> Any:
        if kind in self:
            self._taken.add(Cell(self._status, kind))
        return super().get(kind, otherwise)


def moves(state: State) -> Iterator[Mutation | None]:
    """What may be decided in this state; None: nothing comes of it."""
    if not state.shards:
        yield decide.create_booking(
            state, ON_SALE, user_id=1, event_id=PARTNER_EVENT, at_ms=LATE_MS
        )
        return
    mine = {"user_id": 1, "at_ms": LATE_MS}
    booking, seat = {"booking_id": BOOKING_ID}, {"seat_id": SEAT_ID}
    yield from allowed(decide.select_seat, state, ON_SALE, Rules(), **booking, **seat, **mine)
    yield from allowed(decide.release_seat, state, ON_SALE, **seat, **mine)
    if len(state.payments) < ORDERS_MAX:
        yield from allowed(decide.initiate_payment, state, Rules(), **booking, **mine)
    yield from allowed(decide.cancel_booking, state, Rules(), **booking, **mine)
    yield from allowed(decide.admit_seat, state, **booking, **seat, at_ms=LATE_MS)
    yield decide.expire_booking(state, booking_id=BOOKING_ID, at_ms=LATE_MS + Rules().hold_ms)
    yield StateReset(LATE_MS)
    for order_id in state.payments:
        yield from facts(state, order_id)


def allowed(command: Callable[..., Mutation | None], *known: Any, **told: Any) -> list[Any]:
    try:
        return [command(*known, **told)]
    except errors.Rejected:
        return []


def facts(state: State, order_id: int) -> Iterator[Mutation | None]:
    told = {"order_id": order_id, "at_ms": LATE_MS}
    gateway = {"payment_id": f"pay-{order_id}", "url": "https://pay", "opened_at_ms": 0}
    yield settle.register_payment(state, Rules(), **gateway, **told)  # type: ignore[arg-type]
    yield settle.park_payment(state, reason="beyond help", **told)
    yield settle.park_reservation(state, reason="beyond help", **told)
    for money in (PaymentAuthorized, PaymentCaptured):
        yield settle.money_fact(state, money(LATE_MS, order_id))
    for fact in (PaymentRefused, PaymentFailed, PaymentReturned):
        yield settle.payment_fact(state, fact(LATE_MS, order_id))
    yield settle.reservation_fact(state, ReservationStarted(LATE_MS, order_id, "theirs"))
    for kind in (
        ReservationSubmitted,
        ReservationDoubted,
        ReservationConfirmed,
        ReservationCancelled,
    ):
        yield settle.reservation_fact(state, kind(LATE_MS, order_id))
    yield settle.refuse_reservation(state, order_id=order_id, at_ms=LATE_MS)


def after(state: State, mutation: Mutation) -> State:
    """A copy of the state, one mutation later; without time and past, so that states meet again."""
    following = load(dump(state))
    apply.apply(following, msgspec.structs.replace(mutation, at_ms=LATE_MS))
    for payment in following.payments.values():
        payment.history = b""
    return following


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[Cell]:
    """The cells that `apply` has used."""
    noted: set[Cell] = set()
    for name, table in TABLES.items():
        watched = {status: Watched(status, row, noted) for status, row in table.items()}
        monkeypatch.setattr(apply, name, watched)
    return noted


def test_every_cell_can_happen(taken: set[Cell]) -> None:
    """All that can befall a booking befalls it; the invariants hold in every state on the way."""
    start = State()
    seen, waiting = {digest(start)}, [start]
    while waiting:
        state = waiting.pop()
        for mutation in moves(state):
            if mutation is None:
                continue
            following = after(state, mutation)
            if digest(following) not in seen:
                seen.add(digest(following))
                waiting.append(following)
                following.check_invariants()
                audit(following)

    assert CELLS == taken | set(ARGUED)
    assert taken.isdisjoint(ARGUED)


def test_every_status_has_a_row() -> None:
    """What ends there is said by an empty row, not by a missing one."""
    assert set(BookingStatus) == set(transitions.BOOKING)
    assert set(PaymentStatus) == set(transitions.PAYMENT)
    assert set(ReservationStatus) == set(transitions.RESERVATION)


def test_every_mutation_is_in_a_table() -> None:
    """Except those that change no status: a beginning, what is remembered, what is compared."""
    listed = {cell.mutation for cell in CELLS}
    apart = {BookingCreated, ReceiptsExpired, AnswerRemembered, StateChecked}

    assert {*get_args(Effect), *get_args(Mutation)} == listed | apart
    assert listed.isdisjoint(apart)


def test_where_each_thing_can_end() -> None:
    """A status that nothing leads out of is a final one."""
    finals = {
        name: {status for status, row in table.items() if not row} for name, table in TABLES.items()
    }

    assert {"CANCELLED"} == finals["BOOKING"]
    assert set() == finals["PAYMENT"]
    assert {"CONFIRMED", "CANCELLED"} == finals["RESERVATION"]
