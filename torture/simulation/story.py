"""What happens in a world, a line at a time, for a person to read; and what must never happen."""

import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog


class Story:
    """Costs nothing while nobody listens. `accidents` are faults, however bad the weather."""

    def __init__(self, listener: Callable[[str], None] | None, now_s: Callable[[], float]) -> None:
        self._listener = listener
        self._now_s = now_s
        self.accidents: list[str] = []

    def tell(self, who: str, what: str) -> None:
        if self._listener is not None:
            self._listener(f"{self._now_s():10.3f}  {who:<11} {what}")

    def accident(self, what: str) -> None:
        self.tell("ACCIDENT", what)
        self.accidents.append(what)

    @contextmanager
    def with_our_logs(self) -> Iterator[None]:
        """What our own modules log belongs to the story; a traceback among it is an accident."""
        before = structlog.get_config()
        structlog.configure(processors=[self._hear])
        try:
            yield
        finally:
            structlog.configure(**before)

    def _hear(self, _: Any, level: str, entry: MutableMapping[str, Any]) -> Any:
        details = " ".join(f"{key}={entry[key]}" for key in sorted(entry) if key != "event")
        self.tell("our log", f"{entry['event']}: {details}")
        if "exc_info" in entry:
            self.accident(f"{entry['event']}: {sys.exc_info()[1]!r}")
        raise structlog.DropEvent
