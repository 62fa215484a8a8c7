"""A line for every request, for whoever must know later what was asked: off unless it is wanted.

The loop only remembers a few values; a thread aside makes lines of them and writes them a chunk at
a time. It is no part of the truth: what the disk refuses, or the queue has no room for, is counted
and gone. No header and no body is ever in it, so no secret is.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog

from engine import event_of_booking
from engine.domain import event_of_seat

DIRECTORY = "requests"
SUFFIX = ".jsonl"
FILE_BYTES_MAX = 64 << 20
FILES_MAX = 16
# Two seconds of a crowd; each takes some 300 bytes until it is written.
QUEUE_MAX = 65_536
# Making the lines holds the interpreter, writing them lets it go: 0.2 ms at once.
LINES_PER_WRITE = 128
PAUSE_SECONDS = 0.2
CHOICES = ("off", "writes", "all")

log = structlog.get_logger("requests")


class Request(NamedTuple):
    """One line. `user`, `event` and `lsn` are 0 where they aren't known."""

    at_ms: int
    id: str
    method: str
    path: str
    status: int
    user: int
    event: int
    lsn: int
    ms: float
    client: str


class RequestLog:
    """Writes `<data>/requests/*.jsonl`, the newest last; the oldest file makes room for another."""

    def __init__(
        self,
        data: Path,
        *,
        clock_ms: Callable[[], int],
        reads_too: bool = False,
        file_bytes_max: int = FILE_BYTES_MAX,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._directory = data / DIRECTORY
        self._clock_ms = clock_ms
        self._reads_too = reads_too
        self._file_bytes_max = file_bytes_max
        self._queue_max = queue_max
        self._queue: deque[Request] = deque()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write_for_ever, name="requests", daemon=True)
        self._file: int | None = None
        self._size_bytes = 0
        self._is_failing = False
        self.written = 0
        self.dropped = 0

    def __len__(self) -> int:
        """How many wait to be written."""
        return len(self._queue)

    def wants(self, method: str) -> bool:
        """Whether calls of this method are told."""
        return self._reads_too or method != "GET"

    def note(
        self,
        began: float,
        *,
        request_id: bytes,
        method: str,
        path: str,
        status: int,
        client: str,
        user_id: int,
        subject: Any,
        lsn: int,
    ) -> None:
        """Remember a request that has been answered; `began` is of time.perf_counter.

        `subject` is what it was about: a body or a query, of which only the event's id is kept.
        """
        if len(self._queue) >= self._queue_max:
            self.dropped += 1
            return
        seconds = time.perf_counter() - began
        at_ms = self._clock_ms() - round(seconds * 1_000)
        event_id, milliseconds = event_of(subject), round(seconds * 1_000, 3)
        self._queue.append(
            Request(
                at_ms,
                request_id.decode("ascii"),
                method,
                path,
                status,
                user_id,
                event_id,
                lsn,
                milliseconds,
                client,
            )
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and let go of the file."""
        self._ending.set()
        self._thread.join()

    def _write_for_ever(self) -> None:
        while not self._ending.wait(PAUSE_SECONDS):
            self._write_all()
        self._write_all()
        self._close()

    def _write_all(self) -> None:
        while self._queue:
            some = [self._queue.popleft() for _ in range(min(len(self._queue), LINES_PER_WRITE))]
            try:
                self._write(b"".join(map(_line, some)))
                self.written += len(some)
                self._is_failing = False
            except OSError as failure:
                self.dropped += len(some)
                self._fail(failure)

    def _write(self, lines: bytes) -> None:
        file = self._opened()
        while lines:
            written = os.write(file, lines)
            self._size_bytes += written
            lines = lines[written:]
        if self._size_bytes >= self._file_bytes_max:
            self._close()

    def _opened(self) -> int:
        if self._file is None:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            self._file = self._newest() or self._another()
        return self._file

    def _newest(self) -> int | None:
        """The last file where it has room: restarts don't pile up files."""
        for path in files(self._directory.parent)[-1:]:
            size = path.stat().st_size
            if size < self._file_bytes_max:
                file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
                self._size_bytes = size
                if size and os.pread(file, 1, size - 1) != b"\n":
                    self._size_bytes += os.write(file, b"\n")  # whoever wrote it was cut short
                return file
        return None

    def _another(self) -> int:
        """A new file; the oldest ones go."""
        there = files(self._directory.parent)
        for path in there[: max(0, len(there) + 1 - FILES_MAX)]:
            path.unlink()
        number = int(there[-1].name.removesuffix(SUFFIX)) + 1 if there else 1
        self._size_bytes = 0
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.open(self._directory / f"{number:08d}{SUFFIX}", flags, 0o600)

    def _fail(self, failure: OSError) -> None:
        if not self._is_failing:  # once, not five times a second
            log.warning("requests aren't written", reason=str(failure))
        self._is_failing = True
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None


def event_of(subject: Any) -> int:
    """The event that a body or a query names, itself or by a booking or a seat; 0: none."""
    if event_id := getattr(subject, "event_id", 0):
        return int(event_id)
    if booking_id := getattr(subject, "booking_id", 0):
        return event_of_booking(booking_id)
    if seat_id := getattr(subject, "seat_id", 0):
        return event_of_seat(seat_id)
    return 0


def _line(request: Request) -> bytes:
    return orjson.dumps(request._asdict(), option=orjson.OPT_APPEND_NEWLINE)


def files(data: Path) -> list[Path]:
    """Those there are, oldest first."""
    found = (data / DIRECTORY).glob(f"*{SUFFIX}")
    return sorted(path for path in found if path.name.removesuffix(SUFFIX).isdecimal())


def read(data: Path) -> Iterator[Request]:
    """Every request that is on disk, oldest first; a line that was cut short is passed over."""
    for path in files(data):
        try:
            with path.open("rb") as lines:
                for line in lines:
                    with suppress(orjson.JSONDecodeError, TypeError):
                        yield Request(**orjson.loads(line))
        except FileNotFoundError:
            continue  # it has just made room for another
