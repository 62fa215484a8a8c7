"""What the tests of the log damage: a real disk that refuses chosen calls, and a small log."""

from collections.abc import Callable
from typing import Any, cast

from torture.corpus import Corpus
from torture.crash_fs import SECTOR_BYTES
from torture.diary import SALT, STORE_ID
from wal.files import FileSystem, OsFileSystem


class FaultyDisk:
    """The real disk, with `fault(name, arguments)` called before every call of the seam.

    What `fault` raises is raised; what it returns, if not None, is returned instead of calling.
    """

    def __init__(self, fault: Callable[[str, tuple[Any, ...]], object] | None = None) -> None:
        self.fault = fault
        self.calls: list[str] = []
        self._real = OsFileSystem()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(name)
            outcome = self.fault(name, arguments) if self.fault else None
            return method(*arguments, **options) if outcome is None else outcome

        return call

    @property
    def fs(self) -> FileSystem:
        """Itself, as what it stands in for."""
        return cast(FileSystem, self)

    def refuse(self, name: str, error: int, *, on_call: int = 1) -> None:
        """From now on fail the nth call of this name with this errno; the others succeed."""
        seen = 0

        def fault(called: str, _: tuple[Any, ...]) -> None:
            nonlocal seen
            seen += called == name
            if called == name and seen == on_call:
                raise OSError(error, f"refused {name}")

        self.fault = fault


def small_log(store_id: bytes = STORE_ID, *, salt: bytes = SALT) -> Corpus:
    """A closed log of three segments and one to three records in each of its batches."""
    batches = [
        [b"%d-%d " % (number, n) * 30 for n in range(number % 3 + 1)] for number in range(14)
    ]
    return Corpus(batches, segment_bytes_max=4096 + 5 * SECTOR_BYTES, store_id=store_id, salt=salt)
