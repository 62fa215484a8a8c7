"""The on-disk schema: every mutation ever written can be read for ever."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from engine import Event, Hall, Sale, Zone
from engine.domain import Receipt
from engine.errors import UnknownFormat
from engine.mutations import (
    AnswerRemembered,
    BookingCancelled,
    BookingCreated,
    BookingExpired,
    Effect,
    Mutation,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentInitiated,
    PaymentParked,
    PaymentRefused,
    PaymentRegistered,
    PaymentReturned,
    ReceiptsExpired,
    ReservationCancelled,
    ReservationConfirmed,
    ReservationDoubted,
    ReservationParked,
    ReservationRefused,
    ReservationStarted,
    ReservationSubmitted,
    ReturnOwed,
    SeatAdmitted,
    SeatReleased,
    SeatSelected,
    SeatsSelected,
    StateChecked,
    StateReset,
    decode,
    decode_record,
    encode,
)

# One line a sample, in the order of SAMPLES: a name and the bytes in hex. Lines are only added.
GOLDEN = Path(__file__).with_name("golden_mutations.txt")

AT_MS = 1_750_000_000_000
BOOKING = 7_000_000_003
SEAT = 70_120_005
ORDER = AT_MS * 1_000
EVENT = Event(7, AT_MS, Hall(2, 3, (Zone("зал", 1, 2, 97_500),)), Sale.PARTNER)
ALLOTTED = Event(7, AT_MS, EVENT.hall, Sale.ALLOTMENT, ((0, 2), (5, 6)))
RECEIPT = Receipt(42, "k1", b"\x00\xff", AT_MS + 86_400_000, BOOKING)

SAMPLES: dict[str, Mutation] = {
    "BookingCreated": BookingCreated(AT_MS, BOOKING, 42),
    "BookingCreated with its event": BookingCreated(AT_MS, BOOKING, 42, EVENT),
    "SeatSelected": SeatSelected(AT_MS, BOOKING, SEAT, AT_MS + 900_000),
    "SeatReleased": SeatReleased(AT_MS, BOOKING, SEAT),
    "BookingCancelled": BookingCancelled(AT_MS, BOOKING),
    "BookingExpired": BookingExpired(AT_MS, BOOKING),
    "PaymentInitiated": PaymentInitiated(AT_MS, BOOKING, ORDER, 97_500, AT_MS + 720_000),
    "PaymentInitiated for a partner": PaymentInitiated(
        AT_MS, BOOKING, ORDER, 97_500, AT_MS + 720_000, (SEAT, SEAT + 1)
    ),
    "PaymentRegistered": PaymentRegistered(AT_MS, ORDER, "25061512000042", "https://pay/1"),
    "PaymentRefused": PaymentRefused(AT_MS, ORDER),
    "PaymentAuthorized": PaymentAuthorized(AT_MS, ORDER),
    "PaymentCaptured": PaymentCaptured(AT_MS, ORDER),
    "PaymentFailed": PaymentFailed(AT_MS, ORDER),
    "ReturnOwed": ReturnOwed(AT_MS, ORDER),
    "PaymentReturned": PaymentReturned(AT_MS, ORDER),
    "ReservationStarted": ReservationStarted(AT_MS, ORDER, "0b2f3a54-6a0e-4f0c-8f43-1d3c2b1a0f9e"),
    "ReservationSubmitted": ReservationSubmitted(AT_MS, ORDER),
    "ReservationConfirmed": ReservationConfirmed(AT_MS, ORDER),
    "ReservationCancelled": ReservationCancelled(AT_MS, ORDER),
    "ReservationRefused": ReservationRefused(AT_MS, ORDER),
    "StateReset": StateReset(AT_MS),
    "ReceiptsExpired": ReceiptsExpired(AT_MS),
    "AnswerRemembered": AnswerRemembered(AT_MS, RECEIPT, SeatReleased(AT_MS, BOOKING, SEAT)),
    "AnswerRemembered alone": AnswerRemembered(AT_MS, RECEIPT),
    "PaymentRegistered with a deadline": PaymentRegistered(
        AT_MS, ORDER, "25061512000042", "https://pay/1", AT_MS + 720_000
    ),
    "ReservationDoubted": ReservationDoubted(AT_MS, ORDER),
    "PaymentParked": PaymentParked(AT_MS, ORDER, "return: HTTP 401, 3001"),
    "ReservationParked": ReservationParked(AT_MS, ORDER, "confirm: CANCELLED"),
    "BookingCreated with its event, allotments known": BookingCreated(AT_MS, BOOKING, 42, EVENT),
    "BookingCreated with an allotment": BookingCreated(AT_MS, BOOKING, 42, ALLOTTED),
    "StateChecked": StateChecked(AT_MS, 7, 251, b"\x00\x01digest", 1),
    "SeatsSelected": SeatsSelected(AT_MS, BOOKING, SEAT, 4, AT_MS + 900_000),
    "SeatAdmitted": SeatAdmitted(AT_MS, BOOKING, SEAT),
}


# Written with fewer fields once: they are read as if the new ones had their defaults.
SHORTER_ONCE = {"PaymentRegistered", "BookingCreated with its event"}


def golden() -> dict[str, bytes]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return {name: bytes.fromhex(hexed) for name, _, hexed in (one.partition(": ") for one in lines)}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_bytes_of_a_mutation_never_change(name: str) -> None:
    """What is written today is what was written when the format began, and reads back the same."""
    assert SAMPLES[name] == decode(golden()[name])
    if name in SHORTER_ONCE:
        assert len(golden()[name]) < len(encode(SAMPLES[name]))
    else:
        assert golden()[name] == encode(SAMPLES[name])


def test_every_golden_line_is_read() -> None:
    """No sample of the past is dropped from the test."""
    assert list(golden()) == list(SAMPLES)


def test_every_mutation_has_a_sample() -> None:
    """A new mutation comes with its golden bytes."""
    kinds = {*get_args(Effect), *get_args(Mutation)}

    assert kinds == {type(one) for one in SAMPLES.values()}


def test_tags_are_their_own() -> None:
    """Tags are 1, 2, 3 …: none is shared, and none was ever given up."""
    kinds = {*get_args(Effect), *get_args(Mutation)}
    tags = sorted(kind.__struct_config__.tag for kind in kinds)

    assert list(range(1, len(kinds) + 1)) == tags


def test_records_are_small() -> None:
    """A click is 34 bytes in the log, times and ids included."""
    assert 34 == len(encode(SAMPLES["SeatSelected"]))


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\xff",
        b"\x93\x02\x07\x09",
        b"\x92\x63\x01",
        msgspec.msgpack.encode([1, AT_MS, "1", 2]),
    ],
    ids=["empty", "junk", "too short", "unknown tag", "wrong type"],
)
def test_what_is_no_mutation_is_not_read(bad: bytes) -> None:
    """An unknown tag, a missing field or a wrong type stops the reading."""
    with pytest.raises(msgspec.DecodeError):
        decode(bad)


def longer_by_one(found: Any) -> Iterator[Any]:
    """The same with a field more, for each of the arrays that it is made of."""
    if isinstance(found, list):
        yield [*found, "new"]
        for at, inner in enumerate(found):
            yield from ([*found[:at], longer, *found[at + 1 :]] for longer in longer_by_one(inner))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_longer_record_of_the_future_is_not_cut_short(name: str) -> None:
    """A field that only a newer version knows stops the reading: it says what would be lost."""
    for longer in longer_by_one(msgspec.msgpack.decode(encode(SAMPLES[name]))):
        with pytest.raises(UnknownFormat, match="record 7 is whole, and this version can't"):
            decode_record(7, msgspec.msgpack.encode(longer))
