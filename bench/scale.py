"""Does it stay small and quick with a country's worth of data?

`python -m bench.scale` imports 1,000,000 users, serves them, recovers 1,000,000 records, resets a
full stadium and lists its free seats; `--smoke` does the same with a hundredth. Each task runs in a
process of its own, so that its peak memory is its own; each has a reference measured in the same
run. Prints JSON.
"""

import csv
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import orjson

from api import store
from bench.machine import described, resident_bytes
from bench.serving import served, serving
from bench.tasks import Figures, Stopwatch, in_child
from catalog import demo
from engine import Engine, Event, Hall, SeatStatus, Zone, seat_id_of
from engine.mutations import decode
from engine.verify import verify_store
from wal import read_records

TODAY = date(2027, 1, 10)
SEED = 7
USERS = 1_000_000
RECORDS = 1_000_000
SMOKE = 100
ROWS, SEATS_PER_ROW = 100, 1_000
BATCH_RECORDS = 64  # about what a crowd of 256 connections makes of one fdatasync


def main(arguments: list[str]) -> None:
    parts = SMOKE if "--smoke" in arguments else 1
    results: Figures = {"machine": described(), "smoke": parts != 1}
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        tasks: list[tuple[str, Callable[..., Figures], int]] = [
            ("import", import_users, USERS // parts),
            ("serve", serve_users, 0),
            ("recover", recover, RECORDS // parts),
            ("reset", reset, 0),
            ("pages", free_pages, 0),
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
        store.initialise(
            directory / "data",
            users=files.users,
            events=files.events,
            archive=None,
            halls=files.halls,
            timezone=store.time_zone("Asia/Almaty"),
            progress=False,
        )
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


def recover(directory: Path, records: int) -> Figures:
    """Engine.open on a log without a snapshot; the reference only reads and decodes it."""
    target = directory / "recovery"
    target.mkdir()
    events = [Event(one, 2_000_000_000_000, _stadium()) for one in range(1, 11)]
    _write_log(target, events, records)
    with Stopwatch() as reference:
        for _, payload in read_records(target / "wal"):
            decode(payload)
    with Stopwatch() as ours:
        engine = Engine.open(target, events)
    digest = engine.digest()
    engine.close()
    assert verify_store(target).digest == digest
    return {
        "records": records,
        "seconds": ours.seconds,
        "reference": "reading and decoding alone",
        "ratio": round(ours.seconds / reference.seconds, 2),
        "digest": digest,
    }


def reset(_: Path, __: int) -> Figures:
    """A sold-out stadium; the reference hashes as many bytes as it has seats."""
    engine = Engine([Event(1, 2_000_000_000_000, _stadium())])
    for row in range(1, ROWS + 1):
        for number in range(1, SEATS_PER_ROW + 1, 4):
            seats = [seat_id_of(event_id=1, row=row, number=number + at) for at in range(4)]
            _sell(engine, user_id=number, seats=seats)
    sold = engine.analytics(1).sold_seats
    with Stopwatch() as reference:
        hashlib.sha256(bytes(sold)).digest()
    with Stopwatch() as ours:
        engine.reset(now_ms=2)
        engine.flush()
    assert engine.analytics(1).free_seats == sold
    return {
        "sold_seats": sold,
        "refunds_owed": len(engine.unsettled()),
        "seconds": ours.seconds,
        "reference": "sha256 over a byte a seat",
        "ratio": round(ours.seconds / reference.seconds, 1),
    }


def free_pages(_: Path, __: int) -> Figures:
    """Pages of 20 FREE seats of a stadium; the reference is the first one of an empty hall."""
    engine = Engine([Event(1, 2_000_000_000_000, _stadium())])
    empty = {page: _page_us(engine, page) for page in (1, 2_000, 4_000, 5_000)}
    ids = [
        seat_id_of(event_id=1, row=row, number=number)
        for row in range(1, ROWS + 1)
        for number in range(1, SEATS_PER_ROW + 1)
    ]
    Random(SEED).shuffle(ids)
    for at in range(0, len(ids) * 99 // 100, 4):
        booking_id = engine.create_booking(user_id=1, event_id=1, now_ms=1)
        for seat_id in ids[at : at + 4]:
            engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat_id, now_ms=1)
    full = {page: _page_us(engine, page) for page in (1, 25, 50)}
    return {
        "empty_us": empty,
        "held_99_percent_us": full,
        "reference": "page 1 of the empty hall",
        "ratio": round(max(*empty.values(), *full.values()) / empty[1], 2),
    }


def _page_us(engine: Engine, page: int) -> float:
    """The median of 2,000 calls."""
    seconds = []
    for _ in range(2_000):
        began = time.perf_counter()
        engine.seats(event_id=1, status=SeatStatus.FREE, row=None, offset=(page - 1) * 20, limit=20)
        seconds.append(time.perf_counter() - began)
    return round(median(seconds) * 1e6, 1)


def _sell(engine: Engine, *, user_id: int, seats: list[int]) -> None:
    booking_id = engine.create_booking(user_id=user_id, event_id=1, now_ms=1)
    for seat_id in seats:
        engine.select_seat(user_id=user_id, booking_id=booking_id, seat_id=seat_id, now_ms=1)
    order_id = engine.initiate_payment(user_id=user_id, booking_id=booking_id, now_ms=1)
    engine.register_payment(order_id=order_id, payment_id=str(order_id), url="/", now_ms=1)
    engine.authorize_payment(order_id=order_id, now_ms=1)
    engine.capture_payment(order_id=order_id, now_ms=1)


def _stadium() -> Hall:
    return Hall(ROWS, SEATS_PER_ROW, (Zone("all", 1, ROWS, 4_000_000),))


def _write_log(target: Path, events: list[Event], records: int) -> None:
    Engine.create(target, store_id=bytes(range(16)))
    engine = Engine.open(target, events)
    for made, _ in enumerate(_crowd(engine, len(events)), start=1):
        if made % BATCH_RECORDS == 0:
            engine.flush()
        if made == records:
            break
    engine.close()


def _crowd(engine: Engine, events: int) -> Iterator[None]:
    """Yield after each record: a booking and three seats, then the next buyer, without end."""
    for buyer in count():
        now_ms = 1_800_000_000_000 + buyer
        user_id, event_id = buyer % 9_973 + 1, buyer % events + 1
        booking_id = engine.create_booking(user_id=user_id, event_id=event_id, now_ms=now_ms)
        yield
        for at in range(3):
            row, number = divmod(buyer // events * 3 + at, SEATS_PER_ROW)
            seat_id = seat_id_of(event_id=event_id, row=row % ROWS + 1, number=number + 1)
            if engine.holder(seat_id) is None:
                engine.select_seat(
                    user_id=user_id, booking_id=booking_id, seat_id=seat_id, now_ms=now_ms
                )
                yield


def _log_in(url: str, users: Path, *, at_most: int) -> None:
    with users.open(encoding="utf-8", newline="") as file, httpx.Client() as http:
        rows = (row for row in csv.DictReader(file) if row["is_active"] == "True")
        for row, _ in zip(rows, range(at_most), strict=False):
            pair = (row["email"], row["password_plain"])
            answer = http.get(f"{url}/api/bookings", auth=pair)
            assert answer.status_code == 200, answer.text


if __name__ == "__main__":
    main(sys.argv[1:])
