"""How much of the server's own speed is left when it sells?

`python -m bench.http` storms the real server with wrk, and by turns a hello-world on the same
Granian with the same options: the ceiling, in the same seconds of the same machine. Every scenario
has a fresh server. It compares the ratios with those of `bench/results/http.json` and writes it
anew; `--only NAME` measures one scenario and `--smoke` a little of one, and both only print. wrk
shares the machine with the server, so what it finds is a lower bound.
"""

import argparse
import os
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson

from bench import shop, wrk
from bench.baseline import report
from bench.hello import SHARE_CORE
from bench.machine import busy_seconds, cpu_seconds, described
from bench.serving import Server, served, serving
from bench.shop import HOLD_SECONDS, WALK, Shop
from bench.tasks import Figures

RESULTS = Path(__file__).parent / "results" / "http.json"
CEILING_CONNECTIONS = 256
RUNS_MAX = 5
CONNECTS_PER_SECOND = 2_000  # a run is longer by what a large crowd needs to come in
WRK_MISSING = "wrk is not installed: nothing was measured"


class Size(NamedTuple):
    """Short rounds and many: whatever else the machine does hits both sides of a ratio."""

    rounds: int
    seconds: int
    connections_max: int
    shop: shop.Size


class Scenario(NamedTuple):
    """What is asked, by how many at once."""

    requests: Callable[[Shop], list[bytes]]
    connections: tuple[int, ...] = (256,)
    walk: wrk.Walk | None = None


FULL = Size(7, 2, 10_000, shop.Size(users=12_700, with_20=100, with_900=4))
SMOKE = Size(1, 1, 8, shop.Size(users=20, with_20=2, with_900=1))
SCENARIOS = {
    "book": Scenario(Shop.book, (64, 256, 1_000, 10_000)),
    "select": Scenario(Shop.select, (256, 1_000), WALK),
    "search": Scenario(Shop.search),
    "seats": Scenario(Shop.seats),
    "my_20": Scenario(Shop.my_20),
    "my_900": Scenario(Shop.my_900),
    "healthz": Scenario(Shop.healthz),
}
# Each takes a server of its own; what is left out differs from this one by less than this one has.
SMOKE_SCENARIOS = ("select",)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.http", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a little of one")
    parser.add_argument("--only", choices=SCENARIOS, help="one scenario")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    chosen = parser.parse_args(arguments)
    size = SMOKE if chosen.smoke else FULL
    size = size._replace(rounds=chosen.rounds or size.rounds)
    names = SMOKE_SCENARIOS if chosen.smoke else tuple(SCENARIOS)
    results: Figures = {
        "command": " ".join(["python -m bench.http", *arguments]),
        "machine": described(),
        "rounds": size.rounds,
        "seconds": size.seconds,
        "reference": "hello-world on the same server, by turns",
    }
    if wrk.is_installed():
        results["scenarios"] = measured(size, (chosen.only,) if chosen.only else names)
        if not chosen.only:
            results["ceilings"] = ceilings(size)
    else:
        results["missing"] = WRK_MISSING
        print(WRK_MISSING, file=sys.stderr)
    report(results, RESULTS, kept=wrk.is_installed() and not arguments)


def measured(size: Size, names: tuple[str, ...]) -> Figures:
    """Every scenario at each of its numbers of connections."""
    figures: Figures = {}
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        stormed = Shop(directory, size.shop)
        wrk.write_requests(directory / "hello", shop.hello())
        with served(["bench.hello"], directory / "hello.log", "/") as ceiling:
            hello = Storm(ceiling, directory / "hello")
            for name in names:
                wrk.write_requests(directory / name, SCENARIOS[name].requests(stormed))
                figures[name] = {}
                for connections in fitting(SCENARIOS[name].connections, size):
                    with started(stormed, directory) as server:
                        ours = Storm(server, directory / name, SCENARIOS[name].walk)
                        found = by_turns(ours, hello, connections, size)
                    figures[name][str(connections)] = found
                    shown = orjson.dumps(found).decode()
                    print(f"{name}, {connections} connections: {shown}", file=sys.stderr)
    return figures


def ceilings(size: Size) -> Figures:
    """What the ceiling itself gains where its threads share a core as the server's do."""
    with (
        TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name,
        ExitStack() as stack,
    ):
        requests = Path(name) / "hello"
        wrk.write_requests(requests, shop.hello())
        plain, sharing = (
            Storm(stack.enter_context(served(module, Path(name) / "log", "/")), requests)
            for module in (["bench.hello"], ["bench.hello", SHARE_CORE])
        )
        connections = min(CEILING_CONNECTIONS, size.connections_max)
        return {"sharing a core": by_turns(sharing, plain, connections, size)}


