"""What crowds of slow clients cost the honest ones: 14,500 that hold connections on purpose.

`python -m bench.slow` starts the real server, has honest customers book seats and look at the hall
at a fixed rate, alone and then beside each crowd, directly and, where nginx is installed, behind
it (without TLS), and writes `bench/results/slow.json`; `--smoke` does the same with a hundredth and
prints it, as a run without nginx does. Whoever of a crowd is put out comes back at once. All share
the same cores.
"""

import asyncio
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
import uvloop

from api.serve import HEADER_TIMEOUT_MS, REPLY_SECONDS_MAX
from api.service import Limits
from bench.baseline import report
from bench.caller import Caller
from bench.front import NGINX, nginx, seconds_of
from bench.hostile import crowd
from bench.machine import described
from bench.open_loop import open_loop, until
from bench.smoke import is_smoke
from bench.tasks import Figures, spread
from bench.town import OWN, Town, town
from catalog import demo

RESULTS = Path(__file__).parent / "results" / "slow.json"
USER = (demo.EMAIL, demo.PASSWORD)
# nginx allows one address 200 requests a second.
ADDRESSES = [f"127.0.2.{at}" for at in range(1, 11)]
KNOCKS_PER_SECOND = 10
NGINX_MISSING = "nginx is not installed: behind it nothing was measured"
TIMEOUTS_S = {
    "directly": {
        "slow headers": HEADER_TIMEOUT_MS / 1_000,
        "slow bodies": Limits().body_read_seconds,
        "slow readers": float(REPLY_SECONDS_MAX),
        "idle": HEADER_TIMEOUT_MS / 1_000,
    },
    "behind nginx": {
        "slow headers": seconds_of("client_header_timeout"),
        "slow bodies": seconds_of("client_body_timeout"),
        "slow readers": seconds_of("send_timeout"),
        "idle": seconds_of("keepalive_timeout"),
    },
}


class Size(NamedTuple):
    """Honest calls a second, how long each measurement lasts, and the crowds."""

    calls_per_s: int
    alone_seconds: int
    beside_seconds: int
    crowds: dict[str, dict[str, int]]


_ALL = {"slow headers": 2_000, "slow bodies": 2_000, "slow readers": 500, "idle": 10_000}
FULL = Size(300, 10, 35, {**{name: {name: size} for name, size in _ALL.items()}, "all": _ALL})
SMOKE = Size(50, 1, 1, {"all": {name: size // 100 for name, size in _ALL.items()}})


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.slow", __doc__, arguments) else FULL
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results: Figures = {
        "command": " ".join(["python -m bench.slow", *arguments]),
        "machine": described(),
        **size._asdict(),
        "timeouts_s": TIMEOUTS_S,
        "reference": "the same honest calls just before, without the crowd",
    }
    for front in ("directly", "behind nginx") if NGINX else ("directly",):
        results[front] = {}
        for name, sizes in size.crowds.items():
            results[front][name] = besieged(size, sizes, behind_nginx=front != "directly")
            print(front, name, orjson.dumps(results[front][name]).decode(), file=sys.stderr)
    if NGINX is None:
        results["missing"] = NGINX_MISSING
        print(NGINX_MISSING, file=sys.stderr)
    report(results, RESULTS, kept=size is FULL and NGINX is not None)


def besieged(size: Size, sizes: Mapping[str, int], *, behind_nginx: bool) -> Figures:
    """A fresh server, its honest customers alone, and then beside one crowd."""
    with town() as here, _front(here.shop.url, behind_nginx=behind_nginx) as url:
        return uvloop.run(_besieged(here, url, size, sizes))


@contextmanager
def _front(shop: str, *, behind_nginx: bool) -> Iterator[str]:
    if not behind_nginx:
        yield shop
        return
    upstream = shop.removeprefix("http://")
    with (
        TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name,
        nginx(Path(name), upstream, tls=False) as url,
    ):
        yield url


async def _besieged(here: Town, url: str, size: Size, sizes: Mapping[str, int]) -> Figures:
    figures: Figures = {"load": os.getloadavg()[0]}
    honest = [Caller(url, USER, source=one) for one in ADDRESSES]
    await _served(honest, url, size.calls_per_s, 1)  # connections and caches are warm
    figures["alone"] = await _served(honest, url, size.calls_per_s, size.alone_seconds)
    before = here.server_bytes()
    port = urlsplit(url).port
    assert port is not None
    with crowd(port, sizes) as hostile:
        await asyncio.to_thread(hostile.until_full)
        figures["beside"] = await _served(honest, url, size.calls_per_s, size.beside_seconds)
        figures["grew_mb"] = round((here.server_bytes() - before) / 2**20, 1)
        figures["crowd"] = hostile.reports()
    alone, beside = figures["alone"]["calls"], figures["beside"]["calls"]
    figures["p99_ratio"] = round(beside["p99_ms"] / alone["p99_ms"], 2)
    for caller in honest:
        await caller.close()
    await here.close()
    return figures


async def _served(honest: Sequence[Caller], url: str, rate: int, seconds: int) -> Figures:
    """Bookings and pages of seats by turns, and beside them new connections."""
    asks = [partial(_ask, honest[at % len(honest)], at) for at in range(rate * seconds)]
    knocking = asyncio.create_task(_knock(url, seconds))
    timed = await open_loop(rate, asks)
    return {
        "calls": spread(timed.seconds),
        "answers": Counter(str(answer.status) for answer in timed.answers),
        "new_connection": spread(await knocking),
    }


async def _ask(caller: Caller, at: int) -> Any:
    if at // len(ADDRESSES) % 2:
        return await caller.ask("GET", f"/api/seats?event_id={OWN}&status=FREE")
    return await caller.ask("POST", "/api/bookings", {"event_id": OWN})


async def _knock(url: str, seconds: int) -> list[float]:
    """Seconds from nothing to the first answer on a new connection."""
    began = time.perf_counter()
    found = []
    for at in range(seconds * KNOCKS_PER_SECOND):
        await until(began + at / KNOCKS_PER_SECOND)
        stranger = Caller(url, source=f"127.0.3.{at % 100 + 1}")
        since = time.perf_counter()
        await stranger.ask("GET", "/healthz")
        found.append(time.perf_counter() - since)
        await stranger.close()
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
