"""How soon does it sell again after a crash, and what does the log cost beside a plain file?

`python -m bench.recovery` recovers 1,000,000 records, writes a snapshot with 1,000,000 bookings and
recovers it, and appends batches to a log and to a plain file by turns. It compares the ratios with
those of `bench/results/recovery.json` and writes it anew; `--smoke` does a hundredth and only
prints. Each task runs in a process of its own.
"""

import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
import orjson

from bench.baseline import report
from bench.machine import described
from bench.smoke import is_smoke
from bench.stadium import NOW_MS, ROWS, SEATS, SEATS_PER_ROW, fresh, stadium
from bench.tasks import Figures, Stopwatch, in_child, spread
from engine import Engine, Event, seat_id_of
from engine.collector import collector_off
from engine.dump import dump
from engine.mutations import decode
from engine.snapshotter import make_snapshot
from engine.store import load_newest, open_snapshots
from engine.verify import verify_store
from wal import Log, read_records

RESULTS = Path(__file__).parent / "results" / "recovery.json"
EVENTS = 10
STORE = "snapshotted"
BUILD_RECORDS = 4_096  # to a batch where nothing is measured
BATCH_RECORDS = 64  # about what a crowd of 256 connections makes of one fdatasync
RECORD_BYTES = 34  # a SeatSelected
BATCHES = (1, 16, 64, 256)


class Size(NamedTuple):
    records: int
    bookings: int
    rounds: int
    batches: int  # written in each round


FULL = Size(1_000_000, 1_000_000, 5, 500)
SMOKE = Size(10_000, 10_000, 1, 20)


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.recovery", __doc__, arguments) else FULL
    results: Figures = {
        "command": " ".join(["python -m bench.recovery", *arguments]),
        "machine": described(),
        "load": round(os.getloadavg()[0], 1),
    }
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        for task in (log, build, make, write, recover, wal):
            results[task.__name__] = in_child(task, Path(name), size)
            told = orjson.dumps(results[task.__name__]).decode()
            print(f"{task.__name__}: {told}", file=sys.stderr)
    assert results["build"]["digest"] == results["recover"]["digest"]
    report(results, RESULTS, kept=size is FULL)


def log(directory: Path, size: Size) -> Figures:
    """Engine.open on a log without a snapshot; the reference only reads and decodes it."""
    store = directory / "log"
    with closing(fresh(store, _events())) as engine:
        _run(_crowd(engine), engine, size.records, per_flush=BATCH_RECORDS)
    with Stopwatch() as reference:
        for _, payload in read_records(store / "wal"):
            decode(payload)
    with Stopwatch() as ours:
        engine = _opened(store)
    digest = engine.digest()
    engine.close()
    assert verify_store(store).digest == digest
    return {
        "records": size.records,
        "seconds": ours.seconds,
        "reference": "reading and decoding alone",
        "ratio": round(ours.seconds / reference.seconds, 2),
        "digest": digest,
    }


def build(directory: Path, size: Size) -> Figures:
    """The log of which the snapshot is made: bookings with a seat each."""
    with closing(fresh(directory / STORE, _events())) as engine:
        _run(_baskets(engine), engine, 2 * size.bookings, per_flush=BUILD_RECORDS)
        engine.seal_log()
        return {"bookings": size.bookings, "digest": engine.digest()}


def make(directory: Path, _: Size) -> Figures:
    """What `engine.snapshotter` does beside the server, here with the whole log before it."""
    with Stopwatch() as ours:
        make_snapshot(directory / STORE)
    return {"seconds": ours.seconds}


def write(directory: Path, _: Size) -> Figures:
    """A state that is in memory: dumped, written, synced, read again and checked."""
    snapshots = open_snapshots(directory / STORE)
    state, lsn = load_newest(snapshots)
    with Stopwatch() as ours:
        path = snapshots.save(lsn, dump(state))
    data = path.read_bytes()
    with Stopwatch() as reference:
        _write_plainly(directory / "plain", data)
    return {
        "mb": round(len(data) / 1e6, 1),
        "seconds": ours.seconds,
        "reference": "the same bytes in a plain file, and one fsync",
        "ratio": round(ours.seconds / reference.seconds, 2),
    }


