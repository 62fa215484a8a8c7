"""People: they book, pay, change their minds, click twice, get lost, and try to cheat."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from emulators.gateway.cards import APPROVED_CARD
from engine import Event, seat_id_of
from engine.domain import event_of_booking
from torture.simulation.browser import Browser
from torture.simulation.history import Basket

# Approved, declined, short of money, and one of which the bank's mood decides.
CARDS = (*[APPROVED_CARD] * 5, "4000000000000002", "4000000000000119", "5555555555554444")
SEATS_MAX = 4
SELECTS_MAX = 8
ATTEMPTS_MAX = 3
THINKING_SECONDS = (1.0, 90.0)
# Around the end of the payment's time at the gateway (10 minutes), of ours (12), and of the
# gateway's for a capture (15).
LATE_SECONDS = (560.0, 960.0)
LOOKS_MAX = 8
LOOK_PAUSE_SECONDS = (1.0, 60.0)


class Customer:
    """One user of ours with a will of its own."""

    def __init__(self, browser: Browser, events: Sequence[Event], *, rng: random.Random) -> None:
        self._browser = browser
        self._events = events
        self._rng = rng

    async def live(self, ends_s: float) -> None:
        """Come by a few times, always before `ends_s`."""
        now_s = asyncio.get_running_loop().time
        visits = self._rng.choice((1, 1, 2, 3))
        for moment_s in sorted(self._rng.uniform(0, ends_s) for _ in range(visits)):
            await asyncio.sleep(max(0.0, moment_s - now_s()))
            await self._visit()

    async def _visit(self) -> None:
        event = self._rng.choice(self._events)
        basket = await self._browser.create(event.event_id)
        if basket is None:
            return
        await self._choose_seats(basket, event)
        mood = self._rng.random()
        if mood < 0.07:
            self._browser.tell("walks away from the seats")
        elif mood < 0.14:
            await self._browser.cancel(basket)
        else:
            await self._buy(basket)

    async def _choose_seats(self, basket: Basket, event: Event) -> None:
        wanted = self._rng.randint(1, SEATS_MAX)
        for _ in range(SELECTS_MAX):
            if len(basket.held) >= wanted:
                return
            seat_id = seat_id_of(
                event_id=event.event_id,
                row=self._rng.randint(1, event.hall.rows),
                number=self._rng.randint(1, event.hall.seats_per_row),
            )
            await self._browser.select(basket, seat_id)

    async def _buy(self, basket: Basket) -> None:
        for _ in range(ATTEMPTS_MAX):
            page = await self._browser.initiate(basket)
            if page is None:
                return
            deed = self._rng.choices(DEEDS, WEIGHTS)[0]
            self._browser.tell(deed.__name__.strip("_").replace("_", " "))
            if not await deed(self, basket, page):
                break
        await self._wait_for_ticket(basket)

    # What somebody does who has been sent to the gateway's page. True: and then wants to pay again.

    async def _pays(self, basket: Basket, page: str) -> bool:
        await self._think()
        basket.is_plainly_paid = await self._pay(page)
        return False

    async def _pays_with_two_clicks(self, basket: Basket, page: str) -> bool:
        await self._think()
        clicks = await asyncio.gather(self._pay(page), self._pay(page))
        basket.is_plainly_paid = any(clicks)
        return False

    async def _pays_after_asking_twice(self, basket: Basket, page: str) -> bool:
        again = await self._browser.initiate(basket)
        basket.is_plainly_paid = await self._pay(again or page)
        return False

    async def _pays_late(self, basket: Basket, page: str) -> bool:
        await asyncio.sleep(self._rng.uniform(*LATE_SECONDS))
        await self._pay(page)
        return False

    async def _pays_and_cancels(self, basket: Basket, page: str) -> bool:
        await self._think()
        await asyncio.gather(self._pay(page), self._in_a_moment(self._browser.cancel(basket)))
        return False

    async def _pays_and_releases(self, basket: Basket, page: str) -> bool:
        await self._think()
        await asyncio.gather(self._pay(page), self._in_a_moment(self._release_one(basket)))
        return self._rng.random() < 0.5

    async def _pays_what_was_cancelled(self, basket: Basket, page: str) -> bool:
        await self._browser.cancel(basket)
        await self._think()
        await self._pay(page)
        return False

    async def _releases(self, basket: Basket, page: str) -> bool:
        await self._think()
        await self._release_one(basket)
        return True

    async def _cancels(self, basket: Basket, page: str) -> bool:
        await self._think()
        await self._browser.cancel(basket)
        return False

    async def _walks_away(self, basket: Basket, page: str) -> bool:
        await self._browser.open_page(page)
        return False

    async def _cheats(self, basket: Basket, page: str) -> bool:
        for status in ("AUTHORIZED", "completed", "failed", "REFUNDED"):
            await self._browser.forge(page, status)
        return self._rng.random() < 0.5

    async def _pay(self, page: str) -> bool:
        """True: the gateway says that it went well."""
        if self._rng.random() < 0.5:
            await self._browser.open_page(page)
        location = await self._browser.pay(page, self._rng.choice(CARDS))
        if self._rng.random() < 0.7:
            await self._browser.come_back(location)
        return "/success" in location

    async def _release_one(self, basket: Basket) -> None:
        if basket.held:
            await self._browser.release(basket, self._rng.choice(sorted(basket.held)))

    async def _wait_for_ticket(self, basket: Basket) -> None:
        """And perhaps return it."""
        for _ in range(LOOKS_MAX):
            if basket.is_cancelled:
                return
            if await self._browser.see_ticket(basket, event_of_booking(basket.booking_id)):
                break
            await asyncio.sleep(self._rng.uniform(*LOOK_PAUSE_SECONDS))
        if basket.ticket and self._rng.random() < 0.25:
            await self._think()
            await self._browser.cancel(basket)

    async def _think(self) -> None:
        await asyncio.sleep(self._rng.uniform(*THINKING_SECONDS))

    async def _in_a_moment(self, deed: Awaitable[None]) -> None:
        await asyncio.sleep(self._rng.choice((0.0, self._rng.uniform(0, 3))))
        await deed


_Deed = Callable[[Customer, Basket, str], Awaitable[bool]]
_LIKELIHOOD: dict[_Deed, int] = {
    Customer._pays: 10,
    Customer._pays_with_two_clicks: 2,
    Customer._pays_after_asking_twice: 2,
    Customer._pays_late: 2,
    Customer._pays_and_cancels: 3,
    Customer._pays_and_releases: 3,
    Customer._pays_what_was_cancelled: 1,
    Customer._releases: 3,
    Customer._cancels: 2,
    Customer._walks_away: 2,
    Customer._cheats: 2,
}
DEEDS, WEIGHTS = list(_LIKELIHOOD), list(_LIKELIHOOD.values())
