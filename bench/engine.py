"""How fast does the engine sell as a library, beside the stores that a user would pick instead?

`python -m bench.engine` makes the same calls on the engine, on SQLite and, where it is installed,
on PostgreSQL, by turns, with the disk and without it; then it asks whether a full hall or a million
bookings make a call slower. It compares the ratios with those of `bench/results/engine.json` and
writes it anew; `--smoke` does a little of everything and only prints.
"""

import gc
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench import fullness, postgres
from bench.baseline import report
from bench.machine import described
from bench.selling import Pace, Store, concert, sold
from bench.smoke import is_smoke
from bench.sqlite import SqliteStore
from bench.stadium import fresh
from bench.tasks import Figures, in_child
from engine import Engine

RESULTS = Path(__file__).parent / "results" / "engine.json"
PER_FLUSH = (256, 1)
CONNECTS_PER_SECOND = 32  # a run of pgbench is longer by what its clients need to come in
# Figures of one kind of call, by calls to a flush, by kind, by store.
Turn = dict[tuple[int, str, str], Figures]


class Size(NamedTuple):
    """`seconds` for each kind of call on each store.

    PostgreSQL has so many clients where 256 calls share a flush: they share it as they come.
    """

    rounds: int
    seconds: float
    clients: int
    full: fullness.Size


FULL = Size(5, 1, 64, fullness.Size(calls=20_000, seconds=2, bookings=1_000_000))
SMOKE = Size(1, 0.05, 4, fullness.Size(calls=200, seconds=0.05, bookings=10_000))


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.engine", __doc__, arguments) else FULL
    results: Figures = {
        "command": " ".join(["python -m bench.engine", *arguments]),
        "machine": described(),
        "load": round(os.getloadavg()[0], 1),
        "rounds": size.rounds,
        "seconds": size.seconds,
        "reference": "a ratio is how many times as fast as that store ours is, in the same round",
    }
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        with ExitStack() as stack:
            results["postgresql"], rival = _postgres(stack, size)
            turns = [turn(directory, size, rival) for _ in range(size.rounds)]
        results["sale"] = compared_stores(turns)
        for task in (fullness.fill, fullness.flat):
            results[task.__name__] = in_child(task, directory, size.full)
    report(results, RESULTS, kept=size is FULL)


def engine_on_disk(directory: Path) -> Store:
    return fresh(directory / "engine", [concert()])


def engine_without_disk(_: Path) -> Store:
    return Engine([concert()])


def sqlite(directory: Path, *, synchronous: str) -> Store:
    return SqliteStore(directory / "sqlite", concert(), synchronous=synchronous)


STORES: dict[str, Callable[[Path], Store]] = {
    "ours": engine_on_disk,
    "ours_without_disk": engine_without_disk,
    "sqlite_full": partial(sqlite, synchronous="FULL"),
    "sqlite_normal": partial(sqlite, synchronous="NORMAL"),
}


def turn(directory: Path, size: Size, rival: postgres.Postgres | None) -> Turn:
    """Every store once."""
    found: Turn = {}
    for per_flush in PER_FLUSH:
        told = in_child(every_store, directory, Pace(per_flush, size.seconds))
        if rival is not None:
            clients = size.clients if per_flush > 1 else 1
            seconds = size.seconds + clients // CONNECTS_PER_SECOND
            told["postgresql"] = rival.sold(clients, seconds=seconds)
        del told["peak_mb"]
        for store, figures in told.items():
            found |= {(per_flush, kind, store): one for kind, one in figures.items()}
    for (per_flush, kind, store), one in found.items():
        print(f"{per_flush} a flush, {kind}, {store}: {one['per_s']}/s", file=sys.stderr)
    return found


def every_store(directory: Path, pace: Pace) -> Figures:
    """The same calls on each, one after the other, each fresh."""
    found: Figures = {}
    for name, opened in STORES.items():
        with TemporaryDirectory(dir=directory) as place, closing(opened(Path(place))) as store:
            found[name] = sold(store, pace)
        gc.collect()  # nobody inherits what another has left behind
    return found


def compared_stores(turns: list[Turn]) -> Figures:
    """The middle of all rounds, and ours beside it; a ratio is taken within a round."""
    figures: Figures = {}
    for per_flush, kind, store in turns[0]:
        theirs = [one[per_flush, kind, store] for one in turns]
        ours = [one[per_flush, kind, "ours"] for one in turns]
        middle: Figures = {name: median(one[name] for one in theirs) for name in theirs[0]}
        if store != "ours":
            pairs = zip(ours, theirs, strict=True)
            middle["ratio"] = round(median(a["per_s"] / b["per_s"] for a, b in pairs), 3)
        figures.setdefault(str(per_flush), {}).setdefault(kind, {})[store] = middle
    return figures


def _postgres(stack: ExitStack, size: Size) -> tuple[str, postgres.Postgres | None]:
    """What is said of it, and a running one where it is installed."""
    programs = postgres.programs()
    if programs is None:
        print(postgres.MISSING, file=sys.stderr)
        return postgres.MISSING, None
    running = stack.enter_context(postgres.cluster(programs))
    return f"{running.version()}, pgbench with {size.clients} clients and with 1", running


if __name__ == "__main__":
    main(sys.argv[1:])
