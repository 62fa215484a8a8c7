"""Does the shop still say what its customers were told, and does it all add up in the end?"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson
import uvloop

from bench.caller import Caller
from bench.tasks import Figures
from bench.told import FAULTS, Basket, compared, of_two
from bench.town import gathered, metric, revenue_minor, until_settled

REST_SECONDS_MAX = 120  # beyond the last hold


class Shop(NamedTuple):
    """Where customers go: both services, those who may log in, events by weight, what was."""

    url: str
    gateway: str
    users: list[str]
    events: dict[int, int]
    archive: Path
    hold_seconds: int


async def audited(caller: Caller, shop: Shop, baskets: list[Basket]) -> dict[str, int]:
    """Every customer's list compared with what was told; FAULTS, and holds that ran out."""
    by_user: dict[int, list[Basket]] = defaultdict(list)
    for basket in baskets:
        by_user[basket.user].append(basket)
    found: Counter[str] = Counter(dict.fromkeys((*FAULTS, "holds_run_out"), 0))

    async def one(user: int, mine: Iterable[Basket]) -> None:
        authorization = shop.users[user]
        answer = await caller.ask("GET", "/api/bookings", authorization=authorization)
        rows = orjson.loads(answer.body)
        listed = {row["id"]: {seat["id"] for seat in row["seats"]} for row in rows}
        found.update(compared(mine, listed, at=time.monotonic(), hold_seconds=shop.hold_seconds))

    await gathered([partial(one, user, mine) for user, mine in by_user.items()])
    found["seats_of_two"] += of_two(baskets)
    return dict(found)


def reckoned(shop: Shop, baskets: list[Basket]) -> Figures:
    """When nothing is held and nothing owed any more: do lists, halls and money agree?"""
    return uvloop.run(_reckoned(shop, baskets))


async def _reckoned(shop: Shop, baskets: list[Basket]) -> Figures:
    caller, gateway = Caller(shop.url), Caller(shop.gateway)
    await until_settled(caller)
    halls = await _halls_at_rest(caller, shop)
    await until_settled(caller)
    faults = await audited(caller, shop, baskets)
    ledger = orjson.loads((await gateway.ask("GET", "/__emu/ledger")).body)
    records = await metric(caller, "billetter_durable_lsn")
    for one in (caller, gateway):
        await one.close()
    revenue = sum(map(revenue_minor, halls))
    captured = [one for one in ledger["payments"] if one["captured"]]
    return {
        "faults": faults,
        "bookings": len(baskets),
        "records": round(records),
        "seats_sold": sum(one["sold_seats"] for one in halls),
        "seats_listed": sum(len(one.seats) for one in baskets),
        "payments_captured": len(captured),
        "payments_refunded": sum(one["refunded"] > 0 for one in captured),
        "money_agrees": ledger["captured"] - ledger["refunded"] == revenue,
    }


async def _halls_at_rest(caller: Caller, shop: Shop) -> list[Figures]:
    """The figures of all events, once no seat is held but those that are sold."""
    deadline = time.monotonic() + shop.hold_seconds * 2 + REST_SECONDS_MAX
    while True:
        halls = []
        for event_id in shop.events:
            answer = await caller.ask(
                "GET", f"/api/analytics?id={event_id}", authorization=shop.users[0]
            )
            halls.append(orjson.loads(answer.body))
        if not any(one["reserved_seats"] for one in halls):
            return halls
        assert time.monotonic() < deadline, "some holds never run out"
        await caller.close()  # the server may end what is idle, just when it is asked again
        await asyncio.sleep(1)
