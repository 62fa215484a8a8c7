"""Customers of a whole shop at a constant rate, in a process that costs little beside the server.

They book, look at free seats, take some, let go, pay, cancel before and after that, look at their
bookings, and search the past, each word once; some seats are left until their hold runs out. The
calls come however slow the answers are. What every customer was told is remembered, also over the
death of a server, and compared with what the next one says.
"""

import asyncio
import gc
import os
import signal
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from math import ceil
from random import Random
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import orjson
import uvloop

from bench.caller import Answer, Caller
from bench.machine import cpu_seconds, resident_bytes, resident_parts
from bench.minutes import Minutes, Sample, growth
from bench.open_loop import open_loop, steady
from bench.queries import distinct_queries
from bench.reckoning import Shop, audited
from bench.tasks import Figures, be_served_first, spread
from bench.told import Basket
from bench.town import stall_ms
from catalog.event_file import EventFile

ANSWER_SECONDS_MAX = 30
SEARCHED_ROWS = 20_000  # events whose words are looked for
SHOWN_MAX = 40  # seats of an event that are remembered from a page
LOOK_SECONDS = 0.25  # at the worker; a look costs its loop as much as a few calls
WARM_UP_SECONDS = 180  # until the server remembers as many searches as it ever will
RETURNING_SHARE = 0.5  # of those who paid; the others close the tab
# Of a hundred calls; one whose turn nobody has reached is a page instead.
HUNDRED = {
    "page": 28, "search": 10, "book": 16, "select": 22, "list": 12,
    "release": 5, "pay": 2, "look": 3, "cancel": 1, "refund": 1,
}  # fmt: skip
# What follows when a booking has got a seat; nothing: its hold runs out.
NEXT = {"select": 25, "release": 25, "pay": 10, "cancel": 5, "": 35}
# Their replies wait for the disk. (That of `pay` waits for the gateway, too.)
DURABLE = frozenset({"book", "select", "release", "list", "look", "cancel", "refund"})
# 419: somebody was faster, or the hold has run out.
FORESEEN = {"book": {201}, "select": {200, 419}, "release": {200, 419}, "pay": {302, 419}}


class Life(NamedTuple):
    """What is measured on one server; `name` is also the seed of what customers do.

    `kills` is its process group, which is killed in the end; 0: it goes on.

    `idle_seconds` and `reference_seconds` come before the first call; 0: not on this server.
    """

    shop: Shop
    worker: int
    kills: int
    rate: int
    seconds: float
    minute_seconds: float
    idle_seconds: int
    reference_seconds: int
    name: str


class Stall(NamedTuple):
    """The loop's longest one between two looks, which are `perf_counter` seconds."""

    began: float
    ended: float
    ms: float


class Lived(NamedTuple):
    """What customers know in the end, and what was measured."""

    baskets: list[Basket]
    figures: Figures
    stalls: list[Stall]


def lived(life: Life, baskets: list[Basket]) -> Lived:
    """Compare, then call until the life is over; run it in a child. Raises if the server dies."""
    be_served_first()
    gc.disable()
    return uvloop.run(_lived(life, baskets))


async def _lived(life: Life, baskets: list[Basket]) -> Lived:
    caller = Caller(life.shop.url)
    figures: Figures = {"faults": await audited(caller, life.shop, baskets)}
    if life.idle_seconds:
        figures["idle"] = await _idle(life.shop.url, life.idle_seconds)
        figures["reference"] = await _reference(caller, life)
    customers = Customers(life, caller, baskets)
    figures["stall_before_ms"] = await _stall_ms(
        life.shop.url
    )  # of the start, and of all those lists
    figures |= await customers.called()
    await caller.close()
    return Lived(customers.baskets, figures, customers.stalls)


async def _idle(url: str, seconds: int) -> Figures:
    await _stall_ms(url)
    await asyncio.sleep(seconds)
    return {"seconds": seconds, "stall_ms": await _stall_ms(url)}


async def _stall_ms(url: str) -> float:
    """By a connection of its own: the server may be ending one that was idle at this moment."""
    caller = Caller(url)
    longest_ms = await stall_ms(caller)
    await caller.close()
    return longest_ms


async def _reference(caller: Caller, life: Life) -> Figures:
    """As many calls a second that only ask whether the server is alive."""
    asks = [lambda: caller.ask("GET", "/healthz")] * (life.rate * life.reference_seconds)
    timed = await open_loop(life.rate, asks)
    return {"calls": spread(timed.seconds), "stall_ms": await _stall_ms(life.shop.url)}


