"""The check of histories finds every lie that it is told, and believes what is true."""

from collections.abc import Callable

import pytest

from engine.domain import Receipt
from engine.mutations import (
    AnswerRemembered,
    BookingCancelled,
    BookingCreated,
    BookingExpired,
    Effect,
    Mutation,
    SeatReleased,
    SeatSelected,
    StateChecked,
    StateReset,
    encode,
)
from torture.servers.history import UNKNOWN, Check, Contradiction, Op

ANN, BOB = 1, 2
A, B, SEAT = 7_000_000_001, 7_000_000_002, 70_010_001
AT_MS = 1_800_000_000_000


def history() -> tuple[list[Op], list[Mutation]]:
    """Ann and Bob quarrel about a seat; every kind of call and of refusal is in it."""
    records: list[Mutation] = [
        BookingCreated(AT_MS, A, ANN),
        BookingCreated(AT_MS, B, BOB),
        SeatSelected(AT_MS, A, SEAT, AT_MS),
        StateChecked(AT_MS, 7, 1, b"12345678", 1),
        SeatReleased(AT_MS, A, SEAT),
        SeatSelected(AT_MS, B, SEAT, AT_MS),
        BookingCancelled(AT_MS, A),
        BookingExpired(AT_MS, B),
    ]
    told = [
        Op("list", ANN, 0, end=1, status=200, answer=[], lsn=0),
        Op("book", ANN, 1, 7, end=2, status=201, answer=A, lsn=1),
        Op("book", BOB, 1, 7, end=3, status=201, answer=B, lsn=2),
        Op("select", ANN, 4, 0, A, SEAT, end=6, status=200, lsn=3),
        Op("select", ANN, 7, 0, A, SEAT, end=8, status=200, lsn=3),
        Op("select", BOB, 4, 0, B, SEAT, end=7, status=419, lsn=3),
        Op("select", BOB, 5, 0, A, SEAT, end=7, status=403, lsn=3),
        Op("release", BOB, 5, 0, 0, SEAT, end=7, status=403, lsn=4),
        Op("list", ANN, 8, end=9, status=200, answer=[(A, 7, [SEAT])], lsn=4),
        Op("release", ANN, 9, 0, 0, SEAT, end=10, status=200, lsn=5),
        Op("release", ANN, 10, 0, 0, SEAT, end=11, status=419, lsn=5),
        Op("select", BOB, 11, 0, B, SEAT),  # its reply never came
        Op("cancel", ANN, 12, 0, A, end=13, status=200, lsn=7),
        Op("cancel", ANN, 14, 0, A, end=15, status=200, lsn=7),
        Op("cancel", ANN, 14, 0, 99, end=15, status=404, lsn=7),
        Op("select", ANN, 14, 0, A, SEAT, end=15, status=419, lsn=8),
        Op("select", BOB, 14, 0, 8_000_000_001, SEAT, end=15, status=404, lsn=8),
        Op("list", BOB, 15, end=16, status=200, answer=[(B, 7, [])], lsn=8),
    ]
    return told, records


def judge(told: list[Op], records: list[Mutation]) -> Check:
    check = Check()
    check.add(told, enumerate(map(encode, records), start=1))
    return check


def test_a_true_history_is_believed() -> None:
    """Every record has its call, and the reply that never came turns out to have happened."""
    told, records = history()
    check = judge(told, records)

    assert 8 == check.lsn
    assert 1 == check.counts["unknown, and done"]
    assert [1, 2, 3, 5, 6, 7] == sorted(op.lsn for op in told if op.made)


