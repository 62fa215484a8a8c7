"""`python -m api.organiser.replayer DATA EVENT DIRECTORY PARENT`: a sale from the log into a file.

It reads and applies all that the disk has, which takes seconds: so it is a process of its own, with
its own memory. On its output it says how many per cent are done, a line each, and in the end what
it has made, as JSON.

The file is NDJSON: a line about the hall as the story begins, a line a change, a last line.

    {"format": 1, "event_id": 1, "rows": 100, "seats_per_row": 1000, "zones": [{"name": …,
     "first_row": 1, "last_row": 10, "price": "40000.00"}, …], "began_at": "2026-…Z",
     "whole": true, "revenue_minor": 0, "states": "AAAA…"}
    [1500, 1, [17, 18], 0]
    {"ended_at": "2026-…Z", "changes": 1}

`states` is base64 of two bits a seat: seat i is in byte i // 4 at bits 2 * (i % 4), 0 FREE, 1
RESERVED, 2 SOLD, 3 not ours to sell. A change is milliseconds since `began_at`, the status, the
seats that have it from then on, and what all sold seats have brought till then, in tiyn.
"""

import shutil
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from api.bits import packed
from api.organiser.replays import replay_path
from api.processes import die_with_parent
from api.seats import zone_plan
from api.timeline import instant
from engine import STORE_FAULTS
from engine.collector import collector_off
from engine.errors import EventNotFound
from engine.history import History
from engine.store import StoreMoved, read_patiently

FORMAT = 1
REPLAY_BYTES_MAX = 256 << 20  # ten million changes
DISK_BYTES_MIN = 1 << 30
TEMPORARY_NAME = "next.replay.tmp"


class NoRoom(Exception):
    """The disk, or what a file may hold, is too small for the story."""


@collector_off()
def make_replay(
    data: Path, event_id: int, directory: Path, *, tell: Callable[[float], None]
) -> dict[str, object]:
    """Write the event's file into `directory`, and return what it begins and ends with.

    Raises EventNotFound, NoRoom, StoreMoved, STORE_FAULTS and OSError.
    """
    return read_patiently(lambda: _written(History(data, event_id, progress=tell), directory))


def _written(history: History, directory: Path) -> dict[str, object]:
    # The log comes first: what it needs to go on is never taken.
    if shutil.disk_usage(directory).free < DISK_BYTES_MIN:
        raise NoRoom(f"less than {DISK_BYTES_MIN} bytes are free in {directory}")
    temporary = directory / TEMPORARY_NAME
    try:
        told = _write(history, temporary)
        temporary.replace(replay_path(directory, history.event.event_id))
    finally:
        temporary.unlink(missing_ok=True)
    return told


def _write(history: History, path: Path) -> dict[str, object]:
    size_bytes = changes = 0
    with path.open("wb") as file:
        file.write(_line(_beginning(history)))
        for at_ms, status, indexes, revenue_minor in history.changes():
            moment_ms = at_ms - history.began_at_ms
            size_bytes += file.write(_line([moment_ms, int(status), indexes, revenue_minor]))
            changes += 1
            if size_bytes > REPLAY_BYTES_MAX:
                raise NoRoom(f"{changes} changes take more than {REPLAY_BYTES_MAX} bytes")
        end = {"ended_at": instant(history.last_at_ms), "changes": changes}
        file.write(_line(end))
    return {"began_at": instant(history.began_at_ms), "whole": history.is_whole, **end}


def _line(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def _beginning(history: History) -> dict[str, object]:
    hall = history.event.hall
    return {
        "format": FORMAT,
        "event_id": history.event.event_id,
        "rows": hall.rows,
        "seats_per_row": hall.seats_per_row,
        "zones": [*map(zone_plan, hall.zones)],
        "began_at": instant(history.began_at_ms),
        "whole": history.is_whole,
        "revenue_minor": history.revenue_minor,
        "states": b64encode(packed(history.statuses)).decode(),
    }


def main(data: Path, event_id: int, directory: Path) -> None:
    """What is wrong with the store is told in a sentence, and the exit code is 1."""

    def tell(part: float) -> None:
        sys.stdout.write(f"{part:.0%}\n")
        sys.stdout.flush()

    try:
        made = make_replay(data, event_id, directory, tell=tell)
    except (*STORE_FAULTS, EventNotFound, StoreMoved, NoRoom, OSError) as fault:
        sys.exit(f"{type(fault).__name__}: {fault}")
    sys.stdout.write(orjson.dumps(made).decode() + "\n")


if __name__ == "__main__":  # pragma: no cover - only in a process of its own
    die_with_parent(int(sys.argv[4]))
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
