"""Sorting more events than fit into memory."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import runs
from catalog.event_file import EventRow
from catalog.runs import SortedRuns
from tests.catalog.conftest import event
from tests.descriptors import opened_files


def row(event_id: int, title: str) -> EventRow:
    return EventRow(**event(event_id, title=title))


@given(ids=st.lists(st.integers(1, 20), max_size=40), run_bytes=st.sampled_from([1, 700, 2**20]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_events_come_back_by_id_with_their_places(
    tmp_path: Path, ids: list[int], run_bytes: int
) -> None:
    """However many runs there are; of equal ids the one that came first goes first."""
    rows = [row(number, f"Вечер\n№{place}") for place, number in enumerate(ids)]
    with pytest.MonkeyPatch.context() as patch, SortedRuns(tmp_path) as sorted_runs:
        patch.setattr(runs, "RUN_BYTES", run_bytes)
        for one in rows:
            sorted_runs.add(one)
        assert len(rows) == len(sorted_runs)
        expected = sorted(enumerate(rows), key=lambda item: (item[1].id, item[0]))
        assert expected == list(sorted_runs)


def test_runs_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while they are read: whoever is killed then leaves nothing."""
    monkeypatch.setattr(runs, "RUN_BYTES", 1)
    with SortedRuns(tmp_path) as sorted_runs:
        sorted_runs.add(row(1, "Вечер"))
        assert os.listdir(tmp_path) == []


def test_rows_wait_in_memory_only_until_there_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then they are a run on disk, and the next ones begin anew; no run outlives the sorting."""
    line = msgspec.json.encode((1, 0, row(1, "Вечер"))) + b"\n"
    monkeypatch.setattr(runs, "RUN_BYTES", 3 * len(line))
    found = []
    with SortedRuns(tmp_path) as sorted_runs:
        for _ in range(7):
            sorted_runs.add(row(1, "Вечер"))
            found.append(sum(one.is_relative_to(tmp_path) for one in opened_files()))
    assert [0, 0, 1, 1, 1, 2, 2] == found
    assert not any(one.is_relative_to(tmp_path) for one in opened_files())
