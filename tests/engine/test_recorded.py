"""A log whose every byte is right tells what can't have happened: it is refused in a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import STORE_FAULTS, Engine
from engine.audit import audit_booking
from engine.domain import Event, Hall, Receipt, Sale, Zone
from engine.errors import ImpossibleRecord
from engine.history import History
from engine.mutations import (
    AnswerRemembered,
    BookingCancelled,
    BookingCreated,
    BookingExpired,
    Mutation,
    PaymentCaptured,
    PaymentInitiated,
    PaymentReturned,
    ReservationConfirmed,
    ReservationStarted,
    SeatAdmitted,
    SeatReleased,
    SeatSelected,
    SeatsSelected,
    encode,
)
from engine.recorded import AT_MS_END, ORDER_ID_END, replay
from engine.snapshotter import make_snapshot
from engine.store import WAL_DIRECTORY
from engine.verify import read_unsettled, verify_store
from tests.scenario import ALLOTMENT_EVENT, EVENTS, PARTNER_EVENT, START_MS, Story
from wal import Log

STORY = """
    ann       create_booking event=1                   -> booking=held
    ann       select_seat booking=held seat=1:1        -> ok
    bob       create_booking event=1                   -> booking=empty
    bob       create_booking event=1                   -> booking=gone
    bob       cancel_booking booking=gone              -> ok
    cid       create_booking event=1                   -> booking=paid
    cid       select_seat booking=paid seat=1:2        -> ok
    cid       initiate_payment booking=paid            -> order=p
    gateway   register order=p                         -> ok
    gateway   authorize order=p                        -> ok
    gateway   capture order=p                          -> ok
    door      admit_seat booking=paid seat=1:2         -> ok
    dan       create_booking event=7 key=once/body     -> booking=partners
    dan       select_seat booking=partners seat=7/1:1  -> ok
    dan       initiate_payment booking=partners        -> order=q
    eve       create_booking event=8                   -> booking=allotted
