"""The check by seats finds the lies that can be seen without a log, and believes what is true."""

from collections.abc import Callable

import pytest

from torture.servers.history import Contradiction, Op
from torture.servers.linear import require_an_order

ANN, BOB = 1, 2
A, B, SEAT, OTHER = 7_000_000_001, 7_000_000_002, 70_010_001, 70_010_002
HOLD_SECONDS = 100.0


def history() -> list[Op]:
    """Ann and Bob quarrel about a seat; what has no reply ends with its server, at 21."""
    return [
        Op("book", ANN, 1, 7, end=2, status=201, answer=A),
        Op("book", BOB, 1, 7, end=3, status=201, answer=B),
        Op("select", ANN, 4, 0, A, SEAT, end=6, status=200),
        Op("select", BOB, 4, 0, B, SEAT, end=7, status=419),
        Op("release", BOB, 7, 0, 0, SEAT, end=8, status=403),
        Op("list", ANN, 8, end=8.9, status=200, answer=[(A, 7, [SEAT])]),
        Op("release", ANN, 9, 0, 0, SEAT, end=10, status=200),
        Op("release", ANN, 10, 0, 0, SEAT, end=10.9, status=419),
        Op("select", BOB, 11, 0, B, SEAT, end=12, status=200),
        Op("cancel", BOB, 13, 0, B, end=14, status=200),
        Op("select", BOB, 15, 0, B, SEAT, end=16, status=419),
        Op("select", ANN, 17, 0, A, SEAT, end=21),
        Op("select", ANN, 18, 0, A, OTHER, "1", end=21),
        Op("select", ANN, 22, 0, A, OTHER, "1", end=23, status=200, is_repeated=True),
        Op("list", BOB, 24, end=25, status=200, answer=[(B, 7, [])]),
    ]


def judge(told: list[Op]) -> int:
    return require_an_order(told, hold_seconds=HOLD_SECONDS)


def ended_late(status: int) -> Callable[[list[Op]], object]:
    return lambda told: told.append(Op("release", ANN, 130, 0, 0, OTHER, end=131, status=status))


TRUTHS: dict[str, Callable[[list[Op]], object]] = {
    "as it was": lambda told: None,
    "the call without a reply was done": lambda told: told.append(
        Op("release", ANN, 26, 0, 0, SEAT, end=27, status=200)
    ),
    "the call without a reply was never done": lambda told: told.append(
        Op("release", ANN, 26, 0, 0, SEAT, end=27, status=419)
    ),
    "two at once, and the later one was first": lambda told: told.append(
        Op("select", BOB, 3.5, 0, B, SEAT, end=4.5, status=419)
    ),
    "a select comes just before the cancel of its booking": lambda told: told.extend(
        [
            Op("book", ANN, 30, 7, end=31, status=201, answer=A + 9),
            Op("cancel", ANN, 32, 0, A + 9, end=35, status=200),
            Op("select", ANN, 32, 0, A + 9, SEAT + 5, end=35, status=200),
            Op("select", BOB, 33, 0, A + 8, SEAT + 5, end=34, status=419),
            Op("select", ANN, 36, 0, A, SEAT + 5, end=37, status=200),
        ]
    ),
    "a hold has ended": ended_late(419),
    "a hold goes on": ended_late(200),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_a_truth_is_believed(name: str) -> None:
    """Each of these histories has an order."""
    told = history()
    TRUTHS[name](told)
    assert judge(told) > 10


def changed(place: int, **fields: object) -> Callable[[list[Op]], object]:
    def change(told: list[Op]) -> None:
        for name, value in fields.items():
            setattr(told[place], name, value)

    return change


def added(*arguments: object, **fields: object) -> Callable[[list[Op]], object]:
    return lambda told: told.append(Op(*arguments, **fields))  # type: ignore[arg-type]


LIES: dict[str, Callable[[list[Op]], object]] = {
    "the call without a reply was done when its server was gone": lambda told: told.extend(
        [
            Op("release", ANN, 22, 0, 0, SEAT, end=23, status=419),
            Op("release", ANN, 26, 0, 0, SEAT, end=27, status=200),
        ]
    ),
    "a seat is sold twice": changed(3, status=200),
    "a free seat is refused": added("select", ANN, 10.2, 0, A, SEAT, end=10.4, status=419),
    "a seat is released that is another's": changed(4, status=200),
    "a seat that is held is called free": changed(4, status=419),
    "a seat that is free is called another's": changed(7, status=403),
    "a list leaves out what was told": changed(5, answer=[(A, 7, [])]),
    "a list has what is released": added(
        "list", ANN, 10.2, end=10.4, status=200, answer=[(A, 7, [SEAT])]
    ),
    "a list has what is another's": changed(14, answer=[(B, 7, [SEAT])]),
    "what was told is gone": added("release", ANN, 24, 0, 0, OTHER, end=25, status=419),
    "a seat is released twice": changed(7, status=200),
    "a seat is sold to a cancelled booking": changed(10, status=200),
    "a cancelled booking keeps its seat": added("release", BOB, 15, 0, 0, SEAT, end=16, status=200),
    "the dead server does it later": added("release", ANN, 26, 0, 0, SEAT, end=27, status=403),
    "a repeated call is done after its reply": added(
        "list", ANN, 24, end=25, status=200, answer=[(A, 7, [])]
    ),
    "a hold ends early": added("release", ANN, 90, 0, 0, OTHER, end=91, status=419),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(name: str) -> None:
    """Each of these histories has no order in which all of it is true."""
    told = history()
    LIES[name](told)
    with pytest.raises(Contradiction, match="no order of the calls for seat"):
        judge(told)


def test_a_crowd_at_one_seat_is_ordered() -> None:
    """Of fifty at once one wins; two winners are a lie."""
    told = [Op("book", ANN, 1, 7, end=2, status=201, answer=A + n) for n in range(50)]
    told += [Op("select", ANN, 3, 0, A + n, SEAT, end=4 + n / 50, status=419) for n in range(50)]
    told[77].status = 200
    assert 50 == judge(told)

    told[88].status = 200
    with pytest.raises(Contradiction, match="no order of the calls for seat"):
        judge(told)