def recover(directory: Path, _: Size) -> Figures:
    """Engine.open on a snapshot and an empty log after it."""
    snapshots = open_snapshots(directory / STORE)
    with Stopwatch() as reference, snapshots.open(snapshots.lsns()[0]) as newest:
        for chunk in newest.chunks():
            msgspec.msgpack.decode(chunk)
    with Stopwatch() as ours:
        engine = _opened(directory / STORE)
    with closing(engine):
        assert engine.snapshot_lsn == engine.appended_lsn
        return {
            "seconds": ours.seconds,
            "reference": "reading and decoding alone",
            "ratio": round(ours.seconds / reference.seconds, 2),
            "digest": engine.digest(),
        }


def wal(directory: Path, size: Size) -> Figures:
    """Batches of records, each on disk before the next; a `ratio` is how many times as fast as
    writing the same bytes to the end of a plain file and fdatasync.
    """
    Log.create(directory / "wal", store_id=bytes(range(16)))
    log = Log.open(directory / "wal")
    list(log.recover())
    plain = os.open(directory / "batches", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    figures: Figures = {"record_bytes": RECORD_BYTES}
    for records in BATCHES:
        batch = [bytes(RECORD_BYTES)] * records
        pairs = [
            (_appended_plainly(plain, batch, size.batches), _appended(log, batch, size.batches))
            for _ in range(size.rounds)
        ]
        figures[str(records)] = {
            "ours": _middle([ours for _, ours in pairs]),
            "plain": _middle([theirs for theirs, _ in pairs]),
            "ratio": round(median(ours["per_s"] / theirs["per_s"] for theirs, ours in pairs), 2),
        }
    os.close(plain)
    log.close()
    return figures


def _appended(log: Log, batch: list[bytes], batches: int) -> Figures:
    """As a group commit does it: the next segment is prepared when everybody has been told."""
    times = []
    began = time.perf_counter()
    for _ in range(batches):
        at = time.perf_counter()
        for record in batch:
            log.append(record)
        pending = log.take()
        assert pending
        log.write(pending)
        times.append(time.perf_counter() - at)
        log.prepare()
    return _rate(len(batch) * batches, began, times)


def _appended_plainly(file: int, batch: list[bytes], batches: int) -> Figures:
    times = []
    began = time.perf_counter()
    for _ in range(batches):
        at = time.perf_counter()
        os.write(file, b"".join(batch))
        os.fdatasync(file)
        times.append(time.perf_counter() - at)
    return _rate(len(batch) * batches, began, times)


def _rate(records: int, began: float, times: list[float]) -> Figures:
    return {"per_s": round(records / (time.perf_counter() - began)), **spread(times)}


def _middle(rounds: list[Figures]) -> Figures:
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def _opened(store: Path) -> Engine:
    """As the server does it: the collector never looks at what was recovered."""
    with collector_off():
        engine = Engine.open(store, _events())
        gc.freeze()
    return engine


def _write_plainly(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        os.fsync(file.fileno())


def _events() -> list[Event]:
    return [stadium(one) for one in range(1, EVENTS + 1)]


def _run(calls: Iterator[None], engine: Engine, records: int, *, per_flush: int) -> None:
    """Make so many records, durable batch by batch."""
    for made, _ in enumerate(islice(calls, records), start=1):
        if made % per_flush == 0:
            engine.flush()


def _crowd(engine: Engine) -> Iterator[None]:
    """Yield after each record: a booking and three seats, then the next buyer, without end."""
    for buyer in count():
        now_ms = NOW_MS + buyer
        user_id, event_id = buyer % 9_973 + 1, buyer % EVENTS + 1
        booking_id = engine.create_booking(user_id=user_id, event_id=event_id, now_ms=now_ms)
        yield
        for at in range(3):
            seat_id = _seat_id(event_id, buyer // EVENTS * 3 + at)
            if engine.holder(seat_id) is None:
                engine.select_seat(
                    user_id=user_id, booking_id=booking_id, seat_id=seat_id, now_ms=now_ms
                )
                yield


def _baskets(engine: Engine) -> Iterator[None]:
    """Yield after each record: a booking, its one seat, until all halls are full."""
    for buyer in range(EVENTS * SEATS):
        event_id = buyer % EVENTS + 1
        booking_id = engine.create_booking(user_id=buyer + 1, event_id=event_id, now_ms=NOW_MS)
        yield
        engine.select_seat(
            user_id=buyer + 1,
            booking_id=booking_id,
            seat_id=_seat_id(event_id, buyer // EVENTS),
            now_ms=NOW_MS,
        )
        yield


def _seat_id(event_id: int, at: int) -> int:
    row, number = divmod(at, SEATS_PER_ROW)
    return seat_id_of(event_id=event_id, row=row % ROWS + 1, number=number + 1)


if __name__ == "__main__":
    main(sys.argv[1:])
