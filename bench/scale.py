"""Does it stay small and quick with a country's worth of data?

`python -m bench.scale` imports 1,000,000 users, serves them, and resets a full stadium; `--smoke`
does the same with a hundredth. Each task runs in a
process of its own, so that its peak memory is its own; each has a reference measured in the same
run. Prints JSON.
"""

import csv
import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson

from api.demo import initialise
from bench.machine import described, resident_bytes
from bench.serving import served, serving
from bench.stadium import NOW_MS, seat_ids, sell, stadium
from bench.tasks import Figures, Stopwatch, in_child
from catalog import demo
from engine import Engine

TODAY = date(2027, 1, 10)
SEED = 7
USERS = 1_000_000
SMOKE = 100
SEATS_PER_BOOKING = 4


def main(arguments: list[str]) -> None:
    parts = SMOKE if "--smoke" in arguments else 1
    results: Figures = {"machine": described(), "smoke": parts != 1}
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        tasks: list[tuple[str, Callable[..., Figures], int]] = [
            ("import", import_users, USERS // parts),
            ("serve", serve_users, 0),
            ("reset", reset, 0),
        ]
        for name, task, size in tasks:
            results[name] = in_child(task, directory, size)
            print(
                name,
                orjson.dumps(results[name], option=orjson.OPT_NON_STR_KEYS).decode(),
                file=sys.stderr,
            )
    print(orjson.dumps(results, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def import_users(directory: Path, users: int) -> Figures:
    """`billetter init`; the reference reads the same CSV and does nothing with it."""
    files = demo.write(directory / "files", today=TODAY, users=users, events=10_000, seed=SEED)
    with Stopwatch() as reference, files.users.open(encoding="utf-8", newline="") as file:
        rows = sum(1 for _ in csv.reader(file)) - 1
    with Stopwatch() as ours:
        initialise(directory / "data", files, archive=False)
    return {
        "users": rows,
        "csv_mb": round(files.users.stat().st_size / 1e6),
        "seconds": ours.seconds,
        "reference": "csv.reader alone",
        "ratio": round(ours.seconds / reference.seconds, 2),
    }


def serve_users(directory: Path, _: int) -> Figures:
    """The worker's resident memory, fresh and after 2,000 different users have logged in."""
    with ExitStack() as stack:
        with Stopwatch() as start:
            shop = served(serving(directory / "data"), directory / "serve.log", "/readyz")
            url, worker = stack.enter_context(shop)
        fresh = resident_bytes(worker)
        _log_in(url, directory / "files" / "users.csv", at_most=2_000)
        used = resident_bytes(worker)
    return {
        "ready_seconds": start.seconds,
        "resident_mb": round(fresh / 2**20),
        "resident_after_logins_mb": round(used / 2**20),
    }


def reset(_: Path, __: int) -> Figures:
    """A sold-out stadium; the reference hashes as many bytes as it has seats."""
    engine = Engine([stadium()])
    seats = seat_ids()
    for at in range(0, len(seats), SEATS_PER_BOOKING):
        sell(engine, user_id=at + 1, seats=seats[at : at + SEATS_PER_BOOKING])
    sold = engine.analytics(1).sold_seats
    with Stopwatch() as reference:
        hashlib.sha256(bytes(sold)).digest()
    with Stopwatch() as ours:
        engine.reset(now_ms=NOW_MS)
        engine.flush()
    assert engine.analytics(1).free_seats == sold
    return {
        "sold_seats": sold,
        "refunds_owed": len(engine.unsettled()),
        "seconds": ours.seconds,
        "reference": "sha256 over a byte a seat",
        "ratio": round(ours.seconds / reference.seconds, 1),
    }


def _log_in(url: str, users: Path, *, at_most: int) -> None:
    with users.open(encoding="utf-8", newline="") as file, httpx.Client() as http:
        rows = (row for row in csv.DictReader(file) if row["is_active"] == "True")
        for row, _ in zip(rows, range(at_most), strict=False):
            pair = (row["email"], row["password_plain"])
            answer = http.get(f"{url}/api/bookings", auth=pair)
            assert answer.status_code == 200, answer.text


if __name__ == "__main__":
    main(sys.argv[1:])
