"""The whole state as chunks of bytes, and back."""

import msgspec
import pytest

from engine import Booking, BookingStatus, Event, Hall, dump
from engine.apply import file_receipt
from engine.domain import Payment, PaymentStatus, Receipt, ReservationStatus
from engine.errors import LossyDump, UnknownFormat
from engine.rows import PaymentRow, ReservationRow
from engine.state import Shard, State
from snapshots.format import CHUNK_BYTES_MAX
from tests.scenario import Story, audit, check, picture
from wal import RECORD_BYTES_MAX

# Something of everything: all statuses, an orphan, a partner's seats, answers, a reset before.
TABLE = """
    eve      create_booking event=2                    -> booking=z
    eve      select_seat booking=z seat=2/1:1          -> ok
    eve      initiate_payment booking=z                -> order=o
    operator reset key=r/reset                         -> ok
    ann      create_booking event=1 key=k/1            -> booking=a
    ann      select_seat booking=a seat=2:1 key=l/1    -> ok
    ann      select_seat booking=a seat=1:2            -> ok
    ann      initiate_payment booking=a                -> order=p
    gateway  register order=p                          -> ok
    gateway  authorize order=p                         -> ok
    gateway  capture order=p                           -> ok
    bob      create_booking event=7                    -> booking=b
    bob      select_seat booking=b seat=7/2:1          -> ok
    bob      select_seat booking=b seat=7/1:1          -> ok
    bob      initiate_payment booking=b                -> order=q
    provider start order=q                             -> ok
    provider submit order=q                            -> ok
    gateway  register order=q                          -> ok
    gateway  authorize order=q                         -> ok
    gateway  capture order=q                           -> ok
    provider confirm order=q                           -> ok
    bob      cancel_booking booking=b                  -> ok
    cid      create_booking event=7                    -> booking=c
    cid      select_seat booking=c seat=7/2:1          -> ok
    cid      select_seat booking=c seat=7/3:1          -> ok
    cid      initiate_payment booking=c key=m/1        -> order=r
    dan      create_booking event=1                    -> booking=d
    dan      select_seat booking=d seat=4:5            -> ok
    dan      create_booking event=1                    -> booking=e
    dan      cancel_booking booking=e key=n/1          -> ok
    dan      create_booking event=1                    -> booking=f
    dan      create_booking event=8                    -> booking=g
    dan      select_seat booking=g seat=8/3:3          -> ok
    door     admit_seat booking=a seat=2:1             -> ok
"""


@pytest.fixture
def story() -> Story:
    """A state with something of everything in it."""
    return check(TABLE)


def test_nothing_is_lost(story: Story) -> None:
    """The loaded state is the dumped one, what is derived included, and can go on."""
    loaded = dump.load(dump.dump(story.state))

    loaded.check_invariants()
    audit(loaded)
    assert picture(story.state) == picture(loaded)
    assert dump.digest(story.state) == dump.digest(loaded)
    story.reload()
    story.tell("""
        provider start order=r                         -> ok
        dan      select_seat booking=g seat=8/3:5      -> SeatNotOurs
        tick 15m                                       -> 3
        ann      cancel_booking booking=a              -> BookingAdmitted
        booking c CANCELLED
        booking d CANCELLED
        analytics 8 free=7 reserved=0 sold=0 revenue=0 bookings=0
        gateway return order=o                         -> ok
        payment o forgotten
    """)


def test_deadlines_are_met_in_their_order() -> None:
    """An older booking has the later one where its first seat was chosen later."""
    check("""
        ann      create_booking event=1                -> booking=a
        bob      create_booking event=1                -> booking=b
        bob      select_seat booking=b seat=1:1        -> ok
        later    5m
        ann      select_seat booking=a seat=1:2        -> ok
        reload
        tick     10m                                   -> 1
        booking  b CANCELLED
        booking  a CREATED 1:2
    """)


