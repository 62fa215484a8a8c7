"""Finds events, active and archived: by words, by day, or simply in order, at a flat cost a page.

Every word of a query must occur in the title or in the description. What is found comes in ranks:
first events whose title has all the words, those with the quoted phrases before the others; then
events that have some of them in the description only. Within a rank BM25 over the titles decides,
then the order of the documents: coming events before past ones, each by id. Events that have the
quoted phrases are equally good, unless a day is named: then BM25 decides among those as well.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from tantivy import DocAddress, Index, Occur, Order, Query

from catalog.errors import NotACatalog
from catalog.event_file import EventRow
from catalog.index import PAST, Texts, stored_row, window_of
from catalog.mapped import MappedFiles
from catalog.spelling import Speller, Wanted, Word

DEEP_OFFSET = 10_000  # beyond it hits are counted first: memory is taken for all hits skipped
# No term scores more: 2.2 ln(1 + events / events that have it), for a hundred million events.
SCORE_MAX = 41.0
# On a day, so many words of a query order what is found; all of them must occur. The query of one
# lies around that of the last, and tantivy goes down by recursion: after 950 its stack ends.
WORDS_SCORED_MAX = 32
PREFIX_TERMS_MAX = 32  # a beginning of four letters fits a word in a dozen forms


class _Rank(NamedTuple):
    """`walked`: so many may be equally good that only the first ones should be looked at."""

    query: Query
    walked: bool


class SearchIndex:
    """Read-only search over all events; searches may run in any thread."""

    def __init__(self, index: Index, texts: list[str], directory: Path) -> None:
        index.config_reader("Manual")  # it never changes: no thread need watch the directory
        self._schema = index.schema
        self._searcher = index.searcher()
        self._directory = directory
        self._files = MappedFiles(directory)
        self._texts = texts
        self._speller = Speller()
        self._coming = self._first(PAST)  # how many events are coming: documents before the past
        self._windows = self._all_windows()
        # True: some past event has a smaller id than some coming one, so ids don't simply rise.
        self._mixed = False
        if 0 < self._coming < len(self):
            first_past_id = self._rank(self._coming) - PAST
            self._mixed = first_past_id < self._rank(self._coming - 1)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Raise NotACatalog when the directory holds no index."""
        with _damage_told(directory):
            return cls(Index.open(str(directory)), Texts.read(directory), directory)

    def __len__(self) -> int:
        return self._searcher.num_docs

    def page(
        self, query: str | None, day: date | None, *, offset: int, limit: int
    ) -> list[EventRow]:
        """At most `limit` events after the first `offset`, in the order of Catalog.search.

        Raises NotACatalog where the disk has spoilt the index.
        """
        last = min(offset + limit, len(self))
        if offset >= last:
            return []
        with _damage_told(self._directory):
            return self._rows(self._numbers_of(query, day, offset=offset, limit=last - offset))

    def find(self, event_id: int) -> EventRow | None:
        """The event with this id, by bisection over the ranks; raises NotACatalog as `page`."""
        if not 1 <= event_id < PAST:
            return None
        with _damage_told(self._directory):
            for rank in (event_id, event_id + PAST):
                number = self._first(rank)
                if number < len(self) and self._rank(number) == rank:
                    return self._rows([number])[0]
        return None

    def _numbers_of(
        self, query: str | None, day: date | None, *, offset: int, limit: int
    ) -> Sequence[int]:
        if query is not None and query.strip():
            return self._by_words(query, day, offset=offset, limit=limit)
        if day is not None:
            return self._of_day(day, offset=offset, limit=limit)
        return self._by_id(offset=offset, limit=limit)

    def _all_windows(self) -> list[Query]:
        last = window_of(len(self) - 1)
        terms = (Query.term_query(self._schema, "window", one) for one in range(last + 1))
        return list(map(_unscored, terms))

    def _rank(self, number: int) -> int:
        rank = self._searcher.fast_field_values("rank", [DocAddress(0, number)])[0]
        if not isinstance(rank, int):
            raise ValueError(f"event number {number} has no rank")
        return rank

    def _first(self, rank: int) -> int:
        """The number of the first document of this rank or a greater one."""
        return bisect_left(range(len(self)), rank, key=self._rank)

    def _by_id(self, *, offset: int, limit: int) -> Sequence[int]:
        if not self._mixed:
            return range(offset, offset + limit)

        def place(number: int) -> int:
            """Where the coming event `number` stands in the whole list."""
            return number + self._first(self._rank(number) + PAST) - self._coming

        coming = bisect_left(range(self._coming), offset, key=place)
        past = self._coming + offset - coming
        both = merge(
            range(coming, self._coming),
            range(past, len(self)),
            key=lambda number: self._rank(number) % PAST,
        )
        return list(islice(both, limit))

    def _of_day(self, day: date, *, offset: int, limit: int) -> list[int]:
        """By time, then id. The index sorts by time and then document, so mostly by id too."""
        wanted = self._on_day(day)
        if not self._mixed:
            return self._numbers(wanted, offset=offset, limit=limit, order_by="starts")
        numbers = self._numbers(wanted, offset=0, limit=self._count(wanted) or 1)
        starts = dict(zip(numbers, self._column("starts", numbers), strict=True))
        numbers.sort(key=lambda number: (starts[number], self._rank(number) % PAST))
        return numbers[offset : offset + limit]

    def _by_words(self, query: str, day: date | None, *, offset: int, limit: int) -> list[int]:
        wanted = self._speller.wanted(query)
        if not wanted.words or not all(map(self._occurs, wanted.words)):
            return []
        if day is not None:
            return self._numbers(self._ranked_on_day(wanted, day), offset=offset, limit=limit)
        found: list[int] = []
        for rank in self._ranks(wanted):
            numbers, skipped = self._part(rank, offset=offset, limit=limit - len(found))
            found += numbers
            if len(found) == limit:
                break
            offset = 0 if numbers else offset - skipped
        return found

    def _part(self, rank: _Rank, *, offset: int, limit: int) -> tuple[list[int], int]:
        """Documents of one rank; and where there are none that far, how many it has."""
        look = self._walk if rank.walked else self._at_once
        return look(rank.query, offset=offset, limit=limit)

    def _at_once(self, query: Query, *, offset: int, limit: int) -> tuple[list[int], int]:
        if offset > DEEP_OFFSET and offset >= (total := self._count(query)):
            return [], total
        numbers = self._numbers(query, offset=offset, limit=limit)
        return numbers, self._count(query) if offset and not numbers else 0

    def _walk(self, query: Query, *, offset: int, limit: int) -> tuple[list[int], int]:
        """The same for equally good hits: window by window, until there are enough.

        Where a window has none they are few, and the rest is asked at once: tantivy looks on for
        the next one behind the window, in each of them to the end of the index if there is none.
        """
        found: list[int] = []
        skipped = 0
        for window in self._windows:
            part, ahead = _all([query, window]), offset - skipped
            count = self._count(part) if ahead > DEEP_OFFSET else None
            result: Any = None
            if count is None or count > ahead:
                result = self._searcher.search(part, limit=limit, offset=ahead)
                count = result.count
            if not count:
                return self._at_once(query, offset=offset, limit=limit)
            skipped += min(count, ahead)
            if result is None:
                continue
            found += [address.doc for _, address in result.hits][: limit - len(found)]
            if len(found) == limit:
                break
        return found, skipped

    def _occurs(self, word: Word, field: str = "text") -> bool:
        """Cheaper than a search: one unknown word, and a long query is answered."""
        if self._stems(field, word):
            return True
        if word.prefix:
            return bool(self._searcher.terms_with_prefix(f"{field}_typed", word.text, limit=1))
        return word.typed and self._searcher.doc_freq(f"{field}_typed", word.text) > 0

    def _stems(self, field: str, word: Word) -> list[str]:
        """Those that stand in some event."""
        return [stem for stem in word.stems if self._searcher.doc_freq(field, stem)]

    def _ranks(self, wanted: Wanted) -> Iterator[_Rank]:
        """No two of them hold the same event; the best first."""
        words = wanted.words
        in_title = _all([self._in_title(word) for word in words])
        anywhere = [_unscored(self._match("text", word)) for word in words]
        better: list[Query] = []
        if wanted.phrases:
            phrases = self._phrases("title", wanted)
            yield _Rank(_unscored(_all([in_title, *phrases])), walked=True)
            better = [_all(phrases)]
        yield _Rank(_all([in_title], none_of=better), walked=False)
        better = [in_title]
        if wanted.phrases:
            phrases = self._phrases("text", wanted)
            yield _Rank(_unscored(_all([*anywhere, *phrases], none_of=better)), walked=True)
            better.append(_all(phrases))
        # A single word that isn't in the title leaves nothing there that could be.
        scores = [self._in_title(word) for word in words if self._occurs(word, "title")]
        if len(words) == 1 or not scores:
            yield _Rank(_unscored(_all(anywhere, none_of=better)), walked=True)
        else:  # the many that have no word in the title needn't be scored
            partly = _any(scores)
            yield _Rank(_all([*anywhere, partly], none_of=better), walked=False)
            yield _Rank(_unscored(_all(anywhere, none_of=[*better, partly])), walked=True)

    def _ranked_on_day(self, wanted: Wanted, day: date) -> Query:
        """All ranks in one query: so few events are on a day that each of them can be scored.

        Reading the words of a day's 1,600 events costs 0.2 ms a query of three words; one query a
        rank did that five times.
        """
        words, on_day = wanted.words, _unscored(self._on_day(day))
        found = [on_day, *(_unscored(self._match("text", word, among=on_day)) for word in words)]
        # What only adds to a score is read for the whole index, unless the day is a part of it.
        in_title = _all([on_day, *(_unscored(self._match("title", word)) for word in words)])
        scored = words[:WORDS_SCORED_MAX]
        step = SCORE_MAX * sum(map(self._scored_terms, scored))
        # Steps come first, as long as they add up without rounding: equal titles stay equal.
        steps = [_worth(2 * step, in_title)]
        if wanted.phrases:
            in_text = self._phrases("text", wanted)
            steps += [
                _worth(step, _all([on_day, *in_text])),
                # A title that has all words gains nothing by a phrase in the description.
                _worth(-step, _all([in_title, *in_text])),
                _worth(step, _all([in_title, *self._phrases("title", wanted)])),
            ]
        query = _all(found)
        for one in (*steps, *(_all([on_day, self._in_title(word)]) for word in scored)):
            # One around the other: of several in one query tantivy reads all events, found or not.
            query = _all([query], scores=[one])
        return query

    def _scored_terms(self, word: Word) -> int:
        """At most so many terms of a word are scored in a title."""
        return 1 if word.typed else len(word.stems)

    def _phrases(self, field: str, wanted: Wanted) -> list[Query]:
        return [self._phrase(field, stems) for stems in wanted.phrases]

    def _in_title(self, word: Word) -> Query:
        """Scored by BM25; of words that are looked up as typed, the same word goes first."""
        match = self._match("title", word)
        if not word.typed:
            return self._stems_first(match, word)
        return _all([_unscored(match)], scores=[self._term("title_typed", word.text)])

    def _stems_first(self, match: Query, word: Word) -> Query:
        """A title that has a Kazakh form of a word goes behind those that have the word."""
        stems = self._stems("title", word)
        if not word.prefix or not self._searcher.terms_with_prefix(
            "title_typed", word.text, limit=1
        ):
            return match
        return _all([_unscored(match)], scores=[self._term("title", stem) for stem in stems])

    def _match(self, field: str, word: Word, *, among: Query | None = None) -> Query:
        """Either form of the word; `among` few events each form is looked for by itself.

        tantivy reads all events of several forms, 3 ms for a frequent word; of one it skips most.
        """
        ways = [self._term(field, stem) for stem in self._stems(field, word)]
        if word.prefix:
            ways += self._beginning(f"{field}_typed", word.text)
        elif word.typed:
            ways.append(self._term(f"{field}_typed", word.text))
        if among is not None and len(ways) > 1:
            ways = [_all([among, way]) for way in ways]
        return _any(ways)

    def _beginning(self, field: str, text: str) -> list[Query]:
        """Few words are looked up one by one; for many the index makes a bit set of events."""
        found = self._searcher.terms_with_prefix(field, text, limit=PREFIX_TERMS_MAX + 1)
        if len(found) > PREFIX_TERMS_MAX:  # a word holds no character that a pattern knows
            return [Query.regex_query(self._schema, field, f"{text}.*")]
        return [self._term(field, word) for word, _ in found]

    def _term(self, field: str, text: str) -> Query:
        return Query.term_query(self._schema, field, text, index_option="freq")

    def _phrase(self, field: str, stems: tuple[str, ...]) -> Query:
        return Query.phrase_query(self._schema, field, list(stems))

    def _on_day(self, day: date) -> Query:
        return Query.term_query(self._schema, "day", day.toordinal())

    def _count(self, query: Query) -> int:
        counted: Any = self._searcher.search(query, limit=1, count=True)  # typed without count
        return int(counted.count)

    def _numbers(
        self, query: Query, *, offset: int, limit: int, order_by: str | None = None
    ) -> list[int]:
        """The numbers of the documents found, best first."""
        found = self._searcher.search(
            query,
            limit=limit,
            offset=offset,
            count=False,
            order_by_field=order_by,
            order=Order.Desc if order_by is None else Order.Asc,
        )
        return [address.doc for _, address in found.hits]

    def _column(self, field: str, numbers: Sequence[int]) -> list[Any]:
        addresses = [DocAddress(0, number) for number in numbers]
        return self._searcher.fast_field_values(field, addresses)

    def _rows(self, numbers: Sequence[int]) -> list[EventRow]:
        rows = [
            stored_row(
                self._searcher.doc(DocAddress(0, number))["row"][0], self._texts, number=number
            )
            for number in numbers
        ]
        self._files.keep_few()
        return rows


