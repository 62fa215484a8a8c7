"""The nouns: ids that carry their event, and halls that can be sold."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine import Event, Hall, Sale, Zone, seat_id_of
from engine.domain import (
    EVENT_ID_MAX,
    ROWS_MAX,
    SEAT_NUMBERS_MAX,
    SEAT_SPAN,
    Payment,
    PaymentStatus,
    Reservation,
    ReservationStatus,
    Span,
    booking_id_of,
    event_of_booking,
    event_of_seat,
    place_of_seat,
)
from engine.errors import BadPlan

EVENT_IDS = st.integers(1, EVENT_ID_MAX)
STARTS_AT_MS = 1_800_000_000_000
HALL = Hall(3, 4, (Zone("front", 1, 1, 300), Zone("back", 2, 3, 100)))


@given(EVENT_IDS, st.integers(1, ROWS_MAX), st.integers(1, SEAT_NUMBERS_MAX))
def test_seat_ids_carry_their_event(event_id: int, row: int, number: int) -> None:
    """The event can be read from the id, which a browser can read."""
    seat_id = seat_id_of(event_id=event_id, row=row, number=number)

    assert event_id == event_of_seat(seat_id)
    assert 0 < seat_id < 2**53


@given(EVENT_IDS, st.integers(1, 999_999_999))
def test_booking_ids_carry_their_event(event_id: int, sequence: int) -> None:
    """A billion bookings of any event have ids that a browser can read."""
    booking_id = booking_id_of(event_id=event_id, sequence=sequence)

    assert event_id == event_of_booking(booking_id)
    assert 0 < booking_id < 2**53


def test_ids_as_they_are_drawn() -> None:
    """The examples that clients have in their hands stay true for ever."""
    assert 70_120_005 == seat_id_of(event_id=7, row=12, number=5)
    assert 7_000_000_003 == booking_id_of(event_id=7, sequence=3)


@given(st.integers(1, 30), st.integers(1, 30), EVENT_IDS)
def test_index_and_place_are_each_others_inverse(rows: int, seats: int, event_id: int) -> None:
    """Every index is the place of one seat, in order of row and number."""
    hall = Hall(rows, seats, (Zone("all", 1, rows, 100),))
    event = Event(event_id, STARTS_AT_MS, hall)
    places = [hall.place_at(index) for index in range(hall.seats_total)]

    assert sorted(places) == places
    assert [(row, number) for row in range(1, rows + 1) for number in range(1, seats + 1)] == places
    for index, (row, number) in enumerate(places):
        assert index == hall.index_at(row, number)
        assert index == event.index_of(seat_id_of(event_id=event_id, row=row, number=number))


@pytest.mark.parametrize(("row", "number"), [(0, 1), (1, 0), (4, 1), (1, 5), (0, 0), (999, 9_999)])
def test_places_outside_of_the_hall(row: int, number: int) -> None:
    """A seat that isn't there has no index."""
    event = Event(1, STARTS_AT_MS, HALL)

    assert HALL.index_at(row, number) is None
    assert event.index_of(seat_id_of(event_id=1, row=row, number=number)) is None


@given(EVENT_IDS, EVENT_IDS, st.integers(1, HALL.rows), st.integers(1, HALL.seats_per_row))
def test_a_seat_of_another_event_has_no_index(mine: int, other: int, row: int, number: int) -> None:
    """However much its place is one of the hall's."""
    assume(mine != other)

    found = Event(mine, STARTS_AT_MS, HALL).index_of(
        seat_id_of(event_id=other, row=row, number=number)
    )

    assert found is None


@given(EVENT_IDS, st.integers(-2 * SEAT_SPAN, 2 * SEAT_SPAN))
def test_a_number_with_an_index_is_the_id_of_that_seat(event_id: int, offset: int) -> None:
    """Whatever a stranger sends, near the event's ids and in a hall as large as can be."""
    vast = Hall(ROWS_MAX, SEAT_NUMBERS_MAX, (Zone("all", 1, ROWS_MAX, 100),))
    number = event_id * SEAT_SPAN + offset

    index = Event(event_id, STARTS_AT_MS, vast).index_of(number)

    if index is not None:
        row, place = vast.place_at(index)
        assert number == seat_id_of(event_id=event_id, row=row, number=place)
    elif event_id == event_of_seat(number):
        assert 0 in place_of_seat(number)


def test_seats_cost_what_their_zone_costs() -> None:
    """By index and by row."""
    assert (300, 100, 100) == HALL.row_prices_minor
    assert [300] * 4 + [100] * 8 == [HALL.price_at(index) for index in range(HALL.seats_total)]
    zones = [HALL.zone_of_row(row) for row in range(1, HALL.rows + 1)]
    assert [*HALL.row_prices_minor] == [zone.price_minor for zone in zones]


@pytest.mark.parametrize(
    "hall",
    [
        Hall(1, 1, (Zone("all", 1, 1, 0),)),
        Hall(ROWS_MAX, SEAT_NUMBERS_MAX, (Zone("all", 1, ROWS_MAX, 1),)),
        Hall(2, 5, (Zone("a", 1, 1, 1), Zone("b", 2, 2, 1))),
        HALL,
    ],
)
def test_good_halls(hall: Hall) -> None:
    """Zones in order that cover every row once, and room for ids."""
    hall.check()


