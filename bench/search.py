"""Is a word found among six million past events before anybody notices that it was looked for?

`python -m bench.search` makes and imports 6,000,000 archived events (`--smoke`: 3,000), serves
them, and asks queries drawn from their own texts, each once, so that no answer is remembered. Fewer
are asked with the disk cold. The alternative a user would pick, SQLite FTS5, gets 1,000,000 of the
same events and fewer of the same queries, because all would take an hour. Each task runs in a
process of its own. It compares the ratios with those of `bench/results/search.json` and writes it
anew; `--smoke` only prints.
"""

import asyncio
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch
from urllib.parse import quote

import orjson

from api.demo import initialise
from api.events import SEARCH_THREADS
from bench.baseline import report
from bench.crowd import requests_per_second
from bench.machine import described, resident_parts
from bench.queries import WORD, query_of
from bench.serving import served, serving
from bench.smoke import is_smoke
from bench.tasks import Figures, Stopwatch, in_child, spread
from catalog import Catalog, demo
from catalog.event_file import EventFile, EventRow
from catalog.mapped import MappedFiles
from torture.servers.ports import free_port

TODAY = date(2027, 1, 10)
SEED = 7
PAGE = 20
SEARCHES_AT_ONCE = 8
ID_STEP = 3_999_971  # a prime: multiples of it, modulo the number of events, are all different
REQUESTS = 100_000
TICK_SECONDS = 0.001
RESULTS = Path(__file__).parent / "results" / "search.json"
_ID = re.compile(rb'(?<="id": )\d+')
_KINDS = (("without_date", False), ("with_date", True))


class Size(NamedTuple):
    """How much is made, asked of ours, also with a cold disk, given to the alternative, asked of
    it, and asked by HTTP."""

    archive: int
    queries: int
    cold_queries: int
    fts5_events: int
    fts5_queries: int
    requests: int


FULL = Size(6_000_000, 2_000, 200, 1_000_000, 200, REQUESTS)
SMOKE = Size(3_000, 50, 5, 1_000, 20, 200)


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.search", __doc__, arguments) else FULL
    results: Figures = {
        "command": " ".join(["python -m bench.search", *arguments]),
        "machine": described(),
        "seed": SEED,
        **size._asdict(),
        "reference": "a ratio is how many times as long SQLite FTS5 takes, with a sixth of the"
        " events: to import one, and for a query in the middle of all",
    }
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        for task in TASKS:
            results[task.__name__] = in_child(task, Path(name), size)
            print(task.__name__, orjson.dumps(results[task.__name__]).decode(), file=sys.stderr)
    results["beside_fts5"] = beside(results)
    report(results, RESULTS, kept=size is FULL)


def beside(results: Figures) -> Figures:
    """How many times as long FTS5 took for an event that it imported, and for a query: p50."""
    ours, theirs = results["build"], results["fts5"]
    an_event = ours["seconds"] / ours["events"]
    figures: Figures = {
        "import": {"ratio": round(theirs["seconds"] / theirs["events"] / an_event, 2)}
    }
    for name, _ in _KINDS:
        p50_ms = results["latency"][name]["p50_ms"]
        figures[name] = {"ratio": round(theirs[name]["p50_ms"] / p50_ms, 2)}
    return figures


def generate(directory: Path, size: Size) -> Figures:
    """The files: the demo's own generator, with a seed that is not the demo's."""
    with Stopwatch() as ours:
        files = demo.write(
            directory / "files", today=TODAY, users=100, archive=size.archive, seed=SEED
        )
    titles, words = set(), set()
    for row, _ in EventFile(files.archive):
        titles.add(hash(row.title))
        words.update(WORD.findall(row.title.lower()))
    return {
        "seconds": ours.seconds,
        "archive_mb": round(files.archive.stat().st_size / 1e6),
        "distinct_titles": len(titles),
        "distinct_words_in_titles": len(words),
    }


def build(directory: Path, size: Size) -> Figures:
    """`billetter init` with and without the archive; the latter is served for comparison."""
    files = demo.Files(*(directory / "files" / name for name in _FILES))
    with Stopwatch() as ours:
        initialise(directory / "data", files)
    initialise(directory / "without", files, archive=False)
    found = [path for path in (directory / "data" / "catalog").rglob("*") if path.is_file()]
    return {
        "seconds": ours.seconds,
        "disk_mb": round(sum(path.stat().st_size for path in found) / 1e6),
        "events": size.archive + demo.EVENTS,
    }


