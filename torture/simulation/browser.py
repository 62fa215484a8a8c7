"""A customer's window: calls to us and to the gateway's page, and what came of them."""

import asyncio
import random
from typing import Any
from urllib.parse import urlencode

import msgspec

from torture.simulation.history import Basket, History
from torture.simulation.network import Answer, Link, NoAnswer, Request, Tell, Unreachable
from torture.simulation.server import GATEWAY_URL, MERCHANT, PUBLIC_URL, authorization

# Longer than a call can be under way, there and back: one that is given up has been worked off by
# now, or never will be.
PATIENCE_SECONDS = 60.0
TRIES_MAX = 4
PAUSE_SECONDS = (0.5, 20.0)
# Says nothing of what has become of the call: the log may be behind, or it wasn't us at all.
UNCERTAIN = frozenset({429, 500, 502, 503})
_JSON = (b"content-type", b"application/json")
_FORM = (b"content-type", b"application/x-www-form-urlencoded")


class Browser:
    """Everything one user can do, a method a deed."""

    def __init__(
        self,
        user_id: int,
        *,
        api: Link,
        gateway: Link,
        history: History,
        rng: random.Random,
        tell: Tell,
    ) -> None:
        self.user_id = user_id
        self._api = api
        self._gateway = gateway
        self._history = history
        self._rng = rng
        self._tell = tell
        # With a key a repeated call does nothing twice; not everybody sends one.
        self._sends_keys = rng.random() < 0.5
        self._keys_sent = 0

    def tell(self, what: str) -> None:
        self._tell(f"customer {self.user_id}", what)

    async def create(self, event_id: int) -> Basket | None:
        begun_s = asyncio.get_running_loop().time()
        answer = await self._call("POST", "/api/bookings", {"event_id": event_id})
        if answer is None or answer.status != 201:
            return None
        booking_id: int = answer.json["id"]
        self.tell(f"begins booking {booking_id}")
        return self._history.begin(user_id=self.user_id, booking_id=booking_id, begun_s=begun_s)

    async def select(self, basket: Basket, seat_id: int) -> None:
        # Until it is answered, and after a refusal too: the first of several tries may have worked.
        basket.maybe.add(seat_id)
        wanted = {"booking_id": basket.booking_id, "seat_id": seat_id}
        answer = await self._call("PATCH", "/api/seats/select", wanted)
        self.tell(f"selects {seat_id} for {basket.booking_id}: {_shown(answer)}")
        if _is_done(answer):
            basket.held.add(seat_id)

    async def release(self, basket: Basket, seat_id: int) -> None:
        """Never to be selected again: a repetition of this call would let it go a second time."""
        basket.held.discard(seat_id)
        basket.maybe.add(seat_id)
        answer = await self._call("PATCH", "/api/seats/release", {"seat_id": seat_id})
        self.tell(f"releases {seat_id} of {basket.booking_id}: {_shown(answer)}")
        if _is_done(answer):
            basket.maybe.discard(seat_id)

    async def cancel(self, basket: Basket) -> None:
        basket.may_be_cancelled = True
        wanted = {"booking_id": basket.booking_id}
        answer = await self._call("PATCH", "/api/bookings/cancel", wanted)
        self.tell(f"cancels {basket.booking_id}: {_shown(answer)}")
        basket.is_cancelled = basket.is_cancelled or _is_done(answer)

    async def initiate(self, basket: Basket) -> str | None:
        """The address of the page to pay at."""
        wanted = {"booking_id": basket.booking_id}
        answer = await self._call("PATCH", "/api/bookings/initiatePayment", wanted)
        self.tell(f"wants to pay {basket.booking_id}: {_shown(answer)}")
        if answer is None or answer.status != 302:
            return None
        return answer.header(b"location")

    async def see_ticket(self, basket: Basket, event_id: int) -> bool:
        """Look whether the seats are SOLD while the booking lists them."""
        sold = await self._call("GET", f"/api/seats?event_id={event_id}&status=SOLD&page=1")
        # This call waits for the disk, so what was seen before it can't be taken back any more.
        mine = await self._call("GET", "/api/bookings")
        if sold is None or mine is None or not sold.status == mine.status == 200:
            return False
        listed = {one["id"]: {seat["id"] for seat in one["seats"]} for one in mine.json}
        seats = frozenset(listed.get(basket.booking_id, ()))
        if not seats or not seats <= {seat["id"] for seat in sold.json}:
            return False
        self.tell(f"has the ticket of {basket.booking_id}: {sorted(seats)}")
        basket.ticket = seats
        return True

    async def open_page(self, page: str) -> None:
        await self._ask(self._gateway, Request("GET", page.removeprefix(GATEWAY_URL)))

    async def pay(self, page: str, card: str) -> str:
        """Send the form; where the gateway sends the customer then, or nowhere."""
        fields = {
            "PaymentId": _payment_id_of(page),
            "CardNumber": card,
            "ExpiryDate": "12/30",
            "Cvv": "123",
            "CardholderName": "A CUSTOMER",
            "Email": "a@b.kz",
            "TermsAgreement": "true",
        }
        form = urlencode(fields).encode()
        submit = Request("POST", "/api/v1/paymentform/submit", (_FORM,), form)
        answer = await self._ask(self._gateway, submit)
        location = "" if answer is None else answer.header(b"location")
        self.tell(f"pays {_payment_id_of(page)}, card {card[:4]}: {location or _shown(answer)}")
        return location

    async def come_back(self, location: str) -> None:
        """Follow the gateway's redirect, if it leads to us."""
        if location.startswith(PUBLIC_URL):
            await self._ask(self._api, Request("GET", location.removeprefix(PUBLIC_URL)))

    async def forge(self, page: str, status: str) -> None:
        """Tell us in the gateway's name what it hasn't said."""
        content = {
            "paymentId": _payment_id_of(page),
            "status": status,
            "teamSlug": MERCHANT,
            "timestamp": "2027-01-10T12:00:00Z",
        }
        body = msgspec.json.encode(content)
        answer = await self._ask(
            self._api, Request("POST", "/api/payments/notifications", (_JSON,), body)
        )
        self.tell(f"forges {status} of {_payment_id_of(page)}: {_shown(answer)}")

    async def _call(self, method: str, target: str, content: object = None) -> Answer | None:
        """Our answer, after some tries; None: nobody can say what has become of it."""
        headers = [authorization(self.user_id), _JSON]
        has_key = self._sends_keys and method != "GET"
        if has_key:
            self._keys_sent += 1
            headers.append((b"idempotency-key", b"%d-%d" % (self.user_id, self._keys_sent)))
        body = b"" if content is None else msgspec.json.encode(content)
        request = Request(method, target, tuple(headers), body)
        for _ in range(TRIES_MAX):
            answer = await self._ask(self._api, request, may_repeat=has_key)
            if answer is not None and answer.status not in UNCERTAIN and _is_whole(answer):
                return answer
            await asyncio.sleep(self._rng.uniform(*PAUSE_SECONDS))
        return None

    async def _ask(self, link: Link, request: Request, *, may_repeat: bool = True) -> Answer | None:
        try:
            return await link.exchange(request, patience_s=PATIENCE_SECONDS, may_repeat=may_repeat)
        except (Unreachable, NoAnswer):
            return None


def _payment_id_of(page: str) -> str:
    return page.rpartition("/")[2]


def _is_done(answer: Answer | None) -> bool:
    return answer is not None and answer.status == 200


def _is_whole(answer: Answer) -> bool:
    """All that we answer with 200 to such calls is JSON."""
    try:
        return answer.status != 200 or msgspec.json.decode(answer.body, type=Any) is not None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _shown(answer: Answer | None) -> str:
    return "no answer" if answer is None else str(answer.status)
