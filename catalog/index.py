"""Writes the search index: one tantivy segment whose order is already an answer.

Documents lie in one order: coming events by id, then past ones by id. So the number of a document
is its rank among equally good hits, and a page of the whole list is read directly.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from tantivy import Document, Index, Schema, SchemaBuilder

from catalog.errors import CatalogError, NotACatalog
from catalog.event_file import EventRow
from catalog.spelling import AS_TYPED, STEMMED, Speller, analyzers, folded

# A ceiling, taken up as needed: what doesn't fit would go to a second segment.
WRITER_BYTES_MAX = 1_400_000_000
PAST = 2**53  # added to the id of a past event: its rank, beyond those of all coming ones
# Equally good hits come in the order of documents, so the first windows of an index mostly hold
# enough of them: one of this size, three more, three of four times the size, and so on.
WINDOW_DOCUMENTS = 16_384
TEXTS = "texts.msgpack"
# Whoever reads an index holds them in memory. A published archive has a handful of descriptions.
TEXT_CHARS_MAX = 4_000_000

_EPOCH = datetime.fromisoformat("1970-01-01")  # seconds from here fit four bytes until 2106

_Text = int | str  # a number in the table of texts, or the text itself
_Title = bytes | str  # bytes in _ONE_BYTE, or the text itself
_ONE_BYTE = "ptcp154"  # the Cyrillic letters of Central Asia, and the quotes and dashes of print
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode  # msgspec can't type `bytes | str`


def window_of(number: int) -> int:
    """In which window a document lies; windows rise with the documents, from 0."""
    level, width = 0, WINDOW_DOCUMENTS
    while number >= 4 * width:
        level, width = level + 1, 4 * width
    return 3 * level + number // width


class OutOfOrder(Exception):
    """A rank did not come after all smaller ones."""


class Texts:
    """Keeps a text that comes in many events once, until there are too many different ones."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._numbers = {text: number for number, text in enumerate(texts)}
        self._room_chars = TEXT_CHARS_MAX

    @classmethod
    def read(cls, directory: Path) -> list[str]:
        """Raise NotACatalog when the file is missing or damaged."""
        try:
            return msgspec.msgpack.decode((directory / TEXTS).read_bytes(), type=list[str])
        except (OSError, msgspec.DecodeError) as error:
            raise NotACatalog(directory, str(error)) from None

    def write(self, directory: Path) -> None:
        (directory / TEXTS).write_bytes(_encode(self._texts))

    def put(self, text: str) -> _Text:
        """The number of a text, or the text where the table is full."""
        number = self._numbers.get(text)
        if number is not None:
            return number
        if len(text) > self._room_chars:
            return text
        self._room_chars -= len(text)
        self._texts.append(text)
        self._numbers[text] = len(self._texts) - 1
        return len(self._texts) - 1


def stored_row(content: bytes, texts: list[str], *, number: int) -> EventRow:
    """The event that was added as `content`, to be the document of this number."""
    ahead, starts, title, *others = _decode(content)
    if isinstance(title, bytes):
        title = title.decode(_ONE_BYTE)
    description, type_, provider = (texts[one] if isinstance(one, int) else one for one in others)
    starts_at = _EPOCH + timedelta(seconds=starts)
    return EventRow(number + ahead, title, description, type_, starts_at.isoformat(), provider)


def _packed(text: str) -> _Title:
    """One byte a letter where that can be: half the bytes of a Russian or Kazakh title."""
    try:
        return text.encode(_ONE_BYTE)
    except UnicodeEncodeError:
        return text


class IndexBuilder:
    """Writes an index into an empty directory: first the coming events, then the past ones.

    Each by rising id. Leave the `with` block normally to finish the index, with an exception to
    abandon it.
    """

    def __init__(self, directory: Path) -> None:
        index = Index(_schema(), path=str(directory), reuse=False)
        for name, analyzer in analyzers().items():
            index.register_tokenizer(name, analyzer)
        self._directory = directory
        self._index = index
        self._speller = Speller()
        self._texts = Texts([])
        self.count = 0  # of the events added so far
        self._last_rank = 0
        self._writer = index.writer(WRITER_BYTES_MAX, num_threads=1)  # a segment a thread

    def __enter__(self) -> Self:
        return self

    def add(self, row: EventRow, starts_at: datetime, *, coming: bool) -> None:
        """Add one event; `starts_at` is its local time. Raises OutOfOrder, or OSError."""
        rank = row.id if coming else row.id + PAST
        if rank <= self._last_rank:
            raise OutOfOrder
        self._last_rank = rank
        document = self._document(row, starts_at)
        document.add_integer("rank", rank)
        document.add_integer("window", window_of(self.count))
        self.count += 1
        try:
            self._writer.add_document(document)
        except ValueError as error:
            raise _disk_failed(error) from None

    def _document(self, row: EventRow, starts_at: datetime) -> Document:
        starts = (starts_at - _EPOCH) // timedelta(seconds=1)
        title = folded(row.title)
        # A line between them is no word, so a phrase may run across; nobody quotes such a one.
        text = f"{title}\n{folded(row.description)}"
        document = Document()
        document.add_integer("day", starts_at.toordinal())
        document.add_integer("starts", starts)
        document.add_text("title", title)
        document.add_text("text", text)
        if typed := self._speller.typed(text):
            document.add_text("title_typed", self._speller.typed(title))
            document.add_text("text_typed", typed)
        texts = map(self._texts.put, (row.description, row.type, row.provider))
        # Id and start lie in columns too, but a page would pay 0.3 ms for asking them. They are
        # kept small: most ids lie as far ahead of the number as the one before.
        ahead = row.id - self.count
        document.add_bytes("row", _encode((ahead, starts, _packed(row.title), *texts)))
        return document

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            with suppress(ValueError):  # the disk that failed, which `add` has told already
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
        self._texts.write(self._directory)


def _disk_failed(error: ValueError) -> OSError:
    # tantivy raises ValueError for a full disk too; nothing else can fail in a checked event.
    return OSError(f"the search index can't be written: {error}")


def _schema() -> Schema:
    """Only what is needed: word counts where hits are ranked, positions where phrases are found."""
    builder = SchemaBuilder()
    builder.add_integer_field("rank", fast=True)
    builder.add_integer_field("day", indexed=True)
    builder.add_integer_field("starts", fast=True)
    builder.add_integer_field("window", indexed=True)
    builder.add_text_field("title", tokenizer_name=STEMMED, index_option="position")
    builder.add_text_field("text", tokenizer_name=STEMMED, index_option="position")
    builder.add_text_field("title_typed", tokenizer_name=AS_TYPED, index_option="basic")
    builder.add_text_field("text_typed", tokenizer_name=AS_TYPED, index_option="basic")
    builder.add_bytes_field("row", stored=True)
    return builder.build()
