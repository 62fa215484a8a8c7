"""What the engine asks of a log: on disk or in memory, on this machine or replicated."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Pending(NamedTuple):
    """What one `write` does: make these records one batch, then seal the segment if asked."""

    first_lsn: int
    records: list[bytes]
    payload_bytes: int
    seal: bool


class AnyLog(Protocol):
    """Record n is appended, then durable, then perhaps sealed; LSNs are 1, 2, 3 … with no gaps."""

    @property
    def appended_lsn(self) -> int:
        """The last LSN given out."""

    @property
    def durable_lsn(self) -> int:
        """The last LSN that survives a crash."""

    @property
    def sealed_lsn(self) -> int:
        """The last LSN in a segment that is never written again."""

    @property
    def has_room(self) -> bool:
        """Whether new work may be accepted; ask before deciding anything."""

    @property
    def waiting_bytes(self) -> int:
        """How much has been appended and not yet taken."""

    def recover(self, after_lsn: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield (lsn, payload) after `after_lsn`; exhaust it once, and the log takes appends."""

    def append(self, payload: bytes) -> int:
        """Give the record the next LSN and return it; memory only."""

    def take(self) -> Pending | None:
        """Hand over what waits for the disk, at most one batch of it."""

    def write(self, pending: Pending) -> None:
        """Make what was taken durable."""

    def prepare(self) -> None:
        """Use a pause to get the next segment ready, or to see whether a full disk has room."""

    def flush(self) -> None:
        """Make everything appended durable; for use without a writer thread."""

    def seal(self) -> None:
        """Ask that the next write also ends the segment, so that a snapshot can include it."""

    def drop_through(self, lsn: int) -> None:
        """Forget the segments that hold nothing after `lsn`."""

    def close(self) -> None:
        """Make everything durable and let go."""