class Customers:
    """All of them at one server; a booking waits in the queue of the call that is next for it."""

    def __init__(self, life: Life, caller: Caller, baskets: list[Basket]) -> None:
        self.baskets = baskets
        self._life = life
        self._shop = life.shop
        self._caller = caller
        self._gateway = Caller(life.shop.gateway)
        self._random = Random(life.name)
        self._minutes = Minutes(DURABLE)
        self._samples: list[Sample] = []
        self.stalls: list[Stall] = []
        self._stalls_told = 0  # in the minutes that are closed
        self._looked_at = time.perf_counter()
        self._late: list[float] = []
        self._is_over = False
        self._shown: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=SHOWN_MAX))
        self._holders: dict[int, Basket] = {}
        self._of_two = 0
        self._waiting: dict[str, deque[Basket]] = defaultdict(deque)
        for basket in baskets:
            self._holders |= dict.fromkeys(basket.seats, basket)
            self._await(basket, basket.then if basket.seats or basket.then == "select" else "")
        rows = (row for row, _ in islice(EventFile(life.shop.archive), SEARCHED_ROWS))
        self._queries = distinct_queries(self._random, list(rows))
        self._ways: Mapping[str, Callable[[Basket], Awaitable[Answer]]] = {
            "select": self._select,
            "release": self._release,
            "pay": self._pay,
            "look": self._look,
            "cancel": self._cancel,
            "refund": self._cancel,
        }

    async def called(self) -> Figures:
        """Everything, until the life is over."""
        gc.collect()
        gc.freeze()
        server, client = cpu_seconds(self._life.worker), time.process_time()
        began = time.monotonic()
        watching = asyncio.create_task(self._watch(began))
        await steady(self._life.rate, self._call, lambda: self._is_over)
        seconds = time.monotonic() - began
        used = {"server": await watching - server, "client": time.process_time() - client}
        await self._gateway.close()
        return {
            "seconds": round(seconds, 1),
            "minutes": self._minutes.closed,
            "calls": {name: spread(times) for name, times in self._minutes.seconds.items()},
            "statuses": dict(sorted(self._minutes.statuses.items())),
            "unforeseen": self._unforeseen(),
            "late": spread(self._late),
            "cores": {name: round(one / seconds, 2) for name, one in used.items()},
            "memory": growth(
                self._samples, warm_up_seconds=min(WARM_UP_SECONDS, self._life.seconds / 4)
            ),
            "bookings_per_hour": round(self._minutes.statuses["book 201"] / seconds * 3_600),
            "seats_of_two": self._of_two,
        }

    def _unforeseen(self) -> dict[str, int]:
        """Answers that no rule of a sale gives."""
        found = {}
        for name, times in self._minutes.statuses.items():
            call, status = name.split()
            if status.isdecimal() and int(status) not in FORESEEN.get(call, {200}):
                found[name] = times
        return found

    async def _watch(self, began: float) -> float:
        """Look at the worker, close the minutes, and end the life when it is over: by kill, in the
        middle of everything, or by not calling any more. What it used of the cores.
        """
        worker, minute, ends = self._life.worker, self._life.minute_seconds, self._life.seconds
        for number in range(1, ceil(ends / minute) + 1):
            while (left := began + min(number * minute, ends) - time.monotonic()) > 0:
                await asyncio.sleep(min(left, LOOK_SECONDS))
                gc.collect(1)
                own = resident_parts(worker)["own"]
                self._samples.append(Sample(time.monotonic(), resident_bytes(worker), own))
                await self._look_for_stalls()
            await self._look_for_stalls()
            self._close_minute()
        used = cpu_seconds(worker)
        if self._life.kills:
            os.killpg(self._life.kills, signal.SIGKILL)  # whoever calls next finds nobody
        else:
            self._is_over = True
        return used

    async def _look_for_stalls(self) -> None:
        ms = await _stall_ms(self._shop.url)
        now = time.perf_counter()
        self.stalls.append(Stall(self._looked_at, now, ms))
        self._looked_at = now

    def _close_minute(self) -> None:
        self._minutes.close(
            stall_ms=max(one.ms for one in self.stalls[self._stalls_told :]),
            resident_mb=round(resident_bytes(self._life.worker) / 2**20, 1),
            load=round(os.getloadavg()[0], 1),
            name=f"{self._life.name}, minute {len(self._minutes.closed) + 1}",
        )
        self._stalls_told = len(self.stalls)

    async def _call(self, due: float) -> None:
        """One call of the mix, timed from when it was due."""
        since = min(due, time.perf_counter())
        self._late.append(time.perf_counter() - since)
        (name,) = self._random.choices(list(HUNDRED), list(HUNDRED.values()))
        basket = self._next(name) if name in self._ways else None
        if name in self._ways and basket is None:
            name = "page"  # nobody is so far yet
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                answer = await (self._ways[name](basket) if basket else self._simple(name))
        except ConnectionRefusedError:
            self._is_over = True
            self._minutes.add_unanswered(name)
        except (OSError, EOFError, TimeoutError):
            self._minutes.add_unanswered(name)
        else:
            self._minutes.add(name, answer.status, time.perf_counter() - since)

    def _next(self, name: str) -> Basket | None:
        """Whose turn it is; none whose hold may have run out. A seat to select must be known."""
        waiting = self._waiting[name]
        while waiting:
            basket = waiting.popleft()
            if basket.may_have_run_out(time.monotonic(), self._shop.hold_seconds):
                basket.then = ""
            elif name == "select" and not self._shown[basket.event_id]:
                waiting.append(basket)
                return None
            else:
                return basket
        return None

    def _await(self, basket: Basket, name: str) -> None:
        basket.then = name
        if name:
            self._waiting[name].append(basket)

    async def _ask(self, user: int, method: str, path: str, content: object = None) -> Answer:
        authorization = self._shop.users[user]
        return await self._caller.ask(method, path, content, authorization=authorization)

    async def _simple(self, name: str) -> Answer:
        """A call about no booking that there is."""
        user = self._random.randrange(len(self._shop.users))
        events = self._shop.events
        (event_id,) = self._random.choices(list(events), list(events.values()))
        if name == "book":
            return await self._book(user, event_id)
        if name == "list":
            return await self._ask(user, "GET", "/api/bookings")
        if name == "search":
            return await self._caller.ask("GET", f"/api/events?query={quote(next(self._queries))}")
        waiting = self._waiting["select"]
        return await self._page(waiting[0].event_id if waiting else event_id)

    async def _page(self, event_id: int) -> Answer:
        answer = await self._caller.ask("GET", f"/api/seats?event_id={event_id}&status=FREE")
        if answer.status == 200:
            self._shown[event_id].extend(seat["id"] for seat in orjson.loads(answer.body))
        return answer

    async def _book(self, user: int, event_id: int) -> Answer:
        answer = await self._ask(user, "POST", "/api/bookings", {"event_id": event_id})
        if answer.status == 201:
            basket = Basket(user, event_id, orjson.loads(answer.body)["id"])
            self.baskets.append(basket)
            self._await(basket, "select")
        return answer

    async def _select(self, basket: Basket) -> Answer:
        seat_id = self._shown[basket.event_id].popleft()
        asked_at = time.monotonic()
        if not basket.seats:
            basket.held_from = asked_at
        basket.unsure.add(seat_id)
        wanted = {"booking_id": basket.booking_id, "seat_id": seat_id}
        answer = await self._ask(basket.user, "PATCH", "/api/seats/select", wanted)
        basket.unsure.discard(seat_id)
        if answer.status == 200:
            self._give(basket, seat_id, asked_at)
            (then,) = self._random.choices(list(NEXT), list(NEXT.values()))
            self._await(basket, then)
        elif not basket.seats:
            self._await(basket, "select")
        return answer

    def _give(self, basket: Basket, seat_id: int, asked_at: float) -> None:
        """The seat is this booking's now; it must not have been another's when it was asked for."""
        other = self._holders.get(seat_id)
        if other is not None and seat_id in other.seats - other.unsure:
            is_over = other.may_have_run_out(time.monotonic(), self._shop.hold_seconds)
            self._of_two += not is_over
        self._holders[seat_id] = basket
        basket.seats.add(seat_id)

    async def _release(self, basket: Basket) -> Answer:
        seat_id = min(basket.seats)
        basket.unsure.add(seat_id)
        released = {"seat_id": seat_id}
        answer = await self._ask(basket.user, "PATCH", "/api/seats/release", released)
        basket.unsure.discard(seat_id)
        if answer.status == 200:
            basket.seats.discard(seat_id)
        basket.then = ""
        return answer

    async def _pay(self, basket: Basket) -> Answer:
        """The customer goes to the gateway's page and pays, and comes back or closes the tab."""
        path = "/api/bookings/initiatePayment"
        answer = await self._ask(basket.user, "PATCH", path, {"booking_id": basket.booking_id})
        if answer.status == 302:
            payment = answer.location.rsplit("/", 1)[1]
            path = f"/__emu/payments/{payment}/pay"
            paid = await self._gateway.ask("POST", path, {"mode": "closed"})
            parts = urlsplit(orjson.loads(paid.body).get("location", ""))
            if parts.path and self._random.random() < RETURNING_SHARE:
                await self._caller.ask("GET", f"{parts.path}?{parts.query}")
            self._await(basket, "look")
        return answer

    async def _look(self, basket: Basket) -> Answer:
        """Is it paid? Then one in two gives it back later."""
        answer = await self._ask(basket.user, "GET", f"/x/bookings/{basket.booking_id}")
        told = orjson.loads(answer.body)
        if answer.status == 200 and told["status"] == "CONFIRMED":
            basket.is_sold = True
            self._await(basket, self._random.choice(("refund", "")))
        elif told.get("status") == "PAYMENT_INITIATED":
            self._await(basket, "look")
        return answer

    async def _cancel(self, basket: Basket) -> Answer:
        basket.unsure |= basket.seats
        path = "/api/bookings/cancel"
        answer = await self._ask(basket.user, "PATCH", path, {"booking_id": basket.booking_id})
        if answer.status == 200:
            basket.seats.clear()
        basket.unsure.clear()
        basket.then = ""
        return answer