def build_shuffled(directory: Path, size: Size) -> Figures:
    """The same with an archive whose ids don't rise."""
    files = demo.Files(*(directory / "files" / name for name in _FILES))
    shuffled = directory / "files" / "shuffled.json"
    with files.archive.open("rb") as given, shuffled.open("wb") as file:
        file.writelines(_ID.sub(partial(_moved, size.archive), line) for line in given)
    with Stopwatch() as ours:
        initialise(directory / "shuffled", files._replace(archive=shuffled))
    shuffled.unlink()
    return {"seconds": ours.seconds}


def _moved(archive: int, found: re.Match[bytes]) -> bytes:
    at = int(found[0]) - demo.ARCHIVE_FIRST_ID
    return b"%d" % (demo.ARCHIVE_FIRST_ID + at * ID_STEP % archive)


def latency(directory: Path, size: Size) -> Figures:
    """Each query once, with pages of the index as the import left them in the page cache."""
    catalog = Catalog.open(directory / "data" / "catalog")
    figures: Figures = {"queries": size.queries}
    for name, days in _KINDS:
        asked = _queries(directory, size.queries, days=days)
        times = [_timed(partial(catalog.search, *one, page=1, page_size=PAGE)) for one in asked]
        figures[name] = spread(times)
    last = (size.archive + demo.EVENTS) // PAGE
    for name, page in (("first_page_ms", 1), ("last_page_ms", last)):
        look = partial(catalog.search, None, None, page=page, page_size=PAGE)
        figures[name] = round(min(_timed(look) for _ in range(20)) * 1e3, 2)
    for query in ("азарт", "концерты", "Что? Где? Когда?", 'Экспозиция "Звездные войны"'):
        figures[query] = catalog.search(query, None, page=1, page_size=3)
    return figures


def cold(directory: Path, size: Size) -> Figures:
    """The first query of a process, with no page of the catalog in memory before it opens it."""
    figures: Figures = {"queries": size.cold_queries, "read_ahead_kb": _read_ahead_kb(directory)}
    for name, days in _KINDS:
        opening, searching, read = [], [], []
        for one in _queries(directory, size.queries, days=days)[: size.cold_queries]:
            _drop_pages(directory / "data" / "catalog")
            began = time.perf_counter()
            catalog = Catalog.open(directory / "data" / "catalog")
            opening.append(time.perf_counter() - began)
            before = _read_bytes()
            searching.append(_timed(partial(catalog.search, *one, page=1, page_size=PAGE)))
            read.append(_read_bytes() - before)  # 0 where the file system ignores the advice
            catalog.close()
            del catalog  # pages that are mapped aren't dropped
        figures[name] = {**spread(searching), "read_mb_p50": round(median(read) / 1e6, 1)}
        figures[f"{name}_open"] = spread(opening)
    return figures


def all_mapped(directory: Path, size: Size) -> Figures:
    """The same searches, but no page is given back: what that costs, and what it is good for."""
    catalog = Catalog.open(directory / "data" / "catalog")
    fresh = resident_parts(os.getpid())["mapped"]
    figures: Figures = {}
    with patch.object(MappedFiles, "keep_few"):
        for name, days in _KINDS:
            asked = _queries(directory, size.queries, days=days)
            times = [_timed(partial(catalog.search, *one, page=1, page_size=PAGE)) for one in asked]
            mapped = resident_parts(os.getpid())["mapped"] - fresh
            figures[name] = {**spread(times), "mapped_mb": round(mapped / 2**20)}
    return figures