@contextmanager
def _damage_told(directory: Path) -> Iterator[None]:
    """What tantivy makes of a damaged file, as NotACatalog.

    It may panic, and a panic is no Exception: nobody would answer whoever asked.
    """
    try:
        yield
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise NotACatalog(directory, _unread(error)) from error
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":  # tantivy's bindings export no name for it
            raise
        raise NotACatalog(directory, _unread(panic)) from panic


def _unread(fault: BaseException) -> str:
    told = "billetter verify tells whether it is damaged"
    return f"the search index can't be read ({fault}); {told}"


def _worth(score: float, query: Query) -> Query:
    return Query.const_score_query(query, score)


def _unscored(query: Query) -> Query:
    return _worth(0.0, query)


def _any(queries: Sequence[Query]) -> Query:
    if len(queries) == 1:  # tantivy skips further within a single term
        return queries[0]
    return Query.boolean_query([(Occur.Should, one) for one in queries])


def _all(
    queries: Sequence[Query], *, none_of: Sequence[Query] = (), scores: Sequence[Query] = ()
) -> Query:
    """All of `queries` and none of `none_of`; `scores` only add to the score."""
    return Query.boolean_query(
        [
            *((Occur.Must, one) for one in queries),
            *((Occur.MustNot, one) for one in none_of),
            *((Occur.Should, one) for one in scores),
        ]
    )
