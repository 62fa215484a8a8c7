"""Events by id, in whatever order they come: sorted runs on disk, merged as they are read.

Only a file that isn't sorted comes here; the published ones are.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from heapq import merge
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

import msgspec

from catalog.event_file import EventRow

RUN_BYTES = 64 * 2**20  # of rows that wait in memory; every run is a file that stays open

_Line = tuple[int, int, bytes]  # id, place, and both with the row in JSON
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[int, int, EventRow]).decode


class SortedRuns:
    """Takes rows in any order and gives them back by id, each with its place from 0.

    Its files in `directory` have no names, so they are gone with the `with` block or the process.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open = ExitStack()
        self._runs: list[IO[bytes]] = []
        self._waiting: list[_Line] = []
        self._waiting_bytes = 0
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def __len__(self) -> int:
        return self._count

    def add(self, row: EventRow) -> None:
        """Raises OSError."""
        line = _encode((row.id, self._count, row)) + b"\n"
        self._waiting.append((row.id, self._count, line))
        self._waiting_bytes += len(line)
        self._count += 1
        if self._waiting_bytes >= RUN_BYTES:
            self._end_run()

    def __iter__(self) -> Iterator[tuple[int, EventRow]]:
        """Place and row of every event; equal ids come by place. To be read once."""
        self._end_run()
        for _, place, row in merge(*(map(_decode, run) for run in self._runs)):
            yield place, row

    def _end_run(self) -> None:
        file = TemporaryFile(dir=self._directory)  # noqa: SIM115  # closed with all the others
        run = self._open.enter_context(file)
        self._waiting.sort()
        try:
            run.writelines(line for _, _, line in self._waiting)
            run.seek(0)
        except OSError as error:
            with suppress(OSError):  # once more, of what it still has to write
                run.close()
            raise OSError(f"the sorted archive can't be written: {error}") from None
        self._runs.append(run)
        self._waiting.clear()
        self._waiting_bytes = 0
