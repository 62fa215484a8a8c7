"""The index on disk: what is stored once, and where documents lie."""

from pathlib import Path

import pytest

from catalog import index
from catalog.errors import CatalogError, NotACatalog
from catalog.index import WINDOW_DOCUMENTS, IndexBuilder, Texts, window_of
from catalog.search import SearchIndex
from tests.catalog.test_search import build, row


def test_windows_grow_fourfold() -> None:
    """One, then three of each size, with nothing left out and nothing twice."""
    ends = [1, 2, 3, 4, 8, 12, 16, 32, 48, 64, 128]
    firsts = [0, *(end * WINDOW_DOCUMENTS for end in ends)]
    assert [window_of(first) for first in firsts] == list(range(len(firsts)))
    assert [window_of(first - 1) for first in firsts[1:]] == list(range(len(ends)))


def test_texts_are_kept_once_until_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known text is its number even when no new one has room."""
    monkeypatch.setattr(index, "TEXT_CHARS_MAX", 10)
    texts = Texts([])
    assert [texts.put(one) for one in ("опера", "балет", "опера", "кино")] == [0, 1, 0, "кино"]


def test_events_come_back_whole_when_texts_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbered or not, in letters of one byte or not, every text is what it was."""
    monkeypatch.setattr(index, "TEXT_CHARS_MAX", 30)
    titles = ("Қазақ әні – «Ёлка»", "Opera “Łódź”", "歌劇 😀")
    rows = [row(n, title, f"Описание номер {n}") for n, title in enumerate(titles, start=1)]
    found = build(tmp_path / "index", *rows)
    assert found.page(None, None, offset=0, limit=20) == rows


def test_an_index_of_two_segments_is_never_finished(tmp_path: Path) -> None:
    """Each counts its documents from 0, so a number would no more be a rank."""

    def build_two() -> None:
        with IndexBuilder(tmp_path) as builder:
            for one in (row(1, "Опера"), row(2, "Балет")):
                builder.add(one, one.starts_at(), coming=True)
                builder._writer.commit()  # as it does by itself when its memory is full

    with pytest.raises(CatalogError, match="too many events"):
        build_two()


def test_missing_texts_are_told(tmp_path: Path) -> None:
    """An index without its table of texts is no catalog."""
    build(tmp_path / "index", row(1, "Опера"))
    (tmp_path / "index" / index.TEXTS).unlink()
    with pytest.raises(NotACatalog):
        SearchIndex.open(tmp_path / "index")
