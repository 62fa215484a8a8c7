"""Given files are read once, from front to back, in bounded memory, with progress if wanted."""

import io
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Never, cast

from tqdm import tqdm

from catalog.errors import BadInput

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BYTES = 1 << 20  # fewer, larger reads; a bar need not move more often than this

UTF8_BOM = b"\xef\xbb\xbf"  # spreadsheet programs put it in front of UTF-8


@contextmanager
def opened(path: Path, *, progress: bool) -> Iterator[BinaryIO]:
    """The bytes of a given file after a byte order mark, if it has one.

    Raises BadInput where the file is missing, unreadable or empty.
    """
    if path.exists() and not path.is_file():  # a pipe can't be read a second time for a fault
        raise BadInput(path, None, "is not a regular file")
    try:
        raw = path.open("rb", buffering=0)
    except OSError as error:
        raise BadInput(path, None, f"can't be read: {error.strerror}") from None
    with raw:
        size = path.stat().st_size
        if size == 0:
            raise BadInput(path, None, "is empty")
        if raw.read(len(UTF8_BOM)) != UTF8_BOM:
            raw.seek(0)
        if not progress:
            with io.BufferedReader(raw, READ_BYTES) as file:
                yield file
            return
        with (
            tqdm(total=size, unit="B", unit_scale=True, desc=path.name) as bar,
            io.BufferedReader(_Counted(raw, bar), READ_BYTES) as counted,
        ):
            yield cast(BinaryIO, counted)


class _Counted(io.RawIOBase):
    """A raw file that moves a progress bar as it is read."""

    def __init__(self, raw: io.RawIOBase, bar: "tqdm[Never]") -> None:
        self._raw = raw
        self._bar = bar

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        count = cast(int, self._raw.readinto(buffer))  # never None: a regular file is always ready
        self._bar.update(count)
        return count


class SeenIds:
    """Tells a repeated id at once, with 8 bytes an id as long as they come in rising order.

    The published files are sorted, so millions of ids cost little; the few that come out of
    order lie in a set.
    """

    def __init__(self) -> None:
        self._rising = array("q")
        self._others: set[int] = set()
        self._last = 0

    def add(self, new_id: int) -> bool:
        """False when the id (1 or more) has been added before."""
        if new_id > self._last:
            self._last = new_id
            self._rising.append(new_id)
            return True
        if new_id in self:
            return False
        self._others.add(new_id)
        return True

    def __contains__(self, some_id: int) -> bool:
        at = bisect_left(self._rising, some_id)
        found = at < len(self._rising) and self._rising[at] == some_id
        return found or some_id in self._others