def stall(directory: Path, size: Size) -> Figures:
    """The longest time a loop that wants to run every millisecond doesn't, while others search."""
    catalog = Catalog.open(directory / "data" / "catalog")
    asked = iter(_queries(directory, size.queries, days=False))

    async def search(pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        for one in asked:
            look = partial(catalog.search, *one, page=1, page_size=PAGE)
            await loop.run_in_executor(pool, look)

    async def gaps(*, searching: bool) -> list[float]:
        with ThreadPoolExecutor(SEARCH_THREADS) as pool:
            count = SEARCHES_AT_ONCE if searching else 0
            tasks = [asyncio.create_task(search(pool)) for _ in range(count)]
            found = []
            ends = time.perf_counter() + 1
            while not all(task.done() for task in tasks) or time.perf_counter() < ends:
                began = time.perf_counter()
                await asyncio.sleep(TICK_SECONDS)
                found.append(time.perf_counter() - began - TICK_SECONDS)
            return found

    return {
        "searches_at_once": SEARCHES_AT_ONCE,
        "searching": spread(asyncio.run(gaps(searching=True))),
        "idle": spread(asyncio.run(gaps(searching=False))),
    }


def serve(directory: Path, size: Size) -> Figures:
    """The worker's memory with and without the archive, and what it answers from memory."""
    figures: Figures = {}
    port = free_port()
    log = directory / "serve.log"
    with served(serving(directory / "without"), log, "/readyz", port=port) as server:
        without = resident_parts(server.worker)
    with served(serving(directory / "data"), log, "/readyz", port=port) as server:
        worker = server.worker
        fresh = resident_parts(worker)
        targets = _targets(directory, size, days=False)
        requests_per_second(port, targets, requests=len(targets))
        used = resident_parts(worker)
        dated = _targets(directory, size, days=True)
        requests_per_second(port, dated, requests=len(dated))
        more = resident_parts(worker)
        figures["cached_requests_per_second"] = requests_per_second(
            port, targets[:100], requests=size.requests
        )
    names = ("without_archive", "fresh", "after_queries", "after_dated_queries")
    for name, parts in zip(names, (without, fresh, used, more), strict=True):
        figures[f"{name}_mb"] = {part: round(held / 2**20) for part, held in parts.items()}
    return figures


def fts5(directory: Path, size: Size) -> Figures:
    """The same events in SQLite: no stemmer, so it finds less; AND of words, bm25, first page."""
    connection = sqlite3.connect(directory / "fts5.sqlite")
    connection.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, day TEXT, title, description)")
    connection.execute("CREATE INDEX by_day ON event (day)")
    connection.execute(
        "CREATE VIRTUAL TABLE words USING fts5 (title, description, content='event',"
        " content_rowid='id', tokenize='unicode61 remove_diacritics 0')"
    )
    with Stopwatch() as ours:
        rows = islice(_events(directory), size.fts5_events)
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?)", map(_columns, rows))
        connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
        connection.commit()
    connection.execute("ANALYZE")
    figures: Figures = {
        "events": size.fts5_events,
        "seconds": ours.seconds,
        "disk_mb": round((directory / "fts5.sqlite").stat().st_size / 1e6),
        "queries": size.fts5_queries,
    }
    for name, days in _KINDS:
        asked = _queries(directory, size.fts5_queries, days=days)
        times = [_timed(partial(_fts5_page, connection, *one)) for one in asked]
        figures[name] = spread(times)
    return figures


TASKS = (generate, build, build_shuffled, latency, all_mapped, cold, stall, serve, fts5)


def _fts5_page(connection: sqlite3.Connection, query: str, day: date | None) -> list[object]:
    words = " AND ".join(f'"{word}"' for word in WORD.findall(query))
    on_day = "" if day is None else " AND event.day = :day"
    statement = (
        "SELECT event.id, event.title FROM words JOIN event ON event.id = words.rowid"
        f" WHERE words MATCH :words{on_day} ORDER BY bm25(words, 10.0, 1.0), event.id LIMIT {PAGE}"
    )
    return connection.execute(statement, {"words": words, "day": str(day)}).fetchall()


_FILES = ("users.csv", "events.json", "events_archive.json", "halls.json")


def _events(directory: Path) -> Iterator[EventRow]:
    for name in _FILES[1:3]:
        for row, _ in EventFile(directory / "files" / name):
            yield row


def _columns(row: EventRow) -> tuple[int, str, str, str]:
    return row.id, row.datetime_start[:10], row.title, row.description


def _queries(directory: Path, count: int, *, days: bool) -> list[tuple[str, date | None]]:
    """Distinct queries, the same at every call: one to four words that stand together in a title
    (half of them), scattered over it, of a description, of both; one in ten in quotes."""
    random = Random(SEED)
    rows = list(islice(_events(directory), 0, 40 * count, 20))
    asked: dict[str, date | None] = {}
    while len(asked) < count:
        row = random.choice(rows)
        day = TODAY - timedelta(days=random.randrange(1, demo.ARCHIVE_DAYS))
        asked.setdefault(query_of(random, row), day if days else None)
    return list(asked.items())


def _targets(directory: Path, size: Size, *, days: bool) -> list[str]:
    return [
        f"/api/events?query={quote(query)}" + ("" if day is None else f"&date={day}")
        for query, day in _queries(directory, size.queries, days=days)
    ]


def _drop_pages(directory: Path) -> None:
    """From the system's page cache; what another process has mapped stays."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fdatasync(file.fileno())  # only clean pages are dropped
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_bytes() -> int:
    """What this process has read from the disk so far, and not from the page cache."""
    counted = Path("/proc/self/io").read_text(encoding="ascii")
    return int(counted.partition("\nread_bytes: ")[2].split()[0])


def _read_ahead_kb(directory: Path) -> int:
    """How much the system reads where a byte is missing: it decides what a cold search costs."""
    device = directory.stat().st_dev
    path = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/bdi/read_ahead_kb")
    return int(path.read_text(encoding="ascii")) if path.exists() else 0


def _timed(look: partial[list[object]] | partial[list[tuple[int, str]]]) -> float:
    began = time.perf_counter()
    look()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1:])
