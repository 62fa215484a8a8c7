"""Pages of seats, dealt seats, listings and figures."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import WITHHELD, Engine, Event, Hall, Sale, SeatStatus, SeatView, Zone, ZoneFigures
from engine.domain import booking_id_of
from engine.errors import EventNotFound
from tests.scenario import EVENTS, START_MS, Story, check, seat_of
from wal import MemoryLog

# Two zones and 50 seats: five rows of ten.
EVENT = Event(4, START_MS, Hall(5, 10, (Zone("front", 1, 2, 900), Zone("back", 3, 5, 400))))
# The same hall, of which rows 3 and 4 from number 6 on are ours: two runs, and one row has none.
OURS = [*range(25, 30), *range(35, 40)]
ALLOTTED = Event(4, START_MS, EVENT.hall, Sale.ALLOTMENT, ((25, 30), (35, 40)))


def new_engine(held: Iterable[int] = (), *, event: Event = EVENT) -> Engine:
    """An engine that sells `event`, with the seats at the indexes of `held` RESERVED."""
    engine = Engine([event])
    booking_id = engine.create_booking(user_id=1, event_id=4, now_ms=START_MS)
    for index in held:
        row, number = EVENT.hall.place_at(index)
        seat_id = seat_of(f"4/{row}:{number}")
        engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat_id, now_ms=START_MS)
    return engine


BOOKING_ID = booking_id_of(event_id=4, sequence=1)  # the one that new_engine makes


def indexes(views: Iterable[SeatView]) -> list[int]:
    found = [EVENT.index_of(one.seat_id) for one in views]
    return [index for index in found if index is not None]


def test_a_seat_as_it_is_seen() -> None:
    """Its id, its place, its status and its price."""
    story = check("""
        ann create_booking event=1                -> booking=a
        ann select_seat booking=a seat=2:1        -> ok
    """)

    seats = story.engine.seats(event_id=1, status=None, row=None, offset=4, limit=3)
    assert [
        SeatView(seat_of("1:5"), 1, 5, SeatStatus.FREE, 500_000),
        SeatView(seat_of("2:1"), 2, 1, SeatStatus.RESERVED, 200_000),
        SeatView(seat_of("2:2"), 2, 2, SeatStatus.FREE, 200_000),
    ] == list(seats)


@given(st.sets(st.integers(0, 49)), st.integers(1, 20))
def test_pages_partition_the_hall(held: set[int], limit: int) -> None:
    """FREE and RESERVED pages together are all seats, each once and in order."""
    engine = new_engine(held)
    pages: dict[SeatStatus | None, list[int]] = {}
    for status in (None, SeatStatus.FREE, SeatStatus.RESERVED, SeatStatus.SOLD):
        found: list[int] = []
        while page := engine.seats(
            event_id=4, status=status, row=None, offset=len(found), limit=limit
        ):
            found += indexes(page)
        pages[status] = found

    assert list(range(50)) == pages[None]
    assert sorted(held) == pages[SeatStatus.RESERVED]
    assert sorted(set(range(50)) - held) == pages[SeatStatus.FREE]
    assert [] == pages[SeatStatus.SOLD]


@given(st.sets(st.integers(0, 49)), st.integers(1, 5), st.integers(0, 12), st.integers(1, 20))
def test_pages_of_a_row(held: set[int], row: int, offset: int, limit: int) -> None:
    """A row's pages are those of the hall that lie in the row."""
    engine = new_engine(held)
    inside = list(range(10 * row - 10, 10 * row))
    free = [index for index in inside if index not in held]

    for status, expected in ((None, inside), (SeatStatus.FREE, free)):
        page = engine.seats(event_id=4, status=status, row=row, offset=offset, limit=limit)
        assert expected[offset : offset + limit] == indexes(page)


def test_a_page_is_a_sequence() -> None:
    """A seat by its place from either end, and some of them."""
    page = new_engine([1]).seats(event_id=4, status=None, row=None, offset=0, limit=3)

    assert [0, 2] == indexes([page[0], page[-1]])
    assert [1, 2] == indexes(page[1:])
    assert (SeatStatus.RESERVED, SeatStatus.FREE) == (page[1].status, page[2].status)
    assert [tuple(view) for view in page] == list(page.fields())
    with pytest.raises(IndexError):
        page[3]