def fitting(connections: tuple[int, ...], size: Size) -> list[int]:
    return list(dict.fromkeys(min(one, size.connections_max) for one in connections))


class Turn(NamedTuple):
    """One run, what the server used of the cores for it, and what share of them others had."""

    told: wrk.Told
    cpu_us: float
    others: float


class Storm:
    """Runs of wrk against one server, each going on where the one before has stopped."""

    def __init__(self, server: Server, requests: Path, walk: wrk.Walk | None = None) -> None:
        self._server = server
        self._run = partial(wrk.run, server.url, requests, walk=walk)
        self._last = shop.SEATS if walk else inf
        self._next = 0

    def turn(self, connections: int, *, seconds: int, statuses: bool = False) -> Turn:
        """One run; again, and told so, where a busy machine has answered nobody, or next to it."""
        for _ in range(RUNS_MAX):
            run = self._run_once(connections, seconds=seconds, statuses=statuses)
            if run.cpu_us:
                return run
            print(f"too few were answered in {seconds} s to count; once more", file=sys.stderr)
        raise TimeoutError(f"{RUNS_MAX} runs of {seconds} s, and too few were answered to count")

    def _run_once(self, connections: int, *, seconds: int, statuses: bool) -> Turn:
        before, busy, began = self._cpu_seconds(), busy_seconds(), time.perf_counter()
        told = self._run(
            connections=connections, seconds=seconds, first=self._next, statuses=statuses
        )
        server, wrk_itself = (
            now - then for now, then in zip(self._cpu_seconds(), before, strict=True)
        )
        others = busy_seconds() - busy - server - wrk_itself
        cores = (time.perf_counter() - began) * (os.cpu_count() or 1)
        self._next = told.next
        assert self._next < self._last, "the hall is too small for this"
        return Turn(told, server / max(told.requests, 1) * 1e6, max(others, 0) / cores)

    def _cpu_seconds(self) -> tuple[float, float]:
        """Of the server and of wrk; the latter is counted when it has ended."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cpu_seconds(self._server.worker), children.ru_utime + children.ru_stime


def by_turns(ours: Storm, hello: Storm, connections: int, size: Size) -> Figures:
    """Medians over the rounds; a ratio is that of each round, so that no drift is in it.

    The first run isn't counted: users log in, searches are remembered, and statuses are told.
    """
    load = os.getloadavg()[0]
    seconds = size.seconds + connections // CONNECTS_PER_SECOND
    warm_up = ours.turn(connections, seconds=seconds, statuses=True).told
    pairs = [
        (hello.turn(connections, seconds=seconds), ours.turn(connections, seconds=seconds))
        for _ in range(size.rounds)
    ]
    ratios = [mine.told.rate / ceiling.told.rate for ceiling, mine in pairs]
    return {
        "load": round(load, 1),
        "ratio": round(median(ratios), 3),
        "ratios": [round(min(ratios), 3), round(max(ratios), 3)],
        "cpu_ratio": round(median(ceiling.cpu_us / mine.cpu_us for ceiling, mine in pairs), 3),
        "ours": _medians([mine for _, mine in pairs]),
        "hello": _medians([ceiling for ceiling, _ in pairs]),
        "warm_up_statuses": warm_up.statuses,
    }


def _medians(turns: list[Turn]) -> Figures:
    """Rates and latencies of the middle; whatever failed, of all."""
    told = [one.told for one in turns]
    return {
        "per_s": round(median(one.rate for one in told)),
        "p50_ms": round(median(one.p50_ms for one in told), 2),
        "p99_ms": round(median(one.p99_ms for one in told), 2),
        "p999_ms": round(median(one.p999_ms for one in told), 2),
        "max_ms": round(max(one.max_ms for one in told), 2),
        "refused": sum(one.refused for one in told),
        "errors": dict(sum((Counter(one.errors) for one in told), Counter())),
        "cpu_us": round(median(one.cpu_us for one in turns), 1),
        "others": round(median(one.others for one in turns), 2),
    }


@contextmanager
def started(stormed: Shop, directory: Path) -> Iterator[Server]:
    """A server with a fresh copy of the shop's directory."""
    data = directory / "served"
    shutil.copytree(stormed.data, data)
    shop = serving(data, "--hold-seconds", str(HOLD_SECONDS))
    try:
        with served(shop, directory / "serve.log", "/readyz") as server:
            yield server
    finally:
        shutil.rmtree(data)


if __name__ == "__main__":
    main(sys.argv[1:])
