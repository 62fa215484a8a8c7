"""How the words of events and of queries are spelled: one word that people write in many ways.

Russian words are stemmed (`азарт` is found by `азарта`), ё is е, capitals are small. The stemmer
takes what looks like an ending: Чехов is `чех` to it, and Чехова `чехов`. So a query asks for the
stems of a word's other cases too. It knows no Kazakh and would spoil words of two alphabets, so
those are kept as typed beside; a Kazakh name in a Russian sentence is declined all the same.
"""

import re
import unicodedata
from typing import NamedTuple

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

STEMMED = "russian"  # the names of the analyzers in the index
AS_TYPED = "typed"

# Shorter beginnings fit too many words: қала is a town, қал to stay.
PREFIX_LETTERS_MIN = 4
QUERY_CHARS_MAX = 30_000  # no event has as much text; a longer query finds nothing
# Of all phrases of a query together. Their cost grows with the square: one of 18,000 words kept a
# search busy for eight seconds.
PHRASE_WORDS_MAX = 32

_KAZAKH = re.compile("[әғқңөұүһі]")
_KAZAKH_OR_PLAIN = re.compile("[а-я]+|.*[әғқңөұүһі].*")
_LATIN = re.compile("[a-z]")
_CYRILLIC = re.compile("[а-яәғқңөұүһі]")
_MAY_BE_TYPED = re.compile("[әғқңөұүһіa-z]")
# Not every sign there is: those that people type between words.
_SIGNS = re.compile(r"[!#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~–—…]+")
# Soft hyphens, accents that show the stress, and what nobody sees: it comes along when text of a
# page is pasted.
_IN_WORDS = re.compile("[\u00ad\u0300-\u036f\u200b-\u200f\u2060\ufeff]")
_BETWEEN_WORDS = re.compile("[№™℠]")  # NFKC would write letters, and join them to the next word
_QUOTED = re.compile('"([^"]+)"|«([^«»]+)»|[“„]([^“”„]+)[“”]')
_CASE_ENDING = re.compile("(?:[ая]ми|[оеыиая]м|[оеыи]й|[ая]х|[аяуюеыиоьй])$")
_CASE_ENDINGS = ("", "а", "ь", "у", "е", "ом", "ой", "ы")
_DECLINED_LETTERS_MIN = 3  # of a word without its ending; less is no name


class Word(NamedTuple):
    """One word of a query: `typed` is to be looked up unstemmed, `prefix` by its beginning.

    What is looked up by its beginning are words as typed. `stems` are those of the word and of its
    other cases: mostly one, none for two alphabets.
    """

    text: str
    stems: tuple[str, ...]
    typed: bool
    prefix: bool


class Wanted(NamedTuple):
    """A query in words; every phrase is the stems of two words or more that stood in quotes.

    Of a very long one it is the beginning.
    """

    words: tuple[Word, ...]
    phrases: tuple[tuple[str, ...], ...]


def analyzers() -> dict[str, TextAnalyzer]:
    """Letters and digits make words; everything else stands between them."""
    words = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
    stemmed = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
    return {AS_TYPED: words.build(), STEMMED: stemmed.filter(Filter.stemmer("russian")).build()}


def folded(text: str) -> str:
    """One spelling for letters that have several: й may be one character or two, ё is е.

    Small before the accents go, because a small İ is an i and an accent; and here for both sides,
    because not all agree which sigma is the small one at the end of a word.
    """
    letters = unicodedata.normalize("NFKC", _BETWEEN_WORDS.sub(" ", text)).lower()
    return _IN_WORDS.sub("", letters).replace("ё", "е")


def normalised(query: str | None) -> str | None:
    """A query as all its spellings have in common; None for a blank one. Quotes keep a meaning.

    What finds something else stays different; a query of signs alone stays one that finds nothing.
    """
    if query is None or not query.strip():
        return None
    return " ".join(_SIGNS.sub(" ", folded(query)).split()) or "?"


class Speller:
    """Takes texts and queries apart."""

    def __init__(self) -> None:
        both = analyzers()
        self._stems = both[STEMMED].analyze
        self._words = both[AS_TYPED].analyze

    def typed(self, folded_text: str) -> str:
        """The words of a text that are looked up as typed, or nothing."""
        if not _MAY_BE_TYPED.search(folded_text):
            return ""
        return " ".join(filter(_is_typed, self._words(folded_text)))

    def wanted(self, query: str) -> Wanted:
        """What a query asks for; each word once, in the order in which they stand."""
        if len(query) > QUERY_CHARS_MAX:
            return Wanted((), ())
        encodable = query.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair isn't
        text = folded(encodable)
        words: dict[str, Word] = {}
        for one, stem in zip(self._words(text), self._stems(text), strict=True):
            if (key := one if _is_typed(one) else stem) not in words:
                words[key] = self._word(one, stem)
        return Wanted(tuple(words.values()), self._phrases(text))

    def _phrases(self, folded_text: str) -> tuple[tuple[str, ...], ...]:
        """Each once."""
        phrases: dict[tuple[str, ...], None] = {}
        room = PHRASE_WORDS_MAX
        for quoted in _QUOTED.findall(folded_text):
            phrase = tuple(self._stems("".join(quoted)))[:room]
            if len(phrase) > 1 and phrase not in phrases:
                phrases[phrase] = None
                room -= len(phrase)
        return tuple(phrases)

    def _word(self, text: str, stem: str) -> Word:
        typed = _is_typed(text)
        # Алматы and Абай have no Kazakh letter, and Алматының and Абайдың have.
        prefix = len(text) >= PREFIX_LETTERS_MIN and bool(_KAZAKH_OR_PLAIN.fullmatch(text))
        if typed and not prefix:
            return Word(text, (), typed=True, prefix=False)
        stems = dict.fromkeys([stem, *self._stems_of_cases(text)])
        return Word(text, tuple(stems), typed=typed, prefix=prefix)

    def _stems_of_cases(self, text: str) -> list[str]:
        """Also of cases that the word hasn't: what they give stands in no text."""
        root = _CASE_ENDING.sub("", text)
        if len(root) < _DECLINED_LETTERS_MIN or not _CYRILLIC.search(root):
            return []
        return self._stems(" ".join(root + ending for ending in _CASE_ENDINGS))


def _is_typed(word: str) -> bool:
    if _KAZAKH.search(word):
        return True
    return bool(_LATIN.search(word) and _CYRILLIC.search(word))
