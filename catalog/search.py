"""Finds events, active and archived: by words, by day, or simply in order, at a flat cost a page.

One tantivy index of one segment, sorted by id. So the number of a document is the rank of its
id: equally good hits come out by id without further ado, and a page of the whole list is read
directly. Every word of a query must occur in the title or in the description; hits are ranked
by BM25 over the title alone, so a match in the description finds an event, and never puts it
before one whose title matches.
"""

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec.structs import astuple
from tantivy import (
    DocAddress,
    Document,
    Filter,
    Index,
    Occur,
    Order,
    Query,
    Schema,
    SchemaBuilder,
    TextAnalyzer,
    TextAnalyzerBuilder,
    Tokenizer,
)

from catalog.errors import CatalogError, NotACatalog
from catalog.event_file import EventRow

# A ceiling, taken up as needed: what doesn't fit would go to a second segment.
WRITER_BYTES_MAX = 1_000_000_000
DEEP_OFFSET = 10_000  # beyond it hits are counted first: memory is taken for all hits skipped
QUERY_CHARS_MAX = 30_000  # no event has as much text; a longer query finds nothing
SECONDS_A_DAY = 86_400

_ANALYZER = "russian"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, str, str, str, str]).decode  # as in EventRow


class OutOfOrder(Exception):
    """An id came after a greater one, where they were said to rise."""


class IndexBuilder:
    """Writes an index into an empty directory; ids must be unique.

    Where ids don't come `rising`, the writer has to sort: six million events then take 2.6 GB
    of memory instead of 0.4. Leave the `with` block normally to finish the index, with an
    exception to abandon it.
    """

    def __init__(self, directory: Path, *, rising: bool) -> None:
        order = None if rising else "id"
        index = Index(_schema(), path=str(directory), reuse=False, sort_by_field=order)
        index.register_tokenizer(_ANALYZER, _analyzer())
        self._index = index
        self.count = 0  # of the events added so far
        self._rising = rising
        self._last_id = 0
        self._writer = index.writer(WRITER_BYTES_MAX, num_threads=1)  # a segment a thread

    def __enter__(self) -> Self:
        return self

    def add(self, row: EventRow, starts_at: datetime) -> None:
        """Add one event; `starts_at` is its local time. Raises OutOfOrder, or OSError."""
        if self._rising and row.id <= self._last_id:
            raise OutOfOrder
        self._last_id = row.id
        self.count += 1
        second = starts_at.hour * 3600 + starts_at.minute * 60 + starts_at.second
        document = Document()
        document.add_integer("id", row.id)
        document.add_integer("day", starts_at.toordinal())
        document.add_integer("starts", starts_at.toordinal() * SECONDS_A_DAY + second)
        document.add_text("title", _folded(row.title))
        document.add_text("description", _folded(row.description))
        document.add_bytes("row", _encode(astuple(row)))
        try:
            self._writer.add_document(document)
        except ValueError as error:
            raise _disk_failed(error) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._writer.wait_merging_threads()
            return
        try:
            self._writer.commit()
            self._writer.wait_merging_threads()
            self._index.reload()
        except ValueError as error:
            raise _disk_failed(error) from None
        if self._index.searcher().num_segments > 1:
            raise CatalogError("there are too many events for one segment of the search index")


def _disk_failed(error: ValueError) -> OSError:
    # tantivy raises ValueError for a full disk too; nothing else can fail in a checked event.
    return OSError(f"the search index can't be written: {error}")


