"""One booking for its owner: what is held, every attempt to pay for it, and what became of each."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.endpoint import Call
from api.events import title_and_start
from api.reply import Reply, in_parts, json_reply
from api.seats import money
from engine import Booking, BookingStatus, Payment, PaymentStatus
from engine.errors import BookingNotFound, NotOwner
from engine.mutations import (
    BookingCancelled,
    BookingExpired,
    Mutation,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentInitiated,
    PaymentParked,
    PaymentRefused,
    PaymentRegistered,
    PaymentReturned,
    ReservationCancelled,
    ReservationConfirmed,
    ReservationDoubted,
    ReservationParked,
    ReservationRefused,
    ReservationStarted,
    ReservationSubmitted,
    ReturnOwed,
    SeatReleased,
    StateReset,
    tag_of,
)

# The mutation's name is for programs, the sentence for people.
_SENTENCES: Mapping[type[Mutation], str] = {
    PaymentInitiated: "Оплата начата",
    PaymentRegistered: "Страница оплаты готова",
    PaymentRefused: "Шлюз не принял платёж; места остаются за бронью",
    PaymentAuthorized: "Деньги заблокированы на карте",
    PaymentCaptured: "Оплачено: места ваши",
    PaymentFailed: "Оплата не прошла; места освобождены",
    ReturnOwed: "Деньги пришли с опозданием и будут возвращены",
    PaymentReturned: "Деньги возвращены полностью",
    PaymentParked: "Шлюз не отвечает как должен; этим занимается оператор",
    ReservationStarted: "Места запрошены у организатора",
    ReservationSubmitted: "Организатор удерживает места",
    ReservationDoubted: "Места запрашиваются у организатора заново",
    ReservationConfirmed: "Организатор подтвердил места",
    ReservationCancelled: "Организатор освободил места",
    ReservationRefused: "Организатор уже продал одно из мест; деньги будут возвращены",
    ReservationParked: "Организатор не отвечает как должен; этим занимается оператор",
    SeatReleased: "Место освобождено; эта оплата прекращена",
    BookingCancelled: "Бронь отменена",
    BookingExpired: "Время на оплату вышло; места освобождены",
    StateReset: "Данные сброшены",
}
# An attempt that was given up has no say in the seats any more.
_GIVEN_UP = frozenset(
    {SeatReleased, BookingCancelled, BookingExpired, ReservationRefused, StateReset}
)
_AFTER_GIVEN_UP: Mapping[type[Mutation], str] = {
    PaymentRefused: "Шлюз не принял платёж",
    PaymentFailed: "Деньги не списаны",
}
# Until one of these nobody has paid.
_MONEY = frozenset({PaymentAuthorized, ReturnOwed})
_WITHOUT_MONEY: Mapping[type[Mutation], str] = {
    PaymentReturned: "Оплата отменена; деньги не списаны",
    ReservationRefused: "Организатор уже продал одно из мест; места освобождены",
}
_BY_TAG = {tag_of(kind): kind for kind in _SENTENCES}


async def show_booking(call: Call[int]) -> Reply:
    """Everything about one booking of the caller's."""
    engine, catalog = call.service.engine, call.service.catalog
    booking = own_booking(call, call.input)
    title, starts_at = await title_and_start(catalog, booking.event_id)
    until = ""
    is_used = any(engine.admitted_at_ms(seat_id) is not None for seat_id in booking.seats)
    if booking.status is BookingStatus.CONFIRMED and not is_used:
        until = instant(engine.rules.returnable_until_ms(engine.event(booking.event_id)))
    payments = [_payment(one) for one in engine.attempts_of(booking)]
    event = {"title": title, "starts_at": starts_at, "returnable_until": until}
    return in_parts(json_reply({**_booking(booking), **event, "payments": payments}))


def own_booking(call: Call[Any], booking_id: int) -> Booking:
    """A booking of the caller's; raises BookingNotFound, or NotOwner."""
    booking = call.service.engine.booking(booking_id)
    if booking is None:
        raise BookingNotFound(booking_id)
    if booking.user_id != call.user_id:
        raise NotOwner(booking_id)
    return booking


def instant(at_ms: int) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    at = datetime.fromtimestamp(at_ms / 1_000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _booking(booking: Booking) -> dict[str, object]:
    return {
        "id": booking.booking_id,
        "event_id": booking.event_id,
        "status": booking.status,
        "created_at": instant(booking.created_at_ms),
        # When what is held will be free; empty: nothing can run out.
        "expires_at": instant(booking.expires_at_ms) if booking.expires_at_ms else "",
        "seats": [{"id": seat_id} for seat_id in booking.seats],
    }


def _payment(payment: Payment) -> dict[str, object]:
    is_open = payment.status is PaymentStatus.PENDING
    return {
        "order_id": payment.order_id,
        "amount": money(payment.amount_minor),
        "status": payment.status,
        "page": payment.url if is_open else "",
        "refund_pending": payment.status is PaymentStatus.RETURN_DUE,
        "parked": payment.is_parked(),
        "timeline": _timeline(payment),
    }


def _timeline(payment: Payment) -> list[dict[str, str]]:
    told, before = [], set[type[Mutation]]()
    for at_ms, tag in payment.steps():
        kind = _BY_TAG[tag]
        text = _sentence(kind, before)
        told.append({"at": instant(at_ms), "what": kind.__name__, "text": text})
        before.add(kind)
    return told


def _sentence(kind: type[Mutation], before: set[type[Mutation]]) -> str:
    """What a step means for the buyer depends on the steps before it."""
    if kind in _AFTER_GIVEN_UP and before & _GIVEN_UP:
        return _AFTER_GIVEN_UP[kind]
    if kind in _WITHOUT_MONEY and not before & _MONEY:
        return _WITHOUT_MONEY[kind]
    return _SENTENCES[kind]
