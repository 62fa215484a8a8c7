"""An index that the disk has spoilt: whoever asks is told, and nothing worse happens."""

from pathlib import Path

import pytest

from catalog.errors import NotACatalog
from catalog.search import SearchIndex
from tests.catalog.test_search import build, found, row

ROWS = [row(number, "Опера и балет", "балет и опера") for number in range(1, 400)]


def spoil(directory: Path, suffix: str, filling: bytes) -> None:
    """Overwrite what lies in the middle of a file; tantivy checks no sums when it reads."""
    (path,) = directory.glob(f"*{suffix}")
    content = path.read_bytes()
    begin, end = len(content) // 10, len(content) // 2
    path.write_bytes(content[:begin] + filling * (end - begin) + content[end:])


def test_a_search_of_a_damaged_index_says_so(tmp_path: Path) -> None:
    """tantivy panics, which is no Exception: nobody would answer for it."""
    build(tmp_path / "index", *ROWS)
    spoil(tmp_path / "index", ".pos", b"\xff")
    index = SearchIndex.open(tmp_path / "index")
    with pytest.raises(NotACatalog, match="damaged"):
        found(index, '"опера балет"')
    assert len(ROWS) == len(found(index, "опера"))  # of what is whole the next answer is right


def test_an_event_of_a_damaged_index_is_told_of(tmp_path: Path) -> None:
    """Its row can't be unpacked."""
    build(tmp_path / "index", *ROWS)
    spoil(tmp_path / "index", ".store", b"\xff")
    index = SearchIndex.open(tmp_path / "index")
    with pytest.raises(NotACatalog, match="damaged"):
        index.find(100)


@pytest.mark.parametrize("filling", [b"\0", b"\xff"])
@pytest.mark.parametrize("suffix", [".fast", ".term", "meta.json"])
def test_an_index_of_which_nothing_can_be_used_is_no_catalog(
    tmp_path: Path, suffix: str, filling: bytes
) -> None:
    """Whatever is wrong with it: at the start, or when the first word is looked up."""
    build(tmp_path / "index", *ROWS)
    spoil(tmp_path / "index", suffix, filling)
    with pytest.raises(NotACatalog, match="damaged"):
        found(SearchIndex.open(tmp_path / "index"), "опера")