"""
HELD, EMPTY, GONE, PAID = 1_000_000_001, 1_000_000_002, 1_000_000_003, 1_000_000_004
PARTNERS, ALLOTTED = 7_000_000_001, 8_000_000_001
ORDER, ORDER_OF_PARTNERS = START_MS * 1_000, START_MS * 1_000 + 1
NEXT_ORDER = ORDER_OF_PARTNERS + 1
AT_MS, LATER_MS = START_MS, START_MS + 60_000
DAN = 4
ONE_ROW = Hall(1, 5, (Zone("all", 1, 1, 100),))
HUGE = Hall(2**40, 2**40, (Zone("all", 1, 2**40, 100),))
WRONG_PRICE = (4, 5, (Zone("front", 1, 4, -1),))
BEGINNING = "is whole, and can't have followed those before it"


def seat(row: int, number: int, event_id: int = 1) -> int:
    return event_id * 10_000_000 + row * 10_000 + number


IMPOSSIBLE: dict[str, tuple[Mutation, str]] = {
    "it was before the one before it": (
        BookingCancelled(AT_MS - 1, HELD),
        f"its time is {AT_MS - 1}, and {AT_MS} was before it",
    ),
    "no calendar has such a day": (
        BookingCancelled(AT_MS_END, HELD),
        f"its time is {AT_MS_END}, and {AT_MS} was before it",
    ),
    "a booking comes twice": (
        BookingCreated(AT_MS, HELD, 1),
        "booking 5 of event 1 is next, not 1",
    ),
    "a booking was left out": (
        BookingCreated(AT_MS, HELD + 5, 1),
        "booking 5 of event 1 is next, not 6",
    ),
    "the first booking isn't the first": (
        BookingCreated(AT_MS, 2_000_000_002, 1, EVENTS[1]),
        "booking 1 of event 2 is next, not 2",
    ),
    "nobody knows the event": (BookingCreated(AT_MS, 2_000_000_001, 1), "event 2 isn't known"),
    "an event begins twice": (
        BookingCreated(AT_MS, PAID + 1, 1, EVENTS[0]),
        "event 1 can't begin as event 1 now",
    ),
    "an event begins as another one": (
        BookingCreated(AT_MS, 2_000_000_001, 1, EVENTS[0]),
        "event 2 can't begin as event 1 now",
    ),
    "a hall has more rows than there are ids": (
        BookingCreated(AT_MS, 2_000_000_001, 1, Event(2, AT_MS, HUGE)),
        f"a hall has 1 to 999 rows, not {2**40}",
    ),
    "a hall has a negative price": (
        BookingCreated(AT_MS, 2_000_000_001, 1, Event(2, AT_MS, Hall(*WRONG_PRICE))),
        "zone 'front' has a negative price",
    ),
    "an allotment is greater than its hall": (
        BookingCreated(
            AT_MS, 2_000_000_001, 1, Event(2, AT_MS, ONE_ROW, Sale.ALLOTMENT, ((0, 6),))
        ),
        "a span of an allotment lies in 0–5, not 0–6",
    ),
    "nobody made the booking": (
        SeatSelected(AT_MS, PAID + 1, seat(2, 2), LATER_MS),
        f"there is no booking {PAID + 1}",
    ),
    "nothing was booked of its event": (
        SeatSelected(AT_MS, 2_000_000_001, seat(2, 2), LATER_MS),
        "there is no booking 2000000001",
    ),
    "no event has such a booking": (BookingExpired(AT_MS, -1), "there is no booking -1"),
    "two hold one seat": (
        SeatSelected(AT_MS, EMPTY, seat(1, 1), LATER_MS),
        f"seat {seat(1, 1)} is held already",
    ),
    "one holds a seat twice": (
        SeatSelected(AT_MS, HELD, seat(1, 1), LATER_MS),
        f"seat {seat(1, 1)} is held already",
    ),
    "a seat is another event's": (
        SeatSelected(AT_MS, HELD, seat(1, 1, 7), LATER_MS),
        "applied, it ends in AssertionError",
    ),
    "a seat isn't ours to sell": (
        SeatSelected(AT_MS, ALLOTTED, seat(2, 1, ALLOTMENT_EVENT), LATER_MS),
        "applied, it ends in IndexError",
    ),
    "who has cancelled takes a seat": (
        SeatSelected(AT_MS, GONE, seat(2, 2), LATER_MS),
        f"booking {GONE} is CANCELLED",
    ),
    "one of some seats side by side is taken": (
        SeatsSelected(AT_MS, EMPTY, seat(1, 1), 3, LATER_MS),
        f"seat {seat(1, 1)} is held already",
    ),
    "more seats side by side than memory has room for": (
        SeatsSelected(AT_MS, EMPTY, seat(2, 1), 2**40, LATER_MS),
        f"a row has 1 to 5 seats, not {2**40}",
    ),
    "no seats side by side": (
        SeatsSelected(AT_MS, EMPTY, seat(2, 1), 0, LATER_MS),
        "a row has 1 to 5 seats, not 0",
    ),
    "somebody lets go what another one holds": (
        SeatReleased(AT_MS, EMPTY, seat(1, 1)),
        f"booking {EMPTY} doesn't hold seat {seat(1, 1)}",
    ),
    "somebody is let in who hasn't paid": (
        SeatAdmitted(AT_MS, HELD, seat(1, 1)),
        f"booking {HELD} is CREATED",
    ),
    "somebody is let in to another's seat": (
        SeatAdmitted(AT_MS, PAID, seat(1, 1)),
        f"booking {PAID} doesn't hold seat {seat(1, 1)}",
    ),
    "two are let in to one seat": (
        SeatAdmitted(AT_MS, PAID, seat(1, 2)),
        f"seat {seat(1, 2)} has been admitted already",
    ),
    "an order comes twice": (
        PaymentInitiated(AT_MS, HELD, ORDER_OF_PARTNERS, 500_000, LATER_MS),
        f"order {ORDER_OF_PARTNERS} can't follow order {ORDER_OF_PARTNERS}",
    ),
    "no order could follow": (
        PaymentInitiated(AT_MS, HELD, ORDER_ID_END, 500_000, LATER_MS),
        f"order {ORDER_ID_END} can't follow order {ORDER_OF_PARTNERS}",
    ),
    "a price is negative": (
        PaymentInitiated(AT_MS, HELD, NEXT_ORDER, -500_000, LATER_MS),
        "its seats cost 500000, not -500000",
    ),
    "nothing is paid for": (
        PaymentInitiated(AT_MS, EMPTY, NEXT_ORDER, 0, LATER_MS),
        "its seats cost 0, not 0",
    ),
    "the provider is asked for another's seat": (
        PaymentInitiated(AT_MS, HELD, NEXT_ORDER, 500_000, LATER_MS, (seat(1, 2),)),
        f"seats of the provider's aren't of booking {HELD}",
    ),
    "nobody made the payment": (
        PaymentCaptured(AT_MS, NEXT_ORDER),
        f"there is no payment {NEXT_ORDER}",
    ),
    "money comes twice": (PaymentCaptured(AT_MS, ORDER), f"payment {ORDER} is CAPTURED"),
    "money goes back that nobody owed": (
        PaymentReturned(AT_MS, ORDER),
        f"payment {ORDER} is CAPTURED",
    ),
    "the provider is asked for what is ours": (
        ReservationStarted(AT_MS, ORDER, "theirs"),
        f"the reservation of payment {ORDER} is not there",
    ),
    "the provider confirms what it wasn't asked for": (
        ReservationConfirmed(AT_MS, ORDER_OF_PARTNERS),
        f"the reservation of payment {ORDER_OF_PARTNERS} is WANTED",
    ),
    "a key comes twice": (
        AnswerRemembered(AT_MS, Receipt(DAN, "once", b"body", LATER_MS)),
        f"a key of user {DAN} is remembered already",
    ),
    "what is remembered with a key is impossible": (
        AnswerRemembered(AT_MS, Receipt(1, "new", b"", LATER_MS), BookingCancelled(AT_MS, GONE)),
        f"booking {GONE} is CANCELLED",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_have_happened_is_refused(what: str) -> None:
    """The sentence names the record, why it is impossible, and what to do."""
    mutation, why = IMPOSSIBLE[what]
    story = Story()
    story.tell(STORY)
    records = [*story.log.records, encode(mutation)]

    with pytest.raises(ImpossibleRecord) as caught:
        replay(enumerate(records, start=1))

    way_out = "restore a backup, or start the version that wrote it"
    assert f"record {len(records)} {BEGINNING} ({why}); {way_out}" == str(caught.value)


def test_the_story_itself_is_possible() -> None:
    """All that is refused above is refused for what it adds."""
    story = Story()
    story.tell(STORY)
    assert PARTNER_EVENT in replay(enumerate(story.log.records, start=1)).shards


Reader = Callable[[Path], object]
DOUBTERS: dict[str, Reader] = {
    "an audit": lambda directory: audit_booking(directory, 2_000_000_001),
    "what is owed": read_unsettled,
}
BELIEVERS: dict[str, Reader] = {
    "a start": lambda directory: Engine.open(directory, EVENTS),
    "the maker of snapshots": make_snapshot,
    "a replay": lambda directory: list(History(directory, 2).changes()),
}


def sold(directory: Path, more: Mutation) -> None:
    """A store in which somebody has begun to book event 2, and then came this."""
    Engine.create(directory, store_id=b"sixteen bytes id")
    store = Engine.open(directory, EVENTS)
    store.create_booking(user_id=1, event_id=2, now_ms=START_MS)
    store.close()
    log = Log.open(directory / WAL_DIRECTORY)
    list(log.recover())
    log.append(encode(more))
    log.seal()
    log.close()


@pytest.mark.parametrize("who", DOUBTERS | BELIEVERS)
def test_whoever_reads_it_refuses_what_cannot_be_applied(tmp_path: Path, who: str) -> None:
    """The fault is one of those that a store may have, and the lock isn't kept."""
    sold(tmp_path, BookingCancelled(START_MS, 2_000_000_009))
    with pytest.raises(ImpossibleRecord, match=r"^record 2 ") as caught:
        (DOUBTERS | BELIEVERS)[who](tmp_path)

    assert isinstance(caught.value, STORE_FAULTS)
    assert f"ImpossibleRecord: record 2 {BEGINNING}" in verify_store(tmp_path).fault


@pytest.mark.parametrize("who", DOUBTERS)
def test_whoever_doubts_refuses_what_cannot_have_followed(tmp_path: Path, who: str) -> None:
    """A start believes it, since what was acknowledged stands."""
    sold(tmp_path, BookingCreated(START_MS - 1, 2_000_000_002, 1))
    Engine.open(tmp_path, EVENTS).close()

    with pytest.raises(ImpossibleRecord, match=r"^record 2 "):
        DOUBTERS[who](tmp_path)

    assert f"ImpossibleRecord: record 2 {BEGINNING}" in verify_store(tmp_path).fault