class SearchIndex:
    """Read-only search over all events; searches may run in any thread."""

    def __init__(self, index: Index) -> None:
        index.register_tokenizer(_ANALYZER, _analyzer())
        index.config_reader("Manual")  # it never changes: no thread need watch the directory
        self._schema = index.schema
        self._searcher = index.searcher()
        self._analyzer = _analyzer()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Raise NotACatalog when the directory holds no index."""
        try:
            return cls(Index.open(str(directory)))
        except (OSError, ValueError) as error:
            raise NotACatalog(directory, str(error)) from None

    def __len__(self) -> int:
        return self._searcher.num_docs

    def page(
        self, query: str | None, day: date | None, *, offset: int, limit: int
    ) -> list[EventRow]:
        """At most `limit` events after the first `offset`, in the order of Catalog.search."""
        last = min(offset + limit, len(self))
        if offset >= last:
            return []
        if query is not None and query.strip():
            return self._by_words(query, day, offset=offset, limit=last - offset)
        if day is not None:
            wanted = self._on_day(day)
            return self._hits(wanted, offset=offset, limit=last - offset, order_by="starts")
        return self._rows([DocAddress(0, number) for number in range(offset, last)])

    def find(self, event_id: int) -> EventRow | None:
        """The event with this id, by bisection over the sorted ids."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            address = DocAddress(0, middle)
            found = self._searcher.fast_field_values("id", [address])[0]
            if found == event_id:
                return self._rows([address])[0]
            if found is not None and found < event_id:
                low = middle + 1
            else:
                high = middle
        return None

    def _by_words(self, query: str, day: date | None, *, offset: int, limit: int) -> list[EventRow]:
        words = self._words(query)
        if not words or not all(self._occurs(word) for word in words):
            return []
        clauses = [(Occur.Must, self._word(word)) for word in words]
        if day is not None:
            clauses.append((Occur.Must, Query.const_score_query(self._on_day(day), 0.0)))
        return self._hits(Query.boolean_query(clauses), offset=offset, limit=limit)

    def _words(self, query: str) -> list[str]:
        """The different words of a query, stemmed, in the order in which they stand."""
        if len(query) > QUERY_CHARS_MAX:
            return []
        encodable = query.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair isn't
        return list(dict.fromkeys(self._analyzer.analyze(_folded(encodable))))

    def _occurs(self, word: str) -> bool:
        """Cheaper than a search: one unknown word, and a long query is answered."""
        return any(self._searcher.doc_freq(field, word) for field in ("title", "description"))

    def _word(self, word: str) -> Query:
        in_title = Query.term_query(self._schema, "title", word)
        in_description = Query.term_query(self._schema, "description", word)
        found_only = Query.const_score_query(in_description, 0.0)
        return Query.boolean_query([(Occur.Should, in_title), (Occur.Should, found_only)])

    def _on_day(self, day: date) -> Query:
        return Query.term_query(self._schema, "day", day.toordinal())

    def _hits(
        self, query: Query, *, offset: int, limit: int, order_by: str | None = None
    ) -> list[EventRow]:
        if offset > DEEP_OFFSET:
            counted: Any = self._searcher.search(query, limit=1, count=True)  # typed without count
            if offset >= counted.count:
                return []
        found = self._searcher.search(
            query,
            limit=limit,
            offset=offset,
            count=False,
            order_by_field=order_by,
            order=Order.Desc if order_by is None else Order.Asc,
        )
        return self._rows([address for _, address in found.hits])

    def _rows(self, addresses: Sequence[DocAddress]) -> list[EventRow]:
        return [EventRow(*_decode(self._searcher.doc(each)["row"][0])) for each in addresses]


def _schema() -> Schema:
    """Only what is needed: no positions, and no word counts where hits aren't ranked."""
    builder = SchemaBuilder()
    builder.add_integer_field("id", fast=True)
    builder.add_integer_field("day", indexed=True)
    builder.add_integer_field("starts", fast=True)
    builder.add_text_field("title", tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_text_field("description", tokenizer_name=_ANALYZER, index_option="basic")
    builder.add_bytes_field("row", stored=True)
    return builder.build()


def _analyzer() -> TextAnalyzer:
    """Letters and digits make words; the stemmer makes `азарт` of `азарта`, and е of ё."""
    words = TextAnalyzerBuilder(Tokenizer.simple())
    return words.filter(Filter.lowercase()).filter(Filter.stemmer("russian")).build()


def _folded(text: str) -> str:
    """One spelling for letters that have several: й and ё may be one character or two."""
    return unicodedata.normalize("NFKC", text)
