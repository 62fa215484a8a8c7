"""Queries of very many words: found, and in time, however many there are."""

from datetime import date
from itertools import product
from pathlib import Path

import pytest

from catalog.search import WORDS_SCORED_MAX
from tests.catalog.test_search import FIRST_DAY, build, ids, row

# Each is a word that occurs, so none of them answers the query at once.
MANY = [*map("".join, product("бвгджзклмн", repeat=3))]


@pytest.mark.parametrize("day", [None, FIRST_DAY.date()])
def test_more_words_than_a_stack_holds_find_an_event(tmp_path: Path, day: date | None) -> None:
    """Of two that have all of them the one whose title has them goes first."""
    words = " ".join(2 * MANY)
    rows = [row(1, "Балет", " ".join(MANY)), row(2, " ".join(MANY)), row(3, "Балет", MANY[0])]
    index = build(tmp_path / "index", *rows)

    assert ids(index.page(words, day, offset=0, limit=20)) == [2, 1]


def test_every_word_of_a_long_query_must_occur(tmp_path: Path) -> None:
    """Also those that are too many to order by."""
    words = MANY[: WORDS_SCORED_MAX + 1]
    rows = [row(1, "Балет", " ".join(words)), row(2, "Балет", " ".join(words[:-1]))]
    index = build(tmp_path / "index", *rows)

    assert ids(index.page(" ".join(words), FIRST_DAY.date(), offset=0, limit=20)) == [1]


def test_a_long_phrase_goes_before_its_words_in_another_order(tmp_path: Path) -> None:
    """On a day too, however many words are scored beside it."""
    words = MANY[:WORDS_SCORED_MAX]
    rows = [row(1, " ".join(reversed(words))), row(2, " ".join(words))]
    index = build(tmp_path / "index", *rows)

    assert ids(index.page(f'"{" ".join(words)}"', FIRST_DAY.date(), offset=0, limit=20)) == [2, 1]
