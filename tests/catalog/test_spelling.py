"""Spelling: what makes two ways of writing one word the same."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.spelling import (
    PHRASE_WORDS_MAX,
    QUERY_CHARS_MAX,
    Speller,
    Wanted,
    Word,
    normalised,
)
from tests.catalog.test_search import build, ids, row


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (None, None),
        ("", None),
        (" \t\n", None),
        ("Ёлка,  МИР!", "елка мир"),
        ("е\u0308лка", "елка"),
        ('  "Звёздные  войны" ', '"звездные войны"'),
        ("«Ёлка»", "«елка»"),
        ("Что? Где? Когда?", "что где когда"),
        ("C++", "c"),
        ("?!", "?"),
        ("Симфония №5", "симфония 5"),
        ("Cirque™ шоу", "cirque шоу"),
        ("за\u0301мок", "замок"),
        ("кон\u00adцерт", "концерт"),
        ("е\u0301\u0308ж", "еж"),
        ("İSTANBUL", "istanbul"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
    ],
)
def test_spellings_of_a_query_become_one(query: str | None, expected: str | None) -> None:
    """Capitals, ё, signs and spaces make no difference; a query of signs alone isn't blank."""
    assert normalised(query) == expected


@given(st.text())
def test_what_is_normalised_stays_so(query: str) -> None:
    """Once is enough, and it asks for the same words."""
    once = normalised(query)
    assert normalised(once) == once
    if once is not None and query.isascii():
        assert Speller().wanted(once) == Speller().wanted(query)


@pytest.mark.parametrize("title", ["İstanbul geceleri", "ΟΔΥΣΣΕΥΣ", "Қыз Жібек"])
def test_a_title_is_found_by_its_own_spelling(tmp_path: Path, title: str) -> None:
    """In capitals and in small letters, as it was typed and as it is normalised."""
    index = build(tmp_path / "index", row(1, title), row(2, "Балет"))

    for typed in (title, title.lower(), title.upper()):
        for query in (typed, normalised(typed)):
            assert ids(index.page(query, None, offset=0, limit=20)) == [1]


def russian(text: str, *stems: str) -> Word:
    return Word(text, stems, typed=False, prefix=not text.isascii())


def test_words_of_a_query_come_once() -> None:
    """Two forms of one word are one; the first stands for both."""
    wanted = Speller().wanted("концерт Концерты концерту азарта")
    assert wanted == Wanted((russian("концерт", "концерт"), russian("азарта", "азарт")), ())


@pytest.mark.parametrize(
    ("word", "typed", "prefix"),
    [
        ("қалада", True, True),
        ("қала", True, True),
        ("қал", True, False),
        ("әні", True, False),
        ("концерты", False, True),
        ("зал", False, False),
        ("зал5", False, False),
        ("concerts", False, False),
        ("рок2rock", True, False),
    ],
)
def test_words_that_are_looked_up_as_typed(word: str, typed: bool, prefix: bool) -> None:
    """Kazakh letters and two alphabets in one word; four Cyrillic letters are a beginning."""
    (found,) = Speller().wanted(word).words
    assert (found.text, found.typed, found.prefix) == (word, typed, prefix)


def test_latin_words_have_no_other_forms() -> None:
    """The Russian stemmer leaves them as they are."""
    assert Speller().wanted("concerts rolling") == Wanted(
        (russian("concerts", "concerts"), russian("rolling", "rolling")), ()
    )


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("концертами", {"концерт"}),
        ("чехов", {"чех", "чехов"}),
        ("чехова", {"чех", "чехов"}),
        ("астана", {"аста", "астан"}),
        ("астаной", {"аста", "астан"}),
        ("мая", {"ма"}),
        ("на", {"на"}),
        ("аян", {"ая", "аян"}),
        ("rolling", {"rolling"}),
    ],
)
def test_stems_of_other_cases_are_asked_for(word: str, expected: set[str]) -> None:
    """Where the stemmer makes two of one name; most words have one, short ones no more."""
    (found,) = Speller().wanted(word).words
    assert expected == set(found.stems)


@pytest.mark.parametrize("quoted", ['"{}"', "«{}»", "“{}”", "„{}“"])
def test_quotes_of_every_kind_hold_a_phrase(quoted: str) -> None:
    """A phrase is two words or more; a quote that isn't closed holds none."""
    wanted = Speller().wanted
    assert wanted(quoted.format("Звёздные войны")).phrases == (("звездн", "войн"),)
    assert wanted(quoted.format("Войны")).phrases == ()
    assert wanted(quoted.format("Звёздные войны")[:-1]).phrases == ()


def test_phrases_have_so_many_words_and_no_more() -> None:
    """Of a longer one its beginning is compared, and what is quoted behind it are words."""
    words = [f"а{number}" for number in range(PHRASE_WORDS_MAX + 1)]
    wanted = Speller().wanted(f'"{" ".join(words)}" "а1 а2"')
    assert (tuple(words[:PHRASE_WORDS_MAX]),) == wanted.phrases
    assert words == [word.text for word in wanted.words]
    shared = Speller().wanted(f'"а1 а2" "а1 а2" "{" ".join(words)}"')
    assert (("а1", "а2"), tuple(words[: PHRASE_WORDS_MAX - 2])) == shared.phrases


def test_typed_words_of_a_text() -> None:
    """Only those that would be looked up so; a text without any costs nothing in the index."""
    assert Speller().typed("Концерт в Көкдала: Rock Rockтар") == "көкдала rockтар"
    assert Speller().typed("Концерт в городе") == ""


def test_endless_query_asks_for_nothing() -> None:
    """No event holds as much text; one that might be held is asked for."""
    assert Speller().wanted("я".ljust(QUERY_CHARS_MAX)).words != ()
    assert Speller().wanted("я".ljust(QUERY_CHARS_MAX + 1)) == Wanted((), ())
    assert Speller().wanted("я " * QUERY_CHARS_MAX) == Wanted((), ())