@pytest.mark.parametrize("rows", [1, 2, 3, 1_000])
def test_chunks_of_any_size(story: Story, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the rows are cut into chunks, the same state comes back."""
    monkeypatch.setattr(dump, "ROWS_PER_CHUNK", rows)
    chunks = list(dump.dump(story.state))

    found: dict[str, list[int]] = {}
    for chunk in chunks:
        kind, *fields = msgspec.msgpack.decode(chunk)
        if kind in ("bookings", "payments", "receipts"):
            found.setdefault(kind, []).append(len(fields[0]))
    assert {"bookings": 7, "payments": 4, "receipts": 5} == {
        kind: sum(sizes) for kind, sizes in found.items()
    }
    assert all({rows} >= set(sizes[:-1]) and sizes[-1] <= rows for sizes in found.values())
    assert picture(story.state) == picture(dump.load(chunks))


def test_long_payments_come_in_more_chunks() -> None:
    """Each has the longest page that sagas take; a snapshot takes no chunk of more than 64 MiB."""
    state = State()
    for order_id in range(1, 33_001):
        state.payments[order_id] = Payment(
            order_id=order_id,
            booking_id=1_000_000_001,
            user_id=1,
            amount_minor=1,
            initiated_at_ms=1,
            url="https://".ljust(2_048, "u"),
        )

    chunks = list(dump.dump(state))

    assert CHUNK_BYTES_MAX >= max(map(len, chunks))
    assert 33_000 == len(dump.load(chunks).payments)


@pytest.mark.parametrize("limit", [1, 100, 300])
def test_rows_of_any_length(story: Story, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk is cut in two until it is short enough, or a single row; the digest is of those."""
    monkeypatch.setattr(dump, "CHUNK_BYTES_MAX", limit)
    chunks = list(dump.dump(story.state))

    for chunk in chunks:
        kind, *fields = msgspec.msgpack.decode(chunk)
        if kind in ("bookings", "payments", "receipts"):
            assert len(chunk) <= limit or len(fields[0]) == 1
    assert picture(story.state) == picture(dump.load(chunks))
    assert dump.digest(story.state) == msgspec.msgpack.decode(chunks[-1])[1]


def test_a_chunk_as_long_as_a_snapshot_takes_is_not_cut(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was cut is a part of the digest, by which states and backups are known."""
    chunks = list(dump.dump(story.state))
    (bookings,) = (one for one in chunks if msgspec.msgpack.decode(one)[0] == "bookings")
    monkeypatch.setattr(dump, "CHUNK_BYTES_MAX", len(bookings))

    assert bookings in list(dump.dump(story.state))


def test_what_can_t_be_cut_is_short_enough() -> None:
    """One event, one booking and one payment, of a hall that is twenty times the largest there is.

    The event's description isn't counted: it is part of a record, of which 1 MiB is the most.
    """
    id_max, seats = 2**53 - 1, 2_000_000
    event = Event(id_max, id_max, Hall(1, 1, ()))
    held = ReservationRow((id_max,) * seats, ReservationStatus.CONFIRM_DUE, "")
    paid = PaymentRow(1, 1, 1, 1, 1, PaymentStatus.CAPTURED, "", "", held)
    for part in (
        dump._Shard(event, id_max, [id_max] * seats, [(id_max, id_max)] * seats),
        dump._Bookings([Booking(1, 1, 1, seats=(id_max,) * seats)]),
        dump._Payments([paid]),
    ):
        assert CHUNK_BYTES_MAX - RECORD_BYTES_MAX > len(msgspec.msgpack.encode(part))


def test_an_empty_state() -> None:
    """Nothing comes back as nothing."""
    assert ["state", "digest"] == [msgspec.msgpack.decode(one)[0] for one in dump.dump(State())]
    assert picture(State()) == picture(dump.load(dump.dump(State())))
    assert picture(State()) == picture(dump.load([]))


def test_the_last_chunk_is_the_digest(story: Story) -> None:
    """Over all others, so that whoever loads them can tell whether something is missing."""
    *_, last = dump.dump(story.state)
    assert ["digest", dump.digest(story.state), dump.VERSION] == msgspec.msgpack.decode(last)


def test_a_dump_that_loads_to_another_state_is_refused(story: Story) -> None:
    """Whatever the bytes have lost, or the loading has: here a row, and here a status."""
    chunks = list(dump.dump(story.state))
    kinds = [msgspec.msgpack.decode(one)[0] for one in chunks]
    without_answers = [one for one, kind in zip(chunks, kinds, strict=True) if kind != "receipts"]
    with pytest.raises(LossyDump, match=f"state {dump.digest(story.state)} was dumped"):
        dump.load(without_answers)

    at = kinds.index("bookings")
    other = chunks[at].replace(b"CANCELLED", b"CONFIRMED", 1)
    assert other != chunks[at]
    with pytest.raises(LossyDump):
        dump.load([*chunks[:at], other, *chunks[at + 1 :]])


@pytest.mark.parametrize(
    "lost", ["a status", "a booking", "a reservation", "an answer", "an admission"]
)
def test_a_loading_that_loses_something_is_noticed(
    lost: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the chunks are as they were dumped: what is compared is what the state has then."""
    file_bookings = dump._file_bookings

    def cancel(shard: Shard, bookings: list[Booking]) -> None:
        file_bookings(shard, bookings)
        bookings[0].status = BookingStatus.CANCELLED

    def forget(shard: Shard, bookings: list[Booking]) -> None:
        file_bookings(shard, bookings[1:])

    def mix_up(state: State, receipt: Receipt) -> None:
        file_receipt(state, msgspec.structs.replace(receipt, result=7))

    class Forgetful(Shard):
        """Nobody has ever been let in."""

        admitted = property(lambda shard: {}, lambda shard, told: None)

    name, careless = {
        "an admission": ("Shard", Forgetful),
        "a status": ("_file_bookings", cancel),
        "a booking": ("_file_bookings", forget),
        "a reservation": ("_reservation", lambda row: None),
        "an answer": ("file_receipt", mix_up),
    }[lost]
    monkeypatch.setattr(dump, name, careless)
    with pytest.raises(LossyDump):
        dump.load(dump.dump(story.state))


def test_a_dump_of_another_version_is_loaded(story: Story) -> None:
    """Its digest is of other bytes, or there is none yet: nothing can be compared."""
    *older, _ = dump.dump(story.state)
    later = [*older, msgspec.msgpack.encode(["digest", "0" * 32, dump.VERSION + 1])]
    for chunks in (older, later):
        assert picture(story.state) == picture(dump.load(chunks))


def test_what_goes_back_to_an_older_snapshot_stays_so(story: Story) -> None:
    """It may lack what only later versions keep, and so may every snapshot made of it."""
    *older, _ = dump.dump(story.state)
    loaded = dump.load(older)
    assert (True, False) == (story.state.is_whole, loaded.is_whole)
    assert not dump.load(dump.dump(loaded)).is_whole
    assert dump.load(dump.dump(story.state)).is_whole
    for version, is_whole in ((dump.WHOLE_SINCE - 1, False), (dump.WHOLE_SINCE, True)):
        last = msgspec.msgpack.encode(["digest", "0" * 32, version])
        assert is_whole == dump.load([*older, last]).is_whole


def test_the_digest_tells_states_apart() -> None:
    """Every line of a story that changes anything changes the digest."""
    story, digests = Story(), set()
    for line in TABLE.splitlines():
        story.tell(line)
        digests.add(story.engine.digest())

    assert len(story.log.records) + 1 == len(digests)
    assert 32 == len(story.engine.digest())


def test_histories_that_end_alike_have_one_dump() -> None:
    """The order in which events were first booked is not part of the state."""
    one = check("""
        ann create_booking event=1                     -> booking=a
        bob create_booking event=2                     -> booking=b
        ann cancel_booking booking=a                   -> ok
        bob cancel_booking booking=b                   -> ok
        operator reset                                 -> ok
    """)
    other = check("""
        bob create_booking event=2                     -> booking=b
        ann create_booking event=1                     -> booking=a
        operator reset                                 -> ok
    """)

    assert list(dump.dump(one.state)) == list(dump.dump(other.state))


@pytest.mark.parametrize("kind", ["bookings", "payments"])
def test_a_field_that_nobody_knows_is_not_passed_over(kind: str, story: Story) -> None:
    """A program that is older than the snapshot says so, rather than forgetting what it was."""
    chunks = []
    for chunk in dump.dump(story.state):
        found, *fields = msgspec.msgpack.decode(chunk)
        if found == kind:
            fields[0][0].append(9)
        if found != "digest":
            chunks.append(msgspec.msgpack.encode([found, *fields]))

    with pytest.raises(UnknownFormat, match="at most length"):
        dump.load(chunks)


def test_a_part_that_nobody_knows_is_not_passed_over(story: Story) -> None:
    """Whatever a chunk holds, the digest included: one thing more makes it another version's."""
    for chunk in dump.dump(story.state):
        longer = msgspec.msgpack.encode([*msgspec.msgpack.decode(chunk), 9])
        with pytest.raises(UnknownFormat, match="at most length"):
            dump.load([longer])


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        msgspec.msgpack.encode([]),
        msgspec.msgpack.encode(["tickets", []]),
        msgspec.msgpack.encode(["state", 1]),
        msgspec.msgpack.encode(["shard", [1, 2], 3, []]),
        msgspec.msgpack.encode(["bookings", [[7_000_000_001, 1, 1, "CREATED", 0, 0, []]]]),
        msgspec.msgpack.encode(["payments", [[1, 2]]]),
        msgspec.msgpack.encode(["receipts", [[1, 2]]]),
    ],
    ids=[
        "junk",
        "nothing",
        "kind",
        "state",
        "shard",
        "no shard",
        "payment",
        "receipt",
    ],
)
def test_what_was_not_dumped_is_not_loaded(chunk: bytes) -> None:
    """Anything else raises, rather than becoming half a state."""
    with pytest.raises((UnknownFormat, KeyError)):
        dump.load([chunk])
