"""Windows: hits that are equally good are looked for in parts, as long as there are many."""

from pathlib import Path
from typing import Any

import pytest

from catalog import search
from catalog.search import SearchIndex
from tests.catalog.test_search import build, ids, row


class Counted:
    """A searcher that counts how often it is asked."""

    def __init__(self, searcher: Any) -> None:
        self._searcher = searcher
        self.asked = 0

    def search(self, *given: Any, **named: Any) -> Any:
        self.asked += 1
        return self._searcher.search(*given, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._searcher, name)


ASKED_MAX = 9  # four ranks, of which two are walked: a first window each, and the rest


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SearchIndex, Counted]:
    """Many windows of one event and more; in the last one alone opera comes before the evening."""
    monkeypatch.setattr("catalog.index.WINDOW_DOCUMENTS", 1)
    rows = [row(number, "Утро", "вечер и опера") for number in range(1, 256)]
    index = build(tmp_path / "index", *rows, row(256, "Утро", "опера, вечер"))
    assert len(index._windows) > ASKED_MAX
    searcher = Counted(index._searcher)
    monkeypatch.setattr(index, "_searcher", searcher)
    return index, searcher


@pytest.mark.parametrize(
    ("query", "offset", "expected"),
    [
        ('"опера вечер"', 0, [256]),
        ('"опера вечер"', 1, [1]),
        ('"опера и"', 0, [1]),
        ('"утро вечер" опера', 0, [1]),
        ('"вечер утро" опера', 0, [1]),
        ('"вечер утро" опера', 250, [251]),
    ],
)
@pytest.mark.parametrize("deep_offset", [10_000, 0])
def test_what_a_window_has_not_is_looked_for_once(
    counted: tuple[SearchIndex, Counted],
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    offset: int,
    expected: list[int],
    deep_offset: int,
) -> None:
    """In each window tantivy would look on for it to the end of the index."""
    monkeypatch.setattr(search, "DEEP_OFFSET", deep_offset)
    index, searcher = counted
    assert expected == ids(index.page(query, None, offset=offset, limit=1))
    assert searcher.asked <= ASKED_MAX
