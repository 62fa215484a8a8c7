"""How much slower are all other events while one concert is stormed?

`python -m bench.storm` has honest customers buy at fifty events at a fixed rate: alone, while wrk
storms one concert of the same server (book, look at the free seats, take one), and while it storms
another server on the same machine, which tells what of it is the machine's doing. So do the calls
at even times: those that no moment has touched in which the machine itself was slow
(`bench/slow_moments.py`). wrk and the server have the same priority. Every size of storm has a
fresh server. The second in which the first of the customers come, to a crowd that was alone, is
told by itself. It compares the ratios with those of `bench/results/storm.json` and writes it anew;
`--smoke` does a little of it and prints.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import NamedTuple

import orjson

from bench import shop, wrk
from bench.baseline import report
from bench.honest import Visit, Visited, booked, visited
from bench.http import WRK_MISSING, started
from bench.machine import cpu_seconds, described
from bench.serving import Server, served
from bench.shop import WALK, Shop
from bench.slow_moments import SlowMoments, watched
from bench.smoke import is_smoke
from bench.tasks import Figures, spread

RESULTS = Path(__file__).parent / "results" / "storm.json"
SPARE_SECONDS = 4  # a storm goes on until the last customer is answered
FIRST_SECONDS = 1  # a crowd that was alone is told from one that stands aside
CONNECTS_PER_SECOND = 1_000  # the customers are measured when all of the crowd are in


class Size(NamedTuple):
    """Honest calls a second, for how long they are measured, how many storm, and the shop."""

    calls_per_s: int
    seconds: int
    rounds: int
    connections: tuple[int, ...]
    shop: shop.Size


FULL = Size(200, 10, 3, (1_000, 5_000), shop.Size(users=12_700, with_20=1, with_900=1))
SMOKE = Size(60, 1, 1, (50,), shop.Size(users=20, with_20=1, with_900=1))


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.storm", __doc__, arguments) else FULL
    results: Figures = {
        "command": " ".join(["python -m bench.storm", *arguments]),
        "machine": described(),
        "calls_per_s": size.calls_per_s,
        "seconds": size.seconds,
        "rounds": size.rounds,
        "reference": "p99 of the same honest calls just before, without the storm",
    }
    if wrk.is_installed():
        results["storms"] = measured(size)
    else:
        results["missing"] = WRK_MISSING
        print(WRK_MISSING, file=sys.stderr)
    report(results, RESULTS, kept=wrk.is_installed() and size is FULL)


def measured(size: Size) -> Figures:
    figures: Figures = {}
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(
                TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR"))
            )
        )
        customers = stack.enter_context(get_context("spawn").Pool(1))
        stormed = Shop(directory, size.shop)
        wrk.write_requests(directory / "concert", stormed.buy())
        wrk.write_requests(directory / "hello", shop.hello())
        hello = stack.enter_context(served(["bench.hello"], directory / "hello.log", "/"))
        for connections in size.connections:
            with started(stormed, directory) as server:
                siege = Siege(server, hello, directory, customers, size)
                figures[str(connections)] = siege.measured(connections)
            print(connections, orjson.dumps(figures[str(connections)]).decode(), file=sys.stderr)
    return figures


class Siege:
    """One server, its honest customers, and who storms."""

    def __init__(
        self, server: Server, hello: Server, directory: Path, customers: Pool, size: Size
    ) -> None:
        self._server = server
        self._hello = hello
        self._directory = directory
        self._customers = customers
        self._size = size
        self._bookings: list[int] = booked(server.url)
        self._visits = 0
        self._sent = 0

    def measured(self, connections: int) -> Figures:
        """The round whose ratio is in the middle; all its figures are of the same seconds."""
        figures: Figures = {"load": round(os.getloadavg()[0], 1)}
        self._visit(1)  # logins are remembered, halls are made
        rounds = sorted(
            (self._round(connections) for _ in range(self._size.rounds)),
            key=lambda one: float(one["ratio"]),
        )
        middle = rounds[len(rounds) // 2]
        return {
            **figures,
            **middle,
            "ratios": [one["ratio"] for one in rounds],
            "ratios_at_even_times": [one["ratio_at_even_times"] for one in rounds],
        }

    def _round(self, connections: int) -> Figures:
        with watched() as watch:
            alone = self._visit(self._size.seconds)
            beside, of_storm = self._beside(self._server, "concert", connections)
            machine, of_hello = self._beside(self._hello, "hello", connections)
        slow = watch.moments
        figures: Figures = {
            "machine_slow_share": round(slow.share, 3),
            "alone": _told(alone, slow),
            "beside_the_storm": _told(beside, slow) | of_storm,
            "beside_a_storm_elsewhere": _told(machine, slow) | of_hello,
        }
        return _ratios(figures) | figures

    def _beside(self, target: Server, requests: str, connections: int) -> tuple[Visited, Figures]:
        coming = 1 + connections // CONNECTS_PER_SECOND
        with ThreadPoolExecutor(1) as crowd:
            storm = crowd.submit(self._storm, target, requests, connections, coming)
            sleep(coming)
            first = self._visit(FIRST_SECONDS)
            before = cpu_seconds(self._server.worker)
            visit = self._visit(self._size.seconds)
            used = (cpu_seconds(self._server.worker) - before) / self._size.seconds
            assert not storm.done(), "the storm was over before the visit"
            told = storm.result()
        if requests == "concert":
            self._sent = told.next
            assert self._sent < shop.SEATS, "the hall is too small for this"
        return visit, {
            "first_second": spread(first.seconds),
            "server_cores": round(used, 2),
            "storm": {
                "per_s": round(told.rate),
                "statuses": told.statuses,
                "errors": {name: count for name, count in told.errors.items() if count},
                "p50_ms": told.p50_ms,
                "p99_ms": told.p99_ms,
                "max_ms": told.max_ms,
            },
        }

    def _storm(self, target: Server, requests: str, connections: int, coming: int) -> wrk.Told:
        is_concert = requests == "concert"
        return wrk.run(
            target.url,
            self._directory / requests,
            connections=connections,
            seconds=coming + FIRST_SECONDS + self._size.seconds + SPARE_SECONDS,
            first=self._sent if is_concert else 0,
            walk=WALK if is_concert else None,
            statuses=True,
        )

    def _visit(self, seconds: int) -> Visited:
        self._visits += 1
        rate, nth = self._size.calls_per_s, self._visits
        visit = Visit(self._server.url, rate, seconds, nth, self._bookings)
        made: Visited = self._customers.apply(visited, (visit,))
        return made


def _told(made: Visited, slow: SlowMoments) -> Figures:
    """Of all calls, and of those that no slow moment of the machine has touched."""
    calls = zip(made.dues, made.seconds, strict=True)
    even = [seconds for due, seconds in calls if not slow.touch(due, due + seconds)]
    share = round(len(even) / len(made.dues), 3)
    return made.figures | {"at_even_times": {"share": share, **(spread(even) if even else {})}}


def _ratios(figures: Figures) -> Figures:
    """How many times as long as alone the slowest in a hundred take; None: no time was even."""
    ratios: Figures = {}
    for calls, suffix in (("calls", ""), ("at_even_times", "_at_even_times")):
        alone_ms, beside_ms, machine_ms = (
            figures[visit][calls].get("p99_ms")
            for visit in ("alone", "beside_the_storm", "beside_a_storm_elsewhere")
        )
        for name, ms in (("ratio", beside_ms), ("machine_ratio", machine_ms)):
            ratios[name + suffix] = round(ms / alone_ms, 2) if ms and alone_ms else None
    return ratios


if __name__ == "__main__":
    main(sys.argv[1:])
