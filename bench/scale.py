"""Does it stay small with a country's worth of data?

`python -m bench.scale` imports 1,000,000 users and 6,000,000 past events, sells a stadium out and
makes 1,000,000 bookings, and serves all that. It compares the ratios with those of
`bench/results/scale.json` and writes it anew; `--smoke` does a hundredth of it and prints. Each
task runs in a process of its own, so that its peak memory is its own.
"""

import csv
import hashlib
import os
import sys
import time
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx
import orjson

from api import store
from api.demo import initialise
from bench.baseline import report
from bench.machine import described, resident_parts, resident_peak_bytes
from bench.serving import served, serving
from bench.shop import HOLD_SECONDS, PRICE_MINOR
from bench.smoke import is_smoke
from bench.stadium import NOW_MS, seat_ids, sell, stadium
from bench.tasks import Figures, Stopwatch, in_child
from catalog import Catalog, demo
from engine import Engine, Rules, seat_id_of
from engine.snapshotter import make_snapshot

RESULTS = Path(__file__).parent / "results" / "scale.json"
TODAY = date(2099, 1, 10)  # every sale's event is still to come
SEED = 7
STADIUM = 1
ROWS = 100
SEATS_PER_BOOKING = 4
LOGINS, SEARCHES, PAGES = 2_000, 300, 2_000


class Size(NamedTuple):
    """The stadium has ROWS rows; a hall of the others a thousand seats."""

    users: int
    archive: int
    events: int
    bookings: int
    seats_per_row: int


FULL = Size(1_000_000, 6_000_000, 10_000, 1_000_000, 1_000)
SMOKE = Size(*(one // 100 for one in FULL))


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.scale", __doc__, arguments) else FULL
    results: Figures = {
        "command": " ".join(["python -m bench.scale", *arguments]),
        "machine": described(),
        **size._asdict(),
    }
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        for task in (load, fill, serve, reset):
            results[task.__name__] = in_child(task, Path(name), size)
            told = orjson.dumps(results[task.__name__]).decode()
            print(f"{task.__name__}: {told}", file=sys.stderr)
    report(results, RESULTS, kept=size is FULL)


def load(directory: Path, size: Size) -> Figures:
    """`billetter init`; the reference only hashes its files."""
    files = demo.write(
        directory / "files",
        today=TODAY,
        users=size.users,
        events=size.events,
        archive=size.archive,
        seed=SEED,
    )
    zones = [{"name": "Зал", "rows": [1, ROWS], "price_minor": PRICE_MINOR}]
    hall = {"rows": ROWS, "seats_per_row": size.seats_per_row, "sale": "own", "zones": zones}
    plan = {"halls": {"stadium": hall}, "events": {str(STADIUM): "stadium"}}
    files.halls.write_bytes(orjson.dumps(plan))
    with Stopwatch() as reference:
        for path in files:
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")
    with Stopwatch() as ours:
        initialise(directory / "data", files)
    return {
        "seconds": ours.seconds,
        "reference": "sha256 over the files",
        "ratio": round(ours.seconds / reference.seconds, 2),
    }


def fill(directory: Path, size: Size) -> Figures:
    """The stadium sold, the other bookings with a held seat each; and a snapshot of it all."""
    catalog = Catalog.open(directory / "data" / store.CATALOG_DIRECTORY)
    rules = Rules(hold_ms=HOLD_SECONDS * 1_000)
    now_ms = time.time_ns() // 1_000_000
    with closing(
        Engine.open(directory / "data", store.events_on_sale(catalog), rules=rules)
    ) as engine:
        seats = [
            seat_id_of(event_id=STADIUM, row=row, number=number)
            for row in range(1, ROWS + 1)
            for number in range(1, size.seats_per_row + 1)
        ]
        at_once = range(0, len(seats), SEATS_PER_BOOKING)
        for user_id, at in enumerate(at_once, 1):
            basket = seats[at : at + SEATS_PER_BOOKING]
            sell(engine, user_id=user_id, seats=basket, now_ms=now_ms)
            engine.flush()
        for one in range(size.bookings - len(at_once)):
            _hold(engine, one, size, now_ms)
        engine.seal_log()
        engine.flush()
        figures = engine.analytics(STADIUM)
    catalog.close()
    make_snapshot(directory / "data")
    return {"bookings": size.bookings, "sold_seats": figures.sold_seats}


def _hold(engine: Engine, nth: int, size: Size, now_ms: int) -> None:
    """A booking of one seat: the events by turns, and in each its seats from the first on."""
    seat, event = divmod(nth, size.events - 2)
    event_id, user_id = event + 2 + 1, nth % size.users + 1
    row, number = divmod(seat, 10)
    booking_id = engine.create_booking(user_id=user_id, event_id=event_id, now_ms=now_ms)
    seat_id = seat_id_of(event_id=event_id, row=row + 1, number=number + 1)
    engine.select_seat(user_id=user_id, booking_id=booking_id, seat_id=seat_id, now_ms=now_ms)
    if nth % 1_000 == 0:
        engine.flush()


def serve(directory: Path, size: Size) -> Figures:
    """The worker's memory: at its start, and when people have logged in, searched, looked."""
    shop = serving(directory / "data", "--hold-seconds", str(HOLD_SECONDS))
    with (
        Stopwatch() as start,
        served(shop, directory / "serve.log", "/readyz") as (url, worker),
    ):
        start.__exit__()
        fresh = _mb(worker)
        with httpx.Client(base_url=url) as http:
            _visit(http, directory / "files", size)
        return {"ready_seconds": start.seconds, "fresh": fresh, "used": _mb(worker)}


def _mb(worker: int) -> Figures:
    """Own and mapped memory in MB, both together, and the most that it ever was."""
    parts = {name: count / 2**20 for name, count in resident_parts(worker).items()}
    peak = resident_peak_bytes(worker) / 2**20
    return {
        name: round(one)
        for name, one in {**parts, "both": sum(parts.values()), "peak": peak}.items()
    }


def _visit(http: httpx.Client, files: Path, size: Size) -> None:
    with (files / "users.csv").open(encoding="utf-8", newline="") as file:
        rows = (row for row in csv.DictReader(file) if row["is_active"] == "True")
        for row in islice(rows, LOGINS):
            pair = (row["email"], row["password_plain"])
            http.get("/api/bookings", auth=pair).raise_for_status()
    titles = [one["title"] for one in orjson.loads((files / "events.json").read_bytes())]
    for title in islice(dict.fromkeys(titles), SEARCHES):
        http.get("/api/events", params={"query": title}).raise_for_status()
    for one in range(PAGES):
        event_id = one % (size.events - 2) + 3
        http.get(f"/api/seats?event_id={event_id}&status=FREE").raise_for_status()


def reset(_: Path, __: Size) -> Figures:
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


if __name__ == "__main__":
    main(sys.argv[1:])
