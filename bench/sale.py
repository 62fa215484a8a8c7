"""A whole concert sold to its last seat by ten thousand connected buyers, over HTTP.

`python -m bench.sale` sells 100,000 seats (held, not paid for: a payment is measured in
`bench.sagas`), looks for doubles in what the buyers were told, in their bookings and in the
analytics, and then has ten buyers take whatever seat is shown first: how many are disappointed? It
writes `bench/results/sale.json`; `--smoke` does a hundredth of it and prints. The buyers share the
cores with the server, so their seconds are an upper bound.
"""

import os
import resource
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx
import orjson

from api.demo import initialise
from bench.baseline import report
from bench.buyers import Sale, sold
from bench.machine import cpu_seconds, described
from bench.serving import Server, served, serving
from bench.shop import CONCERT, HOLD_SECONDS, ROWS, written
from bench.smoke import is_smoke
from bench.tasks import Figures
from torture.servers.clients import User, active_users

RESULTS = Path(__file__).parent / "results" / "sale.json"
SMALL = CONCERT + 1  # 1,000 seats
FEW = 10


class Size(NamedTuple):
    """Buyers, seats in a row of the concert's hall, and seats that each of the few takes."""

    buyers: int
    seats_per_row: int
    seats_of_few: int


FULL = Size(10_000, 1_000, 90)
SMOKE = Size(100, 10, 10)
USERS_PER_BUYER = 1.27  # four in five may log in


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.sale", __doc__, arguments) else FULL
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results: Figures = {
        "command": " ".join(["python -m bench.sale", *arguments]),
        "machine": described(),
        "load": round(os.getloadavg()[0], 1),
        "buyers": size.buyers,
        "seats": ROWS * size.seats_per_row,
        "payment": "none: seats are held",
        **measured(size),
    }
    report(results, RESULTS, kept=size is FULL)


def measured(size: Size) -> Figures:
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        files = written(
            directory, users=int(size.buyers * USERS_PER_BUYER), seats_per_row=size.seats_per_row
        )
        initialise(directory / "data", files, archive=False)
        users = active_users(files.users)[: size.buyers]
        shop = serving(directory / "data", "--hold-seconds", str(HOLD_SECONDS))
        with served(shop, directory / "log", "/readyz") as server:
            seats = ROWS * size.seats_per_row
            concert = _sold(server, Sale(server.url, CONCERT, users, seats))
            concert["analytics"] = _analytics(server, CONCERT, users[0])
            few = _sold(server, Sale(server.url, SMALL, users[-FEW:], size.seats_of_few))
    share = few["first_tries_won"] / few["first_tries"]
    return {"concert": concert, "few": {**few, "won_at_first": round(share, 4)}}


def _sold(server: Server, sale: Sale) -> Figures:
    before = cpu_seconds(server.worker)
    with get_context("spawn").Pool(1) as pool:
        figures: Figures = pool.apply(sold, (sale,))
    return {**figures, "server_cpu_seconds": round(cpu_seconds(server.worker) - before, 1)}


def _analytics(server: Server, event_id: int, user: User) -> Figures:
    headers = {"Authorization": f"Basic {user.authorization}"}
    answer = httpx.get(f"{server.url}/api/analytics?id={event_id}", headers=headers)
    told: Figures = orjson.loads(answer.content)
    return told


if __name__ == "__main__":
    main(sys.argv[1:])
