"""What sagas cost: the customer at the till, everybody else, and a sale when the gateway is down.

`python -m bench.sagas` runs the real server and both emulators, with the client on the same cores,
and writes `bench/results/sagas.json`; `--smoke` does the same with a hundredth and prints it. Each
measurement has fresh processes, and a reference of the same run: the same calls made directly.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson
import uvloop

from bench.baseline import report
from bench.direct import Direct
from bench.machine import described
from bench.open_loop import open_loop, until
from bench.smoke import is_smoke
from bench.tasks import Figures, Stopwatch, spread
from bench.town import OWN, PARTNER, Sale, Town, gathered, town

RESULTS = Path(__file__).parent / "results" / "sagas.json"
EVENTS = {"own": OWN, "partner's": PARTNER}


class Size(NamedTuple):
    """How long each rate lasts, the gateway's latencies, sales in flight, and the outage."""

    rate_seconds: int
    rates_per_s: tuple[int, ...]
    latencies_ms: tuple[int, ...]
    sales: int
    outage_seconds: int
    outage_customers: int


FULL = Size(10, (50, 100), (0, 200), 2_000, 60, 300)
SMOKE = Size(1, (20,), (20,), 20, 2, 12)
# A real hold outlasts a real outage of ten minutes by two minutes, this one by one.
HOLD_SECONDS = 120
DOWN = {"faults": [{"status": 503}]}
UP: dict[str, object] = {"faults": []}


def main(arguments: list[str]) -> None:
    size = SMOKE if is_smoke("bench.sagas", __doc__, arguments) else FULL
    results: Figures = {
        "command": " ".join(["python -m bench.sagas", *arguments]),
        "machine": described(),
        **size._asdict(),
    }
    for task in (page, flight, outage):
        results[task.__name__] = task(size)
        print(task.__name__, orjson.dumps(results[task.__name__]).decode(), file=sys.stderr)
    report(results, RESULTS, kept=size is FULL)


def page(size: Size) -> Figures:
    """`initiatePayment` at a steady rate, and the gateway's `init` at the same rate."""
    figures: Figures = {"reference": "the gateway's init, asked directly"}
    for latency_ms in size.latencies_ms:
        for rate in size.rates_per_s:
            for name, event_id in EVENTS.items():
                with town() as here:
                    work = _page(here, event_id, latency_ms, rate, rate * size.rate_seconds)
                    figures[f"{name}, {rate}/s, gateway {latency_ms} ms"] = uvloop.run(work)
    return figures


async def _page(here: Town, event_id: int, latency_ms: int, rate: int, calls: int) -> Figures:
    load = os.getloadavg()[0]
    sales = await here.hold(event_id, calls)
    await here.turn(here.gateway, latency_ms=latency_ms)
    direct = Direct(here)
    theirs = await open_loop(rate, [partial(direct.init, at) for at in range(1, calls + 1)])
    ours = await open_loop(rate, [partial(here.initiate, sale) for sale in sales])
    await here.close()
    figures, reference = spread(ours.seconds), spread(theirs.seconds)
    return {
        "load": load,
        "ours": figures,
        "gateway": reference,
        "p99_above_ms": round(figures["p99_ms"] - reference["p99_ms"], 1),
        "answers": Counter(str(answer.status) for answer in ours.answers),
    }


def flight(size: Size) -> Figures:
    """Sales of both kinds, all begun, then all paid at once; redirects and webhooks included."""
    with town() as here:
        return uvloop.run(_flight(here, size.sales))