@pytest.mark.parametrize(
    ("hall", "message"),
    [
        (Hall(0, 1, ()), "a hall has 1 to 999 rows, not 0"),
        (Hall(ROWS_MAX + 1, 1, ()), "a hall has 1 to 999 rows, not 1000"),
        (Hall(1, 0, ()), "a row has 1 to 9999 seats, not 0"),
        (Hall(1, SEAT_NUMBERS_MAX + 1, ()), "a row has 1 to 9999 seats, not 10000"),
        (Hall(1, 1, ()), "no zone covers row 1 of 1"),
        (Hall(2, 1, (Zone("a", 1, 1, 1),)), "no zone covers row 2 of 2"),
        (Hall(2, 1, (Zone("a", 2, 2, 1),)), "zone 'a' must begin at row 1"),
        (Hall(2, 1, (Zone("a", 1, 1, 1), Zone("b", 1, 2, 1))), "zone 'b' must begin at row 2"),
        (Hall(3, 1, (Zone("a", 1, 1, 1), Zone("b", 3, 3, 1))), "zone 'b' must begin at row 2"),
        (Hall(1, 1, (Zone("a", 1, 0, 1),)), "zone 'a' must begin at row 1"),
        (Hall(1, 1, (Zone("a", 1, 2, 1),)), "zone 'a' ends at row 2 of 1"),
        (Hall(1, 1, (Zone("a", 1, 1, -1),)), "zone 'a' has a negative price"),
    ],
)
def test_bad_halls(hall: Hall, message: str) -> None:
    """The message says what is wrong with the plan."""
    with pytest.raises(BadPlan) as refusal:
        hall.check()

    assert message == str(refusal.value)


@pytest.mark.parametrize("event_id", [0, -1, EVENT_ID_MAX + 1])
def test_event_ids_leave_room_for_bookings(event_id: int) -> None:
    """Beyond the greatest id, bookings would have ids that browsers can't read."""
    Event(EVENT_ID_MAX, 0, HALL).check()
    with pytest.raises(BadPlan, match=f"not {event_id}"):
        Event(event_id, 0, HALL).check()
    with pytest.raises(BadPlan):
        Event(1, 0, Hall(0, 0, ())).check()


@pytest.mark.parametrize("spans", [((0, 12),), ((11, 12),), ((0, 1), (1, 2), (5, 12))])
def test_good_allotments(spans: tuple[Span, ...]) -> None:
    """Runs of seats in order, each at least a seat, that don't meet in one; they may touch."""
    event = Event(1, 0, HALL, Sale.ALLOTMENT, spans)
    event.check()

    assert spans == event.spans


@pytest.mark.parametrize("sale", [Sale.OWN, Sale.PARTNER])
def test_without_an_allotment_the_whole_hall_is_sold(sale: Sale) -> None:
    """Whether it is ours or a partner's; and what isn't given to us has no allotment."""
    event = Event(1, 0, HALL, sale)
    event.check()

    assert ((0, 12),) == event.spans
    with pytest.raises(BadPlan, match=f"sale '{sale}' has no allotment"):
        Event(1, 0, HALL, sale, ((0, 12),)).check()


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ((), "an allotment has at least one seat"),
        (((0, 13),), "a span of an allotment lies in 0–12, not 0–13"),
        (((12, 13),), "a span of an allotment lies in 0–12, not 12–13"),
        (((-1, 3),), "a span of an allotment lies in 0–12, not -1–3"),
        (((3, 3),), "a span of an allotment lies in 0–12, not 3–3"),
        (((5, 4),), "a span of an allotment lies in 0–12, not 5–4"),
        (((0, 4), (3, 5)), "a span of an allotment lies in 4–12, not 3–5"),
        (((4, 8), (0, 2)), "a span of an allotment lies in 8–12, not 0–2"),
    ],
)
def test_bad_allotments(spans: tuple[Span, ...], message: str) -> None:
    """Empty, beyond the hall, without a seat, with a seat twice, or out of order."""
    with pytest.raises(BadPlan) as refusal:
        Event(1, 0, HALL, Sale.ALLOTMENT, spans).check()

    assert message == str(refusal.value)


def test_what_a_hall_has_computed_is_no_part_of_it() -> None:
    """Equal plans stay equal, and are written alike, whatever has been asked of them."""
    asked, fresh = Hall(1, 2, (Zone("a", 1, 1, 5),)), Hall(1, 2, (Zone("a", 1, 1, 5),))
    written = msgspec.msgpack.encode(asked)
    assert (2, (5,)) == (asked.seats_total, asked.row_prices_minor)

    assert fresh == asked
    assert hash(fresh) == hash(asked)
    assert written == msgspec.msgpack.encode(asked)


@pytest.mark.parametrize("payment_status", PaymentStatus)
@pytest.mark.parametrize("reservation_status", [None, *ReservationStatus])
def test_a_payment_is_settled_when_nobody_is_owed(
    payment_status: PaymentStatus, reservation_status: ReservationStatus | None
) -> None:
    """The money must rest, and the places, if there are any, too."""
    payment = Payment(order_id=1, booking_id=1, user_id=1, amount_minor=1, initiated_at_ms=1)
    payment.status = payment_status
    if reservation_status is not None:
        payment.reservation = Reservation((1,))
        payment.reservation.status = reservation_status

    money_rests = payment_status in ("CAPTURED", "FAILED", "RETURNED")
    places_rest = reservation_status in (None, "CONFIRMED", "CANCELLED")
    assert (money_rests and places_rest) == payment.is_settled()
