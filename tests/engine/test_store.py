"""Reading a store that may be broken, or that a server is writing meanwhile."""

from pathlib import Path

import pytest

from engine.dump import dump
from engine.state import State
from engine.store import (
    TRIES,
    StoreMoved,
    create_store,
    load_oldest,
    naming_broken,
    open_snapshots,
    read_patiently,
)
from wal import Corrupt


def fault() -> Corrupt:
    return Corrupt(Path("1.wal"), offset=7, reason="a torn batch", last_good_lsn=3)


@pytest.mark.parametrize("broken", [(), ("5.snapshot.broken",)])
def test_a_log_that_cannot_be_read_is_told_of_with_the_snapshots_that_broke(
    tmp_path: Path, broken: tuple[str, ...]
) -> None:
    """They might have led past the fault; where there are none, the log speaks for itself."""
    for name in broken:
        (tmp_path / name).touch()
    with pytest.raises(Corrupt) as caught, naming_broken(tmp_path):
        raise fault()

    assert (7, 3) == (caught.value.offset, caught.value.last_good_lsn)
    assert caught.value.reason.startswith("a torn batch")
    assert [*broken] == [name for name in broken if name in caught.value.reason]
    assert bool(broken) == (caught.value.reason != "a torn batch")


@pytest.mark.parametrize("moved", [StoreMoved, FileNotFoundError])
def test_what_moves_on_while_it_is_read_is_read_again(moved: type[Exception]) -> None:
    """A few times: a server that drops faster than we read wins in the end."""
    answers: list[Exception | str] = [moved(), "read"]

    def read() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert "read" == read_patiently(read)
    answers[:] = [moved() for _ in range(TRIES)]
    with pytest.raises(moved):
        read_patiently(read)
    assert [] == answers


def test_a_log_goes_on_from_the_record_before_its_first(tmp_path: Path) -> None:
    """A snapshot that ends one record earlier leads nowhere: nothing of the log is good then."""
    create_store(tmp_path, store_id=bytes(16))
    open_snapshots(tmp_path).save(5, dump(State()))

    assert 5 == load_oldest(tmp_path, first_lsn=6)[1]
    with pytest.raises(Corrupt, match="no good snapshot leads to it") as caught:
        load_oldest(tmp_path, first_lsn=7)
    assert (0, 0) == (caught.value.offset, caught.value.last_good_lsn)