Lie = Callable[[list[Op], list[Mutation]], object]
LIES: dict[str, tuple[Lie, str]] = {
    "a seat is sold twice": (
        lambda _, records: records.insert(4, SeatSelected(AT_MS, B, SEAT, AT_MS)),
        "is sold twice|nobody's asking",
    ),
    "an acknowledged record is gone": (lambda _, records: records.pop(), "it isn't there"),
    "an acknowledged call has left no record": (
        lambda _, records: records.__setitem__(6, StateChecked(AT_MS, 7, 1, b"", 1)),
        "the reply would be 0",
    ),
    "a record that nobody asked for": (lambda told, _: told.pop(11), "nobody's asking"),
    "a record of a call that was refused": (
        lambda told, _: setattr(told[9], "status", 419),
        "nobody's asking",
    ),
    "a reset that nobody made": (
        lambda _, records: records.append(StateReset(AT_MS)),
        "nobody's asking",
    ),
    "a refusal of a free seat": (
        lambda told, _: told.append(Op("select", BOB, 9.5, 0, B, SEAT, end=11, status=419, lsn=5)),
        "the reply would be 0",
    ),
    "a success for a seat that another holds": (
        lambda told, _: setattr(told[5], "status", 200),
        "the reply would be 419",
    ),
    "a list without a seat": (
        lambda told, _: setattr(told[8], "answer", [(A, 7, [])]),
        "the reply would be 200",
    ),
    "a list of the past": (lambda told, _: setattr(told[17], "lsn", 6), "the reply would be 200"),
    "a booking of another's": (lambda told, _: setattr(told[1], "user_id", 3), "nobody's asking"),
    "a booking id that another was told": (
        lambda told, _: setattr(told[1], "answer", B),
        "nobody's asking",
    ),
    "a reply that stands before an earlier one": (
        lambda told, _: told.append(
            Op("list", ANN, 17, end=18, status=200, answer=[(A, 7, [SEAT])], lsn=4)
        ),
        "record 8 was told before it asked",
    ),
    "a record before the reply that came earlier": (
        lambda told, _: told.__setitem__(
            1, Op("book", ANN, 3.5, 7, end=4, status=201, answer=A, lsn=1)
        ),
        "record 2 was told before it asked",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(name: str) -> None:
    """Each of these histories has no order in which all of it is true."""
    lie, message = LIES[name]
    told, records = history()
    lie(told, records)
    with pytest.raises(Contradiction, match=message):
        judge(told, records)


def test_what_was_never_done_is_no_lie() -> None:
    """A call without a reply may have come to nothing."""
    told, records = history()
    told.append(Op("book", BOB, 20, 8))
    judge(told, records)
    assert (UNKNOWN, False) == (told[-1].status, told[-1].made)


def remembered(key: str, effect: Effect | None, result: int | None = None) -> AnswerRemembered:
    return AnswerRemembered(AT_MS, Receipt(ANN, key, b"", AT_MS, result), effect)


def keyed_history() -> tuple[list[Op], list[Op], list[Mutation]]:
    """Ann's calls have keys, her server dies under two of them, and she asks the next one again."""
    records: list[Mutation] = [
        remembered("1", BookingCreated(AT_MS, A, ANN), A),
        remembered("2", SeatSelected(AT_MS, A, SEAT, AT_MS)),  # and nobody was told
        remembered("3", None),
    ]
    first = [
        Op("book", ANN, 1, 7, key="1", end=2, status=201, answer=A, lsn=1),
        Op("select", ANN, 3, 0, A, SEAT, key="2"),
    ]
    second = [
        Op("select", ANN, 5, 0, A, SEAT, "2", end=6, status=200, lsn=2, is_repeated=True),
        Op("select", ANN, 7, 0, A, SEAT, "3", end=8, status=200, lsn=3),
    ]
    return first, second, records


def judge_both(first: list[Op], second: list[Op], records: list[Mutation]) -> Check:
    check, payloads = Check(), list(enumerate(map(encode, records), start=1))
    check.add(first, payloads[:2])
    check.add(second, payloads[2:])
    return check


def test_an_answer_that_is_remembered_is_believed() -> None:
    """A call that was done before its server died is done once, and is answered by the next one."""
    check = judge_both(*keyed_history())

    assert 1 == check.counts["unknown, and done"]
    assert 1 == check.counts["repeated, and done before"]


def remembered_again(_: list[Op], second: list[Op], records: list[Mutation]) -> None:
    records[2] = remembered("2", None)
    second[0].lsn = 3
    second.pop()


KEYED_LIES: dict[str, tuple[Callable[[list[Op], list[Op], list[Mutation]], object], str]] = {
    "a call is done twice": (
        lambda _, __, records: records.insert(2, remembered("2", SeatReleased(AT_MS, A, SEAT))),
        "nobody's asking|remembered twice",
    ),
    "its key is remembered twice": (remembered_again, "remembered twice"),
    "what was done is refused when asked again": (
        lambda _, second, __: setattr(second[0], "status", 419),
        "the reply would be 200",
    ),
    "another answer than before": (
        lambda first, second, _: second.append(
            Op("book", ANN, 9, 7, key="1", end=10, status=201, answer=B, lsn=3)
        ),
        "the reply would be 201",
    ),
    "an answer without a record": (lambda *all_three: all_three[2].pop(), "it isn't there"),
    "a success that was none is remembered": (
        lambda first, second, records: records.__setitem__(1, remembered("2", None)),
        "remembered, and untrue",
    ),
}


@pytest.mark.parametrize("name", KEYED_LIES)
def test_a_lie_about_keys_is_found(name: str) -> None:
    """With each of these, some call was done twice, or not at all, or answered in two ways."""
    lie, message = KEYED_LIES[name]
    first, second, records = keyed_history()
    lie(first, second, records)
    with pytest.raises(Contradiction, match=message):
        judge_both(first, second, records)


def test_a_history_goes_on_with_the_next_server() -> None:
    """It knows what the last one's log said, and no reply may stand before that."""
    told, records = history()
    check = judge(told, records)

    check.add([Op("list", BOB, 0, end=1, status=200, answer=[(B, 7, [])], lsn=8)], [])
    early = Op("list", ANN, 0, end=1, status=200, answer=[], lsn=0)
    with pytest.raises(Contradiction):
        check.add([early], [])


def test_a_hole_in_the_log_is_found() -> None:
    """Records are consecutive."""
    told, records = history()
    payloads = list(enumerate(map(encode, records), start=1))
    with pytest.raises(Contradiction, match="record 3 is gone"):
        Check().add(told, [one for one in payloads if one[0] != 3])
