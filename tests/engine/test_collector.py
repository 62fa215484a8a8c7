"""The garbage collector while a state is made."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import Engine, engine, snapshotter, verify
from engine.collector import collector_off
from engine.state import State
from tests.scenario import EVENTS, START_MS


@pytest.fixture(autouse=True)
def own_collector() -> Iterator[None]:
    """It is on before and after each test."""
    gc.enable()
    yield
    gc.enable()


def test_it_is_off_within_and_on_again_whatever_happens() -> None:
    """A recovery that fails leaves it as it was."""
    seen = []

    @collector_off()
    def fail() -> None:
        seen.append(gc.isenabled())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [False] == seen
    assert gc.isenabled()


def test_where_it_was_off_it_stays_off() -> None:
    """A recovery inside of another one, or of a server that has turned it off for good."""
    with collector_off():
        with collector_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("module", "applies", "work"),
    [
        (engine, "apply_record", lambda directory: Engine.open(directory, EVENTS).close()),
        (snapshotter, "apply_record", snapshotter.make_snapshot),
        (verify, "check_record", verify.verify_store),
        (verify, "check_record", verify.read_unsettled),
    ],
    ids=["open", "make_snapshot", "verify_store", "read_unsettled"],
)
def test_it_is_off_while_records_are_applied(
    module: object,
    applies: str,
    work: Callable[[Path], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever makes the state, and for whatever purpose."""
    Engine.create(tmp_path, store_id=b"sixteen bytes id")
    sold = Engine.open(tmp_path, EVENTS)
    sold.create_booking(user_id=1, event_id=2, now_ms=START_MS)
    sold.seal_log()
    sold.close()
    seen: list[bool] = []

    def looked(_: State, __: int, ___: bytes) -> None:
        seen.append(gc.isenabled())

    monkeypatch.setattr(module, applies, looked)
    work(tmp_path)

    assert [False] == seen
    assert gc.isenabled()