async def _flight(here: Town, count: int) -> Figures:
    figures: Figures = {"load": os.getloadavg()[0]}
    sales = [one for event in EVENTS.values() for one in await here.hold(event, count // 2)]
    await here.stall_ms()
    await asyncio.sleep(1)
    figures["stall_idle_ms"] = await here.stall_ms()
    with Stopwatch() as initiating:
        pages = await gathered([partial(here.initiate_patiently, sale) for sale in sales])
    await here.until_submitted(count // 2)
    figures["initiated_per_s"] = round(count / initiating.seconds)
    figures["stall_initiating_ms"] = await here.stall_ms()
    before = here.cpu_seconds()
    with Stopwatch() as paying:
        seconds = await asyncio.gather(
            *(_sold_after(here, sale, page) for sale, page in zip(sales, pages, strict=True))
        )
    figures["stall_paying_ms"] = await here.stall_ms()
    after = here.cpu_seconds()
    figures["cpu_seconds"] = {name: round(after[name] - before[name], 1) for name in after}
    figures["sold_per_s"] = round(count / paying.seconds)
    figures["pay_to_confirmed"] = spread([one for one in seconds if one is not None])
    figures["not_sold"] = seconds.count(None)
    await here.until_at_rest()
    figures["money_agrees"] = await here.money_agrees()
    figures["reference"] = "the same calls of gateway and provider, made directly"
    figures["ratio"] = round(paying.seconds / await Direct(here).sell(count), 2)
    await here.close()
    return figures


async def _sold_after(here: Town, sale: Sale, page: str) -> float | None:
    """Seconds from the card to the hall showing SOLD; None: it never did."""
    began = time.perf_counter()
    await here.come_back(await here.pay(page))
    return time.perf_counter() - began if await here.until_sold(sale) else None


def outage(size: Size) -> Figures:
    """The gateway is down; customers who come back within the hold must all get their seats."""
    with town(hold_seconds=HOLD_SECONDS, payment_seconds=HOLD_SECONDS) as here:
        return uvloop.run(_outage(here, size.outage_seconds, size.outage_customers // 3))


async def _outage(here: Town, seconds: int, each: int) -> Figures:
    """Customers of both events by turns: whom it catches, whom it keeps away, who comes new."""
    figures: Figures = {"load": os.getloadavg()[0], "hold_seconds": HOLD_SECONDS}
    own, partners = await here.hold(OWN, 2 * each), await here.hold(PARTNER, 2 * each)
    sales = [sale for pair in zip(own, partners, strict=True) for sale in pair]
    pages = await gathered([partial(here.initiate_patiently, sale) for sale in sales[: 2 * each]])
    begins = time.perf_counter()
    await here.turn(here.gateway, **DOWN)
    up = asyncio.create_task(_turn_up_at(here, begins + seconds))
    come = partial(_come, here)
    customers = {
        "paid when it began": [come(sales[at], begins, pages[at]) for at in range(each)],
        "paid after it": [
            come(sales[at], begins + seconds, pages[at]) for at in range(each, 2 * each)
        ],
        "came during it": [
            come(sales[2 * each + at], begins + seconds * at / each) for at in range(each)
        ],
    }
    ends = await asyncio.gather(*(asyncio.gather(*one) for one in customers.values()))
    await up
    for kind, sold_at in zip(customers, ends, strict=True):
        late = [max(at - begins - seconds, 0.0) for at in sold_at if at is not None]
        figures[kind] = {
            "customers": each,
            "lost": sold_at.count(None),
            "sold_after_its_end_s": round(max(late, default=0.0), 1),
        }
    await here.until_at_rest()
    figures["money_agrees"] = await here.money_agrees()
    await here.close()
    return figures


async def _turn_up_at(here: Town, at: float) -> None:
    await until(at)
    await here.turn(here.gateway, **UP)


async def _come(here: Town, sale: Sale, at: float, page: str = "") -> float | None:
    """Pay at a moment, on the page of before the outage or a new one; None: no seat, it is lost."""
    await until(at)
    page = page or await here.initiate_patiently(sale)
    if not page:
        return None
    await here.come_back(await here.pay(page))
    return time.perf_counter() if await here.until_sold(sale) else None


if __name__ == "__main__":
    main(sys.argv[1:])
