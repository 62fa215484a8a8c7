"""What happens in a world: trouble, then peace, then the judge."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from emulators.gateway.payments import Payment, Status
from engine.mutations import AnswerRemembered, decode
from torture.simulation import judge
from torture.simulation.loop import VirtualLoop
from torture.simulation.network import Request, Unreachable
from torture.simulation.story import Story
from torture.simulation.trouble import Crash
from torture.simulation.world import DOCUMENTED, World

REST_LOOK_SECONDS = 60.0
# A payment that is over is asked about for a day, and some.
REST_LOOKS_MAX = 26 * 60
# Webhooks and the provider's own work may still be under way.
SETTLE_SECONDS = 120.0
OVER = frozenset({Status.CANCELLED, Status.REJECTED, Status.EXPIRED})


@dataclass(frozen=True)
class Outcome:
    """How a world has ended; no `faults`, if all is well."""

    seed: int
    faults: list[str]
    log: bytes
    happened: Counter[str]


def play(
    seed: int, *, profile: str = DOCUMENTED, listener: Callable[[str], None] | None = None
) -> Outcome:
    """Live through the world of this seed, with a gateway of this profile.

    `listener` is told its story, a line at a time.
    """
    loop = VirtualLoop()
    story = Story(listener, loop.time)
    world = World(seed, loop, story, profile=profile)
    life = Life(world)
    try:
        with story.with_our_logs():
            loop.run_until_complete(life.live())
    except Exception as failure:
        story.accident(f"the world ends: {failure!r}")
    finally:
        loop.rounds = 0
        loop.run_until_complete(life.end())
        loop.close()
    faults = [*life.faults, *story.accidents, *loop.accidents]
    return Outcome(seed, faults, world.disk.content(), world.happened)


class Life:
    """One world's only life."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._story = world.story
        self._trouble = world.trouble
        self._server = world.server
        self._desk = world.desk
        self.faults: list[str] = []

    async def live(self) -> None:
        """Trouble first, then peace, and then the judge."""
        ends_s = self._trouble.ends_s
        customers = self._world.customers()
        self._story.tell("world", f"{len(customers)} customers, trouble for {ends_s:.0f} s")
        await self._server.begin()
        deeds = [
            *(customer.live(ends_s) for customer in customers),
            *(stranger.live(ends_s) for stranger in self._world.strangers),
            *(self._reset(at_s) for at_s in self._trouble.resets_s),
            *(self._freeze(one.begins_s, one.ends_s) for one in self._trouble.freezes),
            *(self._say_yes_late(at_s) for at_s in self._trouble.late_yeses_s),
            self._crash(self._trouble.crashes),
            self._learn_places(self._trouble.places_known_s),
            self._clear_up(ends_s),
        ]
        for failure in await asyncio.gather(*deeds, return_exceptions=True):
            if failure is not None:
                self._story.accident(f"somebody in the world fails: {failure!r}")
        await self._come_to_rest()
        self.faults += judge.faults_at_rest(self._world)
        await self._server.stop()
        self.faults += judge.faults_of_recovery(self._world)
        self._count_records()

    async def end(self) -> None:
        """Leave nothing behind, however it has gone."""
        self._server.bury()
        others = [task for task in self._world.loop.tasks if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # What happens to it

    async def _crash(self, crashes: tuple[Crash, ...]) -> None:
        for crash in crashes:
            await self._until(crash.at_s)
            await self._meet_fsync(crash)
            if crash.is_gentle:
                self._story.tell("server", "stops")
                await self._server.stop()
            else:
                self._story.tell("server", "crashes")
                self._server.crash()
            self._world.happened["stops" if crash.is_gentle else "crashes"] += 1
            await asyncio.sleep(crash.for_s)
            await self._server.begin()
            self._story.tell("server", f"is up, {self._server.engine.durable_lsn} records")
            self.faults += judge.broken_promises(self._world)

    async def _meet_fsync(self, crash: Crash) -> None:
        """Records that are just being written are the most interesting ones to lose."""
        if crash.into_fsync is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._trouble.ends_s):
                    await asyncio.sleep(crash.into_fsync * await self._world.disk.next_fsync())

    async def _reset(self, at_s: float) -> None:
        await self._until(at_s)
        status = 0
        while status != 200:
            # Before it is tried, too: it may be done, and the answer never come.
            self._world.last_reset_s = self._world.loop.time()
            try:
                status = (await self._server.answer(Request("POST", "/api/reset"))).status
            except Unreachable:
                await asyncio.sleep(1.0)
        self._world.last_reset_s = self._world.loop.time()
        self._story.tell("operator", "has reset everything")

    async def _freeze(self, begins_s: float, ends_s: float) -> None:
        for moment_s, is_frozen in ((begins_s, True), (ends_s, False)):
            await self._until(moment_s)
            self._world.office.catch_up()
            self._world.office.panel.change(msgspec.json.encode({"freeze_projection": is_frozen}))

    async def _say_yes_late(self, at_s: float) -> None:
        """The bank approves what was over, if there is such a payment that we remember."""
        await self._until(at_s)
        over = [one for one in self._payments_known() if one.status in OVER]
        if over:
            payment = self._world.rng("bank").choice(over)
            self._desk.book.authorize_late(payment, now=self._world.clock_s())
            self._story.tell("bank", f"says yes to payment {payment.payment_id} after all")
            self._world.happened["late yeses"] += 1
            await self._desk.tell(payment)

    def _payments_known(self) -> list[Payment]:
        """Those that a reset has made us forget are nobody's any more."""
        rows = self._desk.book.ledger()["payments"]
        known = [
            row["payment_id"] for row in rows if self._server.engine.order_of(row["payment_id"])
        ]
        return [one for one in map(self._desk.book.find, known) if one is not None]

    async def _learn_places(self, at_s: float) -> None:
        await self._until(at_s)
        self._world.known_places.update(self._world.places())

    async def _clear_up(self, at_s: float) -> None:
        await self._until(at_s)
        self._world.disk.calm_down()
        self._story.tell("world", "the trouble is over")

    async def _until(self, moment_s: float) -> None:
        await asyncio.sleep(max(0.0, moment_s - self._world.loop.time()))

    async def _come_to_rest(self) -> None:
        """Let time pass until nothing is owed, but not for ever."""
        for _ in range(REST_LOOKS_MAX):
            if judge.is_at_rest(self._world):
                break
            await asyncio.sleep(REST_LOOK_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        self._story.tell("world", "is at rest")

    def _count_records(self) -> None:
        log = self._world.disk.open()
        for _, payload in log.recover():
            mutation = decode(payload)
            effect = mutation.effect if isinstance(mutation, AnswerRemembered) else mutation
            self._world.happened[type(effect or mutation).__name__] += 1
        log.close()
