"""The state is compared with every replay, a slice at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import Engine, Event, Hall, Zone, slices
from engine.apply import apply
from engine.domain import Booking, Payment, SeatStatus
from engine.dump import dump, load
from engine.errors import StateDiverged
from engine.mutations import StateChecked, decode, encode
from engine.recorded import replay
from engine.slices import BOOKINGS_PER_SLICE, Slice, digest_of, following
from engine.state import State
from engine.verify import verify_store
from tests.scenario import EVENTS, START_MS, Story, check, seat_of
from wal import MemoryLog

HALL = Hall(1, 5, (Zone("all", 1, 1, 100_000),))

# A paid booking whose owner is inside, and one at its second attempt, whose first is owed back.
TABLE = """
    ann      create_booking event=1 key=k/1            -> booking=a
    ann      select_seat booking=a seat=2:1            -> ok
    ann      initiate_payment booking=a                -> order=p
    gateway  register order=p                          -> ok
    gateway  authorize order=p                         -> ok
    gateway  capture order=p                           -> ok
    bob      create_booking event=7                    -> booking=b
    bob      select_seat booking=b seat=7/2:1          -> ok
    bob      initiate_payment booking=b                -> order=q
    cid      create_booking event=1                    -> booking=c
    cid      select_seat booking=c seat=1:1            -> ok
    cid      select_seat booking=c seat=1:2            -> ok
    cid      initiate_payment booking=c                -> order=r
    cid      release_seat seat=1:1                     -> ok
    cid      initiate_payment booking=c                -> order=s
    door     admit_seat booking=a seat=2:1             -> ok
"""


@pytest.fixture
def story() -> Story:
    return check(TABLE)


def checked(story: Story) -> None:
    """Both events, one after the other, and the first again."""
    for _ in range(3):
        story.engine.check_state(now_ms=story.now_ms)


def test_a_replay_comes_to_the_same_slices(story: Story) -> None:
    """From the first record, and from a snapshot in the middle of the story."""
    middle = load(dump(story.state))
    before = len(story.log.records)
    checked(story)
    story.tell("cid cancel_booking booking=c               -> ok")
    checked(story)

    story.check_recovery()
    for payload in story.log.records[before:]:
        apply(middle, decode(payload))


TAMPERED: dict[str, Callable[[State], object]] = {
    "a deadline": lambda state: setattr(booking(state, 2), "expires_at_ms", 1),
    "a status": lambda state: setattr(booking(state, 2), "status", "CANCELLED"),
    "a user": lambda state: setattr(booking(state, 1), "user_id", 9),
    "a seat": lambda state: setattr(booking(state, 2), "seats", (seat_of("3:3"),)),
    "a payment": lambda state: setattr(payment(state), "amount_minor", 1),
    "a payment of before": lambda state: setattr(earlier(state), "parked", "because"),
    "an ended obligation": lambda state: state.unsettled.popitem(),
    "a payment too many": lambda state: state.payments.setdefault(1, payment(state)),
    "an order id": lambda state: setattr(state, "last_order_id", 1),
    "a forgotten answer": lambda state: state.receipts_by_age.clear(),
    "a booking id": lambda state: state.shards[1].bookings.append(None),
    "a count of bookings": lambda state: setattr(state.shards[1], "bookings_live", 9),
    "the revenue": lambda state: setattr(state.shards[1], "revenue_minor", 9),
    "a seat in the hall": lambda state: state.shards[1].seatmap.change(19, SeatStatus.SOLD),
    "a holder": lambda state: state.shards[1].holders.popitem(),
    "an admission": lambda state: state.shards[1].admitted.clear(),
    "a time of an admission": lambda state: state.shards[1].admitted.update({seat_of("2:1"): 1}),
    "an admission of nobody's": lambda state: state.shards[1].admitted.update({1: START_MS}),
    "a seat that is ours": lambda state: state.shards[1].owned.add(1),
}


def booking(state: State, number: int) -> Booking:
    found = state.shards[1].bookings[number]
    assert found is not None
    return found


def payment(state: State) -> Payment:
    return state.payments[min(state.payments)]


def earlier(state: State) -> Payment:
    return state.payments[payment_of(state).earlier_order_id]


def payment_of(state: State) -> Payment:
    return state.payments[booking(state, 2).order_id]


@pytest.mark.parametrize("name", TAMPERED)
def test_a_state_that_isn_t_the_log_s_is_found(story: Story, name: str) -> None:
    """Whatever in memory was changed by no mutation, or by one that isn't deterministic."""
    TAMPERED[name](story.state)
    story.engine.check_state(now_ms=story.now_ms)

    with pytest.raises(StateDiverged, match="event 1, bookings from number 1 on"):
        replay(enumerate(story.log.records, start=1))