def test_a_page_stays_as_it_was() -> None:
    """Whatever happens later, and whether its seats lie side by side or not."""
    engine = new_engine()

    def key(status: SeatStatus | None) -> tuple[object, bytes]:
        page = engine.seats(event_id=4, status=status, row=None, offset=0, limit=3)
        return page.indexes, page.statuses

    assert (range(3), bytes(3)) == key(SeatStatus.FREE)
    assert ((0, 1, 2), bytes(3)) == key(None)
    before = engine.seats(event_id=4, status=None, row=None, offset=0, limit=3)
    engine.select_seat(user_id=1, booking_id=BOOKING_ID, seat_id=seat_of("4/1:2"), now_ms=START_MS)
    assert ((0, 2, 3), bytes(3)) == key(SeatStatus.FREE)
    assert ((0, 1, 2), b"\0\1\0") == key(None)
    assert ((1,), b"\1") == key(SeatStatus.RESERVED)
    assert bytes(3) == before.statuses


@pytest.mark.parametrize("row", [-1, 0, 6, 10**9])
def test_rows_that_do_not_exist_are_empty(row: int) -> None:
    """An empty page, and nothing dealt."""
    engine = new_engine()

    assert not engine.seats(event_id=4, status=None, row=row, offset=0, limit=20)
    assert not engine.deal(event_id=4, row=row, limit=20)


