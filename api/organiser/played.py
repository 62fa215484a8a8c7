"""`billetter replay`: the figures of a sale as they were, a line a step, from what the disk has."""

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from api.seats import money
from api.store import StoreError
from api.timeline import instant
from engine.collector import collector_off
from engine.errors import EventNotFound
from engine.history import History
from engine.store import StoreMoved, read_patiently


class Moment(NamedTuple):
    """The figures at the end of a step."""

    at_ms: int
    sold: int
    reserved: int
    free: int
    revenue_minor: int


class Played(NamedTuple):
    """`is_whole`: it begins with the event's first booking, and not where the log is dropped."""

    is_whole: bool
    moments: list[Moment]


@collector_off()
def read_moments(data: Path, event_id: int, *, step_ms: int) -> Played:
    """How the sale went; raises StoreError, STORE_FAULTS and OSError."""

    def read() -> Played:
        history = History(data, event_id)
        return Played(history.is_whole, [*moments(history, step_ms=step_ms)])

    try:
        return read_patiently(read)
    except EventNotFound:
        raise StoreError(f"{data} holds no booking of event {event_id}") from None
    except StoreMoved as moved:
        raise StoreError(f"{data}: {moved}") from None


def moments(history: History, *, step_ms: int) -> Iterator[Moment]:
    """As it began, and then the end of every step in which something has changed."""
    statuses = bytearray(history.statuses)
    counts = [statuses.count(status) for status in range(3)]
    revenue_minor, step = history.revenue_minor, 0

    def moment() -> Moment:
        free, reserved, sold = counts
        return Moment(history.began_at_ms + step * step_ms, sold, reserved, free, revenue_minor)

    for change in history.changes():
        next_step = (change.at_ms - history.began_at_ms) // step_ms + 1
        if next_step != step:
            yield moment()
            step = next_step
        for index in change.indexes:
            counts[statuses[index]] -= 1
            statuses[index] = change.status
        counts[change.status] += len(change.indexes)
        revenue_minor = change.revenue_minor
    yield moment()


def lines(found: Iterable[Moment]) -> Iterator[str]:
    for one in found:
        figures = f"sold {one.sold}  reserved {one.reserved}  free {one.free}"
        yield f"{instant(one.at_ms)}  {figures}  revenue {money(one.revenue_minor)}"


def paced(
    found: Iterable[Moment], *, speed: float, sleep: Callable[[float], object] = time.sleep
) -> Iterator[Moment]:
    """Each moment so many times as fast after the one before as it was."""
    before_ms = None
    for one in found:
        if before_ms is not None:
            sleep((one.at_ms - before_ms) / 1_000 / speed)
        before_ms = one.at_ms
        yield one


def write_csv(found: Iterable[Moment], target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "sold", "reserved", "free", "revenue"])
        for at_ms, *counts, revenue_minor in found:
            writer.writerow([instant(at_ms), *counts, money(revenue_minor)])
