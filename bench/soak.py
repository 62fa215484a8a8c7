"""A day at the shop: does its loop ever stall, does its memory grow, is anything told forgotten?

`python -m bench.soak` sells for ten minutes at a constant rate, with everything going on that could
stall the loop: searches of a large past, payments and refunds by the emulated services, holds that
run out, a snapshot a minute, the collector. With `--minutes 60 --kill-every 10` the server dies by
`kill -9` every ten minutes and is started again on the same directory. Both are written to
`bench/results/soak.json`, each beside the other, unless they are shorter or slower than by default;
`--smoke` does some seconds with a kill and prints. All share the same cores. The worst stall is
told once more without the moments in which the machine itself was slow (`bench/slow_moments.py`).
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson

from api import store
from api.collector import INTERVAL_SECONDS
from api.demo import initialise
from bench.baseline import report
from bench.customers import HUNDRED, Life, Lived, Stall, lived
from bench.machine import described
from bench.reckoning import Shop, reckoned
from bench.serving import Server as Emulator
from bench.serving import serving
from bench.shop import FAR_FROM_NOW, PRICE_MINOR
from bench.slow_moments import SlowMoments, watched
from bench.tasks import Figures
from bench.told import FAULTS, Basket
from bench.town import PARTNER, emulating, selling
from catalog import demo
from torture.servers.child import Server, started, wait_until_ready, worker_of
from torture.servers.clients import active_users
from torture.servers.ports import free_port

RESULTS = Path(__file__).parent / "results" / "soak.json"
TARGET_STALL_MS = 25
CONCERT = 2
EVENTS = 52
# Of a hundred customers: those of the partner's event, of the concert, of each of the others.
WEIGHTS = {PARTNER: 10, CONCERT: 40, **dict.fromkeys(range(3, EVENTS + 1), 1)}
ROWS = 100
SEATS_PER_ROW = {"partner": 200, "large": 1_000}
RECORDS_PER_CALL = 0.6  # measured; it decides only how often a snapshot is made


class Size(NamedTuple):
    """How long a minute of the report is, what comes before the sale, holds, how often a snapshot
    is made, users in the file (four in five are active), and past events."""

    minute_seconds: int
    idle_seconds: int
    reference_seconds: int
    hold_seconds: int
    snapshot_seconds: int
    users: int
    archive: int


class Plan(NamedTuple):
    """Calls a second, seconds in all, and seconds of a life that a kill ends (0: none)."""

    rate: int
    seconds: float
    kill_every: float


FULL = Size(60, 20, 10, 120, 60, 2_000, 1_000_000)
SMOKE = Size(2, 1, 1, 3, 2, 50, 500)
DEFAULT = Plan(rate=300, seconds=600, kill_every=0)
SMOKE_PLAN = Plan(rate=60, seconds=12, kill_every=6)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="some seconds with a kill")
    parser.add_argument("--minutes", type=float, default=DEFAULT.seconds / 60)
    parser.add_argument("--kill-every", type=float, default=0, help="minutes; 0: never")
    parser.add_argument("--rate", type=int, default=DEFAULT.rate, help="calls a second")
    chosen = parser.parse_args(arguments)
    plan = Plan(chosen.rate, chosen.minutes * 60, chosen.kill_every * 60)
    size, plan = (SMOKE, SMOKE_PLAN) if chosen.smoke else (FULL, plan)
    results: Figures = {
        "command": " ".join(["python -m bench.soak", *arguments]),
        "machine": described(),
        "load": round(os.getloadavg()[0], 1),
        **plan._asdict(),
        **size._asdict(),
        "mix": HUNDRED,
        "collector_every_seconds": INTERVAL_SECONDS,
        "reference": "as many /healthz a second by the same client on the same server, before",
        **soaked(size, plan),
    }
    kept = not chosen.smoke and plan.seconds >= DEFAULT.seconds and plan.rate >= DEFAULT.rate
    report(results, RESULTS, kept=kept, entry="soak" if plan.kill_every else "sale")
    return 0 if results["violations"] == 0 else 1


def soaked(size: Size, plan: Plan) -> Figures:
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(
                TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR"))
            )
        )
        files = _files(directory, size)
        initialise(directory / "data", files)
        rows = {"ROWS": ROWS, "SEATS_PER_ROW": SEATS_PER_ROW["partner"]}
        environment = {f"BILLETTER_EMULATOR_{name}": str(value) for name, value in rows.items()}
        emulators = stack.enter_context(emulating(directory / "log", environment))
        customers = stack.enter_context(get_context("spawn").Pool(1))
        return Soak(directory, files, emulators, customers, size, plan).figures()


def _files(directory: Path, size: Size) -> demo.Files:
    """A demo's files, with a partner's hall, a large one, and standard halls for the others."""
    halls = {
        name: {
            "rows": ROWS,
            "seats_per_row": seats,
            "sale": "partner" if name == "partner" else "own",
            "zones": [{"name": "Зал", "rows": [1, ROWS], "price_minor": PRICE_MINOR}],
        }
        for name, seats in SEATS_PER_ROW.items()
    }
    files = demo.write(
        directory / "files",
        today=FAR_FROM_NOW,
        users=size.users,
        events=EVENTS,
        archive=size.archive,
    )
    events = {str(PARTNER): "partner", str(CONCERT): "large"}
    files.halls.write_bytes(orjson.dumps({"halls": halls, "events": events}))
    return files


class Soak:
    """One data directory, all servers that live on it, and the customers who outlive them."""

    def __init__(
        self,
        directory: Path,
        files: demo.Files,
        emulators: Mapping[str, Emulator],
        customers: Pool,
        size: Size,
        plan: Plan,
    ) -> None:
        self._data = directory / "data"
        self._log = directory / "serve.log"
        self._customers = customers
        self._size = size
        self._plan = plan
        self._port = free_port()  # the gateway's webhooks find every server there
        records = round(plan.rate * RECORDS_PER_CALL * size.snapshot_seconds)
        holds = {"hold_seconds": size.hold_seconds, "payment_seconds": size.hold_seconds}
        options = selling(emulators, snapshot_records=records, **holds)
        self._command = [*serving(self._data, *options), str(self._port)]
        self._shop = Shop(
            url=f"http://127.0.0.1:{self._port}",
            gateway=emulators["gateway"].url,
            users=[one.authorization for one in active_users(files.users)],
            events=WEIGHTS,
            archive=files.archive,
            hold_seconds=size.hold_seconds,
        )
        self._baskets: list[Basket] = []

    def figures(self) -> Figures:
        """Life after life, and what is left in the end."""
        lives = []
        left = self._plan.seconds
        while self._plan.kill_every and left > self._plan.kill_every:
            with self._served() as server:
                lives.append(self._lived(server, self._plan.kill_every, kills=server.process.pid))
                server.process.wait()
            left -= self._plan.kill_every
        with self._served() as server:
            lives.append(self._lived(server, left, kills=0))
            end: Figures = self._customers.apply(reckoned, (self._shop, self._baskets))
            end["exit_code"] = server.terminate()
        end["verify_fault"] = store.verify(self._data).fault
        return summed(lives, end)

    @contextmanager
    def _served(self) -> Iterator[Server]:
        self._log.unlink(missing_ok=True)
        command = [sys.executable, "-m", *self._command]
        with started(command, url=self._shop.url, log=self._log) as server:
            began = time.monotonic()
            wait_until_ready(server, "/readyz")
            self._ready_seconds = round(time.monotonic() - began, 1)
            yield server

    def _lived(self, server: Server, seconds: float, *, kills: int) -> Figures:
        is_first = not self._baskets
        life = Life(
            shop=self._shop,
            worker=worker_of(server),
            kills=kills,
            rate=self._plan.rate,
            seconds=seconds,
            minute_seconds=self._size.minute_seconds,
            idle_seconds=self._size.idle_seconds if is_first else 0,
            reference_seconds=self._size.reference_seconds if is_first else 0,
            name=f"life after {len(self._baskets):,} bookings",
        )
        try:
            with watched() as watch:
                told: Lived = self._customers.apply(lived, (life, self._baskets))
        except Exception as failure:
            raise RuntimeError(f"the customers are lost: {server.last_words()}") from failure
        self._baskets = told.baskets
        happened = _events_in(self._log)
        return {
            **told.figures,
            **stalls_at_even_times(told.stalls, watch.moments),
            "ready_seconds": self._ready_seconds,
            "snapshots": happened["snapshot made"],
            "snapshots_failed": happened["snapshot failed"],
        }


def stalls_at_even_times(stalls: Sequence[Stall], slow: SlowMoments) -> Figures:
    """The worst between two looks that no slow moment of the machine has touched."""
    even = [one.ms for one in stalls if not slow.touch(one.began, one.ended)]
    return {
        "machine_slow_share": round(slow.share, 3),
        "even_share": round(len(even) / len(stalls), 3),
        "even_stall_ms": max(even, default=None),
    }


def _events_in(log: Path) -> Counter[str]:
    """How often the server has told of what."""
    lines = [line for line in log.read_bytes().splitlines() if line.startswith(b"{")]
    return Counter(str(orjson.loads(line).get("event")) for line in lines)


def summed(lives: list[Figures], end: Figures) -> Figures:
    """The whole run before its parts: what was done how often, the worst of everything."""
    first = lives[0]
    minutes = [minute for life in lives for minute in life["minutes"]]
    durable = sorted(one["durable"]["p99_ms"] for one in minutes if one["durable"])
    p99_ms = durable[len(durable) // 2]
    worst = max(one["stall_ms"] for one in minutes)
    faults = [*(life["faults"] for life in lives), end["faults"]]
    violations = sum(found[name] for found in faults for name in FAULTS)
    violations += sum(life["seats_of_two"] for life in lives)
    violations += not end["money_agrees"]
    violations += end["seats_sold"] != end["seats_listed"]
    violations += bool(end["verify_fault"]) + (end["exit_code"] != 0)
    return {
        "violations": violations,
        "kills": len(lives) - 1,
        "worst_stall_ms": worst,
        "worst_stall_at_even_times_ms": max(
            (one["even_stall_ms"] for one in lives if one["even_stall_ms"] is not None),
            default=None,
        ),
        "target_stall_ms": TARGET_STALL_MS,
        "stall_is_met": worst < TARGET_STALL_MS,
        "idle_stall_ms": first["idle"]["stall_ms"],
        "healthz": first["reference"],
        "durable_p99_ms_of_the_middle_minute": p99_ms,
        "ratio": round(p99_ms / first["reference"]["calls"]["p99_ms"], 2),
        "statuses": _of_all(lives, "statuses"),
        "unforeseen": _of_all(lives, "unforeseen"),
        "holds_run_out": sum(found["holds_run_out"] for found in faults),
        "snapshots": sum(life["snapshots"] for life in lives),
        "snapshots_failed": sum(life["snapshots_failed"] for life in lives),
        "end": end,
        "lives": lives,
    }


def _of_all(lives: list[Figures], name: str) -> dict[str, int]:
    counted = sum((Counter(life[name]) for life in lives), Counter[str]())
    return dict(sorted(counted.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