@given(st.sets(st.integers(0, 49)), st.integers(1, 20), st.none() | st.integers(1, 5))
def test_dealing_walks_on(held: set[int], limit: int, row: int | None) -> None:
    """No seat comes twice before all free seats came once, and then it begins again."""
    engine = new_engine(held)
    inside = range(50) if row is None else range(10 * row - 10, 10 * row)
    free = [index for index in inside if index not in held]
    times_dealt = dict.fromkeys(free, 0)
    for _ in range(2 * len(free) // limit + 1):
        hand = indexes(engine.deal(event_id=4, row=row, limit=limit))
        for index in hand:
            times_dealt[index] += 1

        assert sorted(set(hand)) == hand
        assert min(limit, len(free)) == len(hand)
        assert {*times_dealt.values()} <= {n := min(times_dealt.values(), default=0), n + 1}


def test_rows_are_dealt_beside_each_other() -> None:
    """Those who ask for one row don't send those who ask for another back to its beginning."""
    engine = new_engine()

    hands = [indexes(engine.deal(event_id=4, row=row, limit=4)) for row in (1, 2, 1, 2, 1, None)]
    assert [
        [0, 1, 2, 3],
        [10, 11, 12, 13],
        [4, 5, 6, 7],
        [14, 15, 16, 17],
        [0, 1, 8, 9],
        [0, 1, 2, 3],
    ] == hands


def test_dealing_passes_over_what_was_taken_meanwhile() -> None:
    """A seat that was taken since isn't dealt; one that became free comes in its turn."""
    story = Story(events=[EVENT])
    story.tell("""
        ann create_booking event=4                -> booking=a
        ann select_seat booking=a seat=4/1:3      -> ok
    """)
    assert [0, 1] == indexes(story.engine.deal(event_id=4, row=None, limit=2))
    story.tell("""
        ann select_seat booking=a seat=4/1:4      -> ok
        ann release_seat seat=4/1:3               -> ok
    """)

    assert [2, 4] == indexes(story.engine.deal(event_id=4, row=None, limit=2))


def test_a_full_house_deals_nothing() -> None:
    """And goes on dealing when a seat becomes free."""
    engine = new_engine(range(50))
    assert not engine.deal(event_id=4, row=None, limit=20)

    engine.release_seat(user_id=1, seat_id=seat_of("4/3:3"), now_ms=START_MS)
    assert [22] == indexes(engine.deal(event_id=4, row=None, limit=20))


@pytest.mark.parametrize("held", [None, [], [25, 29, 36], OURS], ids=str)
def test_nothing_is_told_of_seats_that_are_not_ours(held: list[int] | None) -> None:
    """Not in the pages of any status, of any row, not dealt, not counted; booked or not."""
    engine = Engine([ALLOTTED]) if held is None else new_engine(held, event=ALLOTTED)
    free = [index for index in OURS if index not in (held or [])]
    expected = {None: OURS, SeatStatus.FREE: free, SeatStatus.RESERVED: held or []}
    expected[SeatStatus.SOLD] = []

    for status, ours in expected.items():
        for row in (None, 1, 2, 3, 4, 5):
            inside = [index for index in ours if row is None or index // 10 + 1 == row]
            for offset in range(12):
                page = engine.seats(event_id=4, status=status, row=row, offset=offset, limit=3)
                assert inside[offset : offset + 3] == indexes(page)
    figures = engine.analytics(4)
    assert (10, len(free)) == (figures.total_seats, figures.free_seats)
    assert [ZoneFigures("back", 400, 10, len(free), 10 - len(free), 0)] == engine.zones(4)


def test_an_allotment_is_dealt_round_and_round() -> None:
    """The cursor walks on through the seats that are ours, and begins with them again."""
    engine = new_engine([26, 38], event=ALLOTTED)

    hands = [indexes(engine.deal(event_id=4, row=None, limit=5)) for _ in range(3)]
    assert [[25, 27, 28, 29, 35], [25, 27, 36, 37, 39], [28, 29, 35, 36, 37]] == hands
    assert not engine.deal(event_id=4, row=1, limit=20)
    assert [35, 36, 37, 39] == indexes(engine.deal(event_id=4, row=4, limit=20))


def test_one_hall_with_other_allotments_is_another() -> None:
    """Events in equal halls that nobody has booked share nothing but what we sell of them."""
    events = [EVENT, ALLOTTED, Event(4, START_MS, EVENT.hall, Sale.ALLOTMENT, ((0, 1),))]
    sold = [msgspec.structs.replace(event, event_id=5 + n) for n, event in enumerate(events)]
    engine = Engine([*sold, msgspec.structs.replace(ALLOTTED, event_id=9)])

    totals = {n: engine.analytics(n).total_seats for n in (5, 6, 7, 9)}
    assert {5: 50, 6: 10, 7: 1, 9: 10} == totals


def test_reading_costs_no_shard() -> None:
    """An event that nobody has booked is answered from its plan; equal plans share one hall."""
    log = MemoryLog()
    engine = Engine(EVENTS, log=log)
    for event in EVENTS:
        engine.seats(event_id=event.event_id, status=SeatStatus.FREE, row=None, offset=0, limit=20)
        engine.seats(event_id=event.event_id, status=None, row=1, offset=0, limit=20)
        engine.deal(event_id=event.event_id, row=None, limit=20)
        engine.analytics(event.event_id)

    assert {} == engine._state.shards
    assert [] == log.records


def test_how_many_events_are_on_sale_and_which_are_booked() -> None:
    """In the order in which somebody first booked them."""
    engine = Engine(EVENTS)
    assert (len(EVENTS), []) == (engine.events_on_sale_count(), engine.events_booked())

    for event_id in (7, 1, 7):
        engine.create_booking(user_id=1, event_id=event_id, now_ms=1)

    assert [7, 1] == engine.events_booked()


def test_unknown_events() -> None:
    """What isn't on sale can't be asked for."""
    engine = Engine(EVENTS)

    with pytest.raises(EventNotFound):
        engine.seats(event_id=3, status=None, row=None, offset=0, limit=20)
    with pytest.raises(EventNotFound):
        engine.deal(event_id=3, row=None, limit=20)
    with pytest.raises(EventNotFound):
        engine.analytics(3)
    with pytest.raises(EventNotFound):
        engine.zones(3)


def test_bookings_of_an_event_by_number() -> None:
    """Some at a time; those that a reset has taken are no more, and their numbers don't return."""
    engine = Engine([EVENT])
    assert (0, []) == (engine.bookings_made(4), engine.bookings_from(4, 1, limit=10))
    engine.create_booking(user_id=1, event_id=4, now_ms=START_MS)
    engine.reset(now_ms=START_MS)
    made = [engine.create_booking(user_id=1, event_id=4, now_ms=START_MS) for _ in range(3)]

    assert 4 == engine.bookings_made(4)
    assert made[:2] == [one.booking_id for one in engine.bookings_from(4, 1, limit=3)]
    assert made[2:] == [one.booking_id for one in engine.bookings_from(4, 4, limit=3)]
    assert [] == engine.bookings_from(4, 5, limit=3)


def test_the_event_is_what_is_being_sold() -> None:
    """Of an event that nobody has booked, what is to be sold."""
    assert EVENT == Engine([EVENT]).event(4) == new_engine().event(4)
    with pytest.raises(EventNotFound):
        Engine([EVENT]).event(5)


def test_bookings_of_a_user() -> None:
    """Of all events, newest last, cancelled ones too, and nobody else's."""
    story = check("""
        ann create_booking event=2                -> booking=a
        bob create_booking event=1                -> booking=b
        ann create_booking event=1                -> booking=c
        ann select_seat booking=c seat=1:1        -> ok
        ann cancel_booking booking=a              -> ok
        ann create_booking event=2                -> booking=d
        reload
    """)

    listed = story.engine.bookings_of(story.user("ann"))
    assert [story.named(one) for one in "acd"] == [one.booking_id for one in listed]
    assert [(), (seat_of("1:1"),), ()] == [one.seats for one in listed]
    assert [] == story.engine.bookings_of(99)


def test_figures_of_a_sale() -> None:
    """Seats by status, the money of SOLD seats, and bookings that aren't cancelled."""
    check("""
        analytics 1 free=20 reserved=0 sold=0 revenue=0 bookings=0
        ann create_booking event=1                -> booking=a
        bob create_booking event=1                -> booking=b
        cid create_booking event=1                -> booking=c
        cid cancel_booking booking=c              -> ok
        bob select_seat booking=b seat=2:1        -> ok
        ann select_seat booking=a seat=1:1        -> ok
        ann select_seat booking=a seat=2:2        -> ok
        analytics 1 free=17 reserved=3 sold=0 revenue=0 bookings=2
        ann initiate_payment booking=a            -> order=p
        gateway register order=p                  -> ok
        gateway authorize order=p                 -> ok
        gateway capture order=p                   -> ok
        analytics 1 free=17 reserved=1 sold=2 revenue=700000 bookings=2
        analytics 2 free=6 reserved=0 sold=0 revenue=0 bookings=0
    """)


def test_figures_of_each_zone() -> None:
    """By zone, in order of rows, the seats of each status; together they are those of the hall."""
    engine = new_engine(held=[0, 19, 20])
    expected = [ZoneFigures("front", 900, 20, 18, 2, 0), ZoneFigures("back", 400, 30, 29, 1, 0)]
    assert expected == engine.zones(4)
    assert engine.analytics(4).free_seats == sum(zone.free_seats for zone in engine.zones(4))


def test_sold_seats_of_a_zone() -> None:
    """A zone whose seats are paid for says so; an event that nobody has booked is all free."""
    story = check("""
        ann create_booking event=1                -> booking=a
        ann select_seat booking=a seat=1:1        -> ok
        ann initiate_payment booking=a            -> order=p
        gateway register order=p                  -> ok
        gateway authorize order=p                 -> ok
        gateway capture order=p                   -> ok
    """)
    totals = [
        sum(figures) for figures in zip(*(one[2:] for one in story.engine.zones(1)), strict=True)
    ]
    assert [20, 19, 0, 1] == totals
    assert 1 == story.engine.zones(1)[0].sold_seats
    assert all(zone.free_seats == zone.total_seats for zone in story.engine.zones(2))


TWO_ATTEMPTS = """
    ann create_booking event=1                -> booking=a
    ann select_seat booking=a seat=1:1        -> ok
    ann initiate_payment booking=a            -> order=p
    gateway refuse order=p                    -> ok
    tick 1m                                   -> 0
    ann initiate_payment booking=a            -> order=q
"""


def test_attempts_are_told_oldest_first() -> None:
    """All of one booking; of another none."""
    story = check(TWO_ATTEMPTS + "bob create_booking event=1 -> booking=b")
    engine = story.engine
    (booking,) = engine.bookings_of(story.user("ann"))
    (other,) = engine.bookings_of(story.user("bob"))

    found = [one.order_id for one in engine.attempts_of(booking)]
    assert [story.named("p"), story.named("q")] == found
    assert [] == engine.attempts_of(other)


def test_orders_since_a_moment_are_told_newest_first() -> None:
    """Those begun at that moment or before are not."""
    story = check(TWO_ATTEMPTS)
    p, q = story.named("p"), story.named("q")
    (booking,) = story.engine.bookings_of(story.user("ann"))
    begun_ms = [one.initiated_at_ms for one in story.engine.attempts_of(booking)]

    assert [q, p] == story.engine.orders_since(0)
    assert [q] == story.engine.orders_since(begun_ms[0])
    assert [] == story.engine.orders_since(begun_ms[1])


def test_the_hall_at_a_glance() -> None:
    """A byte a seat, with a booking and without; what comes later changes nothing in it."""
    empty = bytes(0 if index in OURS else WITHHELD for index in range(50))
    assert empty == Engine([ALLOTTED]).statuses(4) == new_engine(event=ALLOTTED).statuses(4)

    engine = new_engine((27, 38), event=ALLOTTED)
    seen = engine.statuses(4)
    engine.cancel_booking(user_id=1, booking_id=BOOKING_ID, now_ms=START_MS)
    held = bytes([SeatStatus.RESERVED])
    assert empty[:27] + held + empty[28:38] + held + empty[39:] == seen
    assert empty == engine.statuses(4)


def test_an_event_is_sold_as_its_first_booking_found_it() -> None:
    """With the hall of its record, whatever is imported later."""
    engine = new_engine()
    assert EVENT == engine.event(4) == Engine([EVENT]).event(4)
    for ask in (engine.event, engine.statuses):
        with pytest.raises(EventNotFound):
            ask(99)