def test_an_event_that_the_log_doesn_t_know_is_found(story: Story) -> None:
    """The server has sold it, and no record says so."""
    record = StateChecked(START_MS, 2, 1, b"12345678", slices.VERSION)
    with pytest.raises(StateDiverged, match="event 2"):
        replay(enumerate([*story.log.records, encode(record)], start=1))


def test_a_check_of_another_version_is_passed_over(story: Story) -> None:
    """Its digest is of something else, so it proves nothing."""
    record = StateChecked(START_MS, 1, 1, b"12345678", slices.VERSION + 1)
    replay(enumerate([*story.log.records, encode(record)], start=1))


def test_a_state_that_may_lack_something_is_not_compared(story: Story) -> None:
    """Neither a replay from an older snapshot, nor what a server has logged that began with one."""
    *older, _ = dump(story.state)
    record = StateChecked(START_MS, 1, 1, b"12345678", slices.VERSION)
    apply(load(older), record)

    log = MemoryLog()
    engine = Engine(EVENTS, log=log)
    engine._adopt(load(older))
    engine._state.shards[1].revenue_minor += 1
    engine.check_state(now_ms=START_MS)
    replay(enumerate([*story.log.records, *log.records], start=1))


def test_a_slice_of_this_state_has_had_this_digest_since_it_was_first_written(
    story: Story,
) -> None:
    """Whoever changes what is digested changes the version, or old logs can't be replayed."""
    digests = tuple(digest_of(story.state, Slice(event_id, 1)).hex() for event_id in (1, 7))
    assert (2, DIGESTS_OF_VERSION_2) == (slices.VERSION, digests)
    assert 250 == BOOKINGS_PER_SLICE  # bookings a digest is of, so it is a part of the version


# Of the event where somebody is inside, and of one where nobody is.
DIGESTS_OF_VERSION_2 = ("04a82bbb78c64cbe", "92c0bf5a39a38ef2")


def test_the_slices_come_round_to_every_booking() -> None:
    """Event after event, some bookings at a time, and then from the beginning."""
    log = MemoryLog()
    engine = Engine([Event(event_id, START_MS, HALL) for event_id in (3, 5)], log=log)
    for event_id, bookings in ((3, BOOKINGS_PER_SLICE + 1), (5, BOOKINGS_PER_SLICE)):
        for _ in range(bookings):
            engine.create_booking(user_id=1, event_id=event_id, now_ms=START_MS)
    before = len(log.records)
    for _ in range(4):
        engine.check_state(now_ms=START_MS)

    found = [decode(record) for record in log.records[before:]]
    assert [(3, 1), (3, 1 + BOOKINGS_PER_SLICE), (5, 1), (3, 1)] == [
        (one.event_id, one.first_sequence) for one in found if isinstance(one, StateChecked)
    ]


def test_every_booking_is_in_a_slice() -> None:
    """The last of one and the first of the next, too."""
    engine = Engine([Event(3, START_MS, HALL)])
    for _ in range(BOOKINGS_PER_SLICE + 1):
        engine.create_booking(user_id=1, event_id=3, now_ms=START_MS)
    state = engine._state
    for number in (1, BOOKINGS_PER_SLICE, BOOKINGS_PER_SLICE + 1):
        each = [Slice(3, 1), Slice(3, 1 + BOOKINGS_PER_SLICE)]
        before = [digest_of(state, one) for one in each]
        found = state.shards[3].bookings[number]
        assert found is not None
        found.user_id += 1  # no mutation changes one booking's user
        assert 1 == sum(old != digest_of(state, one) for old, one in zip(before, each, strict=True))


def test_nothing_booked_is_nothing_to_check() -> None:
    """No record is made of it; nor is one after a reset that has forgotten an event."""
    log = MemoryLog()
    Engine(EVENTS, log=log).check_state(now_ms=START_MS)
    assert [] == log.records
    assert following(State(), Slice(7, 1)) is None


def test_the_offline_check_finds_it(tmp_path: Path) -> None:
    """`verify` replays the log, and so compares it with what the server had."""
    Engine.create(tmp_path, store_id=b"sixteen bytes id")
    engine = Engine.open(tmp_path, EVENTS)
    engine.create_booking(user_id=1, event_id=1, now_ms=START_MS)
    engine._state.shards[1].revenue_minor += 1
    engine.check_state(now_ms=START_MS)
    engine.close()

    assert verify_store(tmp_path).fault.startswith("StateDiverged: record 2: event 1, bookings")
