"""A log without a disk: everything is durable at once and gone with the process."""

from collections.abc import Iterable, Iterator

from wal.anylog import Pending


class MemoryLog:
    """Keeps its records in a list, for the engine as a library and for tests.

    `records[n]` has LSN n + 1; hand them to another MemoryLog to replay them.
    """

    has_room = True
    sealed_lsn = 0
    waiting_bytes = 0

    def __init__(self, records: Iterable[bytes] = ()) -> None:
        self.records = list(records)

    @property
    def appended_lsn(self) -> int:
        """The last record's; 0: there is none."""
        return len(self.records)

    @property
    def durable_lsn(self) -> int:
        """The same: what a list holds is as safe as it will ever be."""
        return len(self.records)

    def recover(self, after_lsn: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield (lsn, payload) of every record after `after_lsn`."""
        return iter(list(enumerate(self.records, start=1))[after_lsn:])

    def append(self, payload: bytes) -> int:
        """Keep the record and return its LSN; it is durable already."""
        self.records.append(payload)
        return len(self.records)

    def take(self) -> Pending | None:
        """Nothing ever waits."""
        return None

    def write(self, pending: Pending) -> None:
        """Never called: nothing is ever taken."""
        raise AssertionError("a memory log has nothing to write")

    def prepare(self) -> None:
        """No segments, nothing to prepare."""

    def flush(self) -> None:
        """Everything is durable already."""

    def seal(self) -> None:
        """No segments, nothing to seal."""

    def drop_through(self, lsn: int) -> None:
        """Nothing is dropped: the records are the caller's."""

    def close(self) -> None:
        """Nothing to let go of."""
